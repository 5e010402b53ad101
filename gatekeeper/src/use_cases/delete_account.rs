//! An account was deleted.

use shared_runtime::error::OrFail as _;
use shared_types::UserId;

use crate::{
    State,
    error::{Error, Failure},
};

/// Removes everything about the account. If a part fails, user-api repeats the whole.
pub(crate) async fn delete_account(state: &State, user: &UserId) -> Result<(), Error> {
    let store = &state.store;
    store.permissions.delete_user(user).await.or_fail(Failure)?;
    store
        .clinic_relations
        .delete_user(user)
        .await
        .or_fail(Failure)?;
    store.account_locks.delete(user).await.or_fail(Failure)?;
    Ok(())
}
