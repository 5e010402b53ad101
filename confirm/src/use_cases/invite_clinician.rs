//! A clinic invites somebody to work for it. confirm has the invitation, clinic the invited
//! clinician; in the end either both exist or neither.
//!
//! First confirm stores the invitation as one that is being made, which nobody sees, with an outbox
//! row that finishes it. Then clinic creates the invited clinician, once for the key of the
//! invitation. Last confirm makes the invitation and queues its mail, or removes it where clinic
//! refuses. If a process dies in between, the row or a repeated request goes on from there.

use std::{convert::Infallible, time::Duration};

use anyhow::anyhow;
use chrono::Utc;
use serde::{Deserialize, Serialize};
use shared_runtime::{
    auth::Caller,
    error::OrFail as _,
    mongo::{Aborted, transaction},
    outbox::{Effect, RowId},
    peers::{
        PeerError,
        clinic::{ClinicRecord, ClinicRefusal, Clinician},
    },
};
use shared_types::{ClinicId, UserId, address};

use super::{
    answer::acceptance,
    load_people,
    send_mail::{self, QueuedMail},
    unfinished::Unfinished,
};
use crate::{
    State,
    domain::{
        confirmation::{Clinic, Confirmation, Kind, Making, Status},
        invitation, key as keys,
        quota::Cause,
        template::Template,
    },
    error::{Error, Failure, Refusal},
};

/// An invitation into a clinic is being made. The row finishes it.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct ClinicianInvited {
    pub(crate) key: String,
}

impl Effect for ClinicianInvited {
    const TOPIC: &'static str = "clinic.clinician.invited";

    fn key(&self) -> String {
        format!("invitation:{}", self.key)
    }

    fn delay(&self) -> Duration {
        acceptance::ROW_AFTER
    }
}

/// What clinic did, or its refusal.
pub(crate) type OfClinic<T> = Result<T, ClinicRefusal>;

/// Invites the owner of the address `email` to work for a clinic in these `roles`, as far as
/// earlier requests have not. The mail follows.
pub(crate) async fn invite(
    state: &State,
    caller: &Caller,
    clinic: ClinicId,
    email: String,
    roles: Vec<String>,
) -> Result<OfClinic<Clinician>, Error> {
    let known = find_clinic(state, clinic).await?;
    if let Some(clinician) = finish_earlier(state, clinic, &email, &roles).await? {
        return Ok(Ok(clinician));
    }
    let (kind, template) = (Kind::ClinicianInvitation, Template::Clinician);
    let made = Confirmation {
        user_id: addressee(state, &email).await?,
        email,
        creator_id: caller.user_id().cloned(),
        ..of_clinic(
            Confirmation::new(keys::generate(), kind, template, Utc::now()),
            known,
        )
    };
    let begun = begin(state, caller, made, roles).await?;
    finish_now(state, &begun).await
}

/// The pending invitation of `clinic` with `key`, if clinic knows the invited clinician.
pub(crate) async fn find(
    state: &State,
    clinic: ClinicId,
    key: &str,
) -> Result<OfClinic<Confirmation>, Error> {
    let invited = state
        .clinics()?
        .invited(clinic, key)
        .await
        .or_fail(Failure::FindingClinic)?;
    if let Err(refusal) = invited {
        return Ok(Err(refusal));
    }
    let is_pending = |found: &Confirmation| {
        found.kind == Kind::ClinicianInvitation
            && found.clinic_id == Some(clinic)
            && found.status == Status::Pending
    };
    let found = state
        .confirmations
        .find(key)
        .await
        .or_fail(Failure::Finding)?;
    let pending = found.filter(is_pending);
    Ok(Ok(pending.ok_or(Refusal::NoInvitation)?))
}

