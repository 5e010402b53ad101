//! Tokens: log-in of services, checks, published keys, anonymous pairs.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Path},
};
use rand::RngExt as _;
use serde::Serialize;
use shared_runtime::{
    auth::{Caller, Freshness, Service, TOKEN_HEADER},
    error::{ApiError, OrFail as _},
    source::Source,
};
use shared_types::TokenData;
use utoipa::ToSchema;

use super::refusals;
use crate::{
    State,
    domain::password::hex,
    error::{Failure, Refusal},
};

const SERVER_NAME_HEADER: &str = "x-tidepool-server-name";
const SERVER_SECRET_HEADER: &str = "x-tidepool-server-secret";

/// An anonymous id and hash.
#[derive(Serialize, ToSchema)]
pub(crate) struct AnonymousPair {
    /// Always empty.
    name: String,
    /// 10 hexadecimal digits.
    id: String,
    /// 24 hexadecimal digits.
    hash: String,
}

/// `POST /serverlogin`: a service logs in.
///
/// Body: none; name and secret are in the headers `x-tidepool-server-name` and
/// `x-tidepool-server-secret`. Response: 200, empty, the token in `x-tidepool-session-token`.
/// Errors: 400 a header is missing; 401 wrong name or secret; 429 too many of these; 500 no token
/// can be made.
/// Source: public user API `ServerLogin`.
#[utoipa::path(
    post, path = "/auth/serverlogin", tag = "tokens",
    security(()),
    params(
        ("x-tidepool-server-name" = String, Header, description = "The service"),
        ("x-tidepool-server-secret" = String, Header, description = "Its secret"),
    ),
    responses(
        (status = 200, description = "The token is in the header x-tidepool-session-token"),
        (status = 400, description = "Missing id and/or password"),
        (status = 401, description = "Wrong password"),
        refusals::Limited,
        (status = 500, description = "Error generating the token"),
    ),
)]
pub(crate) async fn log_in_server(
    request: HttpRequest,
    source: Source,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let header = |name| {
        let value = request.headers().get(name)?.to_str().ok()?;
        (!value.is_empty()).then_some(value)
    };
    let name = header(SERVER_NAME_HEADER).ok_or(Refusal::MissingCredentials)?;
    let secret = header(SERVER_SECRET_HEADER).ok_or(Refusal::MissingCredentials)?;
    let admitted = async { state.server_secrets.admit(name, secret) };
    let is_wrong = |admitted: &bool| !admitted;
    let guessed = state.limits.secrets.charge(source, admitted, is_wrong);
    if !guessed.await.map_err(Refusal::TooMany)? {
        return Err(Refusal::WrongSecret.into());
    }
    let token = state
        .sessions
        .open_server(name.to_owned())
        .await
        .or_fail(Failure::GeneratingToken)?;
    Ok(HttpResponse::Ok()
        .insert_header((TOKEN_HEADER, token))
        .finish())
}

/// `GET /token/:token`: a service checks a token.
///
/// Body: none. Response: 200, what the token says.
/// Errors: 401 the caller is no service, or the token is invalid, expired or revoked.
/// Source: public user API `CheckServerToken`.
#[utoipa::path(
    get, path = "/auth/token/{token}", tag = "tokens",
    params(("token" = String, Path, description = "The token to check")),
    responses(
        (status = 200, description = "What the token says", body = TokenData),
        refusals::Sessions,
        (status = 500, description = "Error generating the token"),
    ),
)]
pub(crate) async fn find_token(
    _: Service,
    token: Path<String>,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let data = state
        .sessions
        // Services ask about each other's tokens all the time.
        .find(&token, Freshness::Recent)
        .await
        .or_fail(Failure::GeneratingToken)?
        .ok_or(Refusal::NoToken)?;
    Ok(HttpResponse::Ok().json(data))
}

/// `GET /token`: what the caller's own token says.
///
/// Body: none. Response: 200, what the token says.
/// Errors: 401 no valid token.
/// Source: public user API `CheckUserToken`.
#[utoipa::path(
    get, path = "/auth/token", tag = "tokens",
    responses(
        (status = 200, description = "What the token says", body = TokenData),
        refusals::Sessions,
    ),
)]
pub(crate) async fn find_own_token(
    caller: Caller,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let found = state
        .sessions
        .find(caller.token().expose(), Freshness::Now)
        .await
        .or_fail(Failure::GeneratingToken)?;
    Ok(HttpResponse::Ok().json(found.ok_or(Refusal::NoToken)?))
}

/// `GET /.well-known/jwks.json`: the keys that verify tokens.
///
/// Body: none. Response: 200, a JSON Web Key Set.
/// Errors: none.
/// Source: RFC 7517; the services of the platform verify tokens with it.
#[utoipa::path(
    get, path = "/.well-known/jwks.json", tag = "tokens",
    security(()),
    responses((status = 200, description = "A JSON Web Key Set (RFC 7517)", body = Object)),
)]
pub(crate) async fn list_keys(state: Data<State>) -> HttpResponse {
    HttpResponse::Ok().json(state.sessions.published_keys())
}

/// `GET /private`: an anonymous pair, different at every call and stored nowhere.
///
/// Body: none; query parameters are ignored. Response: 200, the pair.
/// Errors: none.
/// Source: public user API `AnonymousIdHashPair`.
#[utoipa::path(
    get, path = "/auth/private", tag = "tokens",
    security(()),
    responses((status = 200, description = "The pair", body = AnonymousPair)),
)]
pub(crate) async fn make_pair() -> HttpResponse {
    let (id, hash): ([u8; 5], [u8; 12]) = rand::rng().random();
    HttpResponse::Ok().json(AnonymousPair {
        name: String::new(),
        id: hex(&id),
        hash: hex(&hash),
    })
}

/// `GET /status`: whether the service and its store work.
///
/// Body: none. Response: 200, text `OK`.
/// Errors: 500 (text) the store does not answer.
/// Source: the reference's health path.
#[utoipa::path(
    get, path = "/status", tag = "status",
    security(()),
    responses(
        (status = 200, description = "OK", body = String, content_type = "text/plain"),
        (status = 500, description = "The store does not answer", body = String, content_type = "text/plain"),
    ),
)]
pub(crate) async fn find_status(state: Data<State>) -> HttpResponse {
    if state.readiness.database_answers() {
        HttpResponse::Ok()
            .content_type("text/plain; charset=utf-8")
            .body("OK")
    } else {
        HttpResponse::InternalServerError()
            .content_type("text/plain; charset=utf-8")
            .body("the store does not answer")
    }
}
