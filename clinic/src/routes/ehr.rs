//! What services ask about messages of hospital records: whom one means, and reports to go there.

use actix_web::{
    HttpResponse,
    web::{Json, Path},
};
use shared_runtime::error::ApiError;

use super::{
    State,
    body::Required,
    parameters::{AnyPatientPath, ClinicPath},
    refusals::{Bodies, Matching, Missing, Refusals},
    views::MatchView,
};
use crate::{
    domain::redox::match_request::MatchRequest,
    use_cases::{explain_match, match_order, schedule_reports},
};

/// `POST /v1/redox/match`: whom a stored order means, the clinic and, if that is asked, its patients.
///
/// For services. Body: `messageRef` is required. With `patients` those are found who fit any of the criteria;
/// with `onUniqueMatch` in it the reports of the only one go out from then on, or do so no more, once for
/// each order. An order that says that it is a test changes nothing unless `redox.test_messages` is set. With
/// `explain` the response says how the match comes about, or why there is none, and nothing is changed.
/// Response: 200, `{clinic, settings, patients?}`, without patients where none fits or the order has no
/// medical record number; with `explain` also `explanation`, and `clinic` and `settings` if there is one.
/// Errors: 400 the body breaks a rule, or the order does not say where it comes from, or lacks the birth date
/// or the name of a patient with a number; 404 no such message, or no clinic is connected to its source; 409
/// several are; otherwise as every operation.
/// Source: clinics API, `MatchClinicAndPatient`; `explain` is Tidegate's.
#[utoipa::path(
    post, path = "/v1/redox/match", tag = "hospital records", request_body = MatchRequest,
    responses(
        (status = 200, description = "Whom it means.", body = MatchView),
        Missing, Matching, Bodies, Refusals,
    ),
)]
pub(crate) async fn match_order(
    body: Required<MatchRequest>,
    state: State,
) -> Result<Json<MatchView>, ApiError> {
    let request = body.0;
    if request.explain == Some(true) {
        let explanation = explain_match::explain(&state, &request).await?;
        return Ok(Json(explanation.into()));
    }
    let matched = match_order::match_order(&state, &request).await?;
    Ok(Json(matched.into()))
}

/// `POST /v1/clinics/{clinicId}/ehr/sync`: schedules reports of all patients of a clinic for whom hospital
/// records ordered them.
///
/// For services. Body: none. Response: 202, empty.
/// Errors: 404 there is no such clinic, or Redox does not connect it; otherwise as every operation.
/// Source: clinics API, `SyncEHRData`.
#[utoipa::path(
    post, path = "/v1/clinics/{clinicId}/ehr/sync", tag = "hospital records", params(ClinicPath),
    responses((status = 202, description = "They are scheduled."), Missing, Refusals),
)]
pub(crate) async fn schedule_reports_of_clinic(
    path: Path<ClinicPath>,
    state: State,
) -> Result<HttpResponse, ApiError> {
    schedule_reports::schedule_clinic(&state, path.clinic_id).await?;
    Ok(HttpResponse::Accepted().finish())
}

/// `POST /v1/patients/{patientId}/ehr/sync`: schedules the reports of a patient in every clinic that gets them
/// upon an upload, if hospital records ordered them.
///
/// For services. Body: none. Response: 202, empty, also where there is no such patient.
/// Errors: as every operation. Source: clinics API, `SyncEHRDataForPatient`.
#[utoipa::path(
    post, path = "/v1/patients/{patientId}/ehr/sync", tag = "hospital records", params(AnyPatientPath),
    responses((status = 202, description = "They are scheduled."), Refusals),
)]
pub(crate) async fn schedule_reports_of_patient(
    path: Path<AnyPatientPath>,
    state: State,
) -> Result<HttpResponse, ApiError> {
    schedule_reports::schedule_patient(&state, &path.patient_id.0).await?;
    Ok(HttpResponse::Accepted().finish())
}
