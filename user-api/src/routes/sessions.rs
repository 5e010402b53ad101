//! Sessions of users: log-in, refresh, log-out.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{Data, Path},
};
use shared_runtime::{
    auth::{Caller, Service, TOKEN_HEADER},
    error::{ApiError, OrFail as _},
    source::Source,
};
use shared_types::{TokenData, UserId, UserRecord};
use tracing::warn;

use super::refusals;
use crate::{
    State,
    domain::credentials::{from_basic, is_long_lived_client},
    error::{Failure, Refusal},
    sessions::Length,
    use_cases::log_in,
};

/// `POST /login`: a user logs in.
///
/// Body: none; id, user name or address and the password are in the header `Authorization`
/// (`Basic`). Response: 200, the account; the token in `x-tidepool-session-token`.
/// Errors: 400 no readable credentials; 401 they match no account; 403 the address is not verified;
/// 429 too many wrong passwords; 500 the store failed; 503 too many log-ins at once.
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
    source: Source,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let agent = request
        .headers()
        .get(header::USER_AGENT)
        .and_then(|agent| agent.to_str().ok());
    answer_login(
        &request,
        source,
        &state,
        agent.is_some_and(is_long_lived_client),
    )
    .await
}

/// `POST /login/:longtermkey`: a user logs in for long.
///
/// Body: none. Response: as for `POST /login`; the token lives long if the key is the configured
/// one.
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
    source: Source,
    key: Path<String>,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let is_long = state.sessions.is_long_term_key(&key);
    answer_login(&request, source, &state, is_long).await
}

async fn answer_login(
    request: &HttpRequest,
    source: Source,
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
    let (account, token) = log_in::log_in(state, source, &credentials, length).await?;
    Ok(HttpResponse::Ok()
        .insert_header((TOKEN_HEADER, token))
        .json(account.record(false)))
}

/// `GET /login`: refreshes a session.
///
/// Body: none. Response: 200, what the new token says; the new token, which lives as long as the
/// old one did from its start, but not longer than sessions may from their log-in, in
/// `x-tidepool-session-token`. The old one stays valid; log-out with either ends both.
/// Errors: 401 no valid token, or the session is at its end; 500 no token can be made.
/// Source: public user API `RefreshSession`.
#[utoipa::path(
    get, path = "/auth/login", tag = "sessions",
    responses(
        (status = 200, description = "What the new token says; it is in the header x-tidepool-session-token", body = TokenData),
        refusals::Sessions,
        (status = 500, description = "Error generating the token"),
    ),
)]
pub(crate) async fn refresh_session(
    caller: Caller,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let (token, data) = state
        .sessions
        .renew(caller.token().expose())
        .await
        .or_fail(Failure::GeneratingToken)?
        .ok_or(Refusal::NoToken)?;
    Ok(HttpResponse::Ok()
        .insert_header((TOKEN_HEADER, token))
        .json(data))
}

/// `POST /logout`: ends the caller's session, and all that it was refreshed from or to.
///
/// Body: ignored. Response: 200, empty, whether there was a session or not.
/// Errors: none.
/// Source: public user API `Logout`.
#[utoipa::path(
    post, path = "/auth/logout", tag = "sessions",
    security(()),
    responses((status = 200, description = "The session, if there was one, is over")),
)]
pub(crate) async fn log_out(caller: Result<Caller, ApiError>, state: Data<State>) -> HttpResponse {
    if let Ok(caller) = caller
        && let Err(error) = state.sessions.close(caller.token().expose()).await
    {
        warn!(cause = %error, "a session was not closed");
    }
    HttpResponse::Ok().finish()
}

/// `DELETE /user/:userid/sessions`: a service ends all sessions of a user.
///
/// Body: none. Response: 204, empty.
/// Errors: 401 the caller is no service; 500 the store failed.
/// Source: public user API `DeleteUserSessions`.
#[utoipa::path(
    delete, path = "/auth/user/{userid}/sessions", tag = "sessions",
    params(("userid" = String, Path, description = "The user")),
    responses(
        (status = 204, description = "All sessions are over"),
        refusals::Sessions,
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
        .or_fail(Failure::GeneratingToken)?;
    Ok(HttpResponse::NoContent().finish())
}
