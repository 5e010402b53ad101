//! An account is handed over: with the first address that is proven, its password becomes that of
//! the recipient of the mails there, who may be another person than the one who made the account.
//! What was given away on it until then ends; what others gave to it stays.
//!
//! The request does it at once, so that what the new owner gives afterwards is not meant. A row does
//! it once more: the request may fail, and what was under way with a session that has ended may be
//! written a moment later.

use std::time::Duration;

use anyhow::Context;
use bson::DateTime;
use chrono::{TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use shared_runtime::outbox::Effect;
use shared_types::UserId;
use tokio::time::timeout;
use tracing::warn;

use crate::State;

/// What is made so long after the sessions have ended was begun before. The new owner has yet to log
/// in.
const GRACE: TimeDelta = TimeDelta::seconds(5);

/// When the row is due.
const ROW_AFTER: Duration = Duration::from_secs(10);

/// How long a request waits for the other services; whoever asks waits for five seconds.
const PATIENCE: Duration = Duration::from_secs(3);

/// The account was handed over.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct HandedOver {
    pub(crate) userid: UserId,
    /// What was made until then ends.
    pub(crate) until: DateTime,
}

impl HandedOver {
    /// An account that is being handed over.
    pub(crate) fn now(userid: &UserId) -> Self {
        Self {
            userid: userid.clone(),
            until: DateTime::from_chrono(Utc::now() + GRACE),
        }
    }
}

impl Effect for HandedOver {
    const TOPIC: &'static str = "users.handed-over";

    /// Not that of a deletion, which need not wait for it.
    fn key(&self) -> String {
        format!("handed-over:{}", self.userid)
    }

    fn delay(&self) -> Duration {
        ROW_AFTER
    }
}

/// Ends what was given away. Repeatable.
///
/// confirm comes first: until it has heard, it may have gatekeeper grant what is being accepted.
pub(crate) async fn end_gifts(state: &State, handed_over: &HandedOver) -> anyhow::Result<()> {
    let HandedOver { userid, until } = handed_over;
    let until = until.to_chrono();
    let canceled = match &state.confirm {
        Some(confirm) => confirm.cancel_invitations(userid, until).await,
        None => Ok(()),
    };
    let withdrawn = state.gatekeeper.withdraw_grants(userid, until).await;
    withdrawn.context("gatekeeper")?;
    canceled.context("confirm")
}

/// The same at once, if the other services are there; else the row does it.
pub(crate) async fn try_to_end_gifts(state: &State, handed_over: &HandedOver) {
    let ended = timeout(PATIENCE, end_gifts(state, handed_over)).await;
    if let Err(cause) = ended.map_err(Into::into).flatten() {
        let cause = format!("{cause:#}");
        warn!(user.id = %handed_over.userid, cause, "what the maker of an account gave away ends later");
    }
}
