//! A clinic accepts an offer of data, and the sharer becomes its patient, all or nothing: as in
//! [`super::accept_invitation`], with clinic in the place of gatekeeper. Clinic makes an account a
//! patient once, and says from then on that the account is one.

use std::time::Duration;

use anyhow::{Context, anyhow, bail};
use chrono::Utc;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared_runtime::{
    error::OrFail as _,
    outbox::{Effect, RowId},
    peers::{PeerError, clinic::ClinicRefusal},
};
use shared_types::{ClinicId, PermissionSet, UserId};

use super::acceptance;
use crate::{
    State,
    domain::{
        clinic_invitation::{self, PatientDetails},
        confirmation::{Confirmation, Status},
    },
    error::{Error, Failure, Refusal},
    store::Invited,
    use_cases::unfinished::Unfinished,
};

/// The end of the message with which clinic refuses the medical record number of another patient.
const MRN_TAKEN: &str = "mrn must be unique";
/// The end of the message with which clinic refuses an account that is a patient by now. Other
/// conflicts pass, such as a merge of the clinic that is under way.
const IS_PATIENT: &str = "already a member of the clinic";

/// A clinic accepted an invitation. The row finishes the acceptance.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct PatientAccepted {
    pub(crate) key: String,
    /// What the clinic says about the patient, as JSON. Until clinic has it, nothing else does. The row goes
    /// with the acceptance, and with the account, dead or not: see [`cancel_offers`].
    pub(crate) details: String,
}

impl Effect for PatientAccepted {
    const TOPIC: &'static str = "clinic.patient.accepted";

    fn key(&self) -> String {
        format!("invitation:{}", self.key)
    }

    fn delay(&self) -> Duration {
        acceptance::ROW_AFTER
    }
}

/// An invitation whose acceptance is under way.
struct Accepting<'a> {
    key: &'a str,
    clinic: ClinicId,
    patient: &'a UserId,
    permissions: PermissionSet,
    /// The outbox row that finishes the acceptance if the request does not.
    row: RowId,
}

/// The response of clinic to an acceptance.
enum Outcome {
    /// The patient as clinic shows it.
    Enrolled(Value),
    /// There is no such account or clinic any more.
    Gone,
    /// Clinic does not take the details of the patient.
    Refused(ClinicRefusal),
}

/// Makes the account that the invitation with `key` offers a patient of `clinic`, as far as earlier
/// requests have not; returns the patient as clinic shows it.
pub(crate) async fn accept(
    state: &State,
    clinic: ClinicId,
    key: &str,
    details: &PatientDetails,
) -> Result<Value, Error> {
    let invitation = state
        .confirmations
        .find(key)
        .await
        .or_fail(Failure::Finding)?
        .filter(|found| found.clinic_id == Some(clinic))
        .ok_or(Refusal::NoInvitation)?;
    if let Some(patient) = clinic_invitation::patient(&invitation, clinic)
        && invitation.status == Status::Completed
    {
        acceptance::take_late(state, key).await?;
        return find_patient(state, clinic, patient).await;
    }
    let patient = clinic_invitation::may_enrol(&invitation, clinic, Utc::now())?;
    require_mrn(state, clinic, details).await?;
    let permissions = clinic_invitation::shared(&invitation).map_err(Refusal::from)?;
    let row = match invitation.acceptance {
        Some(acceptance) => acceptance.row,
        None => begin(state, &invitation, clinic, patient, details).await?,
    };
    let accepting = Accepting {
        key,
        clinic,
        patient,
        permissions,
        row,
    };
    let finished = finish(state, &accepting, details, false).await;
    let failure = Failure::CreatingPatient;
    match finished.map_err(|unfinished| unfinished.leave_to_relay(state, failure))? {
        Outcome::Enrolled(shown) => {
            acceptance::take_outcome(state, key).await?;
            Ok(shown)
        }
        Outcome::Gone => Err(Refusal::Forbidden.into()),
        Outcome::Refused(refusal) => Err(refused(&refusal)),
    }
}

