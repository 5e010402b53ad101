//! Sessions of users: log-in, refresh, log-out.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{Data, Path},
};
use shared_runtime::{
    auth::{Caller, TOKEN_HEADER},
    error::ApiError,
};
use shared_types::{TokenData, UserId, UserRecord};
use tracing::warn;

use crate::{
    State,
    domain::{
        credentials::{Credentials, from_basic, is_long_lived_client},
        password,
        user::Account,
    },
    error::{Failure, Refusal},
    routes::callers::{Bearer, Service},
    sessions::Length,
};

/// `POST /login`: a user logs in.
///
/// Body: none; id, user name or address and the password are in the header `Authorization`
/// (`Basic`). Answer: 200, the account; the token in `x-tidepool-session-token`.
/// Errors: 400 no readable credentials; 401 they match no account; 403 the address is not verified;
/// 429 too many attempts at one account; 500 the store failed; 503 too many log-ins at once.
/// Source: public user API `Login`.
#[utoipa::path(
    post, path = "/auth/login", tag = "sessions", security(("basic" = [])),
    responses(
        (status = 200, description = "The account; the token is in the header x-tidepool-session-token", body = UserRecord),
        (status = 400, description = "Missing id and/or password"),
        (status = 401, description = "No user matched the given details"),
        (status = 403, description = "The user hasn't verified this account yet"),
        (status = 429, description = "Too many login attempts"),
        (status = 500, description = "Error finding user, or Error updating token"),
    ),
)]
pub(crate) async fn log_in(
    request: HttpRequest,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let agent = request
        .headers()
        .get(header::USER_AGENT)
        .and_then(|agent| agent.to_str().ok());
    answer_login(&request, &state, agent.is_some_and(is_long_lived_client)).await
}

/// `POST /login/:longtermkey`: a user logs in for long.
///
/// Body: none. Answer: as for `POST /login`; the token lives long if the key is the configured one.
/// Errors: as for `POST /login`; a wrong key is none.
/// Source: public user API `LongtermLogin`.
#[utoipa::path(
    post, path = "/auth/login/{longtermkey}", tag = "sessions", security(("basic" = [])),
    params(("longtermkey" = String, Path, description = "The deployment's long-term key")),
    responses(
        (status = 200, description = "The account; the token is in the header x-tidepool-session-token", body = UserRecord),
        (status = 400, description = "Missing id and/or password"),
        (status = 401, description = "No user matched the given details"),
        (status = 403, description = "The user hasn't verified this account yet"),
        (status = 429, description = "Too many login attempts"),
        (status = 500, description = "Error finding user, or Error updating token"),
    ),
)]
pub(crate) async fn log_in_for_long(
    request: HttpRequest,
    key: Path<String>,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let is_long = state.sessions.is_long_term_key(&key);
    answer_login(&request, &state, is_long).await
}

async fn answer_login(
    request: &HttpRequest,
    state: &State,
    is_long: bool,
) -> Result<HttpResponse, ApiError> {
    let credentials = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|header| header.to_str().ok())
        .and_then(from_basic)
        .ok_or(Refusal::MissingCredentials)?;
    let length = if is_long { Length::Long } else { Length::Usual };
    let mut account = authenticate(state, &credentials).await?;
    loop {
        if !account.is_verified(state.verification_secret()) {
            return Err(Refusal::NotVerified.into());
        }
        let opened = state.sessions.open(&account, length).await;
        if let Some(token) = opened.map_err(Failure::UpdatingToken.because())? {
            return Ok(HttpResponse::Ok()
                .insert_header((TOKEN_HEADER, token))
                .json(account.record(false)));
        }
        account = still_theirs(state, &account, &credentials.password).await?;
    }
}

