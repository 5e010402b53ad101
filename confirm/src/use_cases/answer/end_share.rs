//! An offer of data to a clinic ends without being accepted.

use shared_runtime::{auth::Caller, error::OrFail as _};
use shared_types::ClinicId;

use crate::{
    State,
    domain::{
        clinic_invitation,
        confirmation::{Confirmation, Status},
        invitation::{CANCELABLE, NotAnswerable},
    },
    error::{Error, Failure, Refusal},
    rights::{is_member, may_manage},
};

/// Ends the invitation to `clinic` with `key`: the sender, or an account that runs the sharer's,
/// cancels it; the clinic declines it. Returns the invitation as it is then.
pub(crate) async fn end(
    state: &State,
    caller: &Caller,
    clinic: ClinicId,
    key: &str,
) -> Result<Confirmation, Error> {
    let invitation = state
        .confirmations
        .find(key)
        .await
        .or_fail(Failure::Finding)?
        .filter(|found| found.clinic_id == Some(clinic))
        .ok_or(Refusal::UnknownInvitation)?;
    let to = right(state, caller, clinic, &invitation).await?;
    clinic_invitation::may_end(&invitation, clinic)?;
    let ended = state
        .confirmations
        .answer(key, CANCELABLE, to)
        .await
        .or_fail(Failure::Updating)?;
    // An acceptance at this moment was faster.
    if !ended {
        return Err(NotAnswerable.into());
    }
    let ended = state
        .confirmations
        .find(key)
        .await
        .or_fail(Failure::Finding)?;
    Ok(ended.ok_or(NotAnswerable)?)
}

/// The status of the invitation once `caller` has ended it.
async fn right(
    state: &State,
    caller: &Caller,
    clinic: ClinicId,
    invitation: &Confirmation,
) -> Result<Status, Error> {
    let creator = clinic_invitation::patient(invitation, clinic);
    if creator.is_some_and(|creator| caller.is(creator)) {
        return Ok(Status::Canceled);
    }
    if is_member(state, caller, clinic).await? {
        return Ok(Status::Declined);
    }
    match creator {
        Some(creator) if may_manage(state, caller, creator).await? => Ok(Status::Canceled),
        _ => Err(Refusal::NotAllowed.into()),
    }
}
