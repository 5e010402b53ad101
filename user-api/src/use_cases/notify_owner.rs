//! Reports to the owner of an account that the account was changed: confirm mails to every address
//! that was proven before.

use anyhow::Context;
use bson::{DateTime, oid::ObjectId};
use chrono::{TimeDelta, Utc};
use mongodb::ClientSession;
use serde::{Deserialize, Serialize};
use shared_runtime::{error::OrFail as _, outbox::Effect};
use shared_types::{AccountNotice, ChangedPart, UserId};

use crate::{
    State,
    domain::{
        account_change::AccountChange,
        names::Names,
        past::{Past, RestoredState, recipients, void_after_reset},
        update::Updates,
        user::Account,
    },
    error::{Error, Failure, Refusal},
};

/// The time for which changes are counted.
const WEEK: TimeDelta = TimeDelta::days(7);

/// An account was changed, which confirm mails to its owner.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Changed {
    /// A repeat of the notice has the same.
    pub(crate) id: String,
    pub(crate) notice: AccountNotice,
}

impl Effect for Changed {
    const TOPIC: &'static str = "users.changed";

    fn key(&self) -> String {
        format!("notice:{}", self.notice.userid)
    }
}

/// Whether people may change `parts` only so often. A password alone they always may: whoever used
/// the limit up with a stolen session is ended by a new one.
pub(crate) fn is_limited(parts: &[ChangedPart]) -> bool {
    parts.iter().any(|part| *part != ChangedPart::Password)
}

/// Refuses a change by a person where the owner would get too many notices: a thief of a session could
/// fill the mailbox.
pub(crate) async fn check_limit(state: &State, account: &Account) -> Result<(), Error> {
    let (limit, now) = (state.accounts.changes_per_week, Utc::now());
    let times = state
        .past_accounts
        .list_times(&account.userid, now - WEEK, limit.into())
        .await
        .or_fail(Failure::UpdatingUser)?;
    if times.len() < usize::from(limit) {
        return Ok(());
    }
    let wait = times.first().map_or(WEEK, |first| *first + WEEK - now);
    Err(Refusal::TooManyChanges(wait.to_std().unwrap_or_default()).into())
}

/// Keeps what `read` was and queues the notices, in the transaction of `session` that made `change`
/// of it as `updates` ask, where that changed `parts` and there is a recipient.
pub(crate) async fn queue_notices(
    state: &State,
    session: &mut ClientSession,
    read: &Account,
    change: &AccountChange,
    updates: &Updates,
    parts: &[ChangedPart],
) -> Result<(), mongodb::error::Error> {
    if parts.is_empty() || state.confirm.is_none() {
        return Ok(());
    }
    let userid = &read.userid;
    let mut list = state.past_accounts.list_in(session, userid).await?;
    let names = Names {
        username: read.username.clone(),
        emails: read.emails.clone(),
    };
    list.push(next(&list, names, proven_emails(state, read)));
    if parts.contains(&ChangedPart::PasswordByMail)
        && let Some(condition) = &updates.only_if
    {
        void_after_reset(&mut list, condition.email());
        state.past_accounts.void(session, userid, &list).await?;
    }
    let needs_proof = parts.contains(&ChangedPart::Emails) && needs_proof(read, change);
    keep(state, session, userid, &list, parts, needs_proof).await
}

/// Queues the notices that the account was put back, in the transaction of `session` that made it
/// `restored`. `list` holds what the account was before its changes; no notice reports what is void
/// in the list.
pub(crate) async fn queue_notices_of_restoration(
    state: &State,
    session: &mut ClientSession,
    userid: &UserId,
    mut list: Vec<Past>,
    restored: &RestoredState,
) -> Result<(), mongodb::error::Error> {
    if state.confirm.is_none() {
        return Ok(());
    }
    // What the account is from here on, and not what a thief had made of it.
    let (names, proven) = (restored.names.clone(), restored.proven.clone());
    list.push(next(&list, names, proven));
    keep(
        state,
        session,
        userid,
        &list,
        &[ChangedPart::PutBack],
        false,
    )
    .await
}

/// What follows `list`.
fn next(list: &[Past], names: Names, proven: Vec<String>) -> Past {
    Past {
        change: ObjectId::new().to_hex(),
        sequence: list.last().map_or(0, |last| last.sequence + 1),
        changed_at: Utc::now(),
        names,
        proven,
        is_void: false,
        restored_under: None,
    }
}

/// Keeps the last of `list` and queues the notices of it, where there is a recipient.
async fn keep(
    state: &State,
    session: &mut ClientSession,
    userid: &UserId,
    list: &[Past],
    parts: &[ChangedPart],
    needs_proof: bool,
) -> Result<(), mongodb::error::Error> {
    let Some(past) = list.last() else {
        return Ok(());
    };
    let recipients = recipients(list, past.changed_at);
    if recipients.is_empty() {
        return Ok(());
    }
    state.past_accounts.insert(session, userid, past).await?;
    let notice = AccountNotice {
        userid: userid.clone(),
        changed_at: DateTime::from_chrono(past.changed_at).timestamp_millis(),
        changed: parts.to_vec(),
        recipients,
        needs_proof,
    };
    let changed = Changed {
        id: past.change.clone(),
        notice,
    };
    state.outbox.enqueue(session, &changed).await?;
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
    let reported = confirm.report_change(&changed.id, &changed.notice).await;
    reported.context("confirm")
}
