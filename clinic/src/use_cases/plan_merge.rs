//! What a merge of two clinics would do, and whether it may be done.

use mongodb::{ClientSession, error::Error as DatabaseError};
use shared_runtime::{error::OrFail as _, mongo::Aborted};
use shared_types::ClinicId;

use crate::{
    State,
    domain::{
        Refusal,
        clinic::Clinic,
        merge::{MergePlan, Side},
    },
    error::{Error, Failure},
    store::now,
};

/// Plans the merge of `source` into `target`; nothing is written.
pub(crate) async fn plan_merge(
    state: &State,
    target: ClinicId,
    source: ClinicId,
) -> Result<MergePlan, Error> {
    if source == target {
        return Err(Refusal::SameClinic.into());
    }
    let mut clinics = Vec::new();
    for id in [source, target] {
        let clinic = state.store.clinics.find(id).await.or_fail(Failure)?;
        clinics.push(clinic.ok_or(Refusal::ClinicNotFound)?);
    }
    state
        .store
        .read(async |session| {
            let mut sides = Vec::new();
            for clinic in clinics {
                sides.push(side(state, session, clinic).await?);
            }
            made(sides).await
        })
        .await
        .or_fail(Failure)
}

/// The same in the transaction of `session`, which locks everything that the plan is about: it holds
/// until the commit.
pub(crate) async fn plan_locked(
    state: &State,
    session: &mut ClientSession,
    (source, target): (ClinicId, ClinicId),
) -> Result<MergePlan, Aborted<Refusal>> {
    let store = &state.store;
    let mut clinics = Vec::new();
    for id in [source, target] {
        let clinic = store.clinics.lock_labels(session, id).await?;
        clinics.push(clinic.ok_or(Refusal::ClinicNotFound)?);
    }
    // Before anything is read of the patients, so that nobody who changes one makes this begin anew.
    store
        .patients
        .lock_for_merge(session, (source, target))
        .await?;
    for id in [source, target] {
        if store.merges.find_in(session, id).await?.is_some() {
            return Err(Refusal::ClinicMerging.into());
        }
    }
    let mut sides = Vec::new();
    for clinic in clinics {
        sides.push(side(state, session, clinic).await?);
    }
    made(sides).await
}

async fn side(
    state: &State,
    session: &mut ClientSession,
    clinic: Clinic,
) -> Result<Side, DatabaseError> {
    let (store, id) = (&state.store, clinic.id);
    let restrictions = store.clinics.find_restrictions_in(session, id).await?;
    Ok(Side {
        clinic,
        restrictions: restrictions.restrictions,
        is_migrating: store.migrations.is_under_way(session, id).await?,
        staff: store.clinicians.list_merge_staff(session, id).await?,
        patients: store.patients.list_merge_rows(session, id).await?,
    })
}

/// Off the threads that serve requests, since it takes a while for large clinics.
async fn made(sides: Vec<Side>) -> Result<MergePlan, Aborted<Refusal>> {
    let Ok([source, target]) = <[Side; 2]>::try_from(sides) else {
        return Err(Refusal::ClinicNotFound.into());
    };
    let now = now();
    let planned = tokio::task::spawn_blocking(move || MergePlan::new(source, target, now));
    let planned = planned.await.map_err(DatabaseError::custom)?;
    Ok(planned?)
}
