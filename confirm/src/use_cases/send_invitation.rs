//! Invitations of one person to another are sent, and sent once more. [`super::answer`] has the
//! responses to them.

use chrono::Utc;
use mongodb::ClientSession;
use shared_runtime::{
    auth::Caller,
    error::OrFail as _,
    mongo::{Aborted, transaction},
};
use shared_types::{PermissionSet, UserId};

use super::{
    load_people,
    send_mail::{self, QueuedMail},
};
use crate::{
    State,
    domain::{
        confirmation::{Confirmation, Kind, Status},
        context::Offer,
        invitation, key as keys,
        quota::Cause,
    },
    error::{Error, Failure, Refusal},
    rights::may_manage,
};

/// Invites the owner of the address `email`, on behalf of `sharer`. The mail follows.
pub(crate) async fn send(
    state: &State,
    caller: &Caller,
    sharer: &UserId,
    email: String,
    offer: Offer,
) -> Result<Confirmation, Error> {
    let pending = state
        .confirmations
        .find_sent(sharer, &email, &[Status::Pending])
        .await
        .or_fail(Failure::Finding)?;
    if pending.is_some_and(|pending| !pending.is_expired(Utc::now())) {
        return Err(Refusal::DuplicateInvitation.into());
    }
    let account = load_people::find_account(&state.user_api, &email)
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
    let (offer, requested) = invitation::offered(offer, held)?;
    let template = invitation::template_of(&offer);
    let kind = Kind::CareTeamInvitation;
    let made = Confirmation {
        user_id: account
            .filter(|account| invitation::is_addressee(account, &email))
            .map(|account| account.user.userid),
        email,
        sender_id: sender(caller, sharer),
        creator_id: Some(sharer.clone()),
        context: Some(offer.to_context()),
        requested,
        ..Confirmation::new(keys::generate(), kind, template, Utc::now())
    };
    store(state, caller, sharer, &made).await?;
    Ok(made)
}

/// Stores a new invitation and queues its mail, unless an earlier one is pending.
async fn store(
    state: &State,
    caller: &Caller,
    sharer: &UserId,
    made: &Confirmation,
) -> Result<(), Error> {
    transaction(&state.client, async |session| {
        // The quota comes first: it keeps out another invitation to the same address.
        take_quota(state, session, caller, made).await?;
        let pending = state
            .confirmations
            .find_pending_in(session, sharer, &made.email)
            .await?;
        if let Some(pending) = pending {
            // An expired invitation must not be sent again beside the new one.
            let canceled = Status::Canceled;
            let is_over = pending.is_expired(made.created)
                && state
                    .confirmations
                    .answer_in(session, &pending.key, canceled)
                    .await?;
            if !is_over {
                return Err(Aborted::Refused(Refusal::DuplicateInvitation));
            }
        }
        state.confirmations.insert(session, made).await?;
        let mail = QueuedMail::of(made);
        state.mails.enqueue(session, &mail).await?;
        Ok(())
    })
    .await
    .or_fail(Failure::Saving)?;
    state.mails.wake();
    Ok(())
}

/// Mails a pending invitation of a person to a person once more, with another key. The invitation
/// lasts as long again, and the caller vouches for it from now on. A caller who does not know the
/// current key names an earlier one.
pub(crate) async fn resend(
    state: &State,
    caller: &Caller,
    key: &str,
) -> Result<Confirmation, Error> {
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
    let renewed = transaction(&state.client, async |session| {
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
    .await
    .or_fail(Failure::Saving)?;
    state.mails.wake();
    Ok(renewed)
}

/// The account that invites on behalf of `sharer`; `None` for `sharer` itself and for services.
pub(super) fn sender(caller: &Caller, sharer: &UserId) -> Option<UserId> {
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
