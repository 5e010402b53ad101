//! Invitations to a care team, as the invited side sees and answers them.

use actix_web::{
    HttpResponse,
    web::{Data, Path},
};
use serde::Deserialize;
use shared_runtime::{body::Body, error::ApiError};
use shared_types::UserId;
use utoipa::ToSchema;

use super::{
    refusals::{NotFinding, Refusals},
    view::{ConfirmationView, views},
};
use crate::{
    State, domain::invitation::Reference, error::Refusal, rights::Manager,
    use_cases::answer::answer_confirmation,
};

/// Body of an answer: which invitation is meant. Members beside `key` must fit as well where they
/// are given and not empty; others are ignored.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct InvitationReference {
    /// The key; without it the newest pending invitation is meant.
    #[serde(default)]
    key: Option<String>,
    #[serde(default)]
    r#type: Option<String>,
    #[serde(default)]
    status: Option<String>,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    creator_id: Option<String>,
    #[serde(default)]
    clinic_id: Option<String>,
}

/// `GET /confirm/invitations/:userid`: the invitations that an account can answer, newest first.
///
/// For services, the account, and who runs it. Those sent to the address of the account before it
/// existed are in it once the address is verified.
/// Body: none. Response: 200, a list of invitations with their creators' profiles.
/// Errors: 401 no token or no right; 403 invalid token; 404 there are none; 500 the store, user-api
/// or gatekeeper failed.
/// Source: public confirmation API `GetReceivedInvitations`; sharing document, "received
/// invitations".
#[utoipa::path(
    get, path = "/confirm/invitations/{userid}", tag = "invitations",
    params(("userid" = String, Path, description = "The account that is invited")),
    responses(
        (status = 200, description = "The invitations", body = Vec<ConfirmationView>),
        Refusals,
        (status = 404, description = "Nothing found"),
        NotFinding,
    ),
)]
pub(crate) async fn list_received_invites(
    manager: Manager,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let (received, _) = state.lists.received(&manager.account).await?;
    if received.invitations.is_empty() {
        return Err(Refusal::NothingFound.into());
    }
    Ok(HttpResponse::Ok().json(views(received)))
}

/// `PUT /confirm/accept/invite/:userid/:invitedby`: accepts an invitation; its permissions are
/// added to what the account has.
///
/// For services, the invited account, and who runs it. All or nothing: what a failure interrupts is
/// finished by a repeat of the request, or without one a little later.
/// Body: none, or `{"key"?}` and other members of the invitation, which then must fit. Response:
/// 200, `OK` as text.
/// Errors: 400 no JSON, or the offer cannot be granted; 401 no token or no right; 403 invalid
/// token, or the invitation is another account's, answered, canceled or expired, or who sent it may
/// no longer share the account; 404 there is none; 500 the store, gatekeeper or the data service
/// failed.
/// Source: public confirmation API `AcceptCareTeamInvite`; sharing document, "accept invitation".
#[utoipa::path(
    put, path = "/confirm/accept/invite/{userid}/{invitedby}", tag = "invitations", request_body = InvitationReference,
    params(
        ("userid" = String, Path, description = "The account that is invited"),
        ("invitedby" = String, Path, description = "The account that is shared"),
    ),
    responses(
        (status = 200, description = "`OK`", body = String),
        (status = 400, description = "Error decoding the confirmation"),
        Refusals,
        (status = 403, description = "Forbidden to perform requested operation"),
        (status = 404, description = "No matching invite was found"),
        (status = 500, description = "Error setting permissions"),
    ),
)]
pub(crate) async fn accept_invite(
    _: Manager,
    path: Path<(UserId, UserId)>,
    body: Body,
    state: Data<State>,
) -> Result<&'static str, ApiError> {
    let (invitee, sharer) = path.into_inner();
    answer_confirmation::accept_invitation(&state, &invitee, &sharer, &read(&body)?).await?;
    Ok("OK")
}

/// `PUT /confirm/dismiss/invite/:userid/:invitedby`: declines an invitation. Its sender still sees
/// it.
///
/// For services, the invited account, and who runs it.
/// Body: as [`accept_invite`]. Response: 200, empty; again for an invitation that was declined
/// before.
/// Errors: 400 no JSON; 401 no token or no right; 403 invalid token, or the invitation is another
/// account's, accepted or canceled; 404 there is none; 500 the store or gatekeeper failed.
/// Source: public confirmation API `DismissCareTeamInvite`; sharing document, "dismiss invitation".
#[utoipa::path(
    put, path = "/confirm/dismiss/invite/{userid}/{invitedby}", tag = "invitations", request_body = InvitationReference,
    params(
        ("userid" = String, Path, description = "The account that is invited"),
        ("invitedby" = String, Path, description = "The account that is shared"),
    ),
    responses(
        (status = 200, description = "Declined"),
        (status = 400, description = "Error decoding the confirmation"),
        Refusals,
        (status = 403, description = "Forbidden to perform requested operation"),
        (status = 404, description = "No matching invite was found"),
        (status = 500, description = "Error updating confirmation"),
    ),
)]
pub(crate) async fn dismiss_invite(
    _: Manager,
    path: Path<(UserId, UserId)>,
    body: Body,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let (invitee, sharer) = path.into_inner();
    answer_confirmation::decline_invitation(&state, &invitee, &sharer, &read(&body)?).await?;
    Ok(HttpResponse::Ok().finish())
}

/// The invitation that `body` means.
fn read(body: &Body) -> Result<Reference, ApiError> {
    let given: InvitationReference = body
        .parse_optional_object()
        .map_err(|_| Refusal::Unreadable)?;
    let given_text = |text: Option<String>| text.filter(|text| !text.is_empty());
    Ok(Reference {
        key: given_text(given.key),
        kind: given_text(given.r#type),
        status: given_text(given.status),
        email: given_text(given.email),
        creator_id: given_text(given.creator_id),
        clinic_id: given_text(given.clinic_id),
    })
}
