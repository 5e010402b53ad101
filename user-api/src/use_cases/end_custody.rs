//! A custodial account gets a password: its custodians lose that right, people in gatekeeper and
//! clinics in clinic. `admin`, which the creator of a child account holds, stays.

use std::time::Duration;

use anyhow::Context;
use serde::{Deserialize, Serialize};
use shared_runtime::{
    mongo::{Aborted, transaction},
    outbox::{Effect, RowId},
};
use shared_types::UserId;
use tokio::time::timeout;
use tracing::warn;

use crate::State;

/// The request itself takes the right away within this, unless gatekeeper fails or the process
/// dies.
const ROW_AFTER: Duration = Duration::from_secs(3);

/// How long the request waits for clinic, without which it succeeds as well.
const PATIENCE: Duration = Duration::from_secs(2);

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
    withdraw_custodians(state, &claimed.userid).await?;
    end_custody_of_clinics(state, &claimed.userid).await
}

/// Takes the right at once, so that the response can say whether it is gone from people; `row` does it
/// later if this fails, or clinic does not answer.
pub(crate) async fn finish(state: &State, claimed: &UserId, row: RowId) -> anyhow::Result<()> {
    if let Err(cause) = withdraw_custodians(state, claimed).await {
        state.outbox.wake();
        return Err(cause);
    }
    let ended = timeout(PATIENCE, end_custody_of_clinics(state, claimed)).await;
    if let Err(cause) = ended.map_err(Into::into).flatten() {
        let cause = format!("{cause:#}");
        warn!(user.id = %claimed, cause, "the custody of clinics ends later");
        return Ok(());
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
    row: RowId,
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

/// Takes `custodian` from the clinics that made the account; what else they have stays. Repeatable.
async fn end_custody_of_clinics(state: &State, claimed: &UserId) -> anyhow::Result<()> {
    let Some(clinic) = &state.clinic else {
        return Ok(());
    };
    let custodians = clinic.custodians(claimed).await;
    for custodian in custodians.context("the clinics of a claimed account")? {
        let ended = clinic.end_custody(custodian, claimed).await;
        ended.context("a clinic of a claimed account")?;
    }
    Ok(())
}
