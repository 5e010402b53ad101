//! The verification of an address, and the claim of an account that others made.

use actix_web::{HttpResponse, http::StatusCode};
use minijinja::context;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
use shared_runtime::error::ApiError;
use shared_types::address;

use super::{
    claim, outcome,
    posted::Posted,
    visit::{Visit, see},
};
use crate::{
    domain::sign_up::is_custodial,
    error::{Error, Refusal},
    guesses::limited,
    use_cases::{answer::verify_address, send_sign_up},
};

const CLAIM: &str = "claim.html";

/// The key from the mail and, for an account without password, what shows that it is theirs.
#[derive(Deserialize)]
pub(super) struct Verification {
    key: String,
    password: Option<SecretString>,
    #[serde(default)]
    birthday: String,
}

/// An address to which a mail shall go.
#[derive(Deserialize)]
pub(super) struct Recipient {
    #[serde(default)]
    pub(super) email: String,
}

/// The page behind the link with `key`, which was mailed to `email` if the link says the truth.
/// Changes nothing.
pub(super) async fn show(visit: &Visit, key: &str, email: &str) -> Result<HttpResponse, ApiError> {
    let (confirmation, account) = match limited(
        &visit.state,
        visit.source(),
        verify_address::find(&visit.state, key, None),
    )
    .await
    {
        Ok(found) => found,
        Err(error) => return refused(visit, error, email),
    };
    let email = confirmation.email;
    if is_custodial(&account.user) {
        let values = context! { key, email, birthday => "" };
        return visit.page(CLAIM, values);
    }
    if account.user.email_verified == Some(true) {
        return Ok(see(outcome::VERIFIED.path));
    }
    visit.page("verify.html", context! { key, email })
}

/// `POST /pages/verify`: verifies an address, or claims an account.
///
/// Body: `key`; for an account without password `password` and `birthday`. Response: 303.
/// Errors: 403 a form of another site; 404 the key is worth nothing; 409 password or birthday have
/// to be corrected; 429 too many birthdays were tried; 500 the store or user-api failed.
/// Source: public confirmation API `ConfirmAccountSignup`.
pub(super) async fn verify(posted: Posted<Verification>) -> Result<HttpResponse, ApiError> {
    let Posted { visit, form } = posted;
    let password = form.password.as_ref().map(ExposeSecret::expose_secret);
    let body = json!({ "password": password, "birthday": form.birthday }).to_string();
    let accepted = verify_address::accept(&visit.state, &form.key, None, body.as_bytes());
    let error = match limited(&visit.state, visit.source(), accepted).await {
        Ok(()) => return Ok(see(outcome::VERIFIED.path)),
        Err(error) => error,
    };
    match claim::errors_of(&error) {
        None => refused(&visit, error, ""),
        Some(errors) => {
            let (confirmation, _) = verify_address::find(&visit.state, &form.key, None).await?;
            let (key, email, birthday) = (form.key, confirmation.email, form.birthday);
            let values = context! { key, email, birthday };
            visit.corrected(StatusCode::CONFLICT, CLAIM, &errors, values)
        }
    }
}

/// Tells what to do about a key that is worth nothing.
fn refused(visit: &Visit, error: Error, email: &str) -> Result<HttpResponse, ApiError> {
    let is_expired = match error {
        Error::Refused(Refusal::NoSignUp) => false,
        Error::Refused(Refusal::SignUpExpired) => true,
        error => return Err(error.into()),
    };
    let email = Some(email).filter(|email| address::is_valid(email));
    let values = context! { is_expired, email => email.unwrap_or_default() };
    visit.page_about(error.into(), "sign_up_link_gone.html", values)
}

/// `POST /pages/verification-mail`: mails a new link to an address that is not verified. Public.
///
/// Body: `email`. Response: 303, the same whether there is such an account or not.
/// Errors: 403 a form of another site; 429 too many mails asked for from one
/// source; 500 the store or user-api failed.
/// Source: public confirmation API `ResendAccountSignupConfirmation`.
pub(super) async fn send_again(posted: Posted<Recipient>) -> Result<HttpResponse, ApiError> {
    let Posted { visit, form } = posted;
    if let Some(email) = address::parse(&form.email) {
        let source = visit.source().to_string();
        send_sign_up::resend_or_send(&visit.state, &source, &email).await?;
    }
    Ok(see(outcome::MAIL_SENT.path))
}
