//! Invitations as the invited side finds and answers them, over the API or on a page.

use shared_runtime::error::ApiError;
use shared_types::{Person, UserId};

use crate::{
    State,
    domain::{
        confirmation::{Confirmation, Status},
        invitation::{self, CANCELABLE, NotAnswerable},
    },
    error::Failure,
    people::{self, People},
};

/// What an account was invited to, and the people loaded on the way.
pub(crate) struct Received {
    pub(crate) invitations: Vec<Confirmation>,
    pub(crate) people: People,
}

/// The invitations that `invitee` can answer, newest first, those included that were sent to its
/// verified address before it had an account.
pub(crate) async fn list_received(state: &State, invitee: &UserId) -> Result<Received, ApiError> {
    let finding = Failure::Finding.because();
    let mut invitations = state
        .confirmations
        .list_received(invitee)
        .await
        .map_err(&finding)?;
    // One call for the account and those who invite it.
    let creators = invitations
        .iter()
        .filter_map(|invitation| invitation.creator_id.as_ref());
    let people = people::load(state, creators.chain([invitee])).await;
    let people = people.map_err(Failure::FindingUser.because())?;
    if let Some(person) = people.get(invitee)
        && attach(state, person).await?
    {
        invitations = state
            .confirmations
            .list_received(invitee)
            .await
            .map_err(&finding)?;
    }
    Ok(Received {
        invitations,
        people,
    })
}

/// Gives `person` the invitations sent to its verified address; answers whether there were any.
async fn attach(state: &State, person: &Person) -> Result<bool, ApiError> {
    let Some(email) = &person.proven_email else {
        return Ok(false);
    };
    state
        .confirmations
        .attach(&person.user.userid, email)
        .await
        .map_err(Failure::Updating.because())
}

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
    let person = state.user_api.person(invitee).await;
    let person = person.map_err(Failure::FindingUser.because())?;
    match person {
        Some(person) if attach(state, &person).await? => {
            find_attached(state, invitee, sharer, key).await
        }
        _ => Ok(found),
    }
}

async fn find_attached(
    state: &State,
    invitee: &UserId,
    sharer: &UserId,
    key: Option<&str>,
) -> Result<Option<Confirmation>, ApiError> {
    let finding = Failure::Finding.because();
    if let Some(key) = key {
        return state.confirmations.find(key).await.map_err(&finding);
    }
    let received = state.confirmations.list_received(invitee).await;
    let mut received = received.map_err(&finding)?.into_iter();
    let found = received.find(|invitation| invitation::is_between(invitation, invitee, sharer));
    if found.is_some() {
        return Ok(found);
    }
    let unanswered = state.confirmations.find_unanswered(invitee, sharer).await;
    unanswered.map_err(&finding)
}

/// Declines an invitation, again if need be.
pub(crate) async fn dismiss(
    state: &State,
    invitation: &Confirmation,
    invitee: &UserId,
    sharer: &UserId,
) -> Result<(), ApiError> {
    invitation::may_dismiss(invitation, invitee, sharer)?;
    let answered = state
        .confirmations
        .answer(&invitation.key, CANCELABLE, Status::Declined)
        .await;
    if answered.map_err(Failure::Updating.because())? {
        Ok(())
    } else {
        Err(NotAnswerable.into())
    }
}
