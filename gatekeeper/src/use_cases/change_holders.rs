//! Changes of who runs an account, which hold under concurrency and of which user-api knows.
//!
//! gatekeeper reports to user-api before a user begins or ceases to run an account: user-api says
//! whether the account needs somebody, keeps who may run it, and lets nobody of them be deleted
//! without a look at what changed. The report is made between two tries of a transaction, never
//! inside one, and at a version of the account's lock; if that has moved on when the transaction
//! runs, gatekeeper reports again.

use std::collections::BTreeSet;

use anyhow::anyhow;
use mongodb::ClientSession;
use shared_runtime::{
    error::OrFail as _,
    mongo::{self, Aborted},
};
use shared_types::{HolderNotice, UserId};
use tracing::warn;

use crate::{
    State,
    domain::Refusal,
    error::{Error, Failure},
};

/// How often a change that met another one starts anew.
const MAX_TRIES: u32 = 10;

/// What user-api said about an account.
#[derive(Debug)]
pub(crate) struct Heard {
    version: i64,
    /// Whether the rule of the last admin holds.
    pub(crate) needs_holder: bool,
    /// Who of those that run it exists; empty where the rule does not hold.
    pub(crate) existing: BTreeSet<UserId>,
}

/// The lock of an account, in one try.
pub(crate) struct Locked<'a> {
    /// The version from the commit on.
    pub(crate) version: i64,
    heard: Option<&'a Heard>,
}

impl Locked<'_> {
    /// What user-api said, for a change of who runs the account; where it does not know of the
    /// account as it is, the try is over.
    pub(crate) fn heard(&self) -> Result<&Heard, Aborted<Refusal>> {
        self.heard
            .filter(|heard| heard.version + 1 == self.version)
            .ok_or(Aborted::Outrun)
    }
}

/// Runs `change` of what `grantee` has on `account` in transactions that hold the lock of the
/// account, until one is committed or refused.
pub(crate) async fn with_lock<T>(
    state: &State,
    account: &UserId,
    grantee: &UserId,
    mut change: impl AsyncFnMut(&mut ClientSession, &Locked<'_>) -> Result<T, Aborted<Refusal>>,
) -> Result<T, Error> {
    let mut heard = None;
    for _ in 0..MAX_TRIES {
        let outcome = mongo::transaction(&state.store.client, async |session| {
            let version = state.store.account_locks.lock(session, account).await?;
            let locked = Locked {
                version,
                heard: heard.as_ref(),
            };
            change(session, &locked).await
        })
        .await;
        match outcome {
            Err(Aborted::Outrun) => heard = Some(report_holders(state, account, grantee).await?),
            outcome => return outcome.or_fail(Failure),
        }
    }
    Err(Error::failed(
        Failure,
        anyhow!("who runs an account was changed by others all the time"),
    ))
}

/// Reports to user-api who runs `account`; `grantee`, who may be about to, is among them.
async fn report_holders(state: &State, account: &UserId, grantee: &UserId) -> Result<Heard, Error> {
    // The version comes first: who begins to run the account after it is read makes it move on.
    let version = state
        .store
        .account_locks
        .version(account)
        .await
        .or_fail(Failure)?;
    let holders = state
        .store
        .permissions
        .list_holders(std::slice::from_ref(account))
        .await
        .or_fail(Failure)?;
    let mut holders: BTreeSet<UserId> = holders.into_iter().map(|(_, holder)| holder).collect();
    holders.insert(grantee.clone());
    let need = state
        .user_api
        .note_holders(account, &notice(version, holders))
        .await
        .or_fail(Failure)?;
    Ok(Heard {
        version,
        needs_holder: need.needs_holder,
        existing: need.existing.into_iter().collect(),
    })
}

/// Reports to user-api that nobody but `holders` runs `account` from `version` on, so that user-api
/// holds nobody back who has left. If that fails, it holds back somebody too many until the next
/// report.
pub(crate) async fn report_who_stayed(
    state: &State,
    account: &UserId,
    version: i64,
    holders: BTreeSet<UserId>,
) {
    let noted = state
        .user_api
        .note_holders(account, &notice(version, holders))
        .await;
    if let Err(error) = noted {
        warn!(cause = %error, "user-api was not told who runs an account");
    }
}

fn notice(version: i64, holders: BTreeSet<UserId>) -> HolderNotice {
    HolderNotice {
        version,
        holders: holders
            .into_iter()
            .take(HolderNotice::MAX_HOLDERS)
            .collect(),
    }
}
