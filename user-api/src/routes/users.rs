//! Accounts: find, list, sign up.

use actix_web::{
    HttpResponse,
    web::{Data, Path},
};
use shared_runtime::{
    auth::{Caller, Service, TOKEN_HEADER},
    body::Body,
    error::{ApiError, OrFail as _},
    query::Query,
    source::Source,
};
use shared_types::{UserId, UserRecord};

use super::refusals;
use crate::{
    State,
    domain::{
        details::SignUp,
        query::{self, UserParameters, UserQuery},
        user::Account,
    },
    error::{Error, Failure, Refusal},
    guesses::{NOT_FOUND, limited},
    rights::rights_on,
    use_cases::sign_up,
};

/// `GET /users`: accounts by id, or by role and day of creation. For services.
///
/// Query: `id` (up to 200, separated by commas) or `role`, the latter with `createdFrom` and
/// `createdTo` (`YYYY-MM-DD`, UTC, both inclusive). Response: 200, an array: by id in the order
/// asked, unknown ones missing; by role the newest first.
/// Errors: 400 the query cannot be answered; 401 the caller is no service; 500 the store failed.
/// Source: public user API `ListUsers`.
#[utoipa::path(
    get, path = "/auth/users", tag = "accounts",
    responses(
        (status = 200, description = "The accounts", body = Vec<UserRecord>),
        (status = 400, description = "The query cannot be answered"),
        refusals::Accounts,
        (status = 500, description = "Error finding user"),
    ),
)]
pub(crate) async fn list_users(
    _: Service,
    parameters: Query<UserParameters>,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let accounts = match query::read(parameters.read()?)? {
        UserQuery::Role { role, created } => state.users.list_by_role(&role, created).await,
        UserQuery::Ids(ids) => state
            .users
            .list(&ids)
            .await
            .map(|found| in_order(&ids, found)),
    }
    .or_fail(Failure::FindingUser)?;
    let records: Vec<UserRecord> = accounts
        .iter()
        .map(|account| account.record(true))
        .collect();
    Ok(HttpResponse::Ok().json(records))
}

/// The accounts in the order of their ids, each once.
fn in_order(ids: &[String], mut accounts: Vec<Account>) -> Vec<Account> {
    let place = |account: &Account| {
        ids.iter()
            .position(|id| id.eq_ignore_ascii_case(account.userid.as_str()))
    };
    accounts.sort_by_cached_key(|account| place(account).unwrap_or(usize::MAX));
    accounts
}

/// `GET /user`: the caller's own account.
///
/// Body: none. Response: 200, the account.
/// Errors: 401 no valid token; 404 the account is gone; 500 the store failed.
/// Source: public user API `GetUserInfo`.
#[utoipa::path(
    get, path = "/auth/user", tag = "accounts",
    responses(
        (status = 200, description = "The account", body = UserRecord),
        refusals::Accounts,
        (status = 404, description = "User not found"),
        (status = 500, description = "Error finding user"),
    ),
)]
pub(crate) async fn find_own_user(
    caller: Caller,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let target = caller.user_id().ok_or(Refusal::UserNotFound)?;
    Ok(answer_user(&state, &caller, target.as_str()).await?)
}

/// `GET /user/:userid`: an account, by id, user name or address.
///
/// For services, the user, and who runs the account (`custodian` or `admin`). Body: none. Response:
/// 200, the account; services also see `passwordExists`.
/// Errors: 401 no valid token or no right; 404 no such account (looked at before the right); 429
/// too many look-ups by name that came to nothing; 500 the store or gatekeeper failed.
/// Source: public user API `GetUser`.
#[utoipa::path(
    get, path = "/auth/user/{userid}", tag = "accounts",
    params(("userid" = String, Path, description = "Id, user name or address")),
    responses(
        (status = 200, description = "The account", body = UserRecord),
        refusals::Accounts,
        (status = 404, description = "User not found"),
        refusals::Limited,
        (status = 500, description = "Error finding user"),
    ),
)]
pub(crate) async fn find_user(
    caller: Caller,
    source: Source,
    target: Path<String>,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let answer = answer_user(&state, &caller, &target);
    // Ids cannot be guessed.
    if UserId::has_id_form(&target) {
        return Ok(answer.await?);
    }
    Ok(limited(&state, source, &caller, NOT_FOUND, answer).await?)
}

async fn answer_user(state: &State, caller: &Caller, target: &str) -> Result<HttpResponse, Error> {
    let target = target.trim();
    let mut found = if UserId::has_id_form(target) {
        state
            .users
            .find(&target.into())
            .await
            .map(|account| account.into_iter().collect())
    } else {
        state.users.list_by_name(target).await
    }
    .or_fail(Failure::FindingUser)?;
    // A name that several old accounts share names none of them.
    let account = if found.len() == 1 { found.pop() } else { None };
    let account = account.ok_or(Refusal::UserNotFound)?;
    let rights = rights_on(state, caller, &account.userid)
        .await
        .or_fail(Failure::FindingUser)?;
    if !rights.administer() {
        return Err(Refusal::NotAuthorized.into());
    }
    Ok(HttpResponse::Ok().json(account.record(caller.is_service())))
}

/// `POST /user`: a user signs up.
///
/// Body: `username` (an address), `emails` (at least one), `password`, optionally `roles`, of which
/// only services give `brokered`. Response: 201, the account, for services with `passwordExists`;
/// the token in `x-tidepool-session-token`.
/// Errors: 400 the body breaks a rule; 409 the user name or an address is taken; 500 the store or,
/// for a `clinic` account, gatekeeper failed; 429 too many sign-ups from there, services aside; 503
/// too many at once.
/// Source: public user API `CreateUser`.
#[utoipa::path(
    post, path = "/auth/user", tag = "accounts", request_body = Object,
    security((), ("session_token" = [])),
    responses(
        (status = 201, description = "The account; the token is in the header x-tidepool-session-token", body = UserRecord),
        refusals::InvalidDetails,
        (status = 409, description = "User already exists"),
        refusals::Limited,
        (status = 500, description = "Error creating the user, or Error generating the token"),
    ),
)]
pub(crate) async fn sign_up(
    caller: Result<Caller, ApiError>,
    source: Source,
    body: Body,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let is_service = is_service(caller)?;
    let details = SignUp::read(&body.0)?;
    let (account, token) = sign_up::sign_up(&state, source, is_service, details).await?;
    Ok(HttpResponse::Created()
        .insert_header((TOKEN_HEADER, token))
        .json(account.record(is_service)))
}

/// Whether a service signs a user up. Without a valid token it is a person who has no account.
fn is_service(caller: Result<Caller, ApiError>) -> Result<bool, ApiError> {
    match caller {
        Ok(caller) => Ok(caller.is_service()),
        Err(error) if error.status() == 401 => Ok(false),
        Err(error) => Err(error),
    }
}
