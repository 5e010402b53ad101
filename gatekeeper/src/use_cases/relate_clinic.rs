//! clinic reports who is a patient of a clinic and who works for one. A report that comes late or
//! again changes nothing.

use mongodb::ClientSession;
use shared_runtime::{error::OrFail as _, mongo};
use shared_types::{ClinicId, PermissionSet, UserId};

use crate::{
    State,
    error::{Error, Failure},
};

/// `user` is a patient of `clinic`, whose clinicians have `permissions`.
pub(crate) async fn update_patient(
    state: &State,
    clinic: ClinicId,
    user: &UserId,
    revision: i64,
    permissions: &PermissionSet,
) -> Result<(), Error> {
    let relations = &state.store.clinic_relations;
    if permissions.administers() {
        // Whoever ran the account runs it afterwards, so this need not exclude who relies on that.
        return Ok(relations
            .update_runner(clinic, user, revision, permissions)
            .await
            .or_fail(Failure)?);
    }
    change_patient(state, user, async |session| {
        relations
            .update_patient(session, clinic, user, revision, permissions)
            .await
    })
    .await
}

/// `user` is no patient of `clinic` any more.
pub(crate) async fn delete_patient(
    state: &State,
    clinic: ClinicId,
    user: &UserId,
    revision: i64,
) -> Result<(), Error> {
    let relations = &state.store.clinic_relations;
    change_patient(state, user, async |session| {
        relations
            .delete_patient(session, clinic, user, revision)
            .await
    })
    .await
}

/// `user` works for `clinic`.
///
/// The mark comes first: a relation without it would not be seen, a mark without relation costs a
/// round trip. If the second write fails, the clinic service repeats both.
pub(crate) async fn update_clinician(
    state: &State,
    clinic: ClinicId,
    user: &UserId,
    revision: i64,
) -> Result<(), Error> {
    state
        .store
        .permissions
        .mark_clinician(user)
        .await
        .or_fail(Failure)?;
    let relations = &state.store.clinic_relations;
    Ok(relations
        .update_clinician(clinic, user, revision)
        .await
        .or_fail(Failure)?)
}

/// `user` works for `clinic` no more.
pub(crate) async fn delete_clinician(
    state: &State,
    clinic: ClinicId,
    user: &UserId,
    revision: i64,
) -> Result<(), Error> {
    let relations = &state.store.clinic_relations;
    Ok(relations
        .delete_clinician(clinic, user, revision)
        .await
        .or_fail(Failure)?)
}

/// Makes a change that may take whoever runs the account of `patient`.
async fn change_patient(
    state: &State,
    patient: &UserId,
    change: impl AsyncFn(&mut ClientSession) -> Result<(), mongodb::error::Error>,
) -> Result<(), Error> {
    let store = &state.store;
    mongo::transaction(&store.client, async |session| {
        store.account_locks.lock(session, patient).await?;
        Ok(change(session).await?)
    })
    .await
    .or_fail(Failure)
}
