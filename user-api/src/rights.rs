//! What a caller may do with an account.

use shared_runtime::{auth::Caller, peers::PeerError};
use shared_types::UserId;

use crate::{State, domain::rights::Rights};

/// What `caller` may do with the account `on`: a service and the owner everything, others what
/// gatekeeper says.
pub(crate) async fn rights_on(
    state: &State,
    caller: &Caller,
    on: &UserId,
) -> Result<Rights, PeerError> {
    match caller {
        Caller::User(user) if user.id != *on => {
            let permissions = state.gatekeeper.permissions(on, &user.id).await?;
            Ok(Rights::of(permissions.as_ref()))
        }
        Caller::User(_) | Caller::Service(_) => Ok(Rights::Root),
    }
}
