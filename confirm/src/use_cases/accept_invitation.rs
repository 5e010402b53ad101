//! The acceptance of an invitation, all or nothing.
//!
//! First it is claimed: one transaction marks the invitation, so that nobody can cancel, decline
//! or accept it any more, and stores an outbox row that finishes it. Then gatekeeper grants what
//! is offered, once for this invitation however often it is asked, and refuses if the sender may no
//! longer share the account. Last, one transaction completes (or cancels) the invitation and takes
//! the row back. Whatever dies in between, the row or a repeated request goes on from there.

use std::{convert::Infallible, time::Duration};

use anyhow::Context;
use bson::oid::ObjectId;
use chrono::Utc;
use serde::{Deserialize, Serialize};
use shared_runtime::{
    error::{ApiError, OrFail as _},
    mongo::{Aborted, transaction},
    outbox::Effect,
    peers::PeerError,
};
use shared_types::{Grant, UserId};
use tracing::warn;

use crate::{
    State,
    domain::{
        confirmation::{Confirmation, Status},
        context::{InvalidContext, Offer},
        invitation::{self, NotAnswerable},
    },
    error::{Failure, Refusal},
};

/// The request itself finishes within this, unless a peer fails or the process dies.
const ROW_AFTER: Duration = Duration::from_secs(3);

/// An invitation was accepted, which the row finishes.
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
        ROW_AFTER
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

/// Why an acceptance did not end; it goes on later.
enum Unfinished {
    Grant(PeerError),
    Alerts(PeerError),
    Store(anyhow::Error),
}

/// Accepts `invitation` for `invitee`, as far as it has not been.
pub(crate) async fn accept(
    state: &State,
    invitation: &Confirmation,
    invitee: &UserId,
    sharer: &UserId,
) -> Result<(), ApiError> {
    if !invitation::is_between(invitation, invitee, sharer) {
        return Err(NotAnswerable.into());
    }
    if invitation.status == Status::Completed {
        // The outbox was faster than a repeated request.
        let is_told = state
            .confirmations
            .note_answered(&invitation.key)
            .await
            .or_fail(Failure::Saving)?;
        return if is_told {
            Ok(())
        } else {
            Err(NotAnswerable.into())
        };
    }
    if invitation.acceptance.is_none() {
        invitation::may_accept(invitation, invitee, sharer, Utc::now())?;
        offer_of(invitation, invitee, sharer).map_err(Refusal::from)?;
        claim(state, invitation, invitee).await?;
    }
    match finish(state, &invitation.key, false).await {
        Ok(Some(Outcome::Granted)) => Ok(()),
        Ok(Some(Outcome::Withdrawn) | None) => Err(Refusal::Forbidden.into()),
        Ok(Some(Outcome::TooMuch)) => Err(Refusal::InvalidContext.into()),
        Err(unfinished) => {
            state.outbox.wake();
            Err(match unfinished {
                Unfinished::Grant(error) => Failure::SettingPermissions.because(error),
                Unfinished::Alerts(error) => Failure::CreatingAlerts.because(error),
                Unfinished::Store(error) => Failure::Saving.because(error),
            })
        }
    }
}

/// Goes on with an acceptance that no request has finished. Repeatable.
pub(crate) async fn resume(state: &State, accepted: &Accepted) -> anyhow::Result<()> {
    match finish(state, &accepted.key, true).await {
        Ok(_) => Ok(()),
        Err(Unfinished::Grant(error)) => Err(error).context("gatekeeper"),
        Err(Unfinished::Alerts(error)) => Err(error).context("the data service"),
        Err(Unfinished::Store(error)) => Err(error),
    }
}

fn offer_of(
    invitation: &Confirmation,
    invitee: &UserId,
    sharer: &UserId,
) -> Result<Offer, InvalidContext> {
    let mut offer = Offer::read(invitation.context.as_ref())?.accepted(sharer, invitee)?;
    if let Some(requested) = &invitation.requested {
        offer
            .permissions
            .0
            .retain(|name, _| requested.contains(name));
    }
    Ok(offer)
}

