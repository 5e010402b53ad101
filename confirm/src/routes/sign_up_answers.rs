//! Confirmations of sign-ups: answered by the recipient of the mail.

use actix_web::{
    HttpResponse,
    web::{Data, Path},
};
use shared_runtime::{body::Body, error::ApiError, source::Source};
use shared_types::UserId;
use utoipa::IntoResponses;

use super::{refusals::Limited, sign_ups::Reference};
use crate::{
    State,
    error::Refusal,
    guesses::limited,
    use_cases::answer::{answer_confirmation, verify_address},
};

/// What a verification comes to, for the OpenAPI document.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only documents the responses")]
enum Verification {
    #[response(status = 200, description = "Verified")]
    Verified,
    #[response(
        status = 404,
        description = "No matching signup confirmation was found, or The signup confirmation has expired"
    )]
    NoSignUp,
    #[response(status = 409, description = "Numbered 1001 to 1007")]
    InvalidClaim,
    #[response(status = 429, description = "Too many requests; try again later")]
    TooMany,
    #[response(status = 500, description = "Error updating user")]
    Failed,
}

/// `PUT /confirm/accept/signup/:confirmationid`: verifies the address to which the mail went and,
/// where others made the account, sets its first password. Public.
///
/// The key works for the account and the address for which it was made, and again once it was used;
/// then a password in the body must be the one that was set.
/// The first password takes the right `custodian` from everybody who had it.
/// Body: none, or `{"password", "birthday"}` (`YYYY-MM-DD`, the patient's) for an account without
/// password. Response: 200, empty.
/// Errors: 404 unknown, withdrawn or expired key, or the account has another address; 409 with
/// `error` 1001 to 1007 what is wrong with password and birthday; 429 too many birthdays, or
/// passwords after the first use, were tried; 500 the account cannot be loaded or changed, or the
/// store failed.
/// Source: public confirmation API `ConfirmAccountSignup`.
#[utoipa::path(
    put, security(()), path = "/confirm/accept/signup/{confirmationid}", tag = "sign-ups", request_body = Object,
    params(("confirmationid" = String, Path, description = "The key from the mail")),
    responses(Verification),
)]
pub(crate) async fn accept_sign_up(
    key: Path<String>,
    source: Source,
    body: Body,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let accepted = verify_address::accept(&state, &key, None, &body.0);
    limited(&state, source, accepted).await?;
    Ok(HttpResponse::Ok().finish())
}

/// `PUT /confirm/accept/signup/:userid/:confirmationid`: the same, for this account only. Public.
///
/// Body, response, errors: as [`accept_sign_up`].
/// Source: older document of the confirmation API.
#[utoipa::path(
    put, security(()), path = "/confirm/accept/signup/{userid}/{confirmationid}", tag = "sign-ups", request_body = Object,
    params(
        ("userid" = String, Path, description = "The account"),
        ("confirmationid" = String, Path, description = "The key from the mail"),
    ),
    responses(Verification),
)]
pub(crate) async fn accept_sign_up_of(
    path: Path<(UserId, String)>,
    source: Source,
    body: Body,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let (user, key) = path.into_inner();
    let accepted = verify_address::accept(&state, &key, Some(&user), &body.0);
    limited(&state, source, accepted).await?;
    Ok(HttpResponse::Ok().finish())
}

/// `PUT /confirm/dismiss/signup/:userid`: the recipient of the mail says that it is not for them.
/// Public.
///
/// Body: `{"key"}`. Response: 200, empty.
/// Errors: 400 no JSON, or no key; 404 no such pending confirmation of this account; 500 the store
/// failed.
/// Source: public confirmation API `DismissAccountSignupConfirmation`.
#[utoipa::path(
    put, security(()), path = "/confirm/dismiss/signup/{userid}", tag = "sign-ups", request_body = Reference,
    params(("userid" = String, Path, description = "The account")),
    responses(
        (status = 200, description = "Declined"),
        (status = 400, description = "Required confirmation id is missing"),
        (status = 404, description = "No matching signup confirmation was found"),
        Limited,
        (status = 500, description = "Error updating confirmation"),
    ),
)]
pub(crate) async fn dismiss_sign_up(
    user: Path<UserId>,
    source: Source,
    body: Body,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let reference: Reference = body.parse_object().map_err(|_| Refusal::Unreadable)?;
    let key = reference.key.filter(|key| !key.is_empty());
    let key = key.ok_or(Refusal::NoSignUpKey)?;
    let declined = answer_confirmation::decline_sign_up(&state, &user, &key);
    limited(&state, source, declined).await?;
    Ok(HttpResponse::Ok().finish())
}
