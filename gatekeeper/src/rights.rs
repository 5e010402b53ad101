//! What a caller is to an account.

use shared_runtime::{auth::Caller, error::OrFail as _};
use shared_types::UserId;

use crate::{
    State,
    domain::access,
    error::{Error, Failure},
};

/// What a caller is to an account before anything is looked up.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Standing<'a> {
    /// A service, which may do everything.
    Service,
    /// The account itself.
    Owner,
    /// Another user, whose permissions decide.
    Other(&'a UserId),
}

impl<'a> Standing<'a> {
    pub(crate) fn of(caller: &'a Caller, account: &UserId) -> Self {
        match caller {
            Caller::Service(_) => Self::Service,
            Caller::User(user) if user.id == *account => Self::Owner,
            Caller::User(user) => Self::Other(&user.id),
        }
    }
}

/// Refuses a caller who may not see everything about `account`.
pub(crate) async fn may_see_all(
    state: &State,
    caller: &Caller,
    account: &UserId,
) -> Result<(), Error> {
    if let Standing::Other(user) = Standing::of(caller, account) {
        let [held] = state.store.held(account, [user]).await.or_fail(Failure)?;
        access::may_see_all(&held.effective())?;
    }
    Ok(())
}
