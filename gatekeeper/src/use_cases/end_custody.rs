//! An account got its first password: its custodians lose that right.

use shared_runtime::{error::OrFail as _, mongo};
use shared_types::UserId;

use crate::{
    State,
    error::{Error, Failure},
};

/// Takes `custodian` from everybody who was granted it directly. The rule of the last admin does not
/// apply, since the account can be logged into.
pub(crate) async fn end_custody(state: &State, user: &UserId) -> Result<(), Error> {
    let store = &state.store;
    mongo::transaction(&store.client, async |session| {
        store.account_locks.lock(session, user).await?;
        store.permissions.remove_custodians(session, user).await?;
        Ok(())
    })
    .await
    .or_fail(Failure)
}
