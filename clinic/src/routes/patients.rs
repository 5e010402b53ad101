//! Patients of a clinic.

use actix_web::{
    HttpResponse,
    web::{Json, Path},
};
use shared_runtime::{
    auth::{Caller, User},
    error::{ApiError, OrFail as _},
};

use super::{
    State,
    body::{Optional, Required},
    parameters::{ClinicPath, PatientPath},
    refusals::{Bodies, Enrolment, Missing, Refusals},
    views::{PatientView, ReviewView},
};
use crate::{
    domain::{
        Refusal,
        patient_details::{PatientDetails, SharedPatient},
    },
    error::Failure,
    use_cases::{change_patient, enrol_patient},
};

/// `POST /v1/clinics/{clinicId}/patients`: enrols a patient with an account that is made for it, which
/// the clinic runs until the patient claims it.
///
/// For the clinic's members and services. Body: `fullName` and `birthDate` are required.
/// Response: 200, the patient.
/// Errors: 400 the body breaks a rule, or the medical record number is missing or another patient's;
/// 402 the clinic has as many patients as it may have; 404 no such clinic; 409 another account has the
/// address, or another patient got the number at the same time; 422 the clinic has no such site; otherwise
/// as every operation.
/// Source: clinics API, `CreatePatientAccount`.
#[utoipa::path(
    post, path = "/v1/clinics/{clinicId}/patients", tag = "patients", params(ClinicPath),
    request_body = PatientDetails,
    responses(
        (status = 200, description = "The patient.", body = PatientView),
        Missing, Enrolment, Bodies, Refusals,
    ),
)]
pub(crate) async fn create_patient(
    caller: Caller,
    path: Path<ClinicPath>,
    body: Required<PatientDetails>,
    state: State,
) -> Result<Json<PatientView>, ApiError> {
    let by = caller.user_id();
    let patient = enrol_patient::create_patient(&state, path.clinic_id, &body.0, by).await?;
    Ok(Json(patient.into()))
}

/// `GET /v1/clinics/{clinicId}/patients/{patientId}`: a patient.
///
/// For the clinic's members and services, not for the patient. Response: 200, the patient.
/// Errors: 404 there is none; otherwise as every operation.
/// Source: clinics API, `GetPatient`.
#[utoipa::path(
    get, path = "/v1/clinics/{clinicId}/patients/{patientId}", tag = "patients",
    params(PatientPath),
    responses((status = 200, description = "The patient.", body = PatientView), Missing, Refusals),
)]
pub(crate) async fn find_patient(
    path: Path<PatientPath>,
    state: State,
) -> Result<Json<PatientView>, ApiError> {
    let patient = state
        .store
        .patients
        .find(path.clinic_id, &path.patient_id.0)
        .await
        .or_fail(Failure)?
        .ok_or(Refusal::PatientNotFound)?;
    Ok(Json(patient.into()))
}

/// `POST /v1/clinics/{clinicId}/patients/{patientId}`: enrols somebody who has an account and shares
/// with the clinic.
///
/// For services. Body: optional, and every member of it; what is not said is taken from the profile.
/// Response: 200, the patient; also of one who is enrolled already where `legacyClinicianId` says that
/// it comes from one more legacy account, and nothing else is changed then.
/// Errors: 400 as of a new patient; 402 the clinic has as many patients as it may have; 404 no such
/// clinic or account; 409 it is a patient of the clinic already, or as of a new patient; otherwise as
/// every operation.
/// Source: clinics API, `CreatePatientFromUser`.
#[utoipa::path(
    post, path = "/v1/clinics/{clinicId}/patients/{patientId}", tag = "patients",
    params(PatientPath), request_body = Option<SharedPatient>,
    responses(
        (status = 200, description = "The patient.", body = PatientView),
        Missing, Enrolment, Bodies, Refusals,
    ),
)]
pub(crate) async fn enrol_user(
    path: Path<PatientPath>,
    body: Optional<SharedPatient>,
    state: State,
) -> Result<Json<PatientView>, ApiError> {
    let (clinic, user) = (path.clinic_id, &path.patient_id.0);
    let patient = enrol_patient::enrol_user(&state, clinic, user, &body.0).await?;
    Ok(Json(patient.into()))
}

