//! An account accepts the invitation of a clinic and works for it from then on, all or nothing: as
//! in [`super::accept_invitation`], with clinic in the place of gatekeeper. Clinic makes the
//! account a clinician once, and knows the clinician from then on.

use std::time::Duration;

use anyhow::{anyhow, bail};
use serde::{Deserialize, Serialize};
use shared_runtime::{
    error::OrFail as _,
    outbox::{Effect, RowId},
    peers::{
        PeerError,
        clinic::{Clinic, ClinicRefusal, Clinician},
    },
};
use shared_types::{ClinicId, UserId};

use super::acceptance;
use crate::{
    State,
    domain::{
        clinic_invitation,
        confirmation::{Confirmation, Kind, Status},
        restriction::admission,
    },
    error::{Error, Failure, Refusal},
    store::Invited,
    use_cases::{attach_invitations::attach, unfinished::Unfinished},
};

/// An invitation of a clinic was accepted. The row finishes the acceptance.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ClinicAccepted {
    pub(crate) key: String,
}

impl Effect for ClinicAccepted {
    const TOPIC: &'static str = "clinic.accepted";

    fn key(&self) -> String {
        format!("invitation:{}", self.key)
    }

    fn delay(&self) -> Duration {
        acceptance::ROW_AFTER
    }
}

/// The response of clinic to an acceptance.
enum Outcome {
    Joined(Clinician),
    /// Clinic knows the invitation no more.
    Withdrawn,
    /// The account cannot become a clinician.
    Refused(ClinicRefusal),
}

/// Makes `user`, for whose session the identity provider `idp` vouched, a clinician of the clinic
/// that sent the invitation with `key`, as far as earlier requests have not; returns the clinician.
pub(crate) async fn accept(
    state: &State,
    user: &UserId,
    idp: Option<&str>,
    key: &str,
) -> Result<Clinician, Error> {
    let clinics = state.clinics()?;
    let (invitation, clinic) = find(state, user, key).await?.ok_or(Refusal::NoInvitation)?;
    match invitation.status {
        Status::Pending => {}
        Status::Completed => {
            let was_open = state
                .confirmations
                .note_answered(key)
                .await
                .or_fail(Failure::Saving)?;
            return if was_open {
                find_clinician(clinics, clinic, user).await
            } else {
                Err(Refusal::NoInvitation.into())
            };
        }
        Status::Canceled | Status::Declined => return Err(Refusal::NoInvitation.into()),
    }
    let row = match invitation.acceptance {
        Some(acceptance) => acceptance.row,
        None => begin(state, user, idp, clinic, key).await?,
    };
    let finished = finish(state, (key, row), clinic, user, false).await;
    match finished.map_err(|unfinished| unfinished.leave_to_relay(state, Failure::Accepting))? {
        Outcome::Joined(clinician) => {
            acceptance::take_outcome(state, key).await?;
            Ok(clinician)
        }
        Outcome::Withdrawn => Err(Refusal::NoInvitation.into()),
        Outcome::Refused(refusal) => Err(refused(&refusal)),
    }
}

/// Goes on with an acceptance that no request has finished. Repeatable.
pub(crate) async fn resume(state: &State, accepted: &ClinicAccepted) -> anyhow::Result<()> {
    let Some(invitation) = state.confirmations.find(&accepted.key).await? else {
        return Ok(());
    };
    let acceptance = invitation.acceptance;
    let Some(acceptance) = acceptance.filter(|_| invitation.status == Status::Pending) else {
        return Ok(());
    };
    let (Some(user), Some(clinic)) = (&invitation.user_id, invitation.clinic_id) else {
        bail!("an accepted invitation names an account and a clinic");
    };
    let under_way = (accepted.key.as_str(), acceptance.row);
    finish(state, under_way, clinic, user, true).await?;
    Ok(())
}

/// The invitation with `key` to `user`, whatever its status, and the clinic that sent it. An
/// invitation that was sent to the verified address of `user` is given to `user` first.
pub(super) async fn find(
    state: &State,
    user: &UserId,
    key: &str,
) -> Result<Option<(Confirmation, ClinicId)>, Error> {
    let mut found = find_once(state, key).await?;
    if found
        .as_ref()
        .is_some_and(|(found, _)| found.user_id.is_none())
    {
        let person = state
            .user_api
            .person(user)
            .await
            .or_fail(Failure::FindingUser)?;
        let kind = Kind::ClinicianInvitation;
        let attached = attach(&state.confirmations, kind, person.as_slice())
            .await
            .or_fail(Failure::Updating)?;
        if attached {
            found = find_once(state, key).await?;
        }
    }
    Ok(found.filter(|(found, _)| found.user_id.as_ref() == Some(user)))
}