async fn claim(state: &State, invitation: &Confirmation, invitee: &UserId) -> Result<(), ApiError> {
    let key = &invitation.key;
    let claimed: Result<(), Aborted> = transaction(&state.client, async |session| {
        let accepted = Accepted { key: key.clone() };
        let row = state.outbox.enqueue(session, &accepted).await?;
        if state
            .confirmations
            .claim(session, key, invitee, row)
            .await?
        {
            Ok(())
        } else {
            Err(Aborted::Outrun)
        }
    })
    .await;
    let Err(Aborted::Outrun) = claimed else {
        return claimed.or_fail(Failure::Saving);
    };
    // It was answered, canceled or accepted meanwhile. The same account may have claimed it twice at
    // once; then both finish it.
    match state
        .confirmations
        .find(key)
        .await
        .or_fail(Failure::Finding)?
    {
        Some(found) if found.acceptance.is_some() => Ok(()),
        Some(_) => Err(NotAnswerable.into()),
        // It was sent again, with another key.
        None => Err(Refusal::NoInvite.into()),
    }
}

/// Grants what a claimed invitation offers and ends it; `None` when it is not under way any more
/// and did not end well. `is_unanswered`: nobody waits for the answer.
async fn finish(
    state: &State,
    key: &str,
    is_unanswered: bool,
) -> Result<Option<Outcome>, Unfinished> {
    let store = |error: mongodb::error::Error| Unfinished::Store(error.into());
    let Some(invitation) = state.confirmations.find(key).await.map_err(store)? else {
        return Ok(None);
    };
    let Some(acceptance) = invitation
        .acceptance
        .filter(|_| invitation.status == Status::Pending)
    else {
        return finished_elsewhere(state, &invitation, is_unanswered).await;
    };
    let outcome = grant(state, &invitation).await?;
    let to = match outcome {
        Outcome::Granted => Status::Completed,
        Outcome::Withdrawn | Outcome::TooMuch => Status::Canceled,
    };
    // A canceled invitation has no answer that a repeated request could still get.
    let waits = is_unanswered && outcome == Outcome::Granted;
    let ended = end(state, key, to, waits, acceptance.row).await;
    if ended.map_err(store)? {
        return Ok(Some(outcome));
    }
    match state.confirmations.find(key).await.map_err(store)? {
        Some(found) => finished_elsewhere(state, &found, is_unanswered).await,
        None => Ok(None),
    }
}

/// How an acceptance ended that somebody else finished; whoever accepted is told now, unless this
/// is `is_unanswered` too.
async fn finished_elsewhere(
    state: &State,
    invitation: &Confirmation,
    is_unanswered: bool,
) -> Result<Option<Outcome>, Unfinished> {
    if invitation.status != Status::Completed {
        return Ok(None);
    }
    if !is_unanswered && invitation.acceptance.is_some() {
        let told = state.confirmations.note_answered(&invitation.key).await;
        told.map_err(|error| Unfinished::Store(error.into()))?;
    }
    Ok(Some(Outcome::Granted))
}

async fn grant(state: &State, invitation: &Confirmation) -> Result<Outcome, Unfinished> {
    let (Some(sharer), Some(invitee)) = (&invitation.creator_id, &invitation.user_id) else {
        let error = anyhow::anyhow!("an accepted invitation names both accounts");
        return Err(Unfinished::Store(error));
    };
    let offer = offer_of(invitation, invitee, sharer)
        .context("an accepted invitation")
        .map_err(Unfinished::Store)?;
    if !offer.permissions.is_empty() {
        let grant = Grant {
            sharer_id: sharer.clone(),
            grantee_id: invitee.clone(),
            granted_by: invitation.sender_id.clone(),
            permissions: offer.permissions,
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

/// Ends the invitation and takes the row back; answers whether it was still under way.
async fn end(
    state: &State,
    key: &str,
    to: Status,
    is_unanswered: bool,
    row: ObjectId,
) -> Result<bool, mongodb::error::Error> {
    transaction::<_, Infallible>(&state.client, async |session| {
        let ended = state
            .confirmations
            .finish(session, key, to, is_unanswered)
            .await?;
        // The relay removes the row that it is delivering by itself.
        if ended && !is_unanswered {
            state.outbox.withdraw(session, row).await?;
        }
        Ok(ended)
    })
    .await
    .map_err(Into::into)
}