/// `PUT /v1/clinics/{clinicId}/patients/{patientId}`: changes what the clinic knows of a patient. The
/// account of one who has not claimed it gets the address as well.
///
/// For the clinic's members and services. Body: as of a new patient. Without them there is no address,
/// no medical record number and no device from then on; the other members stay as they are.
/// Response: 200, the patient.
/// Errors: 400 as of a new patient; 404 there is none; 409 as of a new patient; 422 the clinic has no
/// such site; otherwise as every operation.
/// Source: clinics API, `UpdatePatient`.
#[utoipa::path(
    put, path = "/v1/clinics/{clinicId}/patients/{patientId}", tag = "patients",
    params(PatientPath), request_body = PatientDetails,
    responses(
        (status = 200, description = "The patient.", body = PatientView),
        Missing, Enrolment, Bodies, Refusals,
    ),
)]
pub(crate) async fn update_patient(
    path: Path<PatientPath>,
    body: Required<PatientDetails>,
    state: State,
) -> Result<Json<PatientView>, ApiError> {
    let (clinic, user) = (path.clinic_id, &path.patient_id.0);
    let patient = change_patient::update_patient(&state, clinic, user, &body.0).await?;
    Ok(Json(patient.into()))
}

/// `DELETE /v1/clinics/{clinicId}/patients/{patientId}`: somebody is no patient of a clinic any more,
/// whose clinicians see nothing of the account then. The record is archived, the account stays.
///
/// For the clinic's administrators and the patient, not for services. Response: 204.
/// Errors: 404 there is none; otherwise as every operation.
/// Source: clinics API, `DeletePatient`.
#[utoipa::path(
    delete, path = "/v1/clinics/{clinicId}/patients/{patientId}", tag = "patients",
    params(PatientPath),
    responses((status = 204, description = "The patient is gone."), Missing, Refusals),
)]
pub(crate) async fn delete_patient(
    caller: Caller,
    path: Path<PatientPath>,
    state: State,
) -> Result<HttpResponse, ApiError> {
    let (clinic, user) = (path.clinic_id, &path.patient_id.0);
    change_patient::delete_patient(&state, clinic, user, caller.user_id()).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// `POST /v1/clinics/{clinicId}/patients/{patientId}/upload_reminder`: the patient is to be reminded to
/// upload data, with one mail in ten minutes at most.
///
/// For the clinic's members, with a token of their own. Response: 200, the patient.
/// Errors: 404 there is none; otherwise as every operation.
/// Source: clinics API, `SendUploadReminder`.
#[utoipa::path(
    post, path = "/v1/clinics/{clinicId}/patients/{patientId}/upload_reminder", tag = "patients",
    params(PatientPath),
    responses((status = 200, description = "The patient.", body = PatientView), Missing, Refusals),
)]
pub(crate) async fn remind_patient(
    _: User,
    path: Path<PatientPath>,
    state: State,
) -> Result<Json<PatientView>, ApiError> {
    let (clinic, user) = (path.clinic_id, &path.patient_id.0);
    let patient = change_patient::remind_patient(&state, clinic, user).await?;
    Ok(Json(patient.into()))
}

/// `PUT /v1/clinics/{clinicId}/patients/{patientId}/reviews`: the caller has looked at the patient's
/// data. The last two reviews are kept.
///
/// For the clinic's members, with a token of their own. Response: 200, the reviews, the newest first.
/// Errors: 404 there is no such patient; otherwise as every operation.
/// Source: clinics API, `UpdatePatientReviews`.
#[utoipa::path(
    put, path = "/v1/clinics/{clinicId}/patients/{patientId}/reviews", tag = "patients",
    params(PatientPath),
    responses(
        (status = 200, description = "The reviews.", body = Vec<ReviewView>),
        Missing, Refusals,
    ),
)]
pub(crate) async fn review_patient(
    caller: User,
    path: Path<PatientPath>,
    state: State,
) -> Result<Json<Vec<ReviewView>>, ApiError> {
    let (clinic, user) = (path.clinic_id, &path.patient_id.0);
    let reviews = change_patient::review_patient(&state, clinic, user, &caller.id).await?;
    Ok(Json(reviews.into_iter().map(Into::into).collect()))
}

/// `DELETE /v1/clinics/{clinicId}/patients/{patientId}/reviews`: the caller takes back the newest
/// review.
///
/// For the clinic's members, with a token of their own. Response: 200, the reviews that are left.
/// Errors: 404 there is no such patient or no review; 409 another clinician made it; otherwise as every
/// operation.
/// Source: clinics API, `DeletePatientReviews`.
#[utoipa::path(
    delete, path = "/v1/clinics/{clinicId}/patients/{patientId}/reviews", tag = "patients",
    params(PatientPath),
    responses(
        (status = 200, description = "The reviews.", body = Vec<ReviewView>),
        (status = 409, description = "Another clinician made it.", body = super::refusals::RefusalBody),
        Missing, Refusals,
    ),
)]
pub(crate) async fn revert_review(
    caller: User,
    path: Path<PatientPath>,
    state: State,
) -> Result<Json<Vec<ReviewView>>, ApiError> {
    let (clinic, user) = (path.clinic_id, &path.patient_id.0);
    let reviews = change_patient::revert_review(&state, clinic, user, &caller.id).await?;
    Ok(Json(reviews.into_iter().map(Into::into).collect()))
}
