//! What a clinic may do on a patient's account, as the patient says it, and the clinics of a patient.

use actix_web::{
    HttpResponse,
    web::{Json, Path},
};
use serde::{Deserialize, Serialize};
use shared_runtime::{error::ApiError, query::Query};
use shared_types::{ClinicId, PermissionSet};
use utoipa::{IntoParams, ToSchema};

use super::{
    State,
    body::Optional,
    parameters::{Page, PatientPath, UserPath},
    refusals::{Bodies, Missing, Refusals},
    views::{PatientRelation, permission_set},
};
use crate::{
    domain::{clinician::AccountId, patient_details::ClinicPermissions},
    use_cases::{change_patient, list_clinics},
};

/// A permission that a patient gives a clinic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Permission {
    Custodian,
    View,
    Upload,
    Note,
}

impl Permission {
    fn name(self) -> &'static str {
        match self {
            Self::Custodian => "custodian",
            Self::View => "view",
            Self::Upload => "upload",
            Self::Note => "note",
        }
    }
}

/// A permission of a clinic.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Path)]
pub(crate) struct PermissionPath {
    /// The clinic.
    clinic_id: ClinicId,
    /// The account of the patient.
    patient_id: AccountId,
    /// The permission.
    #[param(value_type = String)]
    permission: Permission,
}

/// `PUT /v1/clinics/{clinicId}/patients/{patientId}/permissions`: the patient says what the clinic may
/// do on the account. Nobody can make a clinic its custodian. Without any permission the patient
/// leaves the clinic.
///
/// For the patient. Body: optional; what is there is granted. Response: 200, the permissions; 204 the
/// patient has left.
/// Errors: 404 there is no such patient; otherwise as every operation.
/// Source: clinics API, `UpdatePatientPermissions`.
#[utoipa::path(
    put, path = "/v1/clinics/{clinicId}/patients/{patientId}/permissions", tag = "permissions",
    params(PatientPath), request_body = Option<ClinicPermissions>,
    responses(
        (status = 200, description = "The permissions.", body = PermissionSet),
        (status = 204, description = "The patient has left the clinic."),
        Missing, Bodies, Refusals,
    ),
)]
pub(crate) async fn set_permissions(
    path: Path<PatientPath>,
    body: Optional<ClinicPermissions>,
    state: State,
) -> Result<HttpResponse, ApiError> {
    let (clinic, user) = (path.clinic_id, &path.patient_id.0);
    let left = change_patient::set_permissions(&state, clinic, user, body.0.into()).await?;
    Ok(match left {
        Some(permissions) => HttpResponse::Ok().json(permission_set(&permissions)),
        None => HttpResponse::NoContent().finish(),
    })
}

/// `DELETE /v1/clinics/{clinicId}/patients/{patientId}/permissions/{permission}`: takes one permission
/// from the clinic. With the last one the patient leaves it.
///
/// For the patient; for services `custodian` alone, once the patient has claimed the account.
/// Response: 204.
/// Errors: 404 there is no such patient, or the clinic has not the permission; otherwise as every
/// operation.
/// Source: clinics API, `DeletePatientPermission`.
#[utoipa::path(
    delete, path = "/v1/clinics/{clinicId}/patients/{patientId}/permissions/{permission}",
    tag = "permissions", params(PermissionPath),
    responses((status = 204, description = "The clinic has it no more."), Missing, Refusals),
)]
pub(crate) async fn remove_permission(
    path: Path<PermissionPath>,
    state: State,
) -> Result<HttpResponse, ApiError> {
    let (clinic, user) = (path.clinic_id, &path.patient_id.0);
    change_patient::remove_permission(&state, clinic, user, path.permission.name()).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// `GET /v1/patients/{userId}/clinics`: the clinics in which somebody is a patient.
///
/// For the user and services. Response: 200, an array of `{clinic, patient}`; empty when there is none.
/// Errors: 400 a parameter breaks a rule; otherwise as every operation.
/// Source: clinics API, `ListClinicsForPatient`.
#[utoipa::path(
    get, path = "/v1/patients/{userId}/clinics", tag = "patients", params(UserPath, Page),
    responses((status = 200, description = "The clinics.", body = Vec<PatientRelation>), Refusals),
)]
pub(crate) async fn list_clinics_of_patient(
    path: Path<UserPath>,
    query: Query<Page>,
    state: State,
) -> Result<Json<Vec<PatientRelation>>, ApiError> {
    let page = query.read()?;
    let (offset, limit) = (page.offset.get(), page.limit.get());
    let user = &path.user_id.0;
    let relations = list_clinics::list_of_patient(&state, user, offset, limit).await?;
    Ok(Json(relations.into_iter().map(Into::into).collect()))
}
