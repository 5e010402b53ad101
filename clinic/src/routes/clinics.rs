//! Clinics.

use actix_web::{
    HttpResponse,
    web::{Json, Path},
};
use serde::Deserialize;
use shared_runtime::{
    auth::{Caller, User},
    error::{ApiError, OrFail as _},
    query::{Limit, Offset, Parameters, Query},
};
use utoipa::IntoParams;

use super::{
    State,
    body::Required,
    parameters::ClinicPath,
    refusals::{Bodies, Missing, Refusals},
    views::ClinicView,
};
use crate::{
    domain::{Refusal, clinic::Profile, instant::Instant},
    error::Failure,
    store::ClinicFilter,
    use_cases::{
        count_patients::{all_counted, counted},
        create_clinic, delete_clinic, find_clinic,
    },
};

/// Which clinics are listed.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct ClinicList {
    /// How many are left out.
    #[serde(default)]
    offset: Offset,
    /// How many are shown.
    #[serde(default)]
    limit: Limit,
    /// Those with this share code, an old one perhaps.
    share_code: Option<String>,
    /// Those made at this time or later.
    #[param(value_type = Option<String>, format = DateTime)]
    created_time_start: Option<Instant>,
    /// Those made before this time.
    #[param(value_type = Option<String>, format = DateTime)]
    created_time_end: Option<Instant>,
    /// Those whose connection to hospital records is on, or is off; others have none.
    ehr_enabled: Option<bool>,
}

impl Parameters for ClinicList {}

/// `GET /v1/clinics`: clinics, the oldest first.
///
/// For services. Response: 200, an array; empty when there is none.
/// Errors: 400 a parameter breaks a rule; otherwise as every operation.
/// Source: clinics API, `ListClinics`.
#[utoipa::path(
    get, path = "/v1/clinics", tag = "clinics", params(ClinicList),
    responses((status = 200, description = "The clinics.", body = Vec<ClinicView>), Refusals),
)]
pub(crate) async fn list_clinics(
    query: Query<ClinicList>,
    state: State,
) -> Result<Json<Vec<ClinicView>>, ApiError> {
    let list = query.read()?;
    let time = |instant: Option<Instant>| instant.and_then(Instant::unless_zero);
    let filter = ClinicFilter {
        share_code: list.share_code,
        created_from: time(list.created_time_start),
        created_before: time(list.created_time_end),
        ehr_enabled: list.ehr_enabled,
    };
    let clinics = &state.store.clinics;
    let found = clinics
        .list(&filter, list.offset.get(), list.limit.get())
        .await
        .or_fail(Failure)?;
    let found = all_counted(&state, found).await?;
    Ok(Json(found.into_iter().map(Into::into).collect()))
}

/// `POST /v1/clinics`: opens a clinic, which the caller runs from then on.
///
/// For users. Body: what is known of the clinic; `name` and `preferredBgUnits` are required, and
/// unknown members are ignored. Response: 200, the clinic.
/// Errors: 404 the caller's account is gone; 409 no share code is free; otherwise as every operation.
/// Source: clinics API, `CreateClinic`.
#[utoipa::path(
    post, path = "/v1/clinics", tag = "clinics", request_body = Profile,
    responses(
        (status = 200, description = "The clinic.", body = ClinicView),
        Missing, Bodies, Refusals,
        (status = 409, description = "No share code is free.", body = super::refusals::RefusalBody),
    ),
)]
pub(crate) async fn create_clinic(
    caller: User,
    body: Required<Profile>,
    state: State,
) -> Result<Json<ClinicView>, ApiError> {
    let clinic = create_clinic::create_clinic(&state, &body.0, &caller.id).await?;
    Ok(Json(counted(&state, clinic).await?.into()))
}

/// `GET /v1/clinics/{clinicId}`: a clinic.
///
/// For users and services. Response: 200, the clinic.
/// Errors: 404 there is none; otherwise as every operation.
/// Source: clinics API, `GetClinic`.
#[utoipa::path(
    get, path = "/v1/clinics/{clinicId}", tag = "clinics", params(ClinicPath),
    responses((status = 200, description = "The clinic.", body = ClinicView), Missing, Refusals),
)]
pub(crate) async fn find_clinic(
    path: Path<ClinicPath>,
    state: State,
) -> Result<Json<ClinicView>, ApiError> {
    let clinic = find_clinic::find_clinic(&state, path.clinic_id).await?;
    Ok(Json(counted(&state, clinic).await?.into()))
}

/// `GET /v1/clinics/share_code/{shareCode}`: the clinic of a share code. A clinic that took over
/// another one answers to the codes of that as well. Upper and lower case differ.
///
/// For users and services. Response: 200, the clinic.
/// Errors: 404 no clinic has the code; otherwise as every operation.
/// Source: clinics API, `GetClinicByShareCode`.
#[utoipa::path(
    get, path = "/v1/clinics/share_code/{shareCode}", tag = "clinics",
    params(("shareCode" = String, Path, description = "The code.")),
    responses((status = 200, description = "The clinic.", body = ClinicView), Missing, Refusals),
)]
pub(crate) async fn find_by_share_code(
    code: Path<String>,
    state: State,
) -> Result<Json<ClinicView>, ApiError> {
    let clinic = state
        .store
        .clinics
        .find_by_share_code(&code)
        .await
        .or_fail(Failure)?
        .ok_or(Refusal::ShareCodeNotFound)?;
    Ok(Json(counted(&state, clinic).await?.into()))
}

/// `PUT /v1/clinics/{clinicId}`: changes what is known of a clinic.
///
/// For its administrators and services. Body: as of its creation. What the body does not say stays
/// as it is, but for the time zone and the phone numbers, which are removed.
/// Response: 200, the clinic.
/// Errors: 404 there is none; otherwise as every operation.
/// Source: clinics API, `UpdateClinic`.
#[utoipa::path(
    put, path = "/v1/clinics/{clinicId}", tag = "clinics", params(ClinicPath),
    request_body = Profile,
    responses(
        (status = 200, description = "The clinic.", body = ClinicView),
        Missing, Bodies, Refusals,
    ),
)]
pub(crate) async fn update_clinic(
    path: Path<ClinicPath>,
    body: Required<Profile>,
    state: State,
) -> Result<Json<ClinicView>, ApiError> {
    let clinics = &state.store.clinics;
    let clinic = clinics
        .update_profile(path.clinic_id, &body.0)
        .await
        .or_fail(Failure)?
        .ok_or(Refusal::ClinicNotFound)?;
    Ok(Json(counted(&state, clinic).await?.into()))
}

/// `DELETE /v1/clinics/{clinicId}`: deletes a clinic without patients, and with it everybody who
/// works for it or is invited to. All of it is archived.
///
/// For its administrators and services. Response: 204.
/// Errors: 404 there is none; otherwise as every operation.
/// Source: clinics API, `DeleteClinic`.
#[utoipa::path(
    delete, path = "/v1/clinics/{clinicId}", tag = "clinics", params(ClinicPath),
    responses((status = 204, description = "The clinic is deleted."), Missing, Refusals),
)]
pub(crate) async fn delete_clinic(
    caller: Caller,
    path: Path<ClinicPath>,
    state: State,
) -> Result<HttpResponse, ApiError> {
    delete_clinic::delete_clinic(&state, path.clinic_id, caller.user_id()).await?;
    Ok(HttpResponse::NoContent().finish())
}
