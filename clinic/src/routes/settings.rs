//! Settings of a clinic. Each is replaced as a whole.

use actix_web::{
    HttpResponse,
    web::{Json, Path},
};
use shared_runtime::error::{ApiError, OrFail as _};

use super::{
    State,
    body::{Optional, Required},
    parameters::ClinicPath,
    refusals::{Bodies, Missing, Refusals},
    views::LimitsView,
};
use crate::{
    domain::{
        Refusal,
        clinic::{SuppressedDetails, TierDetails},
        ehr_settings::{EhrSettings, EhrSettingsDetails},
        limits::CountSettings,
        mrn::MrnSettings,
        restrictions::MembershipRestrictions,
    },
    error::Failure,
    use_cases::find_clinic,
};

/// `GET /v1/clinics/{clinicId}/membership_restrictions`: from where clinicians of a clinic must come.
///
/// For the clinic's administrators and services. Response: 200, the restrictions; `{}` where there is
/// none. Errors: 404 there is no such clinic; otherwise as every operation.
/// Source: clinics API, `ListMembershipRestrictions`.
#[utoipa::path(
    get, path = "/v1/clinics/{clinicId}/membership_restrictions", tag = "settings",
    params(ClinicPath),
    responses(
        (status = 200, description = "The restrictions.", body = MembershipRestrictions),
        Missing, Refusals,
    ),
)]
pub(crate) async fn find_membership_restrictions(
    path: Path<ClinicPath>,
    state: State,
) -> Result<Json<MembershipRestrictions>, ApiError> {
    let restrictions = state
        .store
        .clinics
        .find_restrictions(path.clinic_id)
        .await
        .or_fail(Failure)?
        .ok_or(Refusal::ClinicNotFound)?;
    Ok(Json(restrictions))
}

/// `PUT /v1/clinics/{clinicId}/membership_restrictions`: says from where clinicians of a clinic must
/// come. Whoever is there already stays.
///
/// For services. Body: optional; without restrictions there is none from then on.
/// Response: 200, the restrictions.
/// Errors: 404 there is no such clinic; otherwise as every operation.
/// Source: clinics API, `UpdateMembershipRestrictions`.
#[utoipa::path(
    put, path = "/v1/clinics/{clinicId}/membership_restrictions", tag = "settings",
    params(ClinicPath), request_body = Option<MembershipRestrictions>,
    responses(
        (status = 200, description = "The restrictions.", body = MembershipRestrictions),
        Missing, Bodies, Refusals,
    ),
)]
pub(crate) async fn update_membership_restrictions(
    path: Path<ClinicPath>,
    body: Optional<MembershipRestrictions>,
    state: State,
) -> Result<Json<MembershipRestrictions>, ApiError> {
    let restrictions = body.0.normalized();
    let clinics = &state.store.clinics;
    let set = clinics
        .set_restrictions(path.clinic_id, &restrictions)
        .await
        .or_fail(Failure)?;
    there_is(set)?;
    Ok(Json(restrictions))
}

/// `GET /v1/clinics/{clinicId}/settings/ehr`: how a clinic is connected to hospital records.
///
/// For the clinic's members and services. Response: 200, the settings.
/// Errors: 404 there is no such clinic, or it never had such settings; otherwise as every operation.
/// Source: clinics API, `GetEHRSettings`.
#[utoipa::path(
    get, path = "/v1/clinics/{clinicId}/settings/ehr", tag = "settings", params(ClinicPath),
    responses(
        (status = 200, description = "The settings.", body = EhrSettings),
        Missing, Refusals,
    ),
)]
pub(crate) async fn find_ehr_settings(
    path: Path<ClinicPath>,
    state: State,
) -> Result<Json<EhrSettings>, ApiError> {
    let clinics = &state.store.clinics;
    let found = clinics
        .find_ehr_settings(path.clinic_id)
        .await
        .or_fail(Failure)?;
    if let Some(settings) = found {
        return Ok(Json(settings));
    }
    there_is(clinics.contains(path.clinic_id).await.or_fail(Failure)?)?;
    Err(Refusal::NoSettings.into())
}

