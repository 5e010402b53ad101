//! Where a patient's data comes from changes: all of its clinics hear of it.

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use shared_runtime::{body::Member, error::OrFail as _, mongo::Aborted};
use shared_types::{ClinicId, UserId};

use crate::{
    State,
    domain::{
        Refusal,
        patient::{DataSource, PatientChange},
    },
    error::{Error, Failure},
    store::{SourcesTurn, now},
};

/// Clinics that are written at once.
const AT_ONCE: usize = 8;

/// Replaces the data sources of `user` everywhere, each clinic in a transaction of its own, since each
/// counts its patients by them. A repeat goes on where one was cut off, and of several at once all
/// clinics have what the last one says.
pub(crate) async fn update_data_sources(
    state: &State,
    user: &UserId,
    sources: Vec<DataSource>,
) -> Result<(), Error> {
    let patients = &state.store.patients;
    let Some(turn) = patients.take_sources_turn(user).await.or_fail(Failure)? else {
        return Ok(());
    };
    let kept = patients.keep_sources(user, &sources, turn);
    kept.await.or_fail(Failure)?;
    let change = PatientChange {
        data_sources: Member::Given(sources),
        updated_time: Some(now()),
        ..PatientChange::default()
    };
    // Again, until a look finds no other: a merge may make it a patient of another clinic meanwhile.
    loop {
        let clinics = patients.list_clinics_before(user, turn);
        let clinics = clinics.await.or_fail(Failure)?;
        if clinics.is_empty() {
            return Ok(());
        }
        let writes = clinics
            .into_iter()
            .map(|clinic| write(state, clinic, user, turn, &change));
        let writes = stream::iter(writes).buffer_unordered(AT_ONCE);
        writes.try_collect::<()>().await?;
    }
}

async fn write(
    state: &State,
    clinic: ClinicId,
    user: &UserId,
    turn: SourcesTurn,
    change: &PatientChange,
) -> Result<(), Error> {
    let patients = &state.store.patients;
    let written = state.store.change(clinic, async |session| {
        let claimed = patients.claim_sources(session, clinic, user, turn);
        if let Some(stored) = claimed.await? {
            patients.update(session, &stored, change).await?;
        }
        Ok::<_, Aborted<Refusal>>(())
    });
    written.await.or_fail(Failure)
}
