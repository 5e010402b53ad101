//! An account is deleted: it is a patient nowhere and works nowhere any more. A clinic that nobody
//! runs then keeps the patients whose accounts it made, and no others.
//!
//! Each patient and each clinic is a transaction of its own, and many patients of a clinic are
//! several; the clinician who leaves goes last. So whatever is cut off, a repeat knows what is left.

use anyhow::anyhow;
use bson::{DateTime, Document};
use mongodb::ClientSession;
use shared_runtime::{error::OrFail as _, mongo::Aborted};
use shared_types::{ClinicId, UserId};

use crate::{
    State,
    domain::{Refusal, departure::leaves_nobody, patient::Patient},
    error::{Error, Failure},
    use_cases::{
        change_patient::remove,
        relate::{self, PatientChanged},
    },
};

/// As many clinics of a patient are read at once.
const PAGE: u32 = 100;

/// As many pages are read: those of more clinics than anybody is a patient of.
const PAGES: u32 = 1_000;

/// More clinics than anybody works for.
const ALL: u32 = 100_000;

/// As often the patients of a clinic are looked through from the start. It takes a look that removes them and
/// one that finds none, and another one where somebody shares meanwhile.
const LOOKS: u32 = 10;

/// Removes `user` everywhere. Refused where a clinic that the user works for is missing, once all
/// others are done. Repeatable.
pub(crate) async fn forget_user(state: &State, user: &UserId) -> Result<(), Error> {
    leave_as_patient_everywhere(state, user).await?;
    let found = state
        .store
        .clinicians
        .list_of_user(user, 0, ALL)
        .await
        .or_fail(Failure)?;
    let mut outcome = Ok(());
    for clinician in found {
        match leave_as_clinician(state, clinician.clinic_id, user).await {
            Err(Error::Refused(refusal)) => outcome = Err(refusal.into()),
            left => left?,
        }
    }
    outcome
}

async fn leave_as_patient_everywhere(state: &State, user: &UserId) -> Result<(), Error> {
    let patients = &state.store.patients;
    for _ in 0..PAGES {
        let found = patients.list_of_user(user, 0, PAGE).await;
        let found = found.or_fail(Failure)?;
        if found.is_empty() {
            return Ok(());
        }
        for patient in &found {
            leave_as_patient(state, patient).await?;
        }
    }
    let cause = anyhow!("the account becomes a patient again wherever it leaves");
    Err(Error::failed(Failure, cause))
}

async fn leave_as_patient(state: &State, patient: &Patient) -> Result<(), Error> {
    let (clinic, user) = (patient.clinic_id, &patient.user_id);
    state
        .store
        .change(clinic, async |session| {
            match state.store.patients.find_in(session, clinic, user).await? {
                Some(stored) => remove(state, session, &stored, None).await,
                None => Ok(()),
            }
        })
        .await
        .or_fail(Failure)?;
    state.outbox.wake();
    Ok(())
}

/// What one transaction of a departure did.
enum Step {
    /// The clinician is gone.
    Left,
    /// Patients are, by account up to this one; `None`: none was left behind the last one.
    Removed(Option<UserId>),
}

async fn leave_as_clinician(state: &State, clinic: ClinicId, user: &UserId) -> Result<(), Error> {
    for _ in 0..LOOKS {
        let mut after = None;
        // A look ends, as it goes up through the accounts.
        loop {
            let done = state
                .store
                .change(clinic, async |session| {
                    step(state, session, clinic, user, after.as_ref()).await
                })
                .await
                .or_fail(Failure)?;
            state.outbox.wake();
            match done {
                Step::Left => return Ok(()),
                Step::Removed(None) => break,
                Step::Removed(last) => after = last,
            }
        }
    }
    let cause = anyhow!("the clinic gets patients again however often they are removed");
    Err(Error::failed(Failure, cause))
}

/// Removes patients of a clinic that is left by whoever ran it, those after `after`. The clinician
/// goes where a look from the start finds none.
async fn step(
    state: &State,
    session: &mut ClientSession,
    clinic: ClinicId,
    user: &UserId,
    after: Option<&UserId>,
) -> Result<Step, Aborted<Refusal>> {
    let store = &state.store;
    let locked = store.clinics.lock(session, clinic).await?;
    locked.ok_or(Refusal::ClinicNotFound)?;
    let Some(leaving) = store.clinicians.find_in(session, clinic, user).await? else {
        return Ok(Step::Left);
    };
    let others = store.clinicians.list_others_in(session, clinic, user);
    if leaves_nobody(&leaving, &others.await?) {
        let removed = remove_shared(state, session, clinic, after).await?;
        if removed.is_some() || after.is_some() {
            return Ok(Step::Removed(removed));
        }
    }
    let deleted = store.clinicians.delete(session, clinic, user).await?;
    let deleted = deleted.into_iter().collect();
    store
        .archives
        .add_clinicians(session, deleted, None)
        .await?;
    let now = DateTime::now();
    store
        .clinics
        .dismiss_admin(session, clinic, user, now)
        .await?;
    relate::clinician(state, session, clinic, user).await?;
    Ok(Step::Left)
}

/// Removes some of the patients whose accounts the clinic did not make; returns the last one.
async fn remove_shared(
    state: &State,
    session: &mut ClientSession,
    clinic_id: ClinicId,
    after: Option<&UserId>,
) -> Result<Option<UserId>, Aborted<Refusal>> {
    let store = &state.store;
    let removed = store.patients.delete_shared(session, clinic_id, after);
    let removed = removed.await?;
    let users: Vec<UserId> = removed.iter().filter_map(user_of).collect();
    store.archives.add_patients(session, removed, None).await?;
    let last = users.last().cloned();
    let changed = users
        .into_iter()
        .map(|user_id| PatientChanged { clinic_id, user_id });
    state.outbox.enqueue_all(session, changed).await?;
    Ok(last)
}

fn user_of(patient: &Document) -> Option<UserId> {
    patient.get_str("userId").ok().map(Into::into)
}
