//! Invitations to a care team, as the side sees them that shares its account.

use actix_web::{
    HttpResponse,
    web::{Data, Path},
};
use serde::Deserialize;
use serde_json::Value;
use shared_runtime::{auth::Caller, body::Body, error::ApiError};
use shared_types::{UserId, address};
use utoipa::{IntoParams, IntoResponses, ToSchema};

use super::{
    refusals::{Limited, NotFinding, Refusals},
    view::{ConfirmationView, views, with_creator},
};
use crate::{
    State,
    domain::context::{self, Offer},
    error::Refusal,
    rights::Manager,
    use_cases::{answer::answer_confirmation, send_invitation},
};

/// Body of a new invitation; other members are ignored.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewInvitation {
    /// Who is invited.
    #[serde(default)]
    email: Option<String>,
    /// What is offered: an object with a member for each permission, a list of names, or a list of
    /// objects with one name each. The names are `admin`, `custodian`, `edit`, `follow`, `note`,
    /// `upload` and `view`.
    #[serde(default)]
    #[schema(value_type = Object)]
    permissions: Option<Value>,
    /// How the follower will call the account.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    nickname: Option<Value>,
    /// When the follower will be alerted; only with the permission `follow`.
    #[serde(default)]
    #[schema(value_type = Option<Object>)]
    alerts_config: Option<Value>,
}

/// The path of an invitation as its sender names it.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub(crate) struct SentInvitation {
    /// The account that invited.
    #[param(value_type = String)]
    userid: UserId,
    /// The address, `+` unencoded or not.
    invited_address: String,
}

/// What a cancellation comes to, for the OpenAPI document.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only documents the responses")]
enum Cancellation {
    #[response(status = 200, description = "Canceled")]
    Canceled,
    #[response(status = 404, description = "No matching invite was found")]
    NoInvitation,
    #[response(status = 500, description = "Error updating confirmation")]
    Failed,
}

/// `POST /confirm/send/invite/:userid`: invites a person into the care team of an account.
///
/// For services, the account, and who runs it.
/// Body: `{"email", "permissions", "nickname"?, "alertsConfig"?}`. Response: 200, the invitation
/// with its creator's profile; the mail follows.
/// Errors: 400 no JSON of this form, a permission that there is not, or (empty) no address or
/// permissions; 401 no token or no
/// right; 403 invalid token; 409 already invited, or has rights already and is not offered to
/// follow in addition; 429 too many mails; 500 the store, user-api or gatekeeper failed.
/// Source: public confirmation API `SendCareTeamInvite`; sharing document, "invite".
#[utoipa::path(
    post, path = "/confirm/send/invite/{userid}", tag = "invitations", request_body = NewInvitation,
    params(("userid" = String, Path, description = "The account to be shared")),
    responses(
        (status = 200, description = "The invitation", body = ConfirmationView),
        (status = 400, description = "Error decoding the confirmation, or Unknown permissions; no body where a member is missing"),
        Refusals,
        (status = 409, description = "There is already an existing invite, or The user is already an existing member"),
        Limited,
        (status = 500, description = "Error saving the confirmation"),
    ),
)]
pub(crate) async fn send_invite(
    manager: Manager,
    body: Body,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let (email, offer) = read(&body)?;
    let (caller, sharer) = (&manager.caller, &manager.account);
    let made = send_invitation::send(&state, caller, sharer, email, offer).await?;
    Ok(HttpResponse::Ok().json(with_creator(&state, made).await))
}

