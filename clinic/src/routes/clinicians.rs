//! Clinicians: who works for a clinic, and for which clinics somebody works.

use actix_web::{
    HttpResponse,
    web::{Json, Path},
};
use serde::Deserialize;
use shared_runtime::{
    auth::Caller,
    error::{ApiError, OrFail as _},
    query::{Limit, Offset, Parameters, Query},
};
use shared_types::address;
use utoipa::IntoParams;

use super::{
    State,
    body::Required,
    parameters::{ClinicPath, ClinicianPath, Page, UserPath},
    refusals::{Bodies, Missing, Refusals, Staff},
    views::{ClinicianRelation, ClinicianView},
};
use crate::{
    domain::{Refusal, clinician::ClinicianDetails, service_account::NewServiceAccount},
    error::Failure,
    store::ClinicianFilter,
    use_cases::{add_service_account, change_clinician, list_clinics},
};

/// Which clinicians are listed.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct ClinicianList {
    /// How many are left out.
    #[serde(default)]
    offset: Offset,
    /// How many are shown.
    #[serde(default)]
    limit: Limit,
    /// A part of the name or the address, in whatever case.
    search: Option<String>,
    /// The address, in whatever case.
    email: Option<String>,
    /// One of the roles.
    role: Option<String>,
}

impl Parameters for ClinicianList {}

/// `GET /v1/clinicians`: for nobody. Internal reports of the reference read the database instead.
///
/// Errors: 403 whoever asks.
/// Source: clinics API, `ListAllClinicians`.
#[utoipa::path(
    get,
    path = "/v1/clinicians",
    tag = "clinicians",
    params(Page),
    responses(Refusals)
)]
pub(crate) async fn list_all_clinicians() -> Result<HttpResponse, ApiError> {
    Err(Refusal::NotAuthorized.into())
}

/// `GET /v1/clinics/{clinicId}/clinicians`: who works for a clinic or is invited to, the newest first.
///
/// For its members and services. Response: 200, an array; empty when there is nobody or no such
/// clinic. Errors: 400 a parameter breaks a rule; otherwise as every operation.
/// Source: clinics API, `ListClinicians`.
#[utoipa::path(
    get, path = "/v1/clinics/{clinicId}/clinicians", tag = "clinicians",
    params(ClinicPath, ClinicianList),
    responses((status = 200, description = "The clinicians.", body = Vec<ClinicianView>), Refusals),
)]
pub(crate) async fn list_clinicians(
    path: Path<ClinicPath>,
    query: Query<ClinicianList>,
    state: State,
) -> Result<Json<Vec<ClinicianView>>, ApiError> {
    let list = query.read()?;
    let filter = ClinicianFilter {
        search: list.search,
        email: list.email.as_deref().map(address::lower_case),
        role: list.role,
    };
    let clinicians = &state.store.clinicians;
    let found = clinicians
        .list(path.clinic_id, &filter, list.offset.get(), list.limit.get())
        .await
        .or_fail(Failure)?;
    Ok(Json(found.into_iter().map(Into::into).collect()))
}

/// `POST /v1/clinics/{clinicId}/clinicians`: adds a clinician or, without `id`, somebody who is invited.
///
/// For services. Body: `email` and `roles` are required. Response: 200, the clinician.
/// Errors: 404 no such clinic; 409 somebody in it has the account, the address or the invitation; 422
/// it is a legacy account, or has no administrator; otherwise as every operation.
/// Source: clinics API, `CreateClinician`.
#[utoipa::path(
    post, path = "/v1/clinics/{clinicId}/clinicians", tag = "clinicians", params(ClinicPath),
    request_body = ClinicianDetails,
    responses(
        (status = 200, description = "The clinician.", body = ClinicianView),
        Missing, Staff, Bodies, Refusals,
    ),
)]
pub(crate) async fn create_clinician(
    path: Path<ClinicPath>,
    body: Required<ClinicianDetails>,
    state: State,
) -> Result<Json<ClinicianView>, ApiError> {
    let clinician = change_clinician::create_clinician(&state, path.clinic_id, &body.0).await?;
    Ok(Json(clinician.into()))
}

/// `POST /v1/clinics/{clinicId}/service_accounts`: a program comes to work for a clinic as a member.
///
/// Its credentials are exchanged for a token, which says which account is its; they are not kept.
///
/// For services. Body: `name`, `client_id` and `client_secret` are required. Response: 200, the clinician,
/// who has no address. Errors: 404 no such clinic; 409 the account works for it; 422 it is a legacy
/// account, or has no administrator; 500 the settings name no token endpoint, or it gives no token for
/// the credentials; otherwise as every operation.
/// Source: clinics API, `AddServiceAccount`.
#[utoipa::path(
    post, path = "/v1/clinics/{clinicId}/service_accounts", tag = "clinicians", params(ClinicPath),
    request_body = NewServiceAccount,
    responses(
        (status = 200, description = "The clinician.", body = ClinicianView),
        Missing, Staff, Bodies, Refusals,
    ),
)]
pub(crate) async fn add_service_account(
    path: Path<ClinicPath>,
    body: Required<NewServiceAccount>,
    state: State,
) -> Result<Json<ClinicianView>, ApiError> {
    let clinic = path.clinic_id;
    let added = add_service_account::add_service_account(&state, clinic, &body.0).await?;
    Ok(Json(added.into()))
}

