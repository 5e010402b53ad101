//! A request of a browser: its cookies, and the responses that it gets.

use std::{
    fmt::Write as _,
    future::{Ready, ready},
};

use actix_web::{
    FromRequest, HttpRequest, HttpResponse,
    dev::Payload,
    http::{StatusCode, header},
    web::{Data, Query},
};
use anyhow::anyhow;
use minijinja::Value;
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use shared_runtime::{
    auth::{AuthFailure, Freshness},
    error::{ApiError, Rejection},
    peers::user_api::Session,
    source::Source,
};
use shared_types::UserId;
use subtle::ConstantTimeEq;
use tracing::warn;

use super::{Pages, dress::answer, templates::Errors};
use crate::{State, domain::key, error::envelope};

const SESSION: &str = "tidegate-session";
const FORM: &str = "tidegate-form";

/// The browser that asks, and the responses it gets.
pub(super) struct Visit {
    pub(super) state: Data<State>,
    pages: Data<Pages>,
    request: HttpRequest,
    /// Stands in a cookie and in every form.
    form_token: String,
    /// The browser has the cookie already.
    knows_form_token: bool,
    session: Option<SecretString>,
}

impl FromRequest for Visit {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Self::of(request))
    }
}

impl Visit {
    pub(super) fn of(request: &HttpRequest) -> Result<Self, ApiError> {
        let state = request.app_data::<Data<State>>().cloned();
        let pages = request.app_data::<Data<Pages>>().cloned();
        let (Some(state), Some(pages)) = (state, pages) else {
            let cause = anyhow!("the pages are not configured");
            return Err(ApiError::empty(StatusCode::INTERNAL_SERVER_ERROR).caused_by(cause));
        };
        let form_token = cookie(request, &pages.cookie_name(FORM));
        let session = cookie(request, &pages.cookie_name(SESSION));
        Ok(Self {
            state,
            request: request.clone(),
            knows_form_token: form_token.is_some(),
            form_token: form_token.map_or_else(key::generate, str::to_owned),
            session: session.map(SecretString::from),
            pages,
        })
    }

    /// Where the pages are.
    pub(super) fn origin(&self) -> &str {
        &self.pages.origin
    }

    /// Where the browser is.
    pub(super) fn source(&self) -> Source {
        Source::of(&self.request)
    }

    /// Where people log in.
    pub(super) fn log_in(&self) -> String {
        self.pages.log_in()
    }

    pub(super) fn path(&self) -> &str {
        self.request.path()
    }

    /// The query; one that cannot be read says nothing.
    pub(super) fn query<T: DeserializeOwned + Default>(&self) -> T {
        Query::from_query(self.request.query_string())
            .map_or_else(|_| T::default(), Query::into_inner)
    }

    /// Whether a form holds what the cookie of this browser does.
    pub(super) fn has_form_token(&self, given: &str) -> bool {
        self.knows_form_token && self.form_token.as_bytes().ct_eq(given.as_bytes()).into()
    }

    /// Who is logged in.
    pub(super) async fn person(&self) -> Result<Option<UserId>, ApiError> {
        let Some(session) = &self.session else {
            return Ok(None);
        };
        let authenticator = &self.state.authenticator;
        let freshness = Freshness::needed_by(self.request.method());
        let checked = authenticator.0.check(session.expose_secret(), freshness);
        match checked.await {
            Ok(data) => Ok((!data.isserver).then(|| data.userid.into())),
            Err(AuthFailure::Invalid) => Ok(None),
            Err(AuthFailure::Unavailable(why)) => {
                Err(envelope(Rejection::CheckUnavailable).caused_by(anyhow!(why)))
            }
        }
    }

    /// Ends the session that the browser has, if it has one.
    pub(super) async fn end_session(&self) {
        if let Some(session) = &self.session {
            self.end(session).await;
        }
    }

    /// Ends a session that the browser does not need any more.
    pub(super) async fn end(&self, session: &SecretString) {
        if let Err(cause) = self.state.user_api.log_out(session).await {
            warn!(%cause, "a session of a browser goes on until it expires");
        }
    }