async fn find_once(state: &State, key: &str) -> Result<Option<(Confirmation, ClinicId)>, Error> {
    let found = state
        .confirmations
        .find(key)
        .await
        .or_fail(Failure::Finding)?
        .and_then(|found| {
            let clinic = found.clinic_id?;
            clinic_invitation::is_of_clinician(&found, clinic).then_some((found, clinic))
        });
    Ok(found)
}

/// Begins the acceptance for `user`, if the clinic admits it; returns the row that finishes it.
async fn begin(
    state: &State,
    user: &UserId,
    idp: Option<&str>,
    clinic: ClinicId,
    key: &str,
) -> Result<RowId, Error> {
    let restrictions = state
        .clinics()?
        .membership_restrictions(clinic)
        .await
        .or_fail(Failure::Finding)?;
    let restrictions = restrictions.ok_or(Refusal::NoInvitation)?;
    let person = state
        .user_api
        .person(user)
        .await
        .or_fail(Failure::Finding)?;
    let email = person.and_then(|person| person.proven_email);
    if !admission(&restrictions, email.as_deref(), idp).can_accept {
        return Err(Refusal::NotAdmitted.into());
    }
    let accepted = ClinicAccepted {
        key: key.to_owned(),
    };
    match acceptance::begin(state, Invited::Person(user), &accepted, key).await {
        // The invitation was withdrawn or declined meanwhile.
        Err(Error::Refused(Refusal::Forbidden)) => Err(Refusal::NoInvitation.into()),
        begun => begun,
    }
}

/// Has clinic make the account a clinician and ends the invitation. `is_unanswered` says that no
/// request waits for the outcome.
async fn finish(
    state: &State,
    under_way: acceptance::UnderWay<'_>,
    clinic: ClinicId,
    user: &UserId,
    is_unanswered: bool,
) -> Result<Outcome, Unfinished> {
    let (key, _) = under_way;
    let no_clinics = || PeerError::Unavailable(anyhow!("no clinic is configured"));
    let clinics = state.clinics.as_ref().ok_or_else(no_clinics)?;
    let outcome = join(clinics, clinic, key, user).await?;
    match &outcome {
        Outcome::Joined(_) => {
            acceptance::end(state, under_way, Status::Completed, is_unanswered).await?;
        }
        Outcome::Withdrawn => {
            acceptance::end(state, under_way, Status::Canceled, false).await?;
        }
        Outcome::Refused(_) => acceptance::release(state, under_way).await?,
    }
    Ok(outcome)
}

async fn join(
    clinics: &Clinic,
    clinic: ClinicId,
    key: &str,
    user: &UserId,
) -> Result<Outcome, PeerError> {
    let refusal = match clinics.associate(clinic, key, user).await? {
        Ok(clinician) => return Ok(Outcome::Joined(clinician)),
        Err(refusal) => refusal,
    };
    let is_gone = match refusal.status {
        404 => true,
        // The account works for the clinic already: through this invitation if clinic knows it no
        // more.
        409 => clinics.invited(clinic, key).await?.is_err(),
        _ => false,
    };
    if !is_gone {
        return Ok(Outcome::Refused(refusal));
    }
    // The invitation was withdrawn, or an earlier try accepted it.
    let found = clinics.clinician(clinic, user).await?;
    Ok(found.map_or(Outcome::Withdrawn, Outcome::Joined))
}

/// The error for an account that clinic refuses.
fn refused(refusal: &ClinicRefusal) -> Error {
    match refusal.status {
        409 => Refusal::DuplicateMember.into(),
        status => Error::failed(Failure::Accepting, anyhow!("clinic answered {status}")),
    }
}

async fn find_clinician(
    clinics: &Clinic,
    clinic: ClinicId,
    user: &UserId,
) -> Result<Clinician, Error> {
    let found = clinics
        .clinician(clinic, user)
        .await
        .or_fail(Failure::Accepting)?;
    // The clinician has left since.
    Ok(found.ok_or(Refusal::NoInvitation)?)
}
