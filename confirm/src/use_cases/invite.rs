//! Invitations: how one side sends and cancels them, and how the other finds and declines them, over
//! the API or on a page. [`super::accept_invitation`] is how they are accepted.

use chrono::Utc;
use mongodb::ClientSession;
use shared_runtime::{
    auth::Caller,
    error::{ApiError, OrFail as _},
    mongo::{Aborted, transaction},
};
use shared_types::{PermissionSet, UserId};

use super::{
    list_invitations::attach,
    send_mail::{self, QueuedMail},
};
use crate::{
    State,
    domain::{
        confirmation::{Confirmation, Kind, Status},
        context::{FOLLOW, Offer},
        invitation::{self, CANCELABLE, NotAnswerable},
        key as keys,
        quota::Cause,
        template::Template,
    },
    error::{Failure, Refusal},
    rights::may_manage,
};

/// The invitation of `sharer` that `invitee` answers: the one with `key` or else the newest
/// pending one; given to `invitee` first if it was sent to its verified address.
pub(crate) async fn find(
    state: &State,
    invitee: &UserId,
    sharer: &UserId,
    key: Option<&str>,
) -> Result<Option<Confirmation>, ApiError> {
    let found = find_attached(state, invitee, sharer, key).await?;
    let is_theirs = |found: &Confirmation| found.user_id.is_some();
    if found.as_ref().is_some_and(is_theirs) || (found.is_none() && key.is_some()) {
        return Ok(found);
    }
    let person = state
        .user_api
        .person(invitee)
        .await
        .or_fail(Failure::FindingUser)?;
    let is_attached = attach(&state.confirmations, person.as_slice())
        .await
        .or_fail(Failure::Updating)?;
    if is_attached {
        find_attached(state, invitee, sharer, key).await
    } else {
        Ok(found)
    }
}

async fn find_attached(
    state: &State,
    invitee: &UserId,
    sharer: &UserId,
    key: Option<&str>,
) -> Result<Option<Confirmation>, ApiError> {
    let confirmations = &state.confirmations;
    if let Some(key) = key {
        return confirmations.find(key).await.or_fail(Failure::Finding);
    }
    let received = confirmations
        .find_received(invitee, sharer)
        .await
        .or_fail(Failure::Finding)?;
    if received.is_some() {
        return Ok(received);
    }
    let unanswered = confirmations.find_unanswered(invitee, sharer).await;
    unanswered.or_fail(Failure::Finding)
}

/// Declines an invitation, again if need be.
pub(crate) async fn dismiss(
    state: &State,
    invitation: &Confirmation,
    invitee: &UserId,
    sharer: &UserId,
) -> Result<(), ApiError> {
    invitation::may_dismiss(invitation, invitee, sharer)?;
    let is_declined = state
        .confirmations
        .answer(&invitation.key, CANCELABLE, Status::Declined)
        .await
        .or_fail(Failure::Updating)?;
    if is_declined {
        Ok(())
    } else {
        Err(NotAnswerable.into())
    }
}

/// Invites whoever has the address `email`, on behalf of `sharer`. The mail follows.
pub(crate) async fn send(
    state: &State,
    caller: &Caller,
    sharer: &UserId,
    email: String,
    offer: Offer,
) -> Result<Confirmation, ApiError> {
    let pending = state
        .confirmations
        .find_sent(sharer, &email, &[Status::Pending])
        .await
        .or_fail(Failure::Finding)?;
    if pending.is_some_and(|pending| !pending.is_expired(Utc::now())) {
        return Err(Refusal::DuplicateInvite.into());
    }
    let account = send_mail::find_account(state, &email)
        .await
        .or_fail(Failure::FindingUser)?;
    let held = match &account {
        Some(account) => state
            .gatekeeper
            .permissions(sharer, &account.user.userid)
            .await
            .or_fail(Failure::Internal)?
            .unwrap_or_default(),
        None => PermissionSet::default(),
    };
    let (offer, requested) = if held.grants_nothing() {
        (offer, None)
    } else {
        let requested = offer.permissions.names().map(str::to_owned).collect();
        (offer.for_member(held)?, Some(requested))
    };
    let template = if offer.permissions.has(FOLLOW) {
        Template::CareTeamWithAlerting
    } else {
        Template::CareTeam
    };
    let made = Confirmation::new(
        keys::generate(),
        Kind::CareTeamInvitation,
        template,
        Utc::now(),
    );
    let made = Confirmation {
        user_id: account
            .filter(|account| invitation::is_addressee(account, &email))
            .map(|account| account.user.userid),
        email,
        sender_id: sender(caller, sharer),
        creator_id: Some(sharer.clone()),
        context: Some(offer.to_context()),
        requested,
        ..made
    };
    store(state, caller, sharer, &made).await?;
    Ok(made)
}

