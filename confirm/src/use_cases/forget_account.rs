//! An account is gone, or another owner has it from now on.

use chrono::{DateTime, Utc};
use shared_runtime::error::OrFail as _;
use shared_types::UserId;
use tracing::info;

use crate::{
    State,
    error::{Error, Failure},
    use_cases::answer::enrol_patient,
};

/// Removes the confirmations that the deleted account `user` asked for or was asked. What the
/// account asked for a clinic stays, but for the outbox rows that say something about the account. Repeatable.
pub(crate) async fn forget(state: &State, user: &UserId) -> Result<(), Error> {
    enrol_patient::cancel_offers(state, user).await?;
    let removed = state
        .confirmations
        .delete_user(user)
        .await
        .or_fail(Failure::Deleting)?;
    info!(user.id = %user, confirmations = removed, "a deleted account is forgotten");
    Ok(())
}

/// Cancels the invitations that were sent for the account of `user` until `until` and that nobody
/// has accepted. Repeatable.
pub(crate) async fn cancel_invitations(
    state: &State,
    user: &UserId,
    until: DateTime<Utc>,
) -> Result<(), Error> {
    let canceled = state
        .confirmations
        .cancel_invitations(user, until)
        .await
        .or_fail(Failure::Updating)?;
    info!(user.id = %user, confirmations = canceled, "invitations of an account are canceled");
    Ok(())
}
