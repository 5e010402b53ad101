//! Invitations to work for clinics, as who is invited sees and answers them.

use actix_web::{
    HttpResponse,
    web::{Data, Path},
};
use shared_runtime::error::ApiError;

use super::{
    clinic_invites::{ReceivedInvite, ok},
    refusals::{NoClinics, NotFinding, Refusals},
    view::{ConfirmationView, views_with_admission},
};
use crate::{
    State,
    error::Refusal,
    rights::Oneself,
    use_cases::{
        answer::{join_clinic, withdraw_clinician},
        list_clinic_invitations,
    },
};

/// `GET /v1/clinicians/:userid/invites`: the invitations of clinics that a user can answer, newest
/// first.
///
/// For the person alone. Those sent to the address of the account before it existed are in it once
/// the address is verified.
/// Body: none. Response: 200, a list of invitations with their creators' profiles and, in
/// `restrictions`, whether the clinic admits the person in this session.
/// Errors: 401 no token, another person or no account; 403 invalid token; 404 there are none; 500 the
/// store, user-api or clinic failed.
/// Source: public confirmation API `ListClinicianInvites`.
#[utoipa::path(
    get, path = "/v1/clinicians/{userid}/invites", tag = "clinics",
    params(("userid" = String, Path, description = "Who is invited")),
    responses(
        (status = 200, description = "The invitations", body = Vec<ConfirmationView>),
        Refusals,
        (status = 404, description = "Nothing found"),
        NotFinding,
    ),
)]
pub(crate) async fn list_clinician_invites(
    oneself: Oneself,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let Oneself(user) = oneself;
    let idp = user.identity_provider.as_deref();
    let list = list_clinic_invitations::from_clinics(&state, &user.id, idp).await?;
    if list.invitations.is_empty() {
        return Err(Refusal::NothingFound.into());
    }
    Ok(HttpResponse::Ok().json(views_with_admission(list)))
}

/// `PUT /v1/clinicians/:userid/invites/:inviteid`: accepts an invitation; the person works for the
/// clinic from then on.
///
/// For the person alone. All or nothing: what a failure interrupts is finished by a repeat of the
/// request, or without one a little later.
/// Body: none. Response: 200, the clinician as clinic shows it.
/// Errors: 401 no token, or another person; 403 invalid token, or the clinic does not admit the
/// person; 404 there is no pending one for the person; 409 the person works there already; 500 the
/// store, user-api or clinic failed.
/// Source: public confirmation API `AcceptClinicianInvite`.
#[utoipa::path(
    put, path = "/v1/clinicians/{userid}/invites/{inviteid}", tag = "clinics",
    params(ReceivedInvite),
    responses(
        (status = 200, description = "The clinician", body = Object),
        Refusals,
        (status = 403, description = "Error accepting invitation"),
        (status = 404, description = "No matching invite was found"),
        (status = 409, description = "The user is already an existing member"),
        (status = 500, description = "Error accepting invitation"),
    ),
)]
pub(crate) async fn accept_clinician_invite(
    oneself: Oneself,
    path: Path<ReceivedInvite>,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let Oneself(user) = oneself;
    let idp = user.identity_provider.as_deref();
    let clinician = join_clinic::accept(&state, &user.id, idp, &path.inviteid).await?;
    Ok(HttpResponse::Ok().json(clinician))
}

/// `DELETE /v1/clinicians/:userid/invites/:inviteid`: declines an invitation.
///
/// For the person alone. All or nothing: what a failure interrupts is finished a little later.
/// Body: none. Response: 200, `OK` as text; also where there is none.
/// Errors: 401 no token, or another person; 403 invalid token, or it is being accepted; 500 the
/// store, user-api or clinic failed.
/// Source: public confirmation API `DismissClinicianInvite`.
#[utoipa::path(
    delete, path = "/v1/clinicians/{userid}/invites/{inviteid}", tag = "clinics",
    params(ReceivedInvite),
    responses(
        (status = 200, description = "OK", body = String, content_type = "text/plain"),
        Refusals,
        NoClinics,
        NotFinding,
    ),
)]
pub(crate) async fn dismiss_clinician_invite(
    oneself: Oneself,
    path: Path<ReceivedInvite>,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let Oneself(user) = oneself;
    withdraw_clinician::decline(&state, &user.id, &path.inviteid).await?;
    Ok(ok())
}
