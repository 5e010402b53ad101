//! A caller changes the metadata of a user.

use shared_runtime::{
    auth::Caller,
    error::OrFail as _,
    mongo::{Aborted, is_duplicate_key, transaction},
};
use shared_types::UserId;

use crate::{
    State,
    domain::metadata::{Collections, MetadataRefusal},
    error::{Error, Failure, Refusal},
    retries::{MAX_TRIES, outrun, pause},
};

/// Applies `change` to the metadata of the user, which is empty until it is first written.
pub(crate) async fn change_metadata(
    state: &State,
    caller: &Caller,
    user_id: &UserId,
    change: impl Fn(&mut Collections) -> Result<(), MetadataRefusal>,
) -> Result<Collections, Error> {
    let change = |collections: &mut Collections| change(collections).map_err(Refusal::from);
    for tries in 1..=MAX_TRIES {
        let updated = state
            .metadata
            .update(user_id, &change)
            .await
            .or_fail(Failure::UpdatingUser)?;
        if let Some(collections) = updated {
            return Ok(collections);
        }
        let mut first = Collections::new();
        change(&mut first)?;
        if insert_first(state, caller, user_id, &first).await? {
            return Ok(first);
        }
        tokio::time::sleep(pause(tries)).await;
    }
    Err(outrun(Failure::UpdatingUser))
}

/// Writes the first metadata of the user; `false` when another caller did, so that there is
/// something to update.
///
/// It is written together with a look at the account, so that nobody who once had a permission
/// leaves something behind on an account that is just being deleted. Services are trusted to know.
async fn insert_first(
    state: &State,
    caller: &Caller,
    user_id: &UserId,
    first: &Collections,
) -> Result<bool, Error> {
    let inserted = transaction(&state.client, async |session| {
        if !caller.is_service() && !state.users.lock(session, user_id).await? {
            return Err(Aborted::Refused(Refusal::NoMetadata));
        }
        let inserted = state.metadata.insert(session, user_id, first.clone());
        Ok(inserted.await?)
    })
    .await;
    match inserted {
        Ok(()) => Ok(true),
        Err(Aborted::Failed(error)) if is_duplicate_key(&error) => Ok(false),
        Err(aborted) => Err(aborted).or_fail(Failure::UpdatingUser),
    }
}
