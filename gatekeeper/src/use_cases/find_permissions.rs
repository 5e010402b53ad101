//! What a user may do on an account.

use shared_runtime::{auth::Caller, error::OrFail as _};
use shared_types::UserId;

use crate::{
    State,
    domain::{access, permissions::Held},
    error::{Error, Failure},
    rights::Standing,
};

/// What `grantee` has on the account of `sharer`, for a `caller` who may see it.
pub(crate) async fn find_permissions(
    state: &State,
    caller: &Caller,
    sharer: &UserId,
    grantee: &UserId,
) -> Result<Held, Error> {
    match Standing::of(caller, sharer) {
        Standing::Other(user) if user != grantee => {
            // Both look-ups in one round trip.
            let [callers, asked] = state
                .store
                .held(sharer, [user, grantee])
                .await
                .or_fail(Failure)?;
            access::may_see_all(&callers.effective())?;
            Ok(if sharer == grantee {
                Held::by_owner()
            } else {
                asked
            })
        }
        _ => held_on(state, sharer, grantee).await,
    }
}

/// What `grantee` has on the account of `sharer`.
pub(super) async fn held_on(
    state: &State,
    sharer: &UserId,
    grantee: &UserId,
) -> Result<Held, Error> {
    if sharer == grantee {
        return Ok(Held::by_owner());
    }
    let [held] = state.store.held(sharer, [grantee]).await.or_fail(Failure)?;
    Ok(held)
}
