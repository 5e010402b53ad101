//! The responses to confirmations: an invitation is accepted, declined or canceled, a sign-up is
//! declined or canceled. A sign-up is accepted by [`super::verify_address`].

use chrono::Utc;
use shared_runtime::error::OrFail as _;
use shared_types::UserId;

use super::accept_invitation;
use crate::{
    State,
    domain::{
        confirmation::{Confirmation, Kind, Status},
        invitation::{self, CANCELABLE, NotAnswerable, Reference},
    },
    error::{Error, Failure, Refusal},
    use_cases::attach_invitations::attach,
};

/// Accepts the invitation of `sharer` to `invitee` that `reference` means, as far as it has not
/// been accepted.
pub(crate) async fn accept_invitation(
    state: &State,
    invitee: &UserId,
    sharer: &UserId,
    reference: &Reference,
) -> Result<(), Error> {
    let invitation = find_invitation(state, invitee, sharer, reference).await?;
    accept_invitation::accept(state, &invitation, invitee, sharer).await
}

/// Declines the invitation of `sharer` to `invitee` that `reference` means, again if need be.
pub(crate) async fn decline_invitation(
    state: &State,
    invitee: &UserId,
    sharer: &UserId,
    reference: &Reference,
) -> Result<(), Error> {
    let invitation = find_invitation(state, invitee, sharer, reference).await?;
    invitation::may_decline(&invitation, invitee, sharer)?;
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

/// Cancels the newest invitation of `sharer` to `email` that is not accepted.
pub(crate) async fn cancel_invitation(
    state: &State,
    sharer: &UserId,
    email: &str,
) -> Result<(), Error> {
    let invitation = state
        .confirmations
        .find_sent(sharer, email, CANCELABLE)
        .await
        .or_fail(Failure::Finding)?
        .ok_or(Refusal::NoInvitation)?;
    let is_canceled = state
        .confirmations
        .answer(&invitation.key, CANCELABLE, Status::Canceled)
        .await
        .or_fail(Failure::Updating)?;
    // An acceptance at this moment was faster.
    if is_canceled {
        Ok(())
    } else {
        Err(Refusal::NoInvitation.into())
    }
}

/// Declines the pending sign-up of `user` that `key` opens.
pub(crate) async fn decline_sign_up(state: &State, user: &UserId, key: &str) -> Result<(), Error> {
    let sign_up = find_sign_up(state, user, key).await?;
    end_sign_up(state, &sign_up, Status::Declined).await
}

/// Cancels the pending sign-up of `user` that `key` opens.
pub(crate) async fn cancel_sign_up(state: &State, user: &UserId, key: &str) -> Result<(), Error> {
    let sign_up = find_sign_up(state, user, key).await?;
    end_sign_up(state, &sign_up, Status::Canceled).await
}

/// Cancels the newest pending sign-up of `user`, for a caller who may manage the account.
pub(crate) async fn cancel_pending_sign_up(state: &State, user: &UserId) -> Result<(), Error> {
    let sign_up = find_pending_sign_up(state, user).await?;
    end_sign_up(state, &sign_up, Status::Canceled).await
}

/// The newest pending sign-up of `user`.
pub(crate) async fn find_pending_sign_up(
    state: &State,
    user: &UserId,
) -> Result<Confirmation, Error> {
    let found = state
        .confirmations
        .find_pending_sign_up(user)
        .await
        .or_fail(Failure::Finding)?;
    Ok(found.ok_or(Refusal::NoSignUp)?)
}

/// The invitation that `reference` means. An invitation that was sent to the verified address of
/// `invitee` is given to `invitee` first.
async fn find_invitation(
    state: &State,
    invitee: &UserId,
    sharer: &UserId,
    reference: &Reference,
) -> Result<Confirmation, Error> {
    let key = reference.key.as_deref();
    let mut found = find_attached(state, invitee, sharer, key).await?;
    let is_attached = found.as_ref().is_some_and(|found| found.user_id.is_some());
    let is_unknown_key = found.is_none() && key.is_some();
    if !is_attached && !is_unknown_key {
        let person = state
            .user_api
            .person(invitee)
            .await
            .or_fail(Failure::FindingUser)?;
        let kind = Kind::CareTeamInvitation;
        let attached = attach(&state.confirmations, kind, person.as_slice())
            .await
            .or_fail(Failure::Updating)?;
        if attached {
            found = find_attached(state, invitee, sharer, key).await?;
        }
    }
    let found = found.filter(|found| reference.fits(found));
    Ok(found.ok_or(Refusal::NoInvitation)?)
}

async fn find_attached(
    state: &State,
    invitee: &UserId,
    sharer: &UserId,
    key: Option<&str>,
) -> Result<Option<Confirmation>, Error> {
    let confirmations = &state.confirmations;
    if let Some(key) = key {
        return Ok(confirmations.find(key).await.or_fail(Failure::Finding)?);
    }
    let received = confirmations
        .find_received(invitee, sharer)
        .await
        .or_fail(Failure::Finding)?;
    if received.is_some() {
        return Ok(received);
    }
    Ok(confirmations
        .find_unanswered(invitee, sharer)
        .await
        .or_fail(Failure::Finding)?)
}

async fn find_sign_up(state: &State, user: &UserId, key: &str) -> Result<Confirmation, Error> {
    let found = state
        .confirmations
        .find_by_any_key(key)
        .await
        .or_fail(Failure::Finding)?
        .filter(|found| {
            found.kind == Kind::SignUp
                && found.user_id.as_ref() == Some(user)
                && found.is_opened_by(key, Utc::now())
        });
    Ok(found.ok_or(Refusal::NoSignUp)?)
}

/// Ends a sign-up as `to`, if it is still pending.
async fn end_sign_up(state: &State, sign_up: &Confirmation, to: Status) -> Result<(), Error> {
    let is_ended = state
        .confirmations
        .answer(&sign_up.key, &[Status::Pending], to)
        .await
        .or_fail(Failure::Updating)?;
    if is_ended {
        Ok(())
    } else {
        Err(Refusal::NoSignUp.into())
    }
}
