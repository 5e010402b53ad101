//! What a caller is to an account.

use shared_runtime::{auth::Caller, error::OrFail as _, peers::PeerError};
use shared_types::UserId;

use crate::{
    State,
    domain::{
        metadata::{Collection, Reader},
        rights::Rights,
    },
    error::{Error, Failure, Refusal},
};

/// What `caller` is to the account `on`; gatekeeper is asked about those who are neither a service
/// nor the owner.
pub(crate) async fn rights_on(
    state: &State,
    caller: &Caller,
    on: &UserId,
) -> Result<Rights, PeerError> {
    match caller {
        Caller::Service(_) => Ok(Rights::Service),
        Caller::User(user) if user.id == *on => Ok(Rights::Owner),
        Caller::User(user) => {
            let permissions = state.gatekeeper.permissions(on, &user.id).await?;
            Ok(Rights::Holder(permissions.unwrap_or_default()))
        }
    }
}

/// What `caller` is to the user as a reader of `collection`: of one that is for services alone everybody
/// else is a stranger. gatekeeper is asked no more than that needs.
pub(crate) async fn reader_of(
    state: &State,
    caller: &Caller,
    user_id: &UserId,
    collection: Collection,
) -> Result<Reader, Error> {
    let is_for_services = collection.view_for(Reader::Owner).is_err();
    if is_for_services && !caller.is_service() {
        return Ok(Reader::Stranger);
    }
    let rights = rights_on(state, caller, user_id)
        .await
        .or_fail(Failure::FindingUser)?;
    let reader = match rights {
        Rights::Service => Reader::Service,
        Rights::Owner => Reader::Owner,
        Rights::Holder(held) => Reader::holding(&held),
    };
    match caller {
        Caller::User(user)
            if reader == Reader::Stranger && collection.view_for(Reader::Acquaintance).is_ok() =>
        {
            acquaintance_of(state, &user.id, user_id).await
        }
        Caller::User(_) | Caller::Service(_) => Ok(reader),
    }
}

/// What `user`, who holds no permission on `other`, is to `other`: a stranger, unless `user` gave
/// `other` a permission.
async fn acquaintance_of(state: &State, user: &UserId, other: &UserId) -> Result<Reader, Error> {
    let given = state
        .gatekeeper
        .permissions(user, other)
        .await
        .or_fail(Failure::FindingUser)?;
    if given.unwrap_or_default().grants_nothing() {
        return Ok(Reader::Stranger);
    }
    let agreements = state
        .gatekeeper
        .agreements(user)
        .await
        .or_fail(Failure::FindingUser)?;
    // What was given through a clinic needs no agreement.
    Ok(match agreements.get(other) {
        Some(false) => Reader::Stranger,
        Some(true) | None => Reader::Acquaintance,
    })
}

/// Refuses callers who may not change `collection` of the user.
pub(crate) async fn check_writer(
    state: &State,
    caller: &Caller,
    user_id: &UserId,
    collection: Collection,
) -> Result<(), Error> {
    if collection == Collection::Private && !caller.is_service() {
        return Err(Refusal::Unauthorized.into());
    }
    let rights = rights_on(state, caller, user_id)
        .await
        .or_fail(Failure::FindingUser)?;
    if rights.edit() {
        Ok(())
    } else {
        Err(Refusal::Unauthorized.into())
    }
}
