//! A clinic without patients is deleted, with everybody who works for it or is invited to. The patient
//! that every clinic gets to try things with goes with it.

use bson::Document;
use mongodb::ClientSession;
use shared_runtime::{error::OrFail as _, mongo::Aborted};
use shared_types::{ClinicId, UserId};

use crate::{
    State,
    domain::Refusal,
    error::{Error, Failure},
    use_cases::{
        change_patient::remove, merge_clinics::check_not_merging, relate::ClinicianChanged,
    },
};

/// Deletes the clinic and archives it; `by`: a person, if one does it.
pub(crate) async fn delete_clinic(
    state: &State,
    id: ClinicId,
    by: Option<&UserId>,
) -> Result<(), Error> {
    state
        .store
        .change(id, async |session| delete(state, session, id, by).await)
        .await
        .or_fail(Failure)?;
    state.outbox.wake();
    Ok(())
}

async fn delete(
    state: &State,
    session: &mut ClientSession,
    id: ClinicId,
    by: Option<&UserId>,
) -> Result<(), Aborted<Refusal>> {
    let store = &state.store;
    // The clinic goes first, so that nobody begins to work for it meanwhile.
    let clinic = store.clinics.delete(session, id).await?;
    let clinic = clinic.ok_or(Refusal::ClinicNotFound)?;
    store.archives.add_clinic(session, clinic, by).await?;
    check_not_merging(&state.store, session, id).await?;
    match store.patients.find_two_in(session, id).await?.as_slice() {
        [] => {}
        [demo] if state.demo_patient.as_ref() == Some(&demo.patient.user_id) => {
            remove(state, session, demo, by).await?;
        }
        _ => return Err(Refusal::ClinicNotEmpty.into()),
    }
    store.patients.forget_counts(session, id).await?;
    store.jobs.delete(session, id).await?;
    let clinicians = store.clinicians.delete_all(session, id).await?;
    let users: Vec<UserId> = clinicians.iter().filter_map(user_of).collect();
    store
        .archives
        .add_clinicians(session, clinicians, by)
        .await?;
    let clinic_id = id;
    let changed = users
        .into_iter()
        .map(|user_id| ClinicianChanged { clinic_id, user_id });
    state.outbox.enqueue_all(session, changed).await?;
    Ok(())
}

/// The account of a stored clinician; `None`: invited alone.
pub(crate) fn user_of(clinician: &Document) -> Option<UserId> {
    clinician.get_str("userId").ok().map(Into::into)
}
