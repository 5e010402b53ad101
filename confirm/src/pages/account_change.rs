//! The way back for the owner of an account that somebody changed.
//!
//! No web application has such a page, so this one is served whether there is one or not.

use actix_web::{HttpResponse, http::StatusCode};
use minijinja::{Value, context};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use shared_runtime::error::ApiError;
use shared_types::password::{Weakness, is_acceptable};

use super::{
    claim::{BAD_PASSWORD, sentence_of},
    outcome,
    posted::Posted,
    templates::Errors,
    visit::{Visit, see},
};
use crate::{
    domain::account_change::{AccountChange, NotRestored},
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
    let found = async { Ok(undo_change::find(&visit.state, &link.key).await??) };
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
    if error.status() != StatusCode::BAD_REQUEST {
        return refused(&visit, error);
    }
    match undo_change::find(&visit.state, &form.key).await? {
        Ok((_, change)) => {
            let is_it =
                |weakness: &Weakness| is_about(&error, NotRestored::WeakPassword(*weakness));
            let weakness = Weakness::ALL.into_iter().find(is_it);
            let errors = Errors::from([("password", weakness.map_or(BAD_PASSWORD, sentence_of))]);
            visit.corrected(error.status(), FORM, &errors, values(&form.key, &change))
        }
        Err(refusal) => gone(&visit, refusal),
    }
}

/// What the form says. No address is told to whoever has the link alone.
fn values(key: &str, change: &AccountChange) -> Value {
    context! { key, when => change.when(), what => change.what() }
}

fn is_about(error: &ApiError, refusal: NotRestored) -> bool {
    let known = ApiError::from(refusal);
    (known.status(), known.body()) == (error.status(), error.body())
}

/// A page that says why a link is of no use, or the error where it is about something else.
fn refused(visit: &Visit, error: ApiError) -> Result<HttpResponse, ApiError> {
    let refusals = [
        NotRestored::Unknown,
        NotRestored::Expired,
        NotRestored::Done,
        NotRestored::NamesTaken,
    ];
    let refusal = refusals
        .into_iter()
        .find(|refusal| is_about(&error, *refusal));
    match refusal {
        Some(refusal) => gone(visit, refusal),
        None => Err(error),
    }
}

fn gone(visit: &Visit, refusal: NotRestored) -> Result<HttpResponse, ApiError> {
    let reason = match refusal {
        NotRestored::Expired => "expired",
        NotRestored::Done => "done",
        NotRestored::NamesTaken => "taken",
        _ => "unknown",
    };
    let values = context! { reason, log_in => visit.log_in() };
    visit.page_about(refusal.into(), "account_change_gone.html", values)
}
