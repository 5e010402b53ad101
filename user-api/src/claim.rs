//! A custodial account gets a password: its custodians lose that right.

use anyhow::Context;
use bson::doc;
use serde::Deserialize;
use shared_runtime::outbox::OutboxEntry;
use shared_types::UserId;

use crate::State;

/// Topic of the row that takes the right away.
pub(crate) const CLAIMED: &str = "users.claimed";

/// The permission that ends with the claim. `admin`, which the creator of a child account holds,
/// does not.
const CUSTODIAN: &str = "custodian";

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
        not_before: None,
    }
}

/// Takes `custodian` from everybody who has it on the account; what else they have stays.
/// Repeatable.
pub(crate) async fn withdraw_custodians(state: &State, claimed: &Claimed) -> anyhow::Result<()> {
    let userid = &claimed.userid;
    let members = state
        .gatekeeper
        .members(userid)
        .await
        .context("members of a claimed account")?;
    for (member, mut permissions) in members {
        if permissions.0.remove(CUSTODIAN).is_some() && member != *userid {
            state
                .gatekeeper
                .set_permissions(userid, &member, &permissions)
                .await
                .context("a custodian of a claimed account")?;
        }
    }
    Ok(())
}