/// Goes on with an acceptance that no request has finished. Repeatable.
pub(crate) async fn resume(state: &State, accepted: &PatientAccepted) -> anyhow::Result<()> {
    let Some(invitation) = state.confirmations.find(&accepted.key).await? else {
        return Ok(());
    };
    let acceptance = invitation.acceptance;
    let Some(acceptance) = acceptance.filter(|_| invitation.status == Status::Pending) else {
        return Ok(());
    };
    let (Some(patient), Some(clinic)) = (&invitation.creator_id, invitation.clinic_id) else {
        bail!("an accepted invitation names an account and a clinic");
    };
    let details = serde_json::from_str(&accepted.details);
    let accepting = Accepting {
        key: &accepted.key,
        clinic,
        patient,
        permissions: clinic_invitation::shared(&invitation).context("an accepted invitation")?,
        row: acceptance.row,
    };
    let details = details.context("what is said about a patient")?;
    finish(state, &accepting, &details, true).await?;
    Ok(())
}

/// Cancels what the deleted account of `sharer` offers to clinics that have begun to accept it, and takes back
/// the rows, which say who the patient is. Repeatable.
pub(crate) async fn cancel_offers(state: &State, sharer: &UserId) -> Result<(), Error> {
    let confirmations = &state.confirmations;
    let offers = confirmations.list_offers_under_way(sharer).await;
    for offer in offers.or_fail(Failure::Deleting)? {
        let Some(acceptance) = offer.acceptance else {
            continue;
        };
        let under_way = (offer.key.as_str(), acceptance.row);
        acceptance::end(state, under_way, Status::Canceled, false)
            .await
            .or_fail(Failure::Deleting)?;
    }
    Ok(())
}

/// Refuses details without the medical record number that the clinic requires.
async fn require_mrn(
    state: &State,
    clinic: ClinicId,
    details: &PatientDetails,
) -> Result<(), Error> {
    let settings = state
        .clinics()?
        .mrn_settings(clinic)
        .await
        .or_fail(Failure::CreatingPatient)?;
    if settings.required && !details.has_mrn() {
        return Err(Refusal::MrnRequired.into());
    }
    Ok(())
}

/// Begins the acceptance; returns the row that finishes it. A sender who invited on behalf of
/// another account must still be allowed to share that account.
async fn begin(
    state: &State,
    invitation: &Confirmation,
    clinic: ClinicId,
    patient: &UserId,
    details: &PatientDetails,
) -> Result<RowId, Error> {
    let key = &invitation.key;
    if let Some(sender) = &invitation.sender_id {
        let held = state
            .gatekeeper
            .permissions(patient, sender)
            .await
            .or_fail(Failure::FindingUser)?;
        if !held.is_some_and(|held| held.administers()) {
            let pending = [Status::Pending];
            state
                .confirmations
                .answer(key, &pending, Status::Canceled)
                .await
                .or_fail(Failure::Updating)?;
            return Err(Refusal::Forbidden.into());
        }
    }
    let accepted = PatientAccepted {
        key: key.clone(),
        details: serde_json::to_string(details).or_fail(Failure::Saving)?,
    };
    acceptance::begin(state, Invited::Clinic(clinic), &accepted, key).await
}

/// Has clinic enrol the patient and ends the invitation. `is_unanswered` says that no request waits
/// for the outcome.
async fn finish(
    state: &State,
    accepting: &Accepting<'_>,
    details: &PatientDetails,
    is_unanswered: bool,
) -> Result<Outcome, Unfinished> {
    let outcome = enrol(state, accepting, details).await?;
    let under_way = (accepting.key, accepting.row);
    match &outcome {
        Outcome::Enrolled(_) => complete(state, accepting, is_unanswered).await?,
        Outcome::Gone => {
            acceptance::end(state, under_way, Status::Canceled, false).await?;
        }
        Outcome::Refused(_) => acceptance::release(state, under_way).await?,
    }
    Ok(outcome)
}

