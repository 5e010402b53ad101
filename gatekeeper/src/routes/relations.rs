//! Clinic relations, reported by clinic: who works for a clinic, and what a clinic may do
//! on its patients' accounts. For admitted services; each call may be repeated and may come late.

use std::num::NonZeroU16;

use actix_web::{
    HttpResponse,
    web::{Json, Path},
};
use serde::Deserialize;
use shared_runtime::{
    auth::Peer,
    body::{Body, InvalidBody},
    error::{ApiError, OrFail as _},
    query::{Parameters, Query},
};
use shared_types::{ClinicId, ClinicianRelation, KnownRelations, PatientRelation, UserId};
use utoipa::IntoParams;

use super::{State, refusals::InternalRefusals};
use crate::{
    domain::{Refusal, content::InvalidContent, permissions::storable},
    error::Failure,
    store::clinic_relations::AccountRange,
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

/// Which relations are listed.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct Accounts {
    /// Those of accounts after this one; from the first on where it is absent.
    after: Option<UserId>,
    /// Those of accounts up to this one; to the last where it is absent.
    until: Option<UserId>,
    /// About how many are looked at, those that ended included; all of one account at least.
    #[serde(default = "Accounts::default_limit")]
    #[param(value_type = u16, minimum = 1, default = 500)]
    limit: NonZeroU16,
}

impl Parameters for Accounts {}

impl Accounts {
    fn default_limit() -> NonZeroU16 {
        const { NonZeroU16::new(500).expect("500 is not 0") }
    }

    fn range(&self) -> AccountRange<'_> {
        AccountRange {
            after: self.after.as_ref(),
            until: self.until.as_ref(),
        }
    }
}

/// `GET /internal/clinics/patients?after=&until=&limit=`: patients of clinics with what the clinics may
/// do, by account. Those that ended are left out.
///
/// Response: 200, [`KnownRelations`]; where it has `until`, the rest comes after that account.
/// Errors: 400 a parameter breaks a rule; 401 not an admitted service; 500 (empty) the database failed;
/// 503 (empty) the token cannot be checked.
/// Source: our own; clinic compares them with its patients.
#[utoipa::path(
    get,
    path = "/internal/clinics/patients",
    tag = "internal",
    params(Accounts),
    responses(
        (status = 200, description = "Some of the relations.", body = KnownRelations),
        (status = 400, description = "A parameter breaks a rule.", body = Object, example = json!({"code": "InvalidContent", "message": "Invalid limit: expected an integer"})),
        InternalRefusals,
    ),
    security(("session_token" = [])),
)]
pub(crate) async fn list_patients(
    _: Peer,
    query: Query<Accounts>,
    state: State,
) -> Result<Json<KnownRelations>, ApiError> {
    let asked = query.read()?;
    let relations = &state.store.clinic_relations;
    let found = relations
        .list_patients(asked.range(), asked.limit.get())
        .await
        .or_fail(Failure)?;
    Ok(Json(found))
}

/// `GET /internal/clinics/clinicians?after=&until=&limit=`: who works for which clinic, by account.
///
/// Response: 200, as [`list_patients`], with empty permissions.
/// Errors: as [`list_patients`].
/// Source: our own, as [`list_patients`].
#[utoipa::path(
    get,
    path = "/internal/clinics/clinicians",
    tag = "internal",
    params(Accounts),
    responses(
        (status = 200, description = "Some of the relations.", body = KnownRelations),
        (status = 400, description = "A parameter breaks a rule.", body = Object, example = json!({"code": "InvalidContent", "message": "Invalid limit: expected an integer"})),
        InternalRefusals,
    ),
    security(("session_token" = [])),
)]
pub(crate) async fn list_clinicians(
    _: Peer,
    query: Query<Accounts>,
    state: State,
) -> Result<Json<KnownRelations>, ApiError> {
    let asked = query.read()?;
    let relations = &state.store.clinic_relations;
    let found = relations
        .list_clinicians(asked.range(), asked.limit.get())
        .await
        .or_fail(Failure)?;
    Ok(Json(found))
}

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
