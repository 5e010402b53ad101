//! What the data of patients says. Another service makes the summaries, and writes them into all clinics
//! of a patient at once.

use actix_web::{HttpResponse, web::Path};
use shared_runtime::error::{ApiError, OrFail as _};

use super::{
    State,
    body::Optional,
    parameters::{AnyPatientPath, SummaryPath},
    refusals::{Bodies, Refusals},
};
use crate::{domain::summary_details::SummaryDetails, error::Failure, store::now};

/// `POST /v1/patients/{patientId}/summary`: replaces what a patient's data says in all of its clinics, by
/// sensor and by meter, each alone.
///
/// For services. Body: optional; without one the summary is removed. A part without `id` is ignored, and
/// members that are not known are left out.
/// Response: 200, empty; 204 where it is no patient. Errors: as every operation.
/// Source: clinics API, `UpdatePatientSummary`.
#[utoipa::path(
    post, path = "/v1/patients/{patientId}/summary", tag = "summaries", params(AnyPatientPath),
    request_body = Option<SummaryDetails>,
    responses(
        (status = 200, description = "All of its clinics have it."),
        (status = 204, description = "It is no patient of any clinic."),
        Bodies, Refusals,
    ),
)]
pub(crate) async fn update_summary(
    path: Path<AnyPatientPath>,
    body: Optional<Option<SummaryDetails>>,
    state: State,
) -> Result<HttpResponse, ApiError> {
    let (patients, user) = (&state.store.patients, &path.patient_id.0);
    let is_patient = match body.0 {
        Some(details) => patients.set_summary(user, &details.into(), now()).await,
        None => patients.remove_summary(user, now()).await,
    }
    .or_fail(Failure)?;
    Ok(found(is_patient))
}

/// `DELETE /v1/summaries/{summaryId}/clinics`: removes the part of a patient's summary that has this id,
/// from all of its clinics.
///
/// For services. Response: 200, empty; 204 where no clinic has it. Errors: as every operation.
/// Source: clinics API, `DeletePatientSummary`.
#[utoipa::path(
    delete, path = "/v1/summaries/{summaryId}/clinics", tag = "summaries", params(SummaryPath),
    responses(
        (status = 200, description = "No clinic has it any more."),
        (status = 204, description = "No clinic had it."),
        Refusals,
    ),
)]
pub(crate) async fn delete_summary(
    path: Path<SummaryPath>,
    state: State,
) -> Result<HttpResponse, ApiError> {
    let was_there = state
        .store
        .patients
        .remove_stats(&path.summary_id)
        .await
        .or_fail(Failure)?;
    Ok(found(was_there))
}

fn found(is_there: bool) -> HttpResponse {
    if is_there {
        HttpResponse::Ok().finish()
    } else {
        HttpResponse::NoContent().finish()
    }
}
