//! The acceptance of an invitation, all or nothing.
//!
//! First it is claimed: one transaction marks the invitation, so that nobody can cancel, decline
//! or accept it any more, and stores an outbox row that finishes it. Then gatekeeper grants what
//! is offered, once for this invitation however often it is asked, and refuses if the sender may no
//! longer share the account. Last, one transaction completes (or cancels) the invitation and takes
//! the row back. Whatever dies in between, the row or a repeated request goes on from there.

use std::time::Duration;

use anyhow::Context;
use bson::{doc, oid::ObjectId};
use chrono::Utc;
use serde::Deserialize;
use shared_runtime::{
    error::ApiError,
    mongo::{Aborted, transaction},
    outbox::OutboxEntry,
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

/// Topic of the row that finishes an acceptance.
pub(crate) const ACCEPTED: &str = "invitation.accepted";

/// The request itself finishes within this, unless a peer fails or the process dies.
const ROW_AFTER: Duration = Duration::from_secs(3);

/// Payload of [`ACCEPTED`].
#[derive(Debug, Deserialize)]
pub(crate) struct Accepted {
    key: String,
}

/// How an acceptance ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Granted,
    /// The sender may no longer share the account; the invitation is canceled.
    Withdrawn,
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
        let told = state.confirmations.note_answered(&invitation.key).await;
        return if told.map_err(Failure::Saving.because())? {
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
        Err(unfinished) => {
            state.outbox.wake();
            Err(match unfinished {
                Unfinished::Grant(error) => Failure::SettingPermissions.because()(error),
                Unfinished::Alerts(error) => Failure::CreatingAlerts.because()(error),
                Unfinished::Store(error) => Failure::Saving.because()(error),
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
    Offer::read(invitation.context.as_ref())?.accepted(sharer, invitee)
}

/// The invitation was answered, canceled or accepted meanwhile.
struct Outrun;

async fn claim(state: &State, invitation: &Confirmation, invitee: &UserId) -> Result<(), ApiError> {
    let key = &invitation.key;
    let claimed = transaction(&state.client, async |session| {
        let entry = OutboxEntry {
            key: format!("invitation:{key}"),
            topic: ACCEPTED,
            payload: doc! { "key": key },
            not_before: Some(Utc::now() + ROW_AFTER),
        };
        let row = state.outbox.enqueue(session, entry).await?;
        if state
            .confirmations
            .claim(session, key, invitee, row)
            .await?
        {
            Ok(())
        } else {
            Err(Aborted::Refused(Outrun))
        }
    })
    .await;
    match claimed {
        Ok(()) => Ok(()),
        Err(Aborted::Failed(error)) => Err(Failure::Saving.because()(error)),
        Err(Aborted::Refused(Outrun)) => {
            // The same account may have claimed it twice at once; then both finish it.
            let found = state.confirmations.find(key).await;
            let is_claimed = found
                .map_err(Failure::Finding.because())?
                .is_some_and(|found| found.acceptance.is_some());
            if is_claimed {
                Ok(())
            } else {
                Err(NotAnswerable.into())
            }
        }
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
        return Ok((invitation.status == Status::Completed).then_some(Outcome::Granted));
    };
    let outcome = grant(state, &invitation).await?;
    let to = match outcome {
        Outcome::Granted => Status::Completed,
        Outcome::Withdrawn => Status::Canceled,
    };
    // A canceled invitation has no answer that a repeated request could still get.
    let is_unanswered = is_unanswered && outcome == Outcome::Granted;
    let ended = end(state, key, to, is_unanswered, acceptance.row).await?;
    if ended {
        return Ok(Some(outcome));
    }
    let found = state.confirmations.find(key).await.map_err(store)?;
    let is_completed = found.is_some_and(|found| found.status == Status::Completed);
    Ok(is_completed.then_some(Outcome::Granted))
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
        let granted = state.gatekeeper.grant(&invitation.key, &grant).await;
        if granted.map_err(Unfinished::Grant)?.is_none() {
            return Ok(Outcome::Withdrawn);
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
) -> Result<bool, Unfinished> {
    let ended = transaction(&state.client, async |session| {
        let ended = state
            .confirmations
            .finish(session, key, to, is_unanswered)
            .await?;
        // The relay removes the row that it is delivering by itself.
        if ended && !is_unanswered {
            state.outbox.withdraw(session, row).await?;
        }
        Ok::<_, Aborted<()>>(ended)
    })
    .await;
    match ended {
        Ok(ended) => Ok(ended),
        Err(Aborted::Failed(error)) => Err(Unfinished::Store(error.into())),
        Err(Aborted::Refused(())) => Ok(false),
    }
}
