//! The acceptance of an invitation, all or nothing.
//!
//! First the acceptance begins: one transaction marks the invitation, so that nobody can cancel,
//! decline or accept it any more, and stores an outbox row that finishes it. Then gatekeeper grants
//! the offer, once for this invitation however often confirm asks, and refuses if the sender may no
//! longer share the account. Last, one transaction completes (or cancels) the invitation and takes
//! the row back. If a process dies in between, the row or a repeated request goes on from there.

use std::time::Duration;

use anyhow::{Context, bail};
use chrono::Utc;
use serde::{Deserialize, Serialize};
use shared_runtime::{
    outbox::{Effect, RowId},
    peers::PeerError,
};
use shared_types::{Grant, UserId};
use tracing::warn;

use super::acceptance;
use crate::{
    State,
    domain::{
        confirmation::{Confirmation, Status},
        context::Offer,
        invitation::{self, NotAnswerable},
    },
    error::{Error, Failure, Refusal},
    store::Invited,
};

/// An invitation was accepted. The row finishes the acceptance.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Accepted {
    pub(crate) key: String,
}

impl Effect for Accepted {
    const TOPIC: &'static str = "invitation.accepted";

    fn key(&self) -> String {
        format!("invitation:{}", self.key)
    }

    fn delay(&self) -> Duration {
        acceptance::ROW_AFTER
    }
}

/// How an acceptance ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Granted,
    /// The sender may no longer share the account; the invitation is canceled.
    Withdrawn,
    /// The invited account cannot hold that much; the invitation is canceled.
    TooMuch,
}

/// An invitation whose acceptance is under way.
struct Accepting<'a> {
    invitation: &'a Confirmation,
    invitee: &'a UserId,
    sharer: &'a UserId,
    offer: Offer,
    /// The outbox row that finishes the acceptance if the request does not.
    row: RowId,
}

/// Why an acceptance did not end; it goes on later.
enum Unfinished {
    Grant(PeerError),
    Alerts(PeerError),
    Store(anyhow::Error),
}

/// Accepts `invitation` for `invitee`, as far as earlier requests have not.
pub(crate) async fn accept(
    state: &State,
    invitation: &Confirmation,
    invitee: &UserId,
    sharer: &UserId,
) -> Result<(), Error> {
    if !invitation::is_between(invitation, invitee, sharer) {
        return Err(NotAnswerable.into());
    }
    if invitation.status == Status::Completed {
        return acceptance::take_late(state, &invitation.key).await;
    }
    if invitation.acceptance.is_none() {
        invitation::may_accept(invitation, invitee, sharer, Utc::now())?;
    }
    let offer = invitation::granted(invitation, invitee, sharer).map_err(Refusal::from)?;
    let row = if let Some(acceptance) = invitation.acceptance {
        acceptance.row
    } else {
        let key = invitation.key.clone();
        let whom = Invited::Person(invitee);
        acceptance::begin(state, whom, &Accepted { key }, &invitation.key).await?
    };
    let accepting = Accepting {
        invitation,
        invitee,
        sharer,
        offer,
        row,
    };
    match finish(state, &accepting, false).await {
        Ok(Some(Outcome::Granted)) => Ok(()),
        Ok(Some(Outcome::Withdrawn)) => Err(Refusal::Forbidden.into()),
        Ok(Some(Outcome::TooMuch)) => Err(Refusal::InvalidContext.into()),
        Ok(None) => acceptance::take_outcome(state, &invitation.key).await,
        Err(unfinished) => {
            state.outbox.wake();
            Err(match unfinished {
                Unfinished::Grant(error) => Error::failed(Failure::SettingPermissions, error),
                Unfinished::Alerts(error) => Error::failed(Failure::CreatingAlerts, error),
                Unfinished::Store(error) => Error::failed(Failure::Saving, error),
            })
        }
    }
}

/// Goes on with an acceptance that no request has finished. Repeatable.
pub(crate) async fn resume(state: &State, accepted: &Accepted) -> anyhow::Result<()> {
    let Some(invitation) = state.confirmations.find(&accepted.key).await? else {
        return Ok(());
    };
    let acceptance = invitation.acceptance;
    let Some(acceptance) = acceptance.filter(|_| invitation.status == Status::Pending) else {
        return Ok(());
    };
    let (Some(sharer), Some(invitee)) = (&invitation.creator_id, &invitation.user_id) else {
        bail!("an accepted invitation names both accounts");
    };
    let offer =
        invitation::granted(&invitation, invitee, sharer).context("an accepted invitation")?;
    let accepting = Accepting {
        invitation: &invitation,
        invitee,
        sharer,
        offer,
        row: acceptance.row,
    };
    match finish(state, &accepting, true).await {
        Ok(_) => Ok(()),
        Err(Unfinished::Grant(error)) => Err(error).context("gatekeeper"),
        Err(Unfinished::Alerts(error)) => Err(error).context("the data service"),
        Err(Unfinished::Store(error)) => Err(error),
    }
}

/// Grants the offer and ends the invitation; returns `None` when the acceptance was not under way
/// any more. `is_unanswered` says that no request waits for the outcome.
async fn finish(
    state: &State,
    accepting: &Accepting<'_>,
    is_unanswered: bool,
) -> Result<Option<Outcome>, Unfinished> {
    let outcome = grant(state, accepting).await?;
    let to = match outcome {
        Outcome::Granted => Status::Completed,
        Outcome::Withdrawn | Outcome::TooMuch => Status::Canceled,
    };
    // A canceled invitation has no outcome that a repeated request could still get.
    let waits = is_unanswered && outcome == Outcome::Granted;
    let under_way = (accepting.invitation.key.as_str(), accepting.row);
    let ended = acceptance::end(state, under_way, to, waits).await;
    let is_ended = ended.map_err(|error| Unfinished::Store(error.into()))?;
    Ok(is_ended.then_some(outcome))
}

async fn grant(state: &State, accepting: &Accepting<'_>) -> Result<Outcome, Unfinished> {
    let Accepting {
        invitation,
        invitee,
        sharer,
        ref offer,
        ..
    } = *accepting;
    if !offer.permissions.is_empty() {
        let grant = Grant {
            sharer_id: sharer.clone(),
            grantee_id: invitee.clone(),
            granted_by: invitation.sender_id.clone(),
            permissions: offer.permissions.clone(),
        };
        match state.gatekeeper.grant(&invitation.key, &grant).await {
            Ok(Some(_)) => {}
            Ok(None) => return Ok(Outcome::Withdrawn),
            Err(PeerError::Refused { status: 400 }) => return Ok(Outcome::TooMuch),
            Err(error) => return Err(Unfinished::Grant(error)),
        }
    }
    if let (Some(alerts), Some(data)) = (&offer.alerts, &state.data) {
        let alerts =
            serde_json::to_value(alerts).map_err(|error| Unfinished::Store(error.into()))?;
        data.replace_alerts(sharer, invitee, &alerts)
            .await
            .map_err(Unfinished::Alerts)?;
    } else if offer.alerts.is_some() {
        warn!("no data service is configured, so an alert configuration is not stored");
    }
    Ok(Outcome::Granted)
}
