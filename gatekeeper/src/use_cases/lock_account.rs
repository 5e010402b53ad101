//! Locks an account, so that pending decisions about who runs it are made anew.

use shared_runtime::{error::OrFail as _, mongo};
use shared_types::{LockedAccount, UserId};

use crate::{
    State,
    error::{Error, Failure},
};

/// Locks the account; returns who runs it from this moment on.
pub(crate) async fn lock_account(state: &State, user: &UserId) -> Result<LockedAccount, Error> {
    let store = &state.store;
    mongo::transaction(&store.client, async |session| {
        let version = store.account_locks.lock(session, user).await?;
        let holders = store.permissions.list_holders_in(session, user).await?;
        let clinic_custodian = store
            .clinic_relations
            .is_run_by_clinic(session, user)
            .await?;
        Ok(LockedAccount {
            version,
            holders: holders.into_iter().collect(),
            clinic_custodian,
        })
    })
    .await
    .or_fail(Failure)
}