/// The account that the credentials belong to, its password hash of the kind we make.
async fn authenticate(state: &State, credentials: &Credentials) -> Result<Account, ApiError> {
    let mut found = state
        .users
        .list_by_login(&credentials.name)
        .await
        .map_err(Failure::FindingUser.because())?;
    let account = if found.len() == 1 { found.pop() } else { None };
    // By the account where there is one: a name can be written in many ways.
    let guessed = account.as_ref().map_or_else(
        || credentials.name.to_lowercase(),
        |account| account.userid.to_string(),
    );
    state
        .login_limit
        .take(&guessed)
        .map_err(Refusal::TooManyLogins)?;
    let matches = state
        .hasher
        .matches(account.as_ref(), &credentials.password)
        .await?;
    let Some(mut account) = account.filter(|_| matches) else {
        return Err(Refusal::NoMatch.into());
    };
    if let Some(legacy) = account
        .password_hash
        .clone()
        .filter(|hash| password::is_legacy(hash))
    {
        let hash = state
            .hasher
            .hash(&credentials.password, Failure::FindingUser)
            .await?;
        match state
            .users
            .upgrade_hash(&account.userid, &legacy, &hash)
            .await
        {
            Ok(true) => account.password_hash = Some(hash),
            Ok(false) => {}
            // The old hash is still there and the next log-in replaces it.
            Err(error) => warn!(cause = %error, "a legacy password hash was not replaced"),
        }
    }
    Ok(account)
}

/// The account as it is by now, whose stored hash is no longer the one that was read: the password
/// may be the same, since another log-in replaces a legacy hash.
async fn still_theirs(
    state: &State,
    account: &Account,
    password: &str,
) -> Result<Account, ApiError> {
    let current = state
        .users
        .find(&account.userid)
        .await
        .map_err(Failure::FindingUser.because())?;
    let matches = state.hasher.matches(current.as_ref(), password).await?;
    current.filter(|_| matches).ok_or(Refusal::NoMatch.into())
}

/// `GET /login`: refreshes a session.
///
/// Body: none. Answer: 200, what the new token says; the new token, which lives as long as the old
/// one did from its start, in `x-tidepool-session-token`. The old one stays valid.
/// Errors: 401 no valid token; 500 no token can be made.
/// Source: public user API `RefreshSession`.
#[utoipa::path(
    get, path = "/auth/login", tag = "sessions",
    responses(
        (status = 200, description = "What the new token says; it is in the header x-tidepool-session-token", body = TokenData),
        (status = 401, description = "No x-tidepool-session-token was found"),
        (status = 500, description = "Error generating the token"),
    ),
)]
pub(crate) async fn refresh_session(
    Bearer(caller): Bearer,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let renewed = state
        .sessions
        .renew(caller.token.expose())
        .await
        .map_err(Failure::GeneratingToken.because())?;
    let (token, data) = renewed.ok_or(Refusal::NoToken)?;
    Ok(HttpResponse::Ok()
        .insert_header((TOKEN_HEADER, token))
        .json(data))
}

/// `POST /logout`: ends the caller's session.
///
/// Body: ignored. Answer: 200, empty, whether there was a session or not.
/// Errors: none.
/// Source: public user API `Logout`.
#[utoipa::path(
    post, path = "/auth/logout", tag = "sessions",
    security(()),
    responses((status = 200, description = "The session, if there was one, is over")),
)]
pub(crate) async fn log_out(caller: Result<Caller, ApiError>, state: Data<State>) -> HttpResponse {
    if let Ok(caller) = caller
        && let Err(error) = state.sessions.tokens().delete(caller.token.expose()).await
    {
        warn!(cause = %error, "a session was not closed");
    }
    HttpResponse::Ok().finish()
}

/// `DELETE /user/:userid/sessions`: a service ends all sessions of a user.
///
/// Body: none. Answer: 204, empty.
/// Errors: 401 the caller is no service; 500 the store failed.
/// Source: public user API `DeleteUserSessions`.
#[utoipa::path(
    delete, path = "/auth/user/{userid}/sessions", tag = "sessions",
    params(("userid" = String, Path, description = "The user")),
    responses(
        (status = 204, description = "All sessions are over"),
        (status = 401, description = "No x-tidepool-session-token was found"),
        (status = 500, description = "Error generating the token"),
    ),
)]
pub(crate) async fn delete_sessions(
    _: Service,
    userid: Path<UserId>,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    state
        .sessions
        .tokens()
        .delete_all(&userid)
        .await
        .map_err(Failure::GeneratingToken.because())?;
    Ok(HttpResponse::NoContent().finish())
}
