//! Deletes an account: everything of it here in one transaction, and a row for everybody else who
//! keeps something about it.

use std::{collections::BTreeSet, time::Duration};

use anyhow::Context;
use bson::{Document, serialize_to_document};
use chrono::Utc;
use mongodb::ClientSession;
use serde::Deserialize;
use shared_runtime::{
    mongo::{Aborted, transaction},
    outbox::OutboxEntry,
};
use shared_types::{AdministeredAccount, UserDeletion, UserId};
use tracing::warn;

use crate::{
    State,
    domain::{deletion::keeps_an_admin, user::Account},
};

/// Topic of the row that tells gatekeeper.
pub(crate) const NOTICE_TO_GATEKEEPER: &str = "users.delete.gatekeeper";

/// Topic of the row that removes what came to be while the account was deleted.
pub(crate) const SWEEP: &str = "users.sweep";

/// Every request that began before the deletion, or shortly after it with a token that another
/// service had just checked, has ended after this.
const SWEEP_AFTER: Duration = Duration::from_secs(10);

/// Payload of [`SWEEP`].
#[derive(Debug, Deserialize)]
pub(crate) struct Sweep {
    userid: UserId,
}

/// Why an account was not deleted.
#[derive(Debug)]
pub(crate) enum DeletionError {
    /// It is the last that runs an account which nobody could reach without it.
    LastAdmin,
    Failed(anyhow::Error),
}

/// Deletes `account` at the wish of a service, whatever depends on it.
pub(crate) async fn delete(state: &State, account: &Account) -> Result<(), DeletionError> {
    delete_unless_needed(state, account, &[]).await
}

/// Deletes `account` at the wish of a person, unless it is the last that runs another account
/// without password and address.
///
/// When gatekeeper cannot say what the account runs, the deletion of somebody who never made such
/// an account goes on all the same; whoever did has to wait.
pub(crate) async fn delete_if_dispensable(
    state: &State,
    account: &Account,
) -> Result<(), DeletionError> {
    let administered = match state.gatekeeper.administered(&account.userid).await {
        Ok(administered) => administered,
        Err(error) => {
            let made = state
                .users
                .list_created_by(&account.userid)
                .await
                .map_err(|error| DeletionError::Failed(error.into()))?;
            if made.iter().any(Account::is_unreachable) {
                return Err(DeletionError::Failed(error.into()));
            }
            warn!(cause = %error, "an account is deleted without asking what it runs");
            Vec::new()
        }
    };
    delete_unless_needed(state, account, &administered).await
}

async fn delete_unless_needed(
    state: &State,
    account: &Account,
    administered: &[AdministeredAccount],
) -> Result<(), DeletionError> {
    let userid = &account.userid;
    let full_name = state
        .metadata
        .full_name(userid)
        .await
        .map_err(|error| DeletionError::Failed(error.into()))?;
    let notice = UserDeletion {
        user: account.record(true),
        full_name,
    };
    let notice = serialize_to_document(&notice)
        .context("a deletion notice")
        .map_err(DeletionError::Failed)?;
    let deleted = transaction(&state.client, async |session| {
        for child in administered {
            if !may_be_left(state, session, child, userid).await? {
                return Err(Aborted::Refused(()));
            }
        }
        if !state.users.delete(session, userid).await? {
            // Somebody else has just deleted it, rows and all.
            return Ok(());
        }
        state
            .sessions
            .tokens()
            .delete_all_but_in(session, userid, None)
            .await?;
        state.metadata.delete(session, userid).await?;
        enqueue_notices(state, session, userid, &notice).await
    })
    .await;
    match deleted {
        Ok(()) => {
            state.outbox.wake();
            // A log-in that opened a session while the transaction ran did not see it, nor it the
            // session. One that comes later finds the account gone.
            if let Err(error) = state.sessions.tokens().delete_all(userid).await {
                warn!(cause = %error, "sessions of a deleted account wait for the sweep");
            }
            Ok(())
        }
        Err(Aborted::Refused(())) => Err(DeletionError::LastAdmin),
        Err(Aborted::Failed(error)) => Err(DeletionError::Failed(error.into())),
    }
}

/// Whether `child` can do without `leaving`. Locks the child where that depends on who else is
/// there, so that two of its admins cannot leave at once, each relying on the other.
async fn may_be_left(
    state: &State,
    session: &mut ClientSession,
    child: &AdministeredAccount,
    leaving: &UserId,
) -> Result<bool, mongodb::error::Error> {
    let is_unreachable = state
        .users
        .lock(session, &child.userid)
        .await?
        .is_some_and(|account| account.is_unreachable());
    if !is_unreachable {
        return Ok(true);
    }
    let others: Vec<&str> = child.other_admins.iter().map(UserId::as_str).collect();
    let existing: BTreeSet<UserId> = state
        .users
        .list_existing(session, &others)
        .await?
        .into_iter()
        .collect();
    Ok(keeps_an_admin(child, leaving, &existing))
}

async fn enqueue_notices(
    state: &State,
    session: &mut ClientSession,
    userid: &UserId,
    notice: &Document,
) -> Result<(), Aborted<()>> {
    let for_gatekeeper = OutboxEntry {
        key: format!("gatekeeper:{userid}"),
        topic: NOTICE_TO_GATEKEEPER,
        payload: notice.clone(),
        not_before: None,
    };
    let sweep = OutboxEntry {
        key: format!("user-api:{userid}"),
        topic: SWEEP,
        payload: bson::doc! { "userid": userid.as_str() },
        not_before: Some(Utc::now() + SWEEP_AFTER),
    };
    for entry in [for_gatekeeper, sweep] {
        state.outbox.enqueue(session, entry).await?;
    }
    Ok(())
}

/// Tells gatekeeper that an account is gone. Repeatable.
pub(crate) async fn notify_gatekeeper(state: &State, notice: &UserDeletion) -> anyhow::Result<()> {
    state
        .gatekeeper
        .forget_user(&notice.user.userid)
        .await
        .context("gatekeeper")
}

/// Closes sessions of a deleted account that were opened at that moment, and has gatekeeper remove
/// what was granted with a token that it had checked a moment before. Repeatable.
pub(crate) async fn sweep(state: &State, sweep: &Sweep) -> anyhow::Result<()> {
    state.sessions.tokens().delete_all(&sweep.userid).await?;
    state
        .gatekeeper
        .forget_user(&sweep.userid)
        .await
        .context("gatekeeper")
}
