//! Logging in and out.

use actix_web::{HttpResponse, http::StatusCode};
use minijinja::context;
use secrecy::SecretString;
use serde::Deserialize;
use shared_runtime::{
    error::{ApiError, OrFail as _},
    peers::user_api::Login,
};

use super::{
    invitations, outcome,
    posted::{Button, Posted},
    templates::Errors,
    verify,
    visit::{Visit, see},
};
use crate::error::{Failure, Refusal};

/// What the links in mails say.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Link {
    signup_key: Option<String>,
    signup_email: Option<String>,
    invite_email: Option<String>,
}

/// A name and a password.
#[derive(Deserialize)]
pub(super) struct Credentials {
    #[serde(default)]
    email: String,
    #[serde(default)]
    password: SecretString,
}

/// `GET /login`: the form with which one logs in, or what the link of a mail is about. Public.
///
/// Query: `signupKey` and `signupEmail` lead to the verification of an address; `inviteEmail` is
/// the address that was invited. Nothing changes: mail scanners open links.
/// Response: 200; 303 to the invitations of who is logged in. Errors: 404 the key is worth nothing;
/// 500 the store or user-api failed; 503 a session cannot be checked.
/// Source: links in the mails of the public confirmation API.
pub(super) async fn show_log_in(visit: Visit) -> Result<HttpResponse, ApiError> {
    let link: Link = visit.query();
    if let Some(key) = link.signup_key {
        let email = link.signup_email.unwrap_or_default();
        return verify::show(&visit, &key, &email).await;
    }
    if visit.person().await?.is_some() {
        return Ok(see(invitations::PATH));
    }
    let is_invited = link.invite_email.is_some();
    let email = link.invite_email.unwrap_or_default();
    visit.page("log_in.html", context! { email, is_invited })
}

/// `POST /login`: opens a session, in the place of the one that the browser had.
///
/// Body: `email`, `password`. Response: 303 to the invitations, with a session cookie.
/// Errors: 401 wrong address or password; 403 the address is not verified, or a form of another
/// site; 429 too many attempts; 500 user-api failed.
/// Source: Tidegate, pages.
pub(super) async fn log_in(posted: Posted<Credentials>) -> Result<HttpResponse, ApiError> {
    let Posted { visit, form } = posted;
    let email = form.email.trim();
    let user_api = &visit.state.user_api;
    let login = user_api
        .log_in(&visit.source(), email, &form.password)
        .await
        .or_fail(Failure::FindingUser)?;
    match login {
        Login::Opened(session) => {
            visit.end_session().await;
            Ok(visit.enter(&session, invitations::PATH))
        }
        Login::WrongCredentials => {
            let errors = Errors::from([("whole", "The address or the password is wrong.")]);
            let values = context! { email, is_invited => false };
            visit.corrected(StatusCode::UNAUTHORIZED, "log_in.html", &errors, values)
        }
        Login::Unverified => {
            let values = context! { email, is_new => false };
            visit.page_with(StatusCode::FORBIDDEN, "unverified.html", values)
        }
        Login::TooMany { retry_after } => Err(Refusal::TooMany(retry_after).into()),
    }
}

/// `POST /pages/log-out`: ends the session.
///
/// Body: nothing but the token of the form. Response: 303. Errors: 403 a form of another site.
/// Source: Tidegate, pages.
pub(super) async fn log_out(posted: Posted<Button>) -> Result<HttpResponse, ApiError> {
    posted.visit.end_session().await;
    Ok(posted.visit.leave(outcome::LOGGED_OUT.path))
}
