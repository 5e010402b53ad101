//! The owner of an account is told that it was changed, by confirm, which mails to every address
//! that was proven before.

use anyhow::Context;
use bson::{DateTime, doc, oid::ObjectId, serialize_to_bson};
use chrono::{TimeDelta, Utc};
use mongodb::{ClientSession, error::Error};
use serde::Deserialize;
use shared_runtime::{error::ApiError, outbox::OutboxEntry};
use shared_types::{AccountNotice, ChangedPart};

use crate::{
    State,
    domain::{
        names::Names,
        past::{Past, recipients},
        user::Account,
    },
    error::{Failure, Refusal},
    store::AccountChange,
};

/// Topic of the row that tells confirm.
pub(crate) const CHANGED: &str = "users.changed";

/// The time for which changes are counted.
const WEEK: TimeDelta = TimeDelta::days(7);

/// Payload of [`CHANGED`].
#[derive(Debug, Deserialize)]
pub(crate) struct Changed {
    id: String,
    notice: AccountNotice,
}

/// Refuses a change by a person where its owner would be told of too many: whoever stole a session
/// could fill the mailbox.
pub(crate) async fn check_limit(state: &State, account: &Account) -> Result<(), ApiError> {
    let (limit, now) = (state.accounts.changes_per_week, Utc::now());
    let times = state
        .past_accounts
        .list_times(&account.userid, now - WEEK, limit.into())
        .await
        .map_err(Failure::UpdatingUser.because())?;
    if times.len() < usize::from(limit) {
        return Ok(());
    }
    let wait = times.first().map_or(WEEK, |first| *first + WEEK - now);
    Err(Refusal::TooManyChanges(wait.to_std().unwrap_or_default()).into())
}

/// Keeps what `read` was and queues the notices, in the transaction of `session` that made `change`
/// of it, where that changed `parts` and somebody can be told.
pub(crate) async fn note(
    state: &State,
    session: &mut ClientSession,
    read: &Account,
    change: &AccountChange,
    parts: &[ChangedPart],
) -> Result<(), Error> {
    if parts.is_empty() || state.confirm.is_none() {
        return Ok(());
    }
    let (id, now) = (ObjectId::new().to_hex(), Utc::now());
    let earlier = state.past_accounts.list_in(session, &read.userid).await?;
    let proven = proven_emails(state, read);
    let recipients = recipients(&id, &proven, &earlier, now);
    if recipients.is_empty() {
        return Ok(());
    }
    let past = Past {
        change: id.clone(),
        sequence: earlier.last().map_or(0, |last| last.sequence + 1),
        changed_at: now,
        names: Names {
            username: read.username.clone(),
            emails: read.emails.clone(),
        },
        proven,
        is_void: false,
        restored_under: None,
    };
    state
        .past_accounts
        .insert(session, &read.userid, &past)
        .await?;
    let notice = AccountNotice {
        userid: read.userid.clone(),
        changed_at: DateTime::from_chrono(now).timestamp_millis(),
        changed: parts.to_vec(),
        recipients,
        needs_proof: parts.contains(&ChangedPart::Emails) && needs_proof(read, change),
    };
    let notice = serialize_to_bson(&notice).map_err(Error::custom)?;
    let entry = OutboxEntry {
        key: format!("notice:{}", read.userid),
        topic: CHANGED,
        payload: doc! { "id": id, "notice": notice },
        not_before: None,
    };
    state.outbox.enqueue(session, entry).await?;
    Ok(())
}

/// The addresses that `account` has proven, and has.
fn proven_emails(state: &State, account: &Account) -> Vec<String> {
    let mut proven: Vec<String> = account.proven_emails().into_iter().cloned().collect();
    // The secret of a test set-up proves one that nobody had to.
    let first = account.proven_email(state.verification_secret());
    if let Some(first) = first.filter(|first| !proven.iter().any(|proven| proven == first)) {
        proven.push(first.to_owned());
    }
    proven
}

/// Whether the first address is one to be proven once `change` is made of `read`.
fn needs_proof(read: &Account, change: &AccountChange) -> bool {
    let changed = read.changed(change.names.as_ref(), change.email_verified, &change.proof);
    !changed.emails.is_empty() && !changed.shows_verified()
}

/// Does what a row says. Repeatable.
pub(crate) async fn relay(state: &State, changed: &Changed) -> anyhow::Result<()> {
    let confirm = state.confirm.as_ref().context("confirm.url is not set")?;
    let told = confirm.tell_change(&changed.id, &changed.notice).await;
    told.context("confirm")
}
