//! The way back for the owner of an account that somebody changed.
//!
//! No web application has such a page, so this one is served whether there is one or not.

use actix_web::{HttpResponse, http::StatusCode};
use minijinja::{Value, context};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use shared_runtime::error::ApiError;
use shared_types::password::is_acceptable;

use super::{
    claim::{BAD_PASSWORD, sentence_of},
    outcome,
    posted::Posted,
    templates::Errors,
    visit::{Visit, see},
};
use crate::{
    domain::account_change::{AccountChange, NotRestored},
    error::{Error, Refusal},
    guesses::limited,
    use_cases::undo_change,
};

/// Where it is; [`crate::mail::Links`] leads here.
pub(super) const PATH: &str = "/pages/account-change";

const FORM: &str = "account_change.html";

#[derive(Default, Deserialize)]
struct Link {
    #[serde(default)]
    key: String,
}

/// A new password, with what entitles to it.
#[derive(Deserialize)]
pub(super) struct WayBack {
    key: String,
    #[serde(default)]
    password: SecretString,
}

/// `GET /pages/account-change`: says what was changed and what happens, and asks for a new
/// password. Public.
///
/// Query: `key`. Nothing changes: mail scanners open links.
/// Response: 200. Errors: 404 the key is worth nothing; 410 the account was put back already; 429
/// too many wrong keys from there; 500 the store failed.
/// Source: Tidegate, pages.
pub(super) async fn show_change(visit: Visit) -> Result<HttpResponse, ApiError> {
    let link: Link = visit.query();
    let found = undo_change::find(&visit.state, &link.key);
    match limited(&visit.state, visit.source(), found).await {
        Ok((_, change)) => visit.page(FORM, values(&link.key, &change)),
        Err(error) => refused(&visit, error),
    }
}

/// `POST /pages/account-change`: puts the account back. Public.
///
/// Body: `key`, `password`. Response: 303.
/// Errors: 400 the password has to be corrected; 403 a form of another site; 404 the key is worth
/// nothing; 409 another account has the address by now; 410 the account was put back already; 429
/// too many wrong keys from there; 500 the store or user-api failed; 503 too many passwords at
/// once.
/// Source: Tidegate, pages.
pub(super) async fn undo_change(posted: Posted<WayBack>) -> Result<HttpResponse, ApiError> {
    let Posted { visit, form } = posted;
    let password = is_acceptable(form.password.expose_secret()).then_some(&form.password);
    let restored = undo_change::undo(&visit.state, &form.key, password);
    let error = match limited(&visit.state, visit.source(), restored).await {
        Ok(()) => return Ok(see(outcome::PUT_BACK.path)),
        Err(error) => error,
    };
    let sentence = match error {
        Error::Refused(Refusal::NotRestored(NotRestored::BadPassword)) => BAD_PASSWORD,
        Error::Refused(Refusal::NotRestored(NotRestored::WeakPassword(weakness))) => {
            sentence_of(weakness)
        }
        error => return refused(&visit, error),
    };
    match undo_change::find(&visit.state, &form.key).await {
        Ok((_, change)) => {
            let errors = Errors::from([("password", sentence)]);
            let values = values(&form.key, &change);
            visit.corrected(StatusCode::BAD_REQUEST, FORM, &errors, values)
        }
        Err(error) => refused(&visit, error),
    }
}

/// What the form says. No address is told to whoever has the link alone.
fn values(key: &str, change: &AccountChange) -> Value {
    context! { key, when => change.when(), what => change.what() }
}

/// A page that says why a link is of no use, or the error where it is about something else.
fn refused(visit: &Visit, error: Error) -> Result<HttpResponse, ApiError> {
    let reason = match error {
        Error::Refused(Refusal::NotRestored(refusal)) => match refusal {
            NotRestored::Expired => "expired",
            NotRestored::Done => "done",
            NotRestored::NamesTaken => "taken",
            NotRestored::Unknown | NotRestored::BadPassword | NotRestored::WeakPassword(_) => {
                "unknown"
            }
        },
        error => return Err(error.into()),
    };
    let values = context! { reason, log_in => visit.log_in() };
    visit.page_about(error.into(), "account_change_gone.html", values)
}
