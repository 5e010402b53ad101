//! A custodial account gets a password: its custodians lose that right. `admin`, which the creator
//! of a child account holds, stays.

use std::time::Duration;

use anyhow::Context;
use bson::oid::ObjectId;
use serde::{Deserialize, Serialize};
use shared_runtime::{
    mongo::{Aborted, transaction},
    outbox::Effect,
};
use shared_types::UserId;
use tracing::warn;

use crate::State;

/// The request itself takes the right away within this, unless gatekeeper fails or the process
/// dies.
const ROW_AFTER: Duration = Duration::from_secs(3);

/// The account was claimed. Its row is written in the transaction that sets the password: the right
/// is taken away even if this process dies right after it.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Claimed {
    pub(crate) userid: UserId,
}

impl Effect for Claimed {
    const TOPIC: &'static str = "users.claimed";

    fn key(&self) -> String {
        format!("gatekeeper:{}", self.userid)
    }

    fn delay(&self) -> Duration {
        ROW_AFTER
    }
}

/// Does what a row says. Repeatable.
pub(crate) async fn relay(state: &State, claimed: &Claimed) -> anyhow::Result<()> {
    withdraw_custodians(state, &claimed.userid).await
}

/// Takes the right at once, so that the response can say whether it is gone; `row` does it later if
/// this fails.
pub(crate) async fn finish(state: &State, claimed: &UserId, row: ObjectId) -> anyhow::Result<()> {
    if let Err(cause) = withdraw_custodians(state, claimed).await {
        state.outbox.wake();
        return Err(cause);
    }
    let withdrawn = transaction(&state.client, async |session| {
        Ok::<_, Aborted<()>>(state.outbox.withdraw(session, row).await?)
    })
    .await;
    if withdrawn.is_err() {
        // The relay repeats what has been done, which changes nothing.
        warn!("a finished row was not withdrawn from the outbox");
    }
    Ok(())
}

/// The same, unless `row` is gone: then the right was taken already, and one that was given since
/// stays.
pub(crate) async fn finish_if_pending(
    state: &State,
    claimed: &UserId,
    row: ObjectId,
) -> anyhow::Result<()> {
    if state.outbox.contains(row).await? {
        finish(state, claimed, row).await?;
    }
    Ok(())
}

/// Takes `custodian` from everybody who has it on the account; what else they have stays.
/// Repeatable.
async fn withdraw_custodians(state: &State, claimed: &UserId) -> anyhow::Result<()> {
    state
        .gatekeeper
        .withdraw_custodians(claimed)
        .await
        .context("the custodians of a claimed account")
}
