//! Forgotten passwords.

use actix_web::{
    HttpResponse,
    web::{Data, Path},
};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
use shared_runtime::{body::Body, error::ApiError, source::Source};
use shared_types::{address, password::is_acceptable};
use utoipa::ToSchema;

use super::refusals::{Limited, NotFinding};
use crate::{State, error::Refusal, guesses::limited, use_cases::reset_password};

/// Body of the choice of a new password.
#[derive(Deserialize, ToSchema)]
pub(crate) struct NewPassword {
    /// From the mail.
    #[serde(default)]
    key: String,
    /// The address to which the mail went.
    #[serde(default)]
    email: String,
    /// 8 to 72 characters, no space at the ends.
    #[serde(default)]
    #[schema(value_type = String)]
    password: Option<SecretString>,
}

/// `POST /confirm/send/forgot/:useremail`: mails the key for a new password, or that there is no
/// account. Public.
///
/// The answer tells nothing about the account; the look-up comes after it. A few mails to an
/// address in 10 minutes stand for more requests, which then send none.
/// Body: none. Response: 200, empty.
/// Errors: 400 (empty) that is no address; 429 too many mails asked for from one source; 500 the
/// store failed.
/// Source: public confirmation API `SendPasswordReset`.
#[utoipa::path(
    post, security(()), path = "/confirm/send/forgot/{useremail}", tag = "passwords",
    params(("useremail" = String, Path, description = "The address, `+` unencoded or not")),
    responses(
        (status = 200, description = "A mail is on its way"),
        (status = 400, description = "That is no address; no body"),
        Limited,
        (status = 500, description = "Error saving the confirmation"),
    ),
)]
pub(crate) async fn send_password_reset(
    source: Source,
    email: Path<String>,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let email = address::parse(&email).ok_or(Refusal::Incomplete)?;
    reset_password::request(&state, &source.to_string(), &email).await?;
    Ok(HttpResponse::Ok().finish())
}

/// `PUT /confirm/accept/forgot`: sets a new password with the key from the mail, once. Public.
///
/// All sessions of the account end, and other keys for a new password are worth nothing any more.
/// Body: `{"key", "email", "password"}`. Response: 200,
/// `{"code":200,"reason":"Password has been reset."}`.
/// Errors: 400 the body is no JSON, key or address is missing, or the password is not accepted; 404
/// unknown, used or expired key, or another address; 429 too many of these; 500 the store failed.
/// Source: public confirmation API `AcceptPasswordReset`.
#[utoipa::path(
    put, security(()), path = "/confirm/accept/forgot", tag = "passwords", request_body = NewPassword,
    responses(
        (status = 200, description = "Password has been reset.", body = Object),
        (status = 400, description = "Error while resetting password; reset confirmation remains active until it expires."),
        (status = 404, description = "No matching reset confirmation was found."),
        Limited,
        NotFinding,
    ),
)]
pub(crate) async fn accept_password_reset(
    source: Source,
    body: Body,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let given: NewPassword = body.parse_object().map_err(|_| Refusal::Unreadable)?;
    if given.key.is_empty() || given.email.is_empty() {
        return Err(Refusal::ResetRefused.into());
    }
    let password = given
        .password
        .filter(|password| is_acceptable(password.expose_secret()));
    let reset = reset_password::reset(&state, &given.key, &given.email, password.as_ref());
    limited(&state, source, reset).await?;
    Ok(HttpResponse::Ok().json(json!({ "code": 200, "reason": "Password has been reset." })))
}
