//! Who may act for an account.

use shared_runtime::{
    auth::Caller,
    error::{ApiError, OrFail as _},
};
use shared_types::UserId;

use crate::{
    State,
    error::{Failure, Refusal},
};

/// Whether `caller` may manage `account`: a service, the account itself, or who runs it.
pub(crate) async fn may_manage(
    state: &State,
    caller: &Caller,
    account: &UserId,
) -> Result<bool, ApiError> {
    let Some(user) = caller.user_id().filter(|user| *user != account) else {
        return Ok(true);
    };
    let permissions = state.gatekeeper.permissions(account, user).await;
    let permissions = permissions.or_fail(Failure::FindingUser)?;
    Ok(permissions.is_some_and(|permissions| permissions.administers()))
}

/// Refuses whoever may not manage `account`.
pub(crate) async fn require_manager(
    state: &State,
    caller: &Caller,
    account: &UserId,
) -> Result<(), ApiError> {
    if may_manage(state, caller, account).await? {
        Ok(())
    } else {
        Err(Refusal::NotAllowed.into())
    }
}