/// `PUT /v1/clinics/{clinicId}/settings/ehr`: says how a clinic is connected to hospital records.
///
/// For services. Body: everything but `destinationIds` and `notes` is required.
/// Response: 200, the settings.
/// Errors: 404 there is no such clinic; otherwise as every operation.
/// Source: clinics API, `UpdateEHRSettings`.
#[utoipa::path(
    put, path = "/v1/clinics/{clinicId}/settings/ehr", tag = "settings", params(ClinicPath),
    request_body = EhrSettingsDetails,
    responses(
        (status = 200, description = "The settings.", body = EhrSettings),
        Missing, Bodies, Refusals,
    ),
)]
pub(crate) async fn update_ehr_settings(
    path: Path<ClinicPath>,
    body: Required<EhrSettingsDetails>,
    state: State,
) -> Result<Json<EhrSettings>, ApiError> {
    let settings: EhrSettings = body.0.into();
    let clinics = &state.store.clinics;
    let set = clinics
        .set_ehr_settings(path.clinic_id, &settings)
        .await
        .or_fail(Failure)?;
    there_is(set)?;
    Ok(Json(settings))
}

/// `GET /v1/clinics/{clinicId}/settings/mrn`: what a clinic asks of medical record numbers.
///
/// For the clinic's members and services. Response: 200, the settings.
/// Errors: 404 there is no such clinic, or it never had such settings; otherwise as every operation.
/// Source: clinics API, `GetMRNSettings`.
#[utoipa::path(
    get, path = "/v1/clinics/{clinicId}/settings/mrn", tag = "settings", params(ClinicPath),
    responses(
        (status = 200, description = "The settings.", body = MrnSettings),
        Missing, Refusals,
    ),
)]
pub(crate) async fn find_mrn_settings(
    path: Path<ClinicPath>,
    state: State,
) -> Result<Json<MrnSettings>, ApiError> {
    let clinic = find_clinic::find_clinic(&state, path.clinic_id).await?;
    Ok(Json(clinic.mrn_settings.ok_or(Refusal::NoSettings)?))
}

/// `PUT /v1/clinics/{clinicId}/settings/mrn`: says what a clinic asks of medical record numbers. What
/// is asked holds for patients who come or are changed from then on.
///
/// For services. Body: `required` and `unique`. Response: 200, the settings.
/// Errors: 404 there is no such clinic; otherwise as every operation.
/// Source: clinics API, `UpdateMRNSettings`.
#[utoipa::path(
    put, path = "/v1/clinics/{clinicId}/settings/mrn", tag = "settings", params(ClinicPath),
    request_body = MrnSettings,
    responses(
        (status = 200, description = "The settings.", body = MrnSettings),
        Missing, Bodies, Refusals,
    ),
)]
pub(crate) async fn update_mrn_settings(
    path: Path<ClinicPath>,
    body: Required<MrnSettings>,
    state: State,
) -> Result<Json<MrnSettings>, ApiError> {
    let clinics = &state.store.clinics;
    let set = clinics
        .set_mrn_settings(path.clinic_id, body.0)
        .await
        .or_fail(Failure)?;
    there_is(set)?;
    Ok(Json(body.0))
}

/// `GET /v1/clinics/{clinicId}/settings/patient_count`: how many patients a clinic may have.
///
/// For the clinic's members and services. Response: 200, the limits that hold for the clinic; `{}`
/// where it may have any number. Those that are stored hold in the free tier and in the United States
/// alone. Errors: 404 there is no such clinic; otherwise as every operation.
/// Source: clinics API, `GetPatientCountSettings`.
#[utoipa::path(
    get, path = "/v1/clinics/{clinicId}/settings/patient_count", tag = "settings",
    params(ClinicPath),
    responses(
        (status = 200, description = "The limits.", body = LimitsView),
        Missing, Refusals,
    ),
)]
pub(crate) async fn find_patient_count_settings(
    path: Path<ClinicPath>,
    state: State,
) -> Result<Json<LimitsView>, ApiError> {
    let clinic = find_clinic::find_clinic(&state, path.clinic_id).await?;
    Ok(Json(clinic.limits().into()))
}