/// `GET /v1/clinics/{clinicId}/clinicians/{clinicianId}`: a clinician.
///
/// For the clinic's members and services. Response: 200, the clinician.
/// Errors: 404 there is none; otherwise as every operation.
/// Source: clinics API, `GetClinician`.
#[utoipa::path(
    get, path = "/v1/clinics/{clinicId}/clinicians/{clinicianId}", tag = "clinicians",
    params(ClinicianPath),
    responses(
        (status = 200, description = "The clinician.", body = ClinicianView),
        Missing, Refusals,
    ),
)]
pub(crate) async fn find_clinician(
    path: Path<ClinicianPath>,
    state: State,
) -> Result<Json<ClinicianView>, ApiError> {
    let clinicians = &state.store.clinicians;
    let clinician = clinicians
        .find(path.clinic_id, &path.clinician_id.0)
        .await
        .or_fail(Failure)?
        .ok_or(Refusal::ClinicianNotFound)?;
    Ok(Json(clinician.into()))
}

/// `PUT /v1/clinics/{clinicId}/clinicians/{clinicianId}`: changes name and roles of a clinician.
///
/// For the clinic's administrators and services. Body: `email`, which is ignored, and `roles` are
/// required; without `name` there is none from then on. Response: 200, the clinician.
/// Errors: 404 there is none, or no such clinic; 422 the clinic is a legacy account, or the last
/// administrator would be none; otherwise as every operation.
/// Source: clinics API, `UpdateClinician`.
#[utoipa::path(
    put, path = "/v1/clinics/{clinicId}/clinicians/{clinicianId}", tag = "clinicians",
    params(ClinicianPath), request_body = ClinicianDetails,
    responses(
        (status = 200, description = "The clinician.", body = ClinicianView),
        Missing, Staff, Bodies, Refusals,
    ),
)]
pub(crate) async fn update_clinician(
    caller: Caller,
    path: Path<ClinicianPath>,
    body: Required<ClinicianDetails>,
    state: State,
) -> Result<Json<ClinicianView>, ApiError> {
    let (clinic, user) = (path.clinic_id, &path.clinician_id.0);
    let updated =
        change_clinician::update_clinician(&state, clinic, user, &body.0, caller.name()).await?;
    Ok(Json(updated.into()))
}

/// `DELETE /v1/clinics/{clinicId}/clinicians/{clinicianId}`: somebody does not work for a clinic any
/// more, and does not see what its patients share with it. The record is archived.
///
/// For the clinic's administrators, services, and members who leave. Response: 200, empty.
/// Errors: 404 there is none, or no such clinic; 422 the clinic is a legacy account, or it is the
/// last administrator; otherwise as every operation.
/// Source: clinics API, `DeleteClinician`.
#[utoipa::path(
    delete, path = "/v1/clinics/{clinicId}/clinicians/{clinicianId}", tag = "clinicians",
    params(ClinicianPath),
    responses((status = 200, description = "The clinician is gone."), Missing, Staff, Refusals),
)]
pub(crate) async fn delete_clinician(
    caller: Caller,
    path: Path<ClinicianPath>,
    state: State,
) -> Result<HttpResponse, ApiError> {
    let (clinic, user) = (path.clinic_id, &path.clinician_id.0);
    change_clinician::delete_clinician(&state, clinic, user, caller.user_id()).await?;
    Ok(HttpResponse::Ok().finish())
}

/// `GET /v1/clinicians/{userId}/clinics`: the clinics that somebody works for, the newest membership
/// first.
///
/// For the user and services. Response: 200, an array of `{clinic, clinician}`; empty when there is
/// none. Errors: 400 a parameter breaks a rule; otherwise as every operation.
/// Source: clinics API, `ListClinicsForClinician`.
#[utoipa::path(
    get, path = "/v1/clinicians/{userId}/clinics", tag = "clinicians", params(UserPath, Page),
    responses(
        (status = 200, description = "The clinics.", body = Vec<ClinicianRelation>),
        Refusals,
    ),
)]
pub(crate) async fn list_clinics_of_clinician(
    path: Path<UserPath>,
    query: Query<Page>,
    state: State,
) -> Result<Json<Vec<ClinicianRelation>>, ApiError> {
    let page = query.read()?;
    let (offset, limit) = (page.offset.get(), page.limit.get());
    let user = &path.user_id.0;
    let relations = list_clinics::list_of_clinician(&state, user, offset, limit).await?;
    Ok(Json(relations.into_iter().map(Into::into).collect()))
}
