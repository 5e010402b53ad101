//! Clinic relations, told by the clinic service: who works for a clinic, and what a clinic may do
//! on its patients' accounts. For admitted services; each call may be repeated and may come late.

use actix_web::{HttpResponse, web::Path};
use serde::Deserialize;
use shared_runtime::{
    auth::Peer,
    body::{Body, InvalidBody},
    error::ApiError,
    query::{Parameters, Query},
};
use shared_types::{ClinicId, ClinicianRelation, PatientRelation, UserId};
use utoipa::IntoParams;

use super::{State, refusals::InternalRefusals};
use crate::{
    domain::{Refusal, content::InvalidContent, permissions::storable},
    use_cases::relate_clinic,
};

/// Which change a deletion is.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct Revision {
    /// At least 1; grows with every change of the relation.
    #[param(minimum = 1)]
    revision: i64,
}

impl Parameters for Revision {}

/// `PUT /internal/clinics/{clinic_id}/patients/{user_id}`: a user is a patient of a clinic.
///
/// Body: `{"revision": <at least 1>, "permissions": {…}}`, what every clinician of the clinic may
/// do on the account. Response: 204, also when a change of the same or a later revision is known
/// already, which stays.
/// Errors: 400 no such body, or a clinic id that is not 24 hexadecimal digits; 401 not an admitted
/// service; 500 (empty) the database failed; 503 (empty) the token cannot be checked.
/// Source: our own; replaces the reference's replication of the clinic service's database.
#[utoipa::path(
    put,
    path = "/internal/clinics/{clinic_id}/patients/{user_id}",
    tag = "internal",
    params(
        ("clinic_id" = inline(ClinicId), Path, description = "24 hexadecimal digits."),
        ("user_id" = UserId, Path, description = "The patient's account."),
    ),
    request_body = PatientRelation,
    responses(
        (status = 204, description = "Known."),
        (status = 400, description = "No relation.", body = Object, example = json!({"code": "InvalidContent", "message": "Invalid revision: expected an integer, at least 1"})),
        InternalRefusals,
    ),
    security(("session_token" = [])),
)]
pub(crate) async fn update_patient(
    _: Peer,
    relation: Path<(String, UserId)>,
    body: Body,
    state: State,
) -> Result<HttpResponse, ApiError> {
    let (clinic, user) = clinic_and_user(relation)?;
    let relation: PatientRelation = body.parse_object().map_err(|error| syntax(&error))?;
    let revision = positive(relation.revision)?;
    let permissions = storable(relation.permissions).map_err(Refusal::from)?;
    relate_clinic::update_patient(&state, clinic, &user, revision, &permissions).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// `DELETE /internal/clinics/{clinic_id}/patients/{user_id}?revision=`: a user is no patient of a
/// clinic any more.
///
/// Body: none. Response: 204, also when there is no such relation, or a change of the same or a
/// later revision is known already, which stays.
/// Errors: as [`update_patient`].
/// Source: our own, as [`update_patient`].
#[utoipa::path(
    delete,
    path = "/internal/clinics/{clinic_id}/patients/{user_id}",
    tag = "internal",
    params(
        ("clinic_id" = inline(ClinicId), Path, description = "24 hexadecimal digits."),
        ("user_id" = UserId, Path, description = "The patient's account."),
    ),
    responses(
        (status = 204, description = "Known."),
        (status = 400, description = "No revision or no clinic id.", body = Object, example = json!({"code": "InvalidContent", "message": "Invalid revision: expected an integer, at least 1"})),
        InternalRefusals,
    ),
    security(("session_token" = [])),
)]
pub(crate) async fn delete_patient(
    _: Peer,
    relation: Path<(String, UserId)>,
    query: Query<Revision>,
    state: State,
) -> Result<HttpResponse, ApiError> {
    let (clinic, user) = clinic_and_user(relation)?;
    let revision = revision_in(query)?;
    relate_clinic::delete_patient(&state, clinic, &user, revision).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// `PUT /internal/clinics/{clinic_id}/clinicians/{user_id}`: a user works for a clinic.
///
/// Body: `{"revision": <at least 1>}`. Response: 204, also when a change of the same or a later
/// revision is known already, which stays.
/// Errors: as [`update_patient`].
/// Source: our own, as [`update_patient`].
#[utoipa::path(
    put,
    path = "/internal/clinics/{clinic_id}/clinicians/{user_id}",
    tag = "internal",
    params(
        ("clinic_id" = inline(ClinicId), Path, description = "24 hexadecimal digits."),
        ("user_id" = UserId, Path, description = "The clinician's account."),
    ),
    request_body = ClinicianRelation,
    responses(
        (status = 204, description = "Known."),
        (status = 400, description = "No relation.", body = Object, example = json!({"code": "InvalidContent", "message": "Invalid revision: expected an integer, at least 1"})),
        InternalRefusals,
    ),
    security(("session_token" = [])),
)]
pub(crate) async fn update_clinician(
    _: Peer,
    relation: Path<(String, UserId)>,
    body: Body,
    state: State,
) -> Result<HttpResponse, ApiError> {
    let (clinic, user) = clinic_and_user(relation)?;
    let relation: ClinicianRelation = body.parse_object().map_err(|error| syntax(&error))?;
    let revision = positive(relation.revision)?;
    relate_clinic::update_clinician(&state, clinic, &user, revision).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// `DELETE /internal/clinics/{clinic_id}/clinicians/{user_id}?revision=`: a user works for a
/// clinic no more.
///
/// Body: none. Response: 204, as [`delete_patient`].
/// Errors: as [`update_patient`].
/// Source: our own, as [`update_patient`].
#[utoipa::path(
    delete,
    path = "/internal/clinics/{clinic_id}/clinicians/{user_id}",
    tag = "internal",
    params(
        ("clinic_id" = inline(ClinicId), Path, description = "24 hexadecimal digits."),
        ("user_id" = UserId, Path, description = "The clinician's account."),
    ),
    responses(
        (status = 204, description = "Known."),
        (status = 400, description = "No revision or no clinic id.", body = Object, example = json!({"code": "InvalidContent", "message": "Invalid revision: expected an integer, at least 1"})),
        InternalRefusals,
    ),
    security(("session_token" = [])),
)]
pub(crate) async fn delete_clinician(
    _: Peer,
    relation: Path<(String, UserId)>,
    query: Query<Revision>,
    state: State,
) -> Result<HttpResponse, ApiError> {
    let (clinic, user) = clinic_and_user(relation)?;
    let revision = revision_in(query)?;
    relate_clinic::delete_clinician(&state, clinic, &user, revision).await?;
    Ok(HttpResponse::NoContent().finish())
}

fn clinic_and_user(relation: Path<(String, UserId)>) -> Result<(ClinicId, UserId), Refusal> {
    let (clinic, user) = relation.into_inner();
    let clinic = clinic.parse().map_err(|_| InvalidContent::ClinicId)?;
    Ok((clinic, user))
}

fn revision_in(query: Query<Revision>) -> Result<i64, Refusal> {
    let query = query.read().map_err(|_| InvalidContent::Revision)?;
    positive(query.revision)
}

/// Documents of the reference have no revision, which counts as 0.
fn positive(revision: i64) -> Result<i64, Refusal> {
    if revision > 0 {
        Ok(revision)
    } else {
        Err(InvalidContent::Revision.into())
    }
}

fn syntax(error: &InvalidBody) -> Refusal {
    InvalidContent::Syntax(error.to_string()).into()
}
