//! New accounts.

use actix_web::{HttpResponse, http::StatusCode};
use minijinja::context;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use shared_runtime::{
    error::{ApiError, OrFail as _},
    peers::user_api::SignUp,
};
use shared_types::{
    address,
    password::{is_acceptable, weakness},
};

use super::{
    claim::{BAD_PASSWORD, sentence_of},
    outcome,
    posted::Posted,
    templates::Errors,
    visit::{Visit, see},
};
use crate::{
    domain::sign_up::Requester,
    error::{Failure, Refusal},
    use_cases::send_sign_up::{self, Mail},
};

/// Where those sign up who are invited into a clinic.
pub(super) const CLINICIAN: &str = "/signup/clinician";

const FORM: &str = "sign_up.html";

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Link {
    invite_email: Option<String>,
}

/// A new account.
#[derive(Deserialize)]
pub(super) struct NewAccount {
    #[serde(default)]
    email: String,
    #[serde(default)]
    password: SecretString,
}

/// `GET /signup`, `/signup/personal`, `/signup/clinician`: the form of a new account. Public.
///
/// Query: `inviteEmail`, the address that was invited. Response: 200.
/// Errors: none of its own.
/// Source: links in the mails of the public confirmation API.
pub(super) async fn show_sign_up(visit: Visit) -> Result<HttpResponse, ApiError> {
    let link: Link = visit.query();
    let values = context! {
        action => visit.path(),
        is_invited => link.invite_email.is_some(),
        is_clinician => visit.path() == CLINICIAN,
        email => link.invite_email.unwrap_or_default(),
    };
    visit.page(FORM, values)
}

/// `POST` to the same paths: makes the account and mails the key that verifies its address.
///
/// Body: `email`, `password`. Response: 303.
/// Errors: 400 address or password have to be corrected; 403 a form of another site; 409 the
/// address has an account; 429 too many sign-ups from there, or too many mails to it, but then the
/// account exists; 500 user-api or the store failed.
/// Source: public user API `CreateUser`; public confirmation API `SendAccountSignupConfirmation`.
pub(super) async fn sign_up(posted: Posted<NewAccount>) -> Result<HttpResponse, ApiError> {
    let Posted { visit, form } = posted;
    let (email, is_clinician) = (form.email.trim(), visit.path() == CLINICIAN);
    let again = |status, errors: Errors| {
        let values = context! {
            action => visit.path(), email, is_invited => false, is_clinician,
            is_taken => status == StatusCode::CONFLICT,
        };
        visit.corrected(status, FORM, &errors, values)
    };
    let mut errors = Errors::new();
    let address = address::parse(email);
    if address.is_none() {
        errors.insert(
            "email",
            "This is no address. It has the form name@example.org.",
        );
    }
    if !is_acceptable(form.password.expose_secret()) {
        errors.insert("password", BAD_PASSWORD);
    }
    let Some(address) = address.filter(|_| errors.is_empty()) else {
        return again(StatusCode::BAD_REQUEST, errors);
    };
    let role = if is_clinician { "clinician" } else { "patient" };
    let user_api = &visit.state.user_api;
    let made = user_api
        .sign_up(&visit.source(), &address, &form.password, &[role])
        .await
        .or_fail(Failure::UpdatingUser)?;
    let session = match made {
        SignUp::Created(session) => session,
        SignUp::Taken => {
            let taken = "There is an account with this address already.";
            return again(StatusCode::CONFLICT, Errors::from([("email", taken)]));
        }
        SignUp::TooMany { retry_after } => return Err(Refusal::TooMany(retry_after).into()),
        SignUp::Invalid => {
            let password = form.password.expose_secret();
            if let Some(weakness) = weakness(password, std::iter::once(email)) {
                let errors = Errors::from([("password", sentence_of(weakness))]);
                return again(StatusCode::BAD_REQUEST, errors);
            }
            let invalid = "This address is not accepted.";
            return again(StatusCode::BAD_REQUEST, Errors::from([("email", invalid)]));
        }
    };
    let requester = Requester::Person(&session.user_id);
    let sent = send_sign_up::request(&visit.state, requester, &session.user_id, Mail::Queued).await;
    // Whoever signed up logs in once the address is verified. Until then the session is for
    // nothing.
    visit.end(&session.token).await;
    match sent {
        Ok(_) => Ok(see(outcome::SIGNED_UP.path)),
        Err(error) => {
            let values = context! { email, is_new => true };
            visit.page_about(error.into(), "unverified.html", values)
        }
    }
}
