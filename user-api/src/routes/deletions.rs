//! The deletion of accounts.

use actix_web::{
    HttpResponse,
    web::{Data, Path},
};
use shared_runtime::{auth::Caller, body::Body, error::ApiError, source::Source};
use shared_types::UserId;

use crate::{State, domain::details::read_password, use_cases::delete_account};

/// `DELETE /user/:userid`: deletes an account and everything of it.
///
/// For services, the user, who confirms with the password, and who runs the account (`custodian` or
/// `admin`). Sessions end at once; the other services follow within seconds.
/// Body: `{"password": …}` of the user; others send none. Response: 204, empty, also when the
/// account was gone already.
/// Errors: 401 (empty) no valid token, no right, or an account of a clinic or its staff; 403 the
/// password is missing or wrong, or the account is the last that runs another one without password
/// and address; 429 too many wrong passwords; 500 (empty) the store or gatekeeper failed.
/// Source: public user API `DeleteUser`.
#[utoipa::path(
    delete, path = "/auth/user/{userid}", tag = "accounts", request_body = Object,
    params(("userid" = String, Path, description = "The account")),
    responses(
        (status = 204, description = "The account is gone"),
        (status = 401, description = "No valid token or no right; no body"),
        (status = 403, description = "The password is wrong, or the account is needed"),
        (status = 429, description = "Too many login attempts"),
        (status = 500, description = "The store or gatekeeper failed; no body"),
    ),
)]
pub(crate) async fn delete_user(
    caller: Caller,
    target: Path<UserId>,
    source: Source,
    body: Body,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let password = read_password(&body.0);
    delete_account::delete(&state, source, &caller, &target, password).await?;
    Ok(HttpResponse::NoContent().finish())
}