/// Stores a new invitation and queues its mail, unless there is one already.
async fn store(
    state: &State,
    caller: &Caller,
    sharer: &UserId,
    made: &Confirmation,
) -> Result<(), ApiError> {
    let stored = transaction(&state.client, async |session| {
        // Keeps out another invitation to the same address, so that it comes first.
        take_quota(state, session, caller, made).await?;
        let pending = state
            .confirmations
            .find_pending_in(session, sharer, &made.email)
            .await?;
        if let Some(pending) = pending {
            // One that expired must not be sent again beside the new one.
            let is_over = pending.is_expired(made.created)
                && state.confirmations.cancel(session, &pending.key).await?;
            if !is_over {
                return Err(Aborted::Refused(Refusal::DuplicateInvite));
            }
        }
        state.confirmations.insert(session, made).await?;
        let mail = QueuedMail::of(made);
        state.mails.enqueue(session, &mail).await?;
        Ok(())
    })
    .await;
    stored.or_fail(Failure::Saving)?;
    state.mails.wake();
    Ok(())
}

/// Mails a pending invitation of a person to a person once more, with another key; it lasts as long
/// again, and the caller vouches for it from now on. Who has not heard of its key names an earlier
/// one.
pub(crate) async fn resend(
    state: &State,
    caller: &Caller,
    key: &str,
) -> Result<Confirmation, ApiError> {
    let found = state
        .confirmations
        .find_by_any_key(key)
        .await
        .or_fail(Failure::Finding)?;
    let Some((found, sharer)) = found.and_then(invitation::resendable) else {
        return Err(Refusal::Forbidden.into());
    };
    if !may_manage(state, caller, &sharer).await? {
        return Err(Refusal::Forbidden.into());
    }
    let stored = transaction(&state.client, async |session| {
        take_quota(state, session, caller, &found).await?;
        let taken = state.confirmations.take(session, key, found.kind);
        let taken = taken.await?.ok_or(Aborted::Refused(Refusal::Forbidden))?;
        let renewed = Confirmation {
            sender_id: sender(caller, &sharer),
            ..taken.rekeyed(keys::generate(), Utc::now())
        };
        state.confirmations.insert(session, &renewed).await?;
        let mail = QueuedMail::of(&renewed);
        state.mails.enqueue(session, &mail).await?;
        Ok(renewed)
    })
    .await;
    let renewed = stored.or_fail(Failure::Saving)?;
    state.mails.wake();
    Ok(renewed)
}

/// Cancels the newest invitation of `sharer` to `email` that is not accepted.
pub(crate) async fn cancel(state: &State, sharer: &UserId, email: &str) -> Result<(), ApiError> {
    let found = state
        .confirmations
        .find_sent(sharer, email, CANCELABLE)
        .await
        .or_fail(Failure::Finding)?
        .ok_or(Refusal::NoInvite)?;
    let is_canceled = state
        .confirmations
        .answer(&found.key, CANCELABLE, Status::Canceled)
        .await
        .or_fail(Failure::Updating)?;
    // Whoever accepted it at this moment was faster.
    if is_canceled {
        Ok(())
    } else {
        Err(Refusal::NoInvite.into())
    }
}

/// Who invites on behalf of `sharer`; `None` for the account itself and for services.
fn sender(caller: &Caller, sharer: &UserId) -> Option<UserId> {
    caller.user_id().filter(|user| *user != sharer).cloned()
}

async fn take_quota(
    state: &State,
    session: &mut ClientSession,
    caller: &Caller,
    invitation: &Confirmation,
) -> Result<(), Aborted<Refusal>> {
    let cause = Cause::Sent(caller.user_id());
    send_mail::take_quota(state, session, cause, &invitation.email).await?;
    Ok(())
}