/// `PATCH /confirm/resend/invite/:inviteid`: mails a pending invitation once more, with another
/// key; it lasts as long again.
///
/// For services, the inviting account, and who runs it. The old key answers the invitation no more;
/// here it still names it, for who has not heard of the other one.
/// Body: none. Response: 200, the invitation with its new key and its creator's profile.
/// Errors: 401 no token; 403 invalid token, no right, or no pending invitation of a person to a
/// person; 429 too many mails; 500 the store or gatekeeper failed.
/// Source: public confirmation API `ResendCareTeamInvite`.
#[utoipa::path(
    patch, path = "/confirm/resend/invite/{inviteid}", tag = "invitations",
    params(("inviteid" = String, Path, description = "A key that the invitation has or had")),
    responses(
        (status = 200, description = "The invitation, with another key", body = ConfirmationView),
        (status = 401, description = "No x-tidepool-session-token was found"),
        (status = 403, description = "Forbidden to perform requested operation"),
        Limited,
        (status = 500, description = "Error saving the confirmation"),
    ),
)]
pub(crate) async fn resend_invite(
    caller: Caller,
    key: Path<String>,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let renewed = send_invitation::resend(&state, &caller, &key).await?;
    Ok(HttpResponse::Ok().json(with_creator(&state, renewed).await))
}

/// `GET /confirm/invite/:userid`: the invitations that an account sent and that were not accepted,
/// declined and expired ones included, newest first.
///
/// For services, the account, and who runs it.
/// Body: none. Response: 200, a list of invitations with their creator's profile.
/// Errors: 401 no token or no right; 403 invalid token; 404 there are none; 500 the store or
/// gatekeeper failed.
/// Source: public confirmation API `GetSentInvitations`; sharing document, "sent invitations".
#[utoipa::path(
    get, path = "/confirm/invite/{userid}", tag = "invitations",
    params(("userid" = String, Path, description = "The account that invites")),
    responses(
        (status = 200, description = "The invitations", body = Vec<ConfirmationView>),
        Refusals,
        (status = 404, description = "Nothing found"),
        NotFinding,
    ),
)]
pub(crate) async fn list_sent_invites(
    manager: Manager,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let sent = state.lists.sent(&manager.account).await?;
    if sent.invitations.is_empty() {
        return Err(Refusal::NothingFound.into());
    }
    Ok(HttpResponse::Ok().json(views(sent)))
}

/// `PUT /confirm/:userid/invited/:invited_address`: cancels the newest invitation of an
/// account to an address, pending or declined. Granted rights stay.
///
/// For services, the account, and who runs it.
/// Body: none. Response: 200, empty.
/// Errors: 401 no token or no right; 403 invalid token; 404 there is none, or it was accepted; 500
/// the store or gatekeeper failed.
/// Source: public confirmation API `CancelInvite`; sharing document, "cancel invitation".
#[utoipa::path(
    put,
    path = "/confirm/{userid}/invited/{invited_address}",
    tag = "invitations",
    params(SentInvitation),
    responses(Cancellation, Refusals)
)]
pub(crate) async fn cancel_invite(
    _: Manager,
    path: Path<SentInvitation>,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let SentInvitation {
        userid,
        invited_address,
    } = path.into_inner();
    answer_confirmation::cancel_invitation(&state, &userid, &invited_address).await?;
    Ok(HttpResponse::Ok().finish())
}

/// `DELETE /confirm/:userid/invited/:invited_address`: the same.
///
/// Body, response, errors: as [`cancel_invite`].
/// Source: sharing document, "cancel invitation".
#[utoipa::path(
    delete,
    path = "/confirm/{userid}/invited/{invited_address}",
    tag = "invitations",
    params(SentInvitation),
    responses(Cancellation, Refusals)
)]
pub(crate) async fn delete_invite(
    manager: Manager,
    path: Path<SentInvitation>,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    cancel_invite(manager, path, state).await
}

/// The address and the offer of a request.
fn read(body: &Body) -> Result<(String, Offer), ApiError> {
    let given: NewInvitation = body.parse_object().map_err(|_| Refusal::Unreadable)?;
    let email = given.email.and_then(|email| address::parse(&email));
    let (Some(email), Some(permissions)) = (email, given.permissions) else {
        return Err(Refusal::Incomplete.into());
    };
    let permissions = context::requested(&permissions)?;
    let (alerts, nickname) = (given.alerts_config.as_ref(), given.nickname.as_ref());
    let offer = Offer::with(permissions, alerts, nickname).map_err(|_| Refusal::Unreadable)?;
    Ok((email, offer))
}