/// Completes the invitation, also where another request, which clinic refused, released it
/// meanwhile.
async fn complete(
    state: &State,
    accepting: &Accepting<'_>,
    is_unanswered: bool,
) -> Result<(), mongodb::error::Error> {
    let under_way = (accepting.key, accepting.row);
    if !acceptance::end(state, under_way, Status::Completed, is_unanswered).await? {
        state
            .confirmations
            .answer(accepting.key, &[Status::Pending], Status::Completed)
            .await?;
    }
    Ok(())
}

async fn enrol(
    state: &State,
    accepting: &Accepting<'_>,
    details: &PatientDetails,
) -> Result<Outcome, PeerError> {
    let &Accepting {
        clinic,
        patient,
        ref permissions,
        ..
    } = accepting;
    let no_clinics = || PeerError::Unavailable(anyhow!("no clinic is configured"));
    let clinics = state.clinics.as_ref().ok_or_else(no_clinics)?;
    let asked = clinics.enrol(clinic, patient, permissions, details.members());
    match asked.await? {
        Ok(shown) => Ok(Outcome::Enrolled(shown)),
        Err(ClinicRefusal { status: 404, .. }) => Ok(Outcome::Gone),
        Err(refusal) if is_of_patient(&refusal) => {
            let found = clinics.patient(clinic, patient).await?;
            let left = || PeerError::Unavailable(anyhow!("a patient came and left"));
            Ok(Outcome::Enrolled(found.ok_or_else(left)?))
        }
        Err(refusal) => Ok(Outcome::Refused(refusal)),
    }
}

/// Whether clinic refuses the account because it is a patient by now.
fn is_of_patient(refusal: &ClinicRefusal) -> bool {
    refusal.status == 409 && message_of(refusal).ends_with(IS_PATIENT)
}

fn message_of(refusal: &ClinicRefusal) -> &str {
    refusal.body["message"].as_str().unwrap_or_default()
}

/// The error for a patient whom clinic refuses.
fn refused(refusal: &ClinicRefusal) -> Error {
    let message = message_of(refusal);
    match refusal.status {
        400 if message.ends_with("mrn is required") => Refusal::MrnRequired.into(),
        400 | 409 if message.ends_with(MRN_TAKEN) => Refusal::MrnNotUnique.into(),
        400 | 422 => Refusal::InvalidPatient.into(),
        status => Error::failed(
            Failure::CreatingPatient,
            anyhow!("clinic answered {status}"),
        ),
    }
}

async fn find_patient(state: &State, clinic: ClinicId, patient: &UserId) -> Result<Value, Error> {
    let found = state
        .clinics()?
        .patient(clinic, patient)
        .await
        .or_fail(Failure::CreatingPatient)?;
    // The patient has left since.
    Ok(found.ok_or(Refusal::Forbidden)?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use shared_runtime::peers::clinic::ClinicRefusal;

    use super::{is_of_patient, refused};
    use crate::error::{Error, Refusal};

    #[test]
    fn another_conflict_is_not_taken_for_the_same_patient() {
        for (status, message, is_the_patient) in [
            (
                409,
                "duplicate: patient is already a member of the clinic",
                true,
            ),
            (409, "duplicate: mrn must be unique", false),
            (400, "bad request: mrn must be unique", false),
            (
                409,
                "conflict: the clinic is being merged with another one",
                false,
            ),
        ] {
            let body = json!({ "code": status, "message": message });
            let refusal = ClinicRefusal { status, body };
            assert_eq!(is_of_patient(&refusal), is_the_patient, "{message}");
            let error = refused(&refusal);
            let is_of_number = matches!(error, Error::Refused(Refusal::MrnNotUnique));
            assert_eq!(is_of_number, message.contains("mrn"), "{message}");
        }
    }
}
