//! A person offers data to a clinic. [`super::answer`] has the responses to the offer.

use chrono::Utc;
use serde_json::Value;
use shared_runtime::{
    auth::Caller,
    error::OrFail as _,
    mongo::{Aborted, transaction},
    peers::clinic::ClinicRecord,
};
use shared_types::{ClinicId, PermissionSet, UserId};

use super::{
    send_invitation,
    send_mail::{self, Allowed, QueuedMail},
};
use crate::{
    State,
    domain::{
        clinic_invitation,
        confirmation::{Confirmation, Kind, Status},
        key as keys,
        quota::Cause,
        template::Template,
    },
    error::{Error, Failure, Refusal},
};

/// Offers `permissions` on the account of `sharer` to the clinic with the share code `code`. The
/// mail to the administrators of the clinic follows.
pub(crate) async fn share(
    state: &State,
    caller: &Caller,
    sharer: &UserId,
    code: &str,
    permissions: PermissionSet,
) -> Result<Confirmation, Error> {
    let clinic = find_clinic(state, code).await?;
    let patient = state
        .clinics()?
        .patient(clinic.id, sharer)
        .await
        .or_fail(Failure::FindingUser)?;
    if patient.is_some() {
        return Err(Refusal::DuplicatePatient.into());
    }
    let (kind, template) = (Kind::CareTeamInvitation, Template::PatientToClinic);
    let made = Confirmation {
        creator_id: Some(sharer.clone()),
        sender_id: send_invitation::sender(caller, sharer),
        clinic_id: Some(clinic.id),
        context: Some(Value::Object(permissions.0)),
        ..Confirmation::new(keys::generate(), kind, template, Utc::now())
    };
    let cause = Cause::Shared {
        sender: caller.user_id(),
        sharer,
    };
    store(state, cause, sharer, clinic.id, &made).await?;
    Ok(made)
}

async fn find_clinic(state: &State, code: &str) -> Result<ClinicRecord, Error> {
    let clinics = state.clinics()?;
    if !clinic_invitation::is_share_code(code) {
        return Err(Refusal::ClinicNotFound.into());
    }
    let found = clinics
        .clinic_by_share_code(code)
        .await
        .or_fail(Failure::FindingClinic)?;
    Ok(found.ok_or(Refusal::ClinicNotFound)?)
}

/// Stores a new invitation and queues its mail, unless an earlier one is pending.
async fn store(
    state: &State,
    cause: Cause<'_>,
    sharer: &UserId,
    clinic: ClinicId,
    made: &Confirmation,
) -> Result<(), Error> {
    let confirmations = &state.confirmations;
    transaction(&state.client, async |session| {
        // The quota comes first: it keeps out another invitation to the same clinic.
        let allowed = send_mail::take_quota(state, session, cause, &clinic.to_string()).await?;
        let pending = confirmations.find_to_clinic_in(session, sharer, clinic);
        if let Some(pending) = pending.await? {
            let (key, canceled) = (&pending.key, Status::Canceled);
            let is_over = pending.is_expired(made.created)
                && confirmations.answer_in(session, key, canceled).await?;
            if !is_over {
                return Err(Aborted::Refused(Refusal::DuplicateInvitation));
            }
        }
        confirmations.insert(session, made).await?;
        if allowed == Allowed::Sent {
            let mail = QueuedMail::of(made);
            state.mails.enqueue(session, &mail).await?;
        }
        Ok(())
    })
    .await
    .or_fail(Failure::Saving)?;
    state.mails.wake();
    Ok(())
}
