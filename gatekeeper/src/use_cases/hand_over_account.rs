//! An account has another owner from now on.

use chrono::{DateTime, Utc};
use shared_runtime::error::OrFail as _;
use shared_types::UserId;

use crate::{
    State,
    error::{Error, Failure},
};

/// Removes what was granted on the account directly until `until`. The rule of the last admin does
/// not apply, since the account can be logged into.
pub(crate) async fn hand_over_account(
    state: &State,
    user: &UserId,
    until: DateTime<Utc>,
) -> Result<(), Error> {
    state
        .store
        .permissions
        .delete_made(user, until)
        .await
        .or_fail(Failure)?;
    Ok(())
}
