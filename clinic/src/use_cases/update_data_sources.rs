//! Where a patient's data comes from changes: all of its clinics hear of it.

use std::collections::BTreeSet;

use shared_runtime::{body::Member, error::OrFail as _, mongo::Aborted};
use shared_types::UserId;

use crate::{
    State,
    domain::{
        Refusal,
        patient::{DataSource, PatientChange},
    },
    error::{Error, Failure},
    store::now,
};

/// Replaces the data sources of `user` everywhere, one clinic after the other, since each counts its
/// patients by them. Repeatable.
pub(crate) async fn update_data_sources(
    state: &State,
    user: &UserId,
    sources: Vec<DataSource>,
) -> Result<(), Error> {
    let store = &state.store;
    let change = PatientChange {
        data_sources: Member::Given(sources),
        updated_time: Some(now()),
        ..PatientChange::default()
    };
    let mut done = BTreeSet::new();
    // Again, until a look finds no other: a merge may make it a patient of another clinic meanwhile.
    loop {
        let clinics = store.patients.list_clinics_of_user(user).await;
        let mut rest = clinics.or_fail(Failure)?;
        rest.retain(|clinic| !done.contains(clinic));
        if rest.is_empty() {
            return Ok(());
        }
        for clinic in rest {
            let updated = store.change(clinic, async |session| {
                if let Some(stored) = store.patients.find_in(session, clinic, user).await? {
                    store.patients.update(session, &stored, &change).await?;
                }
                Ok::<_, Aborted<Refusal>>(())
            });
            updated.await.or_fail(Failure)?;
            done.insert(clinic);
        }
    }
}