/// Mails an invitation once more, with the same key; makes the invitation anew where clinic alone
/// knows the invited clinician.
pub(crate) async fn resend(
    state: &State,
    caller: &Caller,
    clinic: ClinicId,
    key: &str,
) -> Result<OfClinic<Confirmation>, Error> {
    let known = find_clinic(state, clinic).await?;
    let invited = state
        .clinics()?
        .invited(clinic, key)
        .await
        .or_fail(Failure::FindingClinic)?;
    let invited = match invited {
        Ok(invited) => invited,
        Err(refusal) => return Ok(Err(refusal)),
    };
    let user_id = addressee(state, &invited.email).await?;
    let renewed = transaction(&state.client, async |session| {
        let cause = Cause::Sent(caller.user_id());
        send_mail::take_quota(state, session, cause, &invited.email).await?;
        let found = state.confirmations.find_in(session, key).await?;
        if let Some(found) = &found {
            may_resend(found, clinic).map_err(Aborted::Refused)?;
            state.confirmations.delete(session, found).await?;
        }
        let now = Utc::now();
        let creator_id = found.as_ref().and_then(|found| found.creator_id.clone());
        let (kind, template) = (Kind::ClinicianInvitation, Template::Clinician);
        let renewed = Confirmation {
            email: invited.email.clone(),
            user_id: user_id.clone(),
            creator_id: creator_id.or_else(|| caller.user_id().cloned()),
            modified: Some(now),
            ..of_clinic(
                Confirmation::new(key.to_owned(), kind, template, now),
                known.clone(),
            )
        };
        state.confirmations.insert(session, &renewed).await?;
        let mail = QueuedMail::of(&renewed);
        state.mails.enqueue(session, &mail).await?;
        Ok(renewed)
    })
    .await
    .or_fail(Failure::Saving)?;
    state.mails.wake();
    Ok(Ok(renewed))
}

/// Refuses to mail `found` once more unless it is an invitation of `clinic` to a clinician, which
/// nobody is accepting.
fn may_resend(found: &Confirmation, clinic: ClinicId) -> Result<(), Refusal> {
    if found.kind != Kind::ClinicianInvitation || found.clinic_id != Some(clinic) {
        return Err(Refusal::NoInvitation);
    }
    match found.acceptance {
        Some(_) => Err(Refusal::Forbidden),
        None => Ok(()),
    }
}

/// Finishes an invitation that no request has finished. Repeatable.
pub(crate) async fn resume(state: &State, invited: &ClinicianInvited) -> anyhow::Result<()> {
    let Some(invitation) = state.confirmations.find(&invited.key).await? else {
        return Ok(());
    };
    if !invitation.is_being_made() {
        return Ok(());
    }
    Ok(finish(state, &invitation, true).await.map(drop)?)
}

async fn find_clinic(state: &State, clinic: ClinicId) -> Result<ClinicRecord, Error> {
    let found = state
        .clinics()?
        .clinic(clinic)
        .await
        .or_fail(Failure::FindingClinic)?;
    Ok(found.ok_or(Refusal::ClinicNotFound)?)
}

/// The account that has proven the address `email`, if one has.
async fn addressee(state: &State, email: &str) -> Result<Option<UserId>, Error> {
    let account = load_people::find_account(&state.user_api, email)
        .await
        .or_fail(Failure::FindingUser)?;
    let addressee = account.filter(|account| invitation::is_addressee(account, email));
    Ok(addressee.map(|account| account.user.userid))
}

fn of_clinic(confirmation: Confirmation, clinic: ClinicRecord) -> Confirmation {
    Confirmation {
        clinic_id: Some(clinic.id),
        creator_clinic: Clinic {
            id: Some(clinic.id),
            name: Some(clinic.name).filter(|name| !name.is_empty()),
        },
        ..confirmation
    }
}

/// Finishes the invitations of the clinic to `email` that are being made; returns the invited
/// clinician where one of them has these `roles` and no request has returned it.
async fn finish_earlier(
    state: &State,
    clinic: ClinicId,
    email: &str,
    roles: &[String],
) -> Result<Option<Clinician>, Error> {
    let mut making = state
        .confirmations
        .list_making(clinic)
        .await
        .or_fail(Failure::Finding)?;
    making.retain(|earlier| address::is_same(&earlier.email, email));
    for earlier in making {
        let wanted = earlier.making.as_ref();
        let is_wanted = wanted.is_some_and(|making| making.roles == roles);
        let outcome = if earlier.is_being_made() {
            finish_now(state, &earlier).await?
        } else if is_wanted {
            state
                .confirmations
                .note_made(&earlier.key)
                .await
                .or_fail(Failure::Saving)?;
            state
                .clinics()?
                .invited(clinic, &earlier.key)
                .await
                .or_fail(Failure::FindingClinic)?
        } else {
            continue;
        };
        if let Some(clinician) = outcome.ok().filter(|_| is_wanted) {
            return Ok(Some(clinician));
        }
    }
    Ok(None)
}

