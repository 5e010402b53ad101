//! What a caller is to an account.

use shared_runtime::{auth::Caller, peers::PeerError};
use shared_types::UserId;

use crate::{State, domain::rights::Rights};

/// What `caller` is to the account `on`; gatekeeper is asked about those who are neither a service nor
/// the owner.
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
