//! A custodial account gets a password: its custodians lose that right. `admin`, which the creator
//! of a child account holds, stays.

use std::time::Duration;

use anyhow::Context;
use bson::doc;
use chrono::Utc;
use serde::Deserialize;
use shared_runtime::outbox::OutboxEntry;
use shared_types::UserId;

use crate::State;

/// Topic of the row that takes the right away.
pub(crate) const CLAIMED: &str = "users.claimed";

/// The request itself takes the right away within this, unless gatekeeper fails or the process
/// dies.
const ROW_AFTER: Duration = Duration::from_secs(3);

/// Payload of [`CLAIMED`].
#[derive(Debug, Deserialize)]
pub(crate) struct Claimed {
    pub(crate) userid: UserId,
}

/// The row, for the transaction that sets the password: the right is taken away even if this
/// process dies right after it.
pub(crate) fn entry(claimed: &Claimed) -> OutboxEntry {
    OutboxEntry {
        key: format!("gatekeeper:{}", claimed.userid),
        topic: CLAIMED,
        payload: doc! { "userid": claimed.userid.as_str() },
        not_before: Some(Utc::now() + ROW_AFTER),
    }
}

/// Takes `custodian` from everybody who has it on the account; what else they have stays.
/// Repeatable.
pub(crate) async fn withdraw_custodians(state: &State, claimed: &Claimed) -> anyhow::Result<()> {
    state
        .gatekeeper
        .withdraw_custodians(&claimed.userid)
        .await
        .context("the custodians of a claimed account")
}
