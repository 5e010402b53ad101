//! Merges are carried out in batches of patients: the first ones by the request that begins the merge,
//! which is done with all but large clinics before it answers, and the rest by a worker. Whatever is
//! cut off is taken up by another worker once the lease has run out.

use mongodb::{ClientSession, error::Error as DatabaseError};
use shared_runtime::mongo::Aborted;
use shared_types::UserId;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    State,
    store::{Merge, MergeStep},
    use_cases::{
        delete_clinic::user_of,
        relate::{self, ClinicianChanged, PatientChanged},
        workers,
    },
};

/// Patients of a batch, which is one transaction.
const BATCH: u32 = 200;

/// Works off the first batches of a merge that `owner` has, and leaves the others to the worker. It is
/// certain, so nothing that fails here is of interest to whoever asked for it.
pub(crate) async fn begin(state: &State, merge: Merge, owner: &str) {
    let begun = async {
        let write = async |merge: &Merge| work_off(state, merge, owner).await;
        if let Some(rest) = workers::work_on(merge, state.merge_batches, write).await? {
            state.store.merges.release(&rest, owner).await?;
            state.merge_wake.notify_one();
        }
        Ok(())
    };
    let begun: Result<(), DatabaseError> = begun.await;
    if let Err(error) = begun {
        warn!(cause = %error, "a merge was not begun, and is left to the worker");
    }
}

/// The same of a merge that was begun before, if nobody works on it.
pub(crate) async fn resume(state: &State, merge: &Merge, owner: &str) {
    match state.store.merges.lease_one(merge.id, owner).await {
        Ok(Some(merge)) => begin(state, merge, owner).await,
        Ok(None) => {}
        Err(error) => warn!(cause = %error, "a merge is left to the worker"),
    }
}

/// Works off the merges that nobody else works on, until `stop`. Every replica runs it.
pub(crate) async fn work(state: &State, stop: &CancellationToken) {
    let work_once = async |owner: &str| work_once(state, owner, stop).await;
    workers::work(
        "merges cannot be worked off",
        &state.merge_wake,
        stop,
        work_once,
    )
    .await;
}

/// Works off one merge, until `stop`; `false`: there was none.
async fn work_once(
    state: &State,
    owner: &str,
    stop: &CancellationToken,
) -> Result<bool, DatabaseError> {
    let Some(merge) = state.store.merges.lease(owner).await? else {
        return Ok(false);
    };
    let write = async |merge: &Merge| work_off(state, merge, owner).await;
    if let Some(rest) = workers::work_until(merge, stop, write).await? {
        state.store.merges.release(&rest, owner).await?;
    }
    Ok(true)
}

/// Works off one batch; returns what is left.
async fn work_off(state: &State, merge: &Merge, owner: &str) -> Result<Option<Merge>, Aborted> {
    let worked = state.store.change(merge.order.target, async |session| {
        let mut rest = merge.clone();
        let next = match &merge.step {
            MergeStep::Note { after } => {
                Some(note(state, session, &mut rest, after.as_ref()).await?)
            }
            MergeStep::Move { after } => {
                Some(move_some(state, session, &mut rest, after.as_ref()).await?)
            }
            MergeStep::Finish => finish(state, session, merge).await?,
        };
        let merges = &state.store.merges;
        if !merges.note(session, &rest, owner, next.as_ref()).await? {
            return Err(Aborted::Outrun);
        }
        Ok(next.map(|step| Merge { step, ..rest }))
    });
    let rest = worked.await?;
    state.outbox.wake();
    if rest.is_none() {
        let (source, target) = (merge.order.source, merge.order.target);
        info!(clinic.id = %target, source.id = %source, "a merge is done");
    }
    Ok(rest)
}

/// Notes what was planned for some of the patients of the target; returns what is next.
async fn note(
    state: &State,
    session: &mut ClientSession,
    merge: &mut Merge,
    after: Option<&UserId>,
) -> Result<MergeStep, Aborted> {
    let store = &state.store;
    let kept = store
        .patients
        .list_kept(session, &merge.order, after, BATCH);
    let (items, last) = kept.await?;
    let found = number(items.len());
    merge.numbers.kept += found;
    store
        .merge_plans
        .insert_patients(session, merge.id, items)
        .await?;
    Ok(if found < BATCH.into() {
        MergeStep::Move { after: None }
    } else {
        MergeStep::Note { after: last }
    })
}

/// Lets some of the patients of the source become the target's; returns what is next.
async fn move_some(
    state: &State,
    session: &mut ClientSession,
    merge: &mut Merge,
    after: Option<&UserId>,
) -> Result<MergeStep, Aborted> {
    let (store, order) = (&state.store, &merge.order);
    let moved = store.patients.move_some(session, merge, after, BATCH);
    let moved = moved.await?;
    // The target's come first: gatekeeper may hear of it before it hears that the source has them no
    // more.
    for clinic_id in [order.target, order.source] {
        let changed = moved.users.iter().cloned();
        let changed = changed.map(|user_id| PatientChanged { clinic_id, user_id });
        state.outbox.enqueue_all(session, changed).await?;
    }
    let (all, merged) = (number(moved.users.len()), number(moved.merged));
    merge.numbers.merged += merged;
    merge.numbers.moved += all - merged;
    store
        .merge_plans
        .insert_patients(session, merge.id, moved.items)
        .await?;
    Ok(if all < BATCH.into() {
        MergeStep::Finish
    } else {
        MergeStep::Move {
            after: moved.users.last().cloned(),
        }
    })
}

/// Lets the source go, with the patient to try things with and everybody who works for it. Its share
/// codes lead to the target from then on. Returns what is next; `None`: nothing.
async fn finish(
    state: &State,
    session: &mut ClientSession,
    merge: &Merge,
) -> Result<Option<MergeStep>, Aborted> {
    let store = &state.store;
    let (source, target) = (merge.order.source, merge.order.target);
    for patient in store.patients.find_two_in(session, source).await? {
        if state.demo_patient.as_ref() != Some(&patient.patient.user_id) {
            // Somebody whom another program stored meanwhile.
            return Ok(Some(MergeStep::Move { after: None }));
        }
        let deleted = store.patients.delete(session, &patient).await?;
        let deleted = deleted.into_iter().collect();
        store.archives.add_patients(session, deleted, None).await?;
        relate::patient(state, session, &patient.patient).await?;
    }
    store.patients.forget_counts(session, source).await?;
    store.jobs.delete(session, source).await?;
    let gone = store.clinicians.delete_all(session, source).await?;
    let users: Vec<UserId> = gone.iter().filter_map(user_of).collect();
    store.archives.add_clinicians(session, gone, None).await?;
    let clinic_id = source;
    let changed = users.into_iter();
    let changed = changed.map(|user_id| ClinicianChanged { clinic_id, user_id });
    state.outbox.enqueue_all(session, changed).await?;
    if let Some(clinic) = store.clinics.delete(session, source).await? {
        store.clinics.take_codes(session, target, &clinic).await?;
        store.archives.add_clinic(session, clinic, None).await?;
    }
    let counts = store.patients.count_in(session, target).await?;
    store
        .clinics
        .set_patient_count(session, target, &counts)
        .await?;
    Ok(None)
}

fn number(length: usize) -> i64 {
    i64::try_from(length).unwrap_or(i64::MAX)
}
