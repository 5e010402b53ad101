//! What the played user-api says to whoever logs in, signs up or logs out, and about tokens.

use actix_web::{HttpResponse, HttpResponseBuilder, http::StatusCode};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde::Deserialize;
use serde_json::json;
use shared_runtime::{auth::TOKEN_HEADER, error::ApiError, testing::claims};
use shared_types::{UserRecord, address};

use super::{
    invalid_details,
    known::{Account, Known, check_password},
    no_token, refused, user_exists,
};
use crate::{KEYS, Request, server_secret};

/// Body of `POST /user`.
#[derive(Deserialize)]
struct SignUp {
    username: String,
    emails: Vec<String>,
    password: String,
    #[serde(default)]
    roles: Vec<String>,
}

/// The name with which a service logs in.
pub(super) fn server_name(request: &Request) -> String {
    let name = request.header("x-tidepool-server-name");
    name.unwrap_or_default().to_owned()
}

/// Who logs in.
pub(super) fn login_name(request: &Request) -> String {
    credentials(request).map_or_else(String::new, |(name, _)| name)
}

/// Name and password; `None`: there are none to read.
fn credentials(request: &Request) -> Option<(String, String)> {
    let encoded = request.header("authorization")?.strip_prefix("Basic ")?;
    let text = String::from_utf8(BASE64_STANDARD.decode(encoded).ok()?).ok()?;
    let (name, password) = text.split_once(':')?;
    Some((name.to_owned(), password.to_owned()))
}

/// Who signs up.
pub(super) fn username(request: &Request) -> String {
    let body: Option<SignUp> = request.body();
    body.map_or_else(String::new, |body| body.username)
}

/// The token that came along.
pub(super) fn token(request: &Request) -> String {
    request.header(TOKEN_HEADER).unwrap_or_default().to_owned()
}

pub(super) fn keys() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "keys": [KEYS.key.public()] }))
}

impl Known {
    pub(super) fn check_token(&self, token: &str) -> Result<HttpResponse, ApiError> {
        let data = self.tokens.get(token).ok_or_else(no_token)?;
        Ok(HttpResponse::Ok().json(data))
    }

    pub(super) fn log_in_server(&mut self, request: &Request) -> Result<HttpResponse, ApiError> {
        let name = server_name(request);
        let secret = request.header("x-tidepool-server-secret");
        let secret = secret.filter(|secret| !secret.is_empty() && !name.is_empty());
        let secret = secret.ok_or_else(no_credentials)?;
        if secret != server_secret(&name) {
            return Err(refused(StatusCode::UNAUTHORIZED, "Wrong password"));
        }
        Ok(self.open(HttpResponse::Ok(), &name, "yes").finish())
    }

    pub(super) fn log_in(&mut self, request: &Request) -> Result<HttpResponse, ApiError> {
        let (name, password) = credentials(request).ok_or_else(no_credentials)?;
        let matches = |account: &&Account| {
            account.is_named(&name) && account.password() == Some(password.as_str())
        };
        let account = self.accounts.values().find(matches).ok_or(refused(
            StatusCode::UNAUTHORIZED,
            "No user matched the given details",
        ))?;
        if !account.is_verified() {
            return Err(refused(
                StatusCode::FORBIDDEN,
                "The user hasn't verified this account yet",
            ));
        }
        let record = account.record();
        let mut opened = self.open(HttpResponse::Ok(), record.userid.as_str(), "no");
        Ok(opened.json(record))
    }

    /// The id of the account is what stands before the @.
    pub(super) fn sign_up(&mut self, request: &Request) -> Result<HttpResponse, ApiError> {
        let asked: SignUp = request.body().ok_or_else(invalid_details)?;
        let username = address::parse(&asked.username).ok_or_else(invalid_details)?;
        let names = asked.emails.iter().chain([&username]);
        check_password(&asked.password, names.map(String::as_str))?;
        if self.is_taken(&username) || asked.emails.iter().any(|email| self.is_taken(email)) {
            return Err(user_exists());
        }
        let mut roles = asked.roles;
        if roles.is_empty() {
            roles.push("patient".to_owned());
        }
        let id = username.split('@').next().unwrap_or_default().to_owned();
        let account = Account {
            user: UserRecord {
                userid: id.as_str().into(),
                username: Some(username),
                emails: Some(asked.emails),
                roles: Some(roles),
                terms_accepted: None,
                email_verified: Some(false),
                password_exists: Some(true),
            },
            password: Some(asked.password),
            proven_email: None,
            profile: None,
            awaited_by: None,
            applied: Vec::new(),
        };
        let record = account.record();
        let mut opened = self.open(HttpResponse::Created(), &id, "no");
        self.accounts.insert(id, account);
        Ok(opened.json(record))
    }

    pub(super) fn log_out(&mut self, request: &Request) -> HttpResponse {
        self.tokens.remove(&token(request));
        HttpResponse::Ok().finish()
    }

    /// The response that opens a session of `name`.
    fn open(
        &mut self,
        mut response: HttpResponseBuilder,
        name: &str,
        is_server: &str,
    ) -> HttpResponseBuilder {
        let claims = claims(name, is_server);
        let token = KEYS.key.sign(&claims).unwrap();
        self.tokens
            .insert(token.clone(), json!(claims.token_data()));
        response.insert_header((TOKEN_HEADER, token));
        response
    }
}

fn no_credentials() -> ApiError {
    refused(StatusCode::BAD_REQUEST, "Missing id and/or password")
}
