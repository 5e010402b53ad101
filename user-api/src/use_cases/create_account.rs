//! Creates accounts, also those that come with a permission in gatekeeper.
//!
//! The permission is granted before the account exists, so that no account is ever without the
//! person who runs it, and that person's account is locked, so that it is not deleted meanwhile
//! without regard to the new one. A row that undoes the grant is written first and withdrawn in the
//! transaction that creates the account: whatever fails or dies in between, a permission on an
//! account that never came to be is removed a little later.

use std::time::{Duration, Instant};

use anyhow::anyhow;
use serde::{Deserialize, Serialize};
use shared_runtime::{
    error::OrFail as _,
    mongo::{Aborted, is_duplicate_key, transaction},
    outbox::{Effect, RowId},
};
use shared_types::{PermissionSet, UserId};
use uuid::Uuid;

use crate::{
    State,
    domain::{holders::KnownHolders, metadata::Collections, user::Account},
    error::{Error, Failure, Refusal},
    store::Awaited,
};

/// When a creation counts as failed.
const UNDO_AFTER: Duration = Duration::from_mins(2);

/// A creation that took this long gives up, far enough before its undo.
const CREATE_WITHIN: Duration = Duration::from_secs(20);

/// An account to be.
pub(crate) struct NewAccount<'a> {
    pub(crate) account: &'a Account,
    /// Its first metadata; `None`: none.
    pub(crate) metadata: Option<Collections>,
    /// The user or service that creates it.
    pub(crate) by: &'a str,
    /// Who must still exist when the account comes to be, because it would be unreachable without;
    /// `None`: nobody.
    pub(crate) needs: Option<&'a UserId>,
}

/// What `grantee` gets on the account of `sharer`, one of whom is the new account.
pub(crate) struct FirstGrant {
    pub(crate) sharer: UserId,
    pub(crate) grantee: UserId,
    pub(crate) permissions: PermissionSet,
}

/// Removes a grant whose account never came to be.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Undo {
    pub(crate) account: UserId,
    pub(crate) sharer: UserId,
    pub(crate) grantee: UserId,
}

impl Effect for Undo {
    const TOPIC: &'static str = "users.undo-create";

    fn key(&self) -> String {
        self.account.to_string()
    }

    fn delay(&self) -> Duration {
        UNDO_AFTER
    }
}

/// An account to be created: nothing of it is verified, and it has no password.
pub(crate) fn draft(username: Option<String>, emails: Vec<String>, roles: Vec<String>) -> Account {
    Account {
        userid: Uuid::new_v4().to_string().into(),
        username,
        emails,
        roles,
        terms_accepted: None,
        email_verified: false,
        proven_email: None,
        also_proven: Vec::new(),
        password_hash: None,
    }
}

/// Refuses, as `taken`, names one of which an account has.
pub(crate) async fn check_free<'a>(
    state: &State,
    names: impl Iterator<Item = &'a str>,
    taken: Refusal,
) -> Result<(), Error> {
    let is_taken = state
        .users
        .is_taken(names, None)
        .await
        .or_fail(Failure::CreatingUser)?;
    if is_taken {
        return Err(taken.into());
    }
    Ok(())
}

/// Creates an account that comes without a permission, and waits for a patient if `awaited` says so.
/// Refused as [`create_with_grant`].
pub(crate) async fn create(
    state: &State,
    new: &NewAccount<'_>,
    awaited: Option<&Awaited>,
) -> Result<(), Error> {
    let NewAccount { account, by, .. } = new;
    let Some(metadata) = &new.metadata else {
        let inserted = state.users.insert(account, by, awaited).await;
        return inserted.map_err(not_inserted);
    };
    let new_accounts = &state.new_accounts;
    let created = new_accounts.insert(account, by, awaited, metadata.clone());
    created.await.map_err(not_inserted)
}

/// Creates an account together with a permission: both or neither. Refused as
/// [`Refusal::UserExists`] where its name or an address is taken, and as
/// [`Refusal::NotAuthorized`] where who has to exist is gone.
pub(crate) async fn create_with_grant(
    state: &State,
    new: &NewAccount<'_>,
    grant: &FirstGrant,
) -> Result<(), Error> {
    let started = Instant::now();
    let undo = Undo {
        account: new.account.userid.clone(),
        sharer: grant.sharer.clone(),
        grantee: grant.grantee.clone(),
    };
    let undo_id = state
        .outbox
        .enqueue_alone(&undo)
        .await
        .or_fail(Failure::CreatingUser)?;
    state
        .gatekeeper
        .set_permissions(&grant.sharer, &grant.grantee, &grant.permissions)
        .await
        .or_fail(Failure::CreatingUser)?;
    let inserted = insert_instead(state, undo_id, started, new, grant).await;
    inserted.map_err(|aborted| match aborted {
        Aborted::Refused(refusal) => refusal.into(),
        Aborted::Outrun => Error::failed(
            Failure::CreatingUser,
            anyhow!("the creation took too long and was undone"),
        ),
        Aborted::Failed(error) => not_inserted(error),
    })
}

/// Stores the account in the transaction that withdraws the row `undo`, unless that is gone or will
/// soon be due, since the creation `started` too long ago.
async fn insert_instead(
    state: &State,
    undo: RowId,
    started: Instant,
    new: &NewAccount<'_>,
    grant: &FirstGrant,
) -> Result<(), Aborted<Refusal>> {
    let userid = &new.account.userid;
    transaction(&state.client, async |session| {
        if started.elapsed() > CREATE_WITHIN || !state.outbox.withdraw(session, undo).await? {
            return Err(Aborted::Outrun);
        }
        let (users, by) = (&state.users, new.by);
        users.insert_in(session, new.account, by).await?;
        if grant.sharer == *userid && grant.permissions.administers() {
            let holders = KnownHolders::updated(None, 0, std::slice::from_ref(&grant.grantee));
            state.holders.update(session, userid, &holders).await?;
        }
        if let Some(metadata) = &new.metadata {
            state
                .metadata
                .insert(session, userid, metadata.clone())
                .await?;
        }
        if let Some(needed) = new.needs
            && !state.users.lock(session, needed).await?
        {
            return Err(Aborted::Refused(Refusal::NotAuthorized));
        }
        Ok(())
    })
    .await
}

/// Why the store did not take an account.
fn not_inserted(error: mongodb::error::Error) -> Error {
    if is_duplicate_key(&error) {
        Refusal::UserExists.into()
    } else {
        Error::failed(Failure::CreatingUser, error)
    }
}

/// Removes the grant of an account that does not exist.
pub(crate) async fn undo(state: &State, undo: &Undo) -> anyhow::Result<()> {
    if state.users.find(&undo.account).await?.is_some() {
        return Ok(());
    }
    let nothing = PermissionSet::default();
    state
        .gatekeeper
        .set_permissions(&undo.sharer, &undo.grantee, &nothing)
        .await?;
    Ok(())
}
