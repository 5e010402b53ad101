//! The deletion of accounts.

use actix_web::{
    HttpResponse,
    web::{Data, Path},
};
use shared_runtime::{
    auth::Caller,
    body::Body,
    error::{ApiError, OrFail as _},
    source::Source,
};
use shared_types::UserId;

use crate::{
    State,
    domain::{details::read_password, rights::Rights, user::Account},
    error::{Failure, Refusal},
    guesses::try_password,
    rights::rights_on,
    use_cases::delete_account::{delete, delete_if_dispensable},
};

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
        (status = 401, description = "No valid token or no right"),
        (status = 403, description = "The password is wrong, or the account is needed"),
        (status = 429, description = "Too many login attempts"),
        (status = 500, description = "The store or gatekeeper failed"),
    ),
)]
pub(crate) async fn delete_user(
    caller: Caller,
    target: Path<UserId>,
    source: Source,
    body: Body,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let found = state.users.find(&target).await.or_fail(Failure::Silent)?;
    // The id as it is stored, where there is one: rights are given to that.
    let userid = found.as_ref().map_or(&*target, |account| &account.userid);
    let rights = rights_on(&state, &caller, userid)
        .await
        .or_fail(Failure::Silent)?;
    if !rights.administer() {
        return Err(Refusal::NotAuthorizedSilently.into());
    }
    let Some(account) = found else {
        return Ok(HttpResponse::NoContent().finish());
    };
    if !account.may_be_deleted() {
        return Err(Refusal::NotAuthorizedSilently.into());
    }
    if rights == Rights::Owner {
        confirm_owner(&state, source, &account, &body).await?;
    }
    if rights == Rights::Service {
        delete(&state, &account).await?;
    } else {
        delete_if_dispensable(&state, &account).await?;
    }
    Ok(HttpResponse::NoContent().finish())
}

/// The owner confirms with the password; whoever else runs the account need not.
async fn confirm_owner(
    state: &State,
    source: Source,
    account: &Account,
    body: &Body,
) -> Result<(), ApiError> {
    let password = read_password(&body.0).ok_or(Refusal::NotConfirmed)?;
    let name = account.userid.as_str();
    let matches = try_password(state, source, Some(account), name, &password).await?;
    if matches.is_some() {
        Ok(())
    } else {
        Err(Refusal::NotConfirmed.into())
    }
}
