//! Confirmations of sign-ups: made, sent, shown, withdrawn.

use actix_web::{
    HttpResponse,
    http::StatusCode,
    web::{Data, Path},
};
use serde::Deserialize;
use shared_runtime::{auth::Caller, body::Body, error::ApiError, source::Source};
use shared_types::{ClinicId, UserId};
use utoipa::{IntoResponses, ToSchema};

use super::{
    refusals::{Limited, NotFinding, Refusals},
    view::ConfirmationView,
};
use crate::{
    State,
    domain::{confirmation::Confirmation, sign_up::Requester},
    error::Refusal,
    guesses::limited,
    rights::{Manager, require_manager},
    use_cases::{
        answer::answer_confirmation,
        load_people::Profiles,
        send_sign_up::{self, Mail},
    },
};

/// Body of the request for a confirmation; other members are ignored.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Invitation {
    /// The clinic that made the account; `None`: no clinic did.
    #[serde(default)]
    clinic_id: Option<String>,
    /// Who did there.
    #[serde(default)]
    invited_by: Option<String>,
}

/// Body of the answer to a confirmation from outside a mail; other members are ignored.
#[derive(Debug, Default, Deserialize, ToSchema)]
pub(crate) struct Reference {
    /// The key from the mail.
    #[serde(default)]
    pub(crate) key: Option<String>,
}

/// Why no confirmation is made, for the OpenAPI document.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only documents the responses")]
enum NotMade {
    #[response(status = 400, description = "Error decoding the confirmation")]
    Unreadable,
    #[response(
        status = 403,
        description = "User already has an existing valid signup confirmation"
    )]
    SignUpExists,
    #[response(status = 404, description = "Error finding the user")]
    UserNotFound,
    #[response(status = 429, description = "Too many requests; try again later")]
    TooMany,
    #[response(status = 500, description = "Error saving the confirmation")]
    Failed,
}

/// What a withdrawal comes to, for the OpenAPI document.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only documents the responses")]
enum Withdrawal {
    #[response(status = 200, description = "Withdrawn")]
    Withdrawn,
    #[response(
        status = 404,
        description = "No matching signup confirmation was found"
    )]
    NoSignUp,
    #[response(status = 500, description = "Error updating confirmation")]
    Failed,
}

/// `POST /confirm/send/signup/:userid`: mails an account the key that verifies its address.
///
/// For services, the account, and who runs it. An account without an address loses the
/// confirmation that it had, and no mail is sent.
/// Body: none, or `{"clinicId"?, "invitedBy"?}`. Response: 200, empty.
/// Errors: 400 no JSON; 401 no token or no right; 403 invalid token, or a confirmation stands
/// already; 404 no such account; 429 too many mails; 500 the store or gatekeeper failed.
/// Source: public confirmation API `SendAccountSignupConfirmation`.
#[utoipa::path(
    post, path = "/confirm/send/signup/{userid}", tag = "sign-ups", request_body = Invitation,
    params(("userid" = String, Path, description = "The account")),
    responses(
        (status = 200, description = "A mail is on its way"),
        Refusals,
        NotMade,
    ),
)]
pub(crate) async fn send_sign_up(
    manager: Manager,
    body: Body,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    make(&state, &manager, &body, Mail::Queued).await?;
    Ok(HttpResponse::Ok().finish())
}

/// `POST /confirm/signup/:userid`: the same without a mail.
///
/// Body: none, or `{"clinicId"?, "invitedBy"?}`. Response: 200, the confirmation, whose key is
/// empty unless a service asks; empty for an account without an address.
/// Errors: as [`send_sign_up()`].
/// Source: public confirmation API `CreateAccountSignupConfirmation`.
#[utoipa::path(
    post, path = "/confirm/signup/{userid}", tag = "sign-ups", request_body = Invitation,
    params(("userid" = String, Path, description = "The account")),
    responses(
        (status = 200, description = "The confirmation", body = ConfirmationView),
        Refusals,
        NotMade,
    ),
)]
pub(crate) async fn create_sign_up(
    manager: Manager,
    body: Body,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let made = make(&state, &manager, &body, Mail::None).await?;
    Ok(match made {
        Some(made) => HttpResponse::Ok().json(shown_to(&manager.caller, made)),
        None => HttpResponse::Ok().finish(),
    })
}

/// `GET /confirm/signup/:userid`: the newest pending confirmation of an account's sign-up.
///
/// For services, the account, and who runs it. Response: 200, the confirmation, whose key is empty
/// unless a service asks: a user who could read it here could verify an address of another person.
/// Errors: 401 no token or no right; 403 invalid token; 404 none is pending; 500 the store or
/// gatekeeper failed.
/// Source: public confirmation API `GetAccountSignupConfirmation`.
#[utoipa::path(
    get, path = "/confirm/signup/{userid}", tag = "sign-ups",
    params(("userid" = String, Path, description = "The account")),
    responses(
        (status = 200, description = "The confirmation", body = ConfirmationView),
        Refusals,
        (status = 404, description = "No matching signup confirmation was found"),
        NotFinding,
    ),
)]
pub(crate) async fn find_sign_up(
    manager: Manager,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let found = answer_confirmation::find_pending_sign_up(&state, &manager.account).await?;
    Ok(HttpResponse::Ok().json(shown_to(&manager.caller, found)))
}