    /// A page.
    pub(super) fn page(&self, template: &str, values: Value) -> Result<HttpResponse, ApiError> {
        self.fill(
            HttpResponse::Ok().finish(),
            template,
            &Errors::new(),
            values,
        )
    }

    /// A page that says with its status that something is missing.
    pub(super) fn page_with(
        &self,
        status: StatusCode,
        template: &str,
        values: Value,
    ) -> Result<HttpResponse, ApiError> {
        let response = HttpResponse::build(status).finish();
        self.fill(response, template, &Errors::new(), values)
    }

    /// A form once more, with what has to be corrected: by its field, or as a `whole`.
    pub(super) fn corrected(
        &self,
        status: StatusCode,
        template: &str,
        errors: &Errors,
        values: Value,
    ) -> Result<HttpResponse, ApiError> {
        self.fill(
            HttpResponse::build(status).finish(),
            template,
            errors,
            values,
        )
    }

    /// A page in the place of `error`, with its status and headers, logged as it is.
    pub(super) fn page_about(
        &self,
        error: ApiError,
        template: &str,
        values: Value,
    ) -> Result<HttpResponse, ApiError> {
        let response = HttpResponse::from_error(error);
        self.fill(response, template, &Errors::new(), values)
    }

    fn fill(
        &self,
        response: HttpResponse,
        template: &str,
        errors: &Errors,
        values: Value,
    ) -> Result<HttpResponse, ApiError> {
        let html = self
            .pages
            .templates
            .render(template, &self.form_token, errors, values)?;
        let mut response = answer(response, html);
        if !self.knows_form_token {
            let cookie = self.pages.set_cookie(FORM, &self.form_token);
            append_cookie(&mut response, &cookie);
        }
        Ok(response)
    }

    /// A page that says something and leads on.
    pub(super) fn message(
        &self,
        response: HttpResponse,
        heading: &str,
        text: &str,
        next: (&str, &str),
    ) -> Result<HttpResponse, ApiError> {
        let html = self
            .pages
            .templates
            .render_message(heading, text, Some(next))?;
        Ok(answer(response, html))
    }

    /// Sends a browser that logged in to its next page, with all its cookies new.
    pub(super) fn enter(&self, session: &Session, path: &'static str) -> HttpResponse {
        let mut response = see(path);
        for (name, value) in [
            (SESSION, session.token.expose_secret()),
            (FORM, &key::generate()),
        ] {
            append_cookie(&mut response, &self.pages.set_cookie(name, value));
        }
        response
    }

    /// Sends a browser that logged out, or whose session has ended, to its next page.
    pub(super) fn leave(&self, path: &'static str) -> HttpResponse {
        let mut response = see(path);
        let cookie = format!("{}; Max-Age=0", self.pages.set_cookie(SESSION, ""));
        append_cookie(&mut response, &cookie);
        response
    }
}

/// Sends the browser to another page. It is one of ours, whatever was asked.
pub(super) fn see(path: &'static str) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((header::LOCATION, path))
        .finish()
}

impl Pages {
    /// With this prefix browsers take the cookie from nobody but this very host, over HTTPS.
    fn cookie_name(&self, name: &str) -> String {
        let prefix = if self.is_secure() { "__Host-" } else { "" };
        format!("{prefix}{name}")
    }

    fn set_cookie(&self, name: &str, value: &str) -> String {
        let name = self.cookie_name(name);
        let mut cookie = format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax");
        if self.is_secure() {
            let _ = write!(cookie, "; Secure");
        }
        cookie
    }
}

fn append_cookie(response: &mut HttpResponse, cookie: &str) {
    // A token that is no header value cannot come from a header of user-api, nor from `key`.
    if let Ok(value) = header::HeaderValue::from_str(cookie) {
        response.headers_mut().append(header::SET_COOKIE, value);
    }
}

/// The value of a cookie, unless it is empty.
fn cookie<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    request
        .headers()
        .get_all(header::COOKIE)
        .filter_map(|header| header.to_str().ok())
        .flat_map(|header| header.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(known, value)| *known == name && !value.is_empty())
        .map(|(_, value)| value)
}
