//! Who is invited into a clinic, as confirm, which owns the invitations, needs it.

use actix_web::{
    HttpResponse,
    web::{Json, Path},
};
use serde::Deserialize;
use shared_runtime::error::{ApiError, OrFail as _};
use shared_types::UserId;
use utoipa::ToSchema;

use super::{
    State,
    body::Required,
    parameters::InvitePath,
    refusals::{Bodies, Missing, Refusals, Staff},
    views::ClinicianView,
};
use crate::{domain::Refusal, error::Failure, use_cases::change_clinician};

/// Who accepted an invitation.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Acceptance {
    /// The account.
    user_id: UserId,
}

/// `GET /v1/clinics/{clinicId}/invites/clinicians/{inviteId}/clinician`: who is invited.
///
/// For services. Response: 200, the clinician, without `id`.
/// Errors: 404 nobody is invited under this key; otherwise as every operation.
/// Source: clinics API, `GetInvitedClinician`.
#[utoipa::path(
    get, path = "/v1/clinics/{clinicId}/invites/clinicians/{inviteId}/clinician",
    tag = "invited clinicians", params(InvitePath),
    responses(
        (status = 200, description = "Who is invited.", body = ClinicianView),
        Missing, Refusals,
    ),
)]
pub(crate) async fn find_invited(
    path: Path<InvitePath>,
    state: State,
) -> Result<Json<ClinicianView>, ApiError> {
    let (clinic, invite) = (path.clinic_id, path.invite_id.as_str());
    let clinician = state
        .store
        .clinicians
        .find_invited(clinic, invite)
        .await
        .or_fail(Failure)?
        .ok_or(Refusal::ClinicianNotFound)?;
    Ok(Json(clinician.into()))
}

/// `PATCH /v1/clinics/{clinicId}/invites/clinicians/{inviteId}/clinician`: who is invited becomes a
/// clinician, with the name of the account's profile.
///
/// For services. Body: `userId`. Response: 200, the clinician.
/// Errors: 404 nobody is invited under this key, or no such clinic; 409 the account works for the
/// clinic already; 422 the clinic is a legacy account, or has no administrator; otherwise as every
/// operation.
/// Source: clinics API, `AssociateClinicianToUser`.
#[utoipa::path(
    patch, path = "/v1/clinics/{clinicId}/invites/clinicians/{inviteId}/clinician",
    tag = "invited clinicians", params(InvitePath), request_body = Acceptance,
    responses(
        (status = 200, description = "The clinician.", body = ClinicianView),
        Missing, Staff, Bodies, Refusals,
    ),
)]
pub(crate) async fn associate_clinician(
    path: Path<InvitePath>,
    body: Required<Acceptance>,
    state: State,
) -> Result<Json<ClinicianView>, ApiError> {
    let (clinic, invite) = (path.clinic_id, path.invite_id.as_str());
    let user = &body.0.user_id;
    let associated = change_clinician::associate_clinician(&state, clinic, invite, user).await?;
    Ok(Json(associated.into()))
}

/// `DELETE /v1/clinics/{clinicId}/invites/clinicians/{inviteId}/clinician`: somebody is invited no
/// more.
///
/// For services. Response: 200, empty.
/// Errors: 404 nobody is invited under this key, or no such clinic; 422 the clinic is a legacy
/// account; otherwise as every operation.
/// Source: clinics API, `DeleteInvitedClinician`.
#[utoipa::path(
    delete, path = "/v1/clinics/{clinicId}/invites/clinicians/{inviteId}/clinician",
    tag = "invited clinicians", params(InvitePath),
    responses((status = 200, description = "Nobody is invited."), Missing, Staff, Refusals),
)]
pub(crate) async fn delete_invited(
    path: Path<InvitePath>,
    state: State,
) -> Result<HttpResponse, ApiError> {
    let (clinic, invite) = (path.clinic_id, path.invite_id.as_str());
    change_clinician::delete_invited(&state, clinic, invite).await?;
    Ok(HttpResponse::Ok().finish())
}