/// `POST /confirm/resend/signup/:useremail`: mails another key for the pending sign-up. Public.
///
/// The earlier keys are good as long as they were, since anybody can ask for this. Instead of the
/// address the id of the account is taken too. A few mails to it in 10 minutes stand for more
/// requests; the owner, who may show a token, has mails of its own.
/// Body: none. Response: 200, empty.
/// Errors: 404 none is pending for the address; 429 too many mails asked for from one source, or by
/// the owner; 500 the store failed.
/// Source: public confirmation API `ResendAccountSignupConfirmation`.
#[utoipa::path(
    post, security(()), path = "/confirm/resend/signup/{useremail}", tag = "sign-ups",
    params(("useremail" = String, Path, description = "The address, `+` unencoded or not, or the id of the account")),
    responses(
        (status = 200, description = "A mail is on its way"),
        (status = 404, description = "No matching signup confirmation was found"),
        Limited,
        (status = 500, description = "Error saving the confirmation"),
    ),
)]
pub(crate) async fn resend_sign_up(
    caller: Result<Caller, ApiError>,
    source: Source,
    name: Path<String>,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    // Without a token, or with one that is worth nothing, it is anybody.
    let caller = caller.ok();
    let place = source.to_string();
    let sent = send_sign_up::resend(&state, &place, caller.as_ref(), &name);
    limited(&state, source, sent).await?;
    Ok(HttpResponse::Ok().finish())
}

/// `PUT /confirm/signup/:userid`: withdraws the confirmation of a sign-up.
///
/// A caller who has the key may, without a token. Without a key, the pending one is withdrawn for
/// services, the account, and who runs it.
/// Body: `{"key"?}`. Response: 200, empty.
/// Errors: 400 no JSON, or neither key nor token; 401 no right; 403 invalid token; 404 no such
/// confirmation of this account; 500 the store or gatekeeper failed.
/// Source: public confirmation API `CancelAccountSignupConfirmation`; the browser client's
/// `signupCancel`, which sends no key.
#[utoipa::path(
    put, path = "/confirm/signup/{userid}", tag = "sign-ups", request_body = Reference,
    params(("userid" = String, Path, description = "The account")),
    responses(
        Withdrawal,
        (status = 400, description = "Required confirmation id is missing"),
        Refusals,
        Limited,
    ),
)]
pub(crate) async fn cancel_sign_up(
    caller: Result<Caller, ApiError>,
    user: Path<UserId>,
    source: Source,
    body: Body,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let reference: Reference = body.parse_object().map_err(|_| Refusal::Unreadable)?;
    if let Some(key) = reference.key.filter(|key| !key.is_empty()) {
        let canceled = answer_confirmation::cancel_sign_up(&state, &user, &key);
        limited(&state, source, canceled).await?;
    } else {
        let caller = caller.map_err(|error| match error.status() {
            StatusCode::UNAUTHORIZED => Refusal::NoSignUpKey.into(),
            _ => error,
        })?;
        require_manager(&state, &caller, &user).await?;
        answer_confirmation::cancel_pending_sign_up(&state, &user).await?;
    }
    Ok(HttpResponse::Ok().finish())
}

/// `DELETE /confirm/signup/:userid`: withdraws the pending confirmation of a sign-up.
///
/// For services, the account, and who runs it. Body: none. Response: 200, empty.
/// Errors: 401 no token or no right; 403 invalid token; 404 none is pending; 500 the store or
/// gatekeeper failed.
/// Source: older document of the confirmation API.
#[utoipa::path(
    delete, path = "/confirm/signup/{userid}", tag = "sign-ups",
    params(("userid" = String, Path, description = "The account")),
    responses(Withdrawal, Refusals),
)]
pub(crate) async fn delete_sign_up(
    manager: Manager,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    answer_confirmation::cancel_pending_sign_up(&state, &manager.account).await?;
    Ok(HttpResponse::Ok().finish())
}

/// The answer for `caller`.
fn shown_to(caller: &Caller, confirmation: Confirmation) -> ConfirmationView {
    let view = ConfirmationView::new(confirmation, &Profiles::new());
    if caller.is_service() {
        view
    } else {
        view.without_key()
    }
}

async fn make(
    state: &State,
    manager: &Manager,
    body: &Body,
    mail: Mail,
) -> Result<Option<Confirmation>, ApiError> {
    let invitation: Invitation = body
        .parse_optional_object()
        .map_err(|_| Refusal::Unreadable)?;
    let requester = match &manager.caller {
        Caller::Service(_) => Requester::Service {
            clinic_id: clinic(invitation.clinic_id.as_deref())?,
            invited_by: given(invitation.invited_by.as_deref()),
        },
        Caller::User(user) => Requester::Person(&user.id),
    };
    Ok(send_sign_up::request(state, requester, &manager.account, mail).await?)
}

fn clinic(id: Option<&str>) -> Result<Option<ClinicId>, Refusal> {
    let id = given(id).map(str::parse).transpose();
    id.map_err(|_| Refusal::Unreadable)
}

fn given(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.is_empty())
}
