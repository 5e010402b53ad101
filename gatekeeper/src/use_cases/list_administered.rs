//! The accounts that a user runs, and who else runs them.

use std::collections::{BTreeMap, BTreeSet};

use shared_runtime::error::OrFail as _;
use shared_types::{AdministeredAccount, UserId};

use crate::{
    State,
    error::{Error, Failure},
};

/// The accounts that `user` runs by a direct `admin` or `custodian`, ascending by id.
pub(crate) async fn list_administered(
    state: &State,
    user: &UserId,
) -> Result<Vec<AdministeredAccount>, Error> {
    let store = &state.store;
    let accounts = store.permissions.list_run_by(user).await.or_fail(Failure)?;
    if accounts.is_empty() {
        return Ok(Vec::new());
    }
    let mut others: BTreeMap<UserId, Vec<UserId>> = BTreeMap::new();
    for (account, holder) in store
        .permissions
        .list_holders(&accounts)
        .await
        .or_fail(Failure)?
    {
        if holder != *user {
            others.entry(account).or_default().push(holder);
        }
    }
    let by_clinics = store
        .clinic_relations
        .list_run_by_clinics(&accounts)
        .await
        .or_fail(Failure)?;
    let by_clinics: BTreeSet<UserId> = by_clinics.into_iter().collect();
    let administered = accounts.into_iter().map(|account| AdministeredAccount {
        other_admins: others.remove(&account).unwrap_or_default(),
        clinic_custodian: by_clinics.contains(&account),
        userid: account,
    });
    Ok(administered.collect())
}
