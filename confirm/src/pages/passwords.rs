//! Forgotten passwords.

use actix_web::{HttpResponse, http::StatusCode};
use chrono::Utc;
use minijinja::context;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use shared_runtime::error::ApiError;
use shared_types::{address, password::is_acceptable};

use super::{
    claim::{BAD_PASSWORD, sentence_of},
    outcome,
    posted::Posted,
    templates::Errors,
    verify::Recipient,
    visit::{Visit, see},
};
use crate::{
    error::{Error, Failure, Refusal},
    guesses::limited,
    use_cases::reset_password,
};

const CHOICE: &str = "new_password.html";

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Link {
    reset_key: Option<String>,
}

/// A new password, with what entitles to it.
#[derive(Deserialize)]
pub(super) struct NewPassword {
    key: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    password: SecretString,
}

/// `GET /pages/forgot-password`: the form with which one asks for a new password. Public.
///
/// Response: 200. Errors: none of its own.
/// Source: Tidegate, pages.
pub(super) async fn show_forgotten(visit: Visit) -> Result<HttpResponse, ApiError> {
    visit.page("forgot_password.html", context! { email => "" })
}

/// `POST /pages/forgot-password`: mails a link to a new password. Public.
///
/// Body: `email`. Response: 303, the same whether there is such an account or not.
/// Errors: 400 that is no address; 403 a form of another site; 429 too many mails asked for from
/// one source; 500 the
/// store failed.
/// Source: public confirmation API `SendPasswordReset`.
pub(super) async fn request_reset(posted: Posted<Recipient>) -> Result<HttpResponse, ApiError> {
    let Posted { visit, form } = posted;
    let email = form.email.trim();
    let Some(address) = address::parse(email) else {
        let errors = Errors::from([(
            "email",
            "This is no address. It has the form name@example.org.",
        )]);
        let status = StatusCode::BAD_REQUEST;
        return visit.corrected(status, "forgot_password.html", &errors, context! { email });
    };
    reset_password::request(&visit.state, &visit.source().to_string(), &address).await?;
    Ok(see(outcome::RESET_SENT.path))
}

/// `GET /confirm-password-reset`: the form with which one chooses a new password. Public.
///
/// Query: `resetKey`. Nothing changes: mail scanners open links.
/// Response: 200; 303 without a key. Errors: 404 the key is worth nothing; 500 the store failed.
/// Source: links in the mails of the public confirmation API.
pub(super) async fn show_reset(visit: Visit) -> Result<HttpResponse, ApiError> {
    let link: Link = visit.query();
    let Some(key) = link.reset_key else {
        return Ok(see("/pages/forgot-password"));
    };
    let found = async {
        let found = reset_password::find(&visit.state, &key).await?;
        found.ok_or(Error::Refused(Refusal::NoReset))
    };
    match limited(&visit.state, visit.source(), found).await {
        Err(Error::Refused(refusal)) if refusal.is_wrong_key() => gone(&visit, refusal),
        Err(error) => Err(error.into()),
        Ok(reset) if reset.is_expired(Utc::now()) => gone(&visit, Refusal::ResetExpired),
        // The address is not told to whoever has the link alone.
        Ok(_) => visit.page(CHOICE, context! { key, email => "" }),
    }
}

/// `POST /confirm-password-reset`: sets a new password. Public.
///
/// Body: `key`, `email`, `password`. Response: 303.
/// Errors: 400 the password has to be corrected; 403 a form of another site; 404 the key is worth
/// nothing, or not for this address; 500 the store failed.
/// Source: public confirmation API `AcceptPasswordReset`.
pub(super) async fn reset_password(posted: Posted<NewPassword>) -> Result<HttpResponse, ApiError> {
    let Posted { visit, form } = posted;
    let (key, email) = (form.key.as_str(), form.email.trim());
    let again =
        |status, errors: Errors| visit.corrected(status, CHOICE, &errors, context! { key, email });
    let password = is_acceptable(form.password.expose_secret()).then_some(&form.password);
    let reset = reset_password::reset(&visit.state, key, email, password);
    let error = match limited(&visit.state, visit.source(), reset).await {
        Ok(()) => return Ok(see(outcome::PASSWORD_CHANGED.path)),
        Err(error) => error,
    };
    let password = match error {
        Error::Refused(Refusal::NoReset | Refusal::ResetExpired) => {
            return match reset_password::find(&visit.state, key).await? {
                None => gone(&visit, Refusal::NoReset),
                Some(reset) if reset.is_expired(Utc::now()) => gone(&visit, Refusal::ResetExpired),
                Some(_) => again(
                    StatusCode::NOT_FOUND,
                    Errors::from([("email", "The link was sent to another address.")]),
                ),
            };
        }
        Error::Refused(Refusal::WeakReset(weakness)) => sentence_of(weakness),
        Error::Refused(Refusal::ResetRefused)
        | Error::Failed {
            failure: Failure::ResettingPassword,
            ..
        } => BAD_PASSWORD,
        error => return Err(error.into()),
    };
    again(
        StatusCode::BAD_REQUEST,
        Errors::from([("password", password)]),
    )
}

fn gone(visit: &Visit, refusal: Refusal) -> Result<HttpResponse, ApiError> {
    let is_expired = refusal == Refusal::ResetExpired;
    let values = context! { is_expired };
    visit.page_about(refusal.into(), "password_link_gone.html", values)
}
