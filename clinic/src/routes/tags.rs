//! Tags that a clinic gives its patients.

use actix_web::{
    HttpResponse,
    web::{Json, Path},
};
use shared_runtime::error::ApiError;
use shared_types::ClinicId;

use super::{
    State,
    body::{OptionalList, Required},
    parameters::{ClinicPath, TagPath},
    refusals::{Bodies, Labelling, Missing, RefusalBody, Refusals},
    views::{ChangedSiteView, TagView},
};
use crate::{
    domain::{
        bulk_change::BulkChange,
        labels::{ListedPatients, TagDetails},
    },
    use_cases::change_labels,
};

/// `POST /v1/clinics/{clinicId}/patient_tags`: adds a tag.
///
/// For the clinic's members and services. Body: `name`. Response: 200, the tag.
/// Errors: 404 there is no such clinic; 409 it has a tag of this name, whatever its blanks and its
/// case; 422 it has 50 tags; otherwise as every operation.
/// Source: clinics API, `CreatePatientTag`.
#[utoipa::path(
    post, path = "/v1/clinics/{clinicId}/patient_tags", tag = "tags", params(ClinicPath),
    request_body = TagDetails,
    responses(
        (status = 200, description = "The tag.", body = TagView),
        Missing, Labelling, Bodies, Refusals,
    ),
)]
pub(crate) async fn create_tag(
    path: Path<ClinicPath>,
    body: Required<TagDetails>,
    state: State,
) -> Result<Json<TagView>, ApiError> {
    let tag = change_labels::create_tag(&state, path.clinic_id, &body.0.name).await?;
    Ok(Json(tag.into()))
}

/// `PUT /v1/clinics/{clinicId}/patient_tags/{patientTagId}`: renames a tag.
///
/// For the clinic's members and services. Body: `name`. Response: 200, the tag.
/// Errors: 404 there is no such clinic or tag; 409 another tag has the name, whatever its blanks and
/// its case; otherwise as every operation.
/// Source: clinics API, `UpdatePatientTag`.
#[utoipa::path(
    put, path = "/v1/clinics/{clinicId}/patient_tags/{patientTagId}", tag = "tags",
    params(TagPath), request_body = TagDetails,
    responses(
        (status = 200, description = "The tag.", body = TagView),
        (status = 409, description = "Another tag has the name.", body = RefusalBody),
        Missing, Bodies, Refusals,
    ),
)]
pub(crate) async fn update_tag(
    path: Path<TagPath>,
    body: Required<TagDetails>,
    state: State,
) -> Result<Json<TagView>, ApiError> {
    let (clinic, tag) = (path.clinic_id, path.patient_tag_id);
    let tag = change_labels::rename_tag(&state, clinic, tag, &body.0.name).await?;
    Ok(Json(tag.into()))
}

/// `DELETE /v1/clinics/{clinicId}/patient_tags/{patientTagId}`: removes a tag from a clinic and from
/// its patients.
///
/// For the clinic's administrators and services. Response: 204, also where there is no such tag.
/// Errors: 404 there is no such clinic; otherwise as every operation.
/// Source: clinics API, `DeletePatientTag`.
#[utoipa::path(
    delete, path = "/v1/clinics/{clinicId}/patient_tags/{patientTagId}", tag = "tags",
    params(TagPath),
    responses((status = 204, description = "The tag is gone."), Missing, Refusals),
)]
pub(crate) async fn delete_tag(
    path: Path<TagPath>,
    state: State,
) -> Result<HttpResponse, ApiError> {
    change_labels::delete_tag(&state, path.clinic_id, path.patient_tag_id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// `POST /v1/clinics/{clinicId}/patient_tags/{patientTagId}/site`: makes a site of a tag. Patients who
/// had the tag are of the site. Where a site has the name of the tag, a number follows it.
///
/// For services. Response: 200, the site.
/// Errors: 404 there is no such clinic or tag; 409 the clinic has 50 sites; otherwise as every
/// operation. Source: clinics API, `ConvertPatientTagToSite`.
#[utoipa::path(
    post, path = "/v1/clinics/{clinicId}/patient_tags/{patientTagId}/site", tag = "tags",
    params(TagPath),
    responses(
        (status = 200, description = "The site.", body = ChangedSiteView),
        (status = 409, description = "The clinic has 50 sites.", body = RefusalBody),
        Missing, Refusals,
    ),
)]
pub(crate) async fn convert_tag(
    path: Path<TagPath>,
    state: State,
) -> Result<Json<ChangedSiteView>, ApiError> {
    let site = change_labels::convert_tag(&state, path.clinic_id, path.patient_tag_id).await?;
    Ok(Json(site.into()))
}

/// `POST /v1/clinics/{clinicId}/patients/assign_tag/{patientTagId}`: gives patients a tag. Nobody
/// checks whether the clinic has it.
///
/// For the clinic's administrators and services. Body: the patients, 1 to 1000; `null` or none: all of
/// the clinic. Those who have the tag and accounts that are no patients are left alone.
/// Response: 200, empty. Errors: as every operation.
/// Source: clinics API, `AssignPatientTagToClinicPatients`.
#[utoipa::path(
    post, path = "/v1/clinics/{clinicId}/patients/assign_tag/{patientTagId}", tag = "tags",
    params(TagPath), request_body = Option<ListedPatients>,
    responses((status = 200, description = "They have the tag."), Bodies, Refusals),
)]
pub(crate) async fn assign_tag(
    path: Path<TagPath>,
    body: OptionalList<ListedPatients>,
    state: State,
) -> Result<HttpResponse, ApiError> {
    let tag = path.patient_tag_id;
    change(
        &state,
        path.clinic_id,
        body.0,
        BulkChange::AssignTag { tag },
    )
    .await
}

/// `POST /v1/clinics/{clinicId}/patients/delete_tag/{patientTagId}`: takes a tag from patients.
///
/// For the clinic's administrators and services. Body: the patients, 1 to 1000; `null` or none: all of
/// the clinic. Response: 200, empty. Errors: as every operation.
/// Source: clinics API, `DeletePatientTagFromClinicPatients`.
#[utoipa::path(
    post, path = "/v1/clinics/{clinicId}/patients/delete_tag/{patientTagId}", tag = "tags",
    params(TagPath), request_body = Option<ListedPatients>,
    responses((status = 200, description = "They have not the tag."), Bodies, Refusals),
)]
pub(crate) async fn unassign_tag(
    path: Path<TagPath>,
    body: OptionalList<ListedPatients>,
    state: State,
) -> Result<HttpResponse, ApiError> {
    let tag = path.patient_tag_id;
    change(
        &state,
        path.clinic_id,
        body.0,
        BulkChange::RemoveTag { tag },
    )
    .await
}

async fn change(
    state: &State,
    clinic: ClinicId,
    listed: Option<ListedPatients>,
    change: BulkChange,
) -> Result<HttpResponse, ApiError> {
    match listed {
        Some(listed) => change_labels::change_some(state, clinic, &listed.0, &change).await?,
        None => change_labels::change_everybody(state, clinic, change).await?,
    }
    Ok(HttpResponse::Ok().finish())
}