/// `PUT /v1/clinics/{clinicId}/settings/patient_count`: says how many patients a clinic may have.
///
/// For services. Body: optional; what it does not say is without limit from then on.
/// Response: 200, the limits that hold for the clinic.
/// Errors: 400 a limit ends before it starts; 404 there is no such clinic; otherwise as every
/// operation. Source: clinics API, `UpdatePatientCountSettings`.
#[utoipa::path(
    put, path = "/v1/clinics/{clinicId}/settings/patient_count", tag = "settings",
    params(ClinicPath), request_body = Option<CountSettings>,
    responses(
        (status = 200, description = "The limits.", body = LimitsView),
        Missing, Bodies, Refusals,
    ),
)]
pub(crate) async fn update_patient_count_settings(
    path: Path<ClinicPath>,
    body: Optional<CountSettings>,
    state: State,
) -> Result<Json<LimitsView>, ApiError> {
    let limits = body.0.limits().ok_or(Refusal::ImpossibleLimit)?;
    let clinic = state
        .store
        .clinics
        .set_limits(path.clinic_id, limits)
        .await
        .or_fail(Failure)?
        .ok_or(Refusal::ClinicNotFound)?;
    Ok(Json(clinic.limits().into()))
}

/// `POST /v1/clinics/{clinicId}/tier`: says what a clinic pays for.
///
/// For services. Body: `tier`. Response: 200, empty.
/// Errors: 404 there is no such clinic; otherwise as every operation.
/// Source: clinics API, `UpdateTier`.
#[utoipa::path(
    post, path = "/v1/clinics/{clinicId}/tier", tag = "settings", params(ClinicPath),
    request_body = TierDetails,
    responses((status = 200, description = "The tier is set."), Missing, Bodies, Refusals),
)]
pub(crate) async fn update_tier(
    path: Path<ClinicPath>,
    body: Required<TierDetails>,
    state: State,
) -> Result<HttpResponse, ApiError> {
    let clinics = &state.store.clinics;
    let set = clinics
        .set_tier(path.clinic_id, body.0.tier)
        .await
        .or_fail(Failure)?;
    there_is(set)?;
    Ok(HttpResponse::Ok().finish())
}

/// `POST /v1/clinics/{clinicId}/suppressed_notifications`: says which mails a clinic does not want.
///
/// For the clinic's administrators, not for services. Body: `suppressedNotifications`, without other
/// members than those that are known. Response: 200, empty.
/// Errors: 404 there is no such clinic; otherwise as every operation.
/// Source: clinics API, `UpdateSuppressedNotifications`.
#[utoipa::path(
    post, path = "/v1/clinics/{clinicId}/suppressed_notifications", tag = "settings",
    params(ClinicPath), request_body = SuppressedDetails,
    responses((status = 200, description = "The mails are chosen."), Missing, Bodies, Refusals),
)]
pub(crate) async fn update_suppressed_notifications(
    path: Path<ClinicPath>,
    body: Required<SuppressedDetails>,
    state: State,
) -> Result<HttpResponse, ApiError> {
    let clinics = &state.store.clinics;
    let suppressed = body.0.suppressed_notifications;
    let set = clinics
        .set_suppressed_notifications(path.clinic_id, suppressed)
        .await
        .or_fail(Failure)?;
    there_is(set)?;
    Ok(HttpResponse::Ok().finish())
}

/// Refuses what is about a clinic that is not there.
fn there_is(clinic: bool) -> Result<(), Refusal> {
    if clinic {
        Ok(())
    } else {
        Err(Refusal::ClinicNotFound)
    }
}