/// Stores an invitation that is being made.
async fn begin(
    state: &State,
    caller: &Caller,
    made: Confirmation,
    roles: Vec<String>,
) -> Result<Confirmation, Error> {
    transaction(&state.client, async |session| {
        let cause = Cause::Sent(caller.user_id());
        send_mail::take_quota(state, session, cause, &made.email).await?;
        let invited = ClinicianInvited {
            key: made.key.clone(),
        };
        let making = Making {
            row: state.outbox.enqueue(session, &invited).await?,
            roles: roles.clone(),
            is_unanswered: false,
        };
        let begun = Confirmation {
            making: Some(making),
            ..made.clone()
        };
        state.confirmations.insert(session, &begun).await?;
        Ok(begun)
    })
    .await
    .or_fail(Failure::Saving)
}

/// Finishes the making of an invitation for a request that waits for the outcome.
async fn finish_now(state: &State, begun: &Confirmation) -> Result<OfClinic<Clinician>, Error> {
    let finished = finish(state, begun, false).await;
    finished.map_err(|unfinished| unfinished.leave_to_relay(state, Failure::FindingClinic))
}

/// Has clinic create the invited clinician, and makes the invitation, or removes it where clinic
/// refuses. `is_unanswered` says that no request waits for the outcome.
async fn finish(
    state: &State,
    begun: &Confirmation,
    is_unanswered: bool,
) -> Result<OfClinic<Clinician>, Unfinished> {
    let created = create_invited(state, begun).await?;
    let row = begun.making.as_ref().map(|making| making.row);
    let row = row.filter(|_| !is_unanswered);
    match &created {
        Ok(_) => make(state, begun, row).await?,
        Err(_) => remove(state, begun, row).await?,
    }
    Ok(created)
}

async fn create_invited(
    state: &State,
    begun: &Confirmation,
) -> Result<OfClinic<Clinician>, PeerError> {
    let known = state.clinics.as_ref().zip(begun.clinic_id);
    let (Some((clinics, clinic)), Some(making)) = (known, &begun.making) else {
        return Err(PeerError::Unavailable(anyhow!("no clinic is configured")));
    };
    let created = clinics.create_invited(clinic, &begun.key, &begun.email, &making.roles);
    match created.await? {
        // Clinic knows the key from an earlier try, or another clinician with this address.
        Err(refusal) if refusal.status == 409 => {
            let invited = clinics.invited(clinic, &begun.key).await?;
            Ok(invited.map_err(|_| refusal))
        }
        created => Ok(created),
    }
}

/// Ends the making of an invitation, queues its mail, and takes `row` back. Without a `row` no
/// request waits for the outcome.
async fn make(
    state: &State,
    begun: &Confirmation,
    row: Option<RowId>,
) -> Result<(), mongodb::error::Error> {
    let made = transaction::<_, Infallible>(&state.client, async |session| {
        let confirmations = &state.confirmations;
        let is_made = confirmations.finish_making(session, &begun.key, row.is_none());
        if is_made.await? {
            state.mails.enqueue(session, &QueuedMail::of(begun)).await?;
            if let Some(row) = row {
                state.outbox.withdraw(session, row).await?;
            }
        }
        Ok(())
    });
    made.await?;
    state.mails.wake();
    Ok(())
}

/// Removes an invitation that clinic refuses, and takes `row` back.
async fn remove(
    state: &State,
    begun: &Confirmation,
    row: Option<RowId>,
) -> Result<(), mongodb::error::Error> {
    let removed = transaction::<_, Infallible>(&state.client, async |session| {
        let confirmations = &state.confirmations;
        let is_removed = confirmations.delete_making(session, &begun.key).await?;
        if let Some(row) = row.filter(|_| is_removed) {
            state.outbox.withdraw(session, row).await?;
        }
        Ok(())
    });
    removed.await.map_err(Into::into)
}
