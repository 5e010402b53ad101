//! A migration is asked for, or set to how far another program is with it.

use mongodb::ClientSession;
use shared_runtime::{
    error::OrFail as _,
    mongo::{Aborted, is_duplicate_key},
};
use shared_types::{ClinicId, UserId};
use tracing::info;

use crate::{
    State,
    domain::{
        Refusal,
        migration::{Migration, Status, check_is_legacy, first_account},
    },
    error::{Error, Failure},
    store::{Store, now},
    use_cases::{find_clinic::find_clinic, merge_clinics::check_not_merging},
};

/// Makes a clinic of a legacy account, whose patients are to come; returns that migration. `attests`:
/// whether its administrator says that this may be done.
pub(crate) async fn begin_clinic(
    state: &State,
    clinic_id: ClinicId,
    attests: bool,
) -> Result<Migration, Error> {
    let clinic = find_clinic(state, clinic_id).await?;
    let account = first_account(&clinic)?;
    let person = state.user_api.person(account).await.or_fail(Failure)?;
    let person = person.ok_or_else(|| Refusal::NoLegacyAccount(account.clone()))?;
    check_is_legacy(&person.user)?;
    let now = now();
    let migration = Migration {
        attestation_time: attests.then_some(now),
        ..Migration::new(clinic_id, account.clone(), now)
    };
    let stored = state.store.change(clinic_id, async |session| {
        let clinics = &state.store.clinics;
        match clinics.lock(session, clinic_id).await? {
            None => return Err(Refusal::ClinicNotFound.into()),
            Some(true) => return Err(Refusal::AlreadyMigrated.into()),
            Some(false) => {}
        }
        check_not_merging(&state.store, session, clinic_id).await?;
        clinics.set_migrated(session, clinic_id, now.into()).await?;
        insert(state, session, &migration).await
    });
    finish(state, stored.await, migration)
}

/// Has the patients of one more clinician come, who had a legacy account; returns that migration.
pub(crate) async fn add_migration(
    state: &State,
    clinic: ClinicId,
    account: &UserId,
) -> Result<Migration, Error> {
    let migration = Migration::new(clinic, account.clone(), now());
    let stored = state.store.change(clinic, async |session| {
        let store = &state.store;
        let clinician = store.clinicians.find_in(session, clinic, account).await?;
        clinician.ok_or(Refusal::ClinicianNotFound)?;
        // Neither the clinician nor the clinic goes meanwhile.
        match store.clinics.lock(session, clinic).await? {
            None => Err(Refusal::ClinicianNotFound.into()),
            Some(false) => Err(Refusal::NotMigratedFirst.into()),
            Some(true) => {
                check_not_merging(store, session, clinic).await?;
                insert(state, session, &migration).await
            }
        }
    });
    finish(state, stored.await, migration)
}

async fn insert(
    state: &State,
    session: &mut ClientSession,
    migration: &Migration,
) -> Result<(), Aborted<Refusal>> {
    Ok(state.store.migrations.insert(session, migration).await?)
}

fn finish(
    state: &State,
    stored: Result<(), Aborted<Refusal>>,
    migration: Migration,
) -> Result<Migration, Error> {
    match stored {
        // Nothing else that these transactions write is unique.
        Err(Aborted::Failed(error)) if is_duplicate_key(&error) => {
            Err(Refusal::DuplicateMigration.into())
        }
        stored => {
            stored.or_fail(Failure)?;
            let (clinic, user) = (migration.clinic_id, &migration.user_id);
            info!(clinic.id = %clinic, user.id = %user, "a migration is asked for");
            state.migration_wake.notify_one();
            Ok(migration)
        }
    }
}

/// Keeps a merge of the clinic from beginning before the migration is changed, since nobody comes to a
/// clinic that goes.
async fn lock(
    store: &Store,
    session: &mut ClientSession,
    clinic: ClinicId,
) -> Result<(), Aborted<Refusal>> {
    let locked = store.clinics.lock(session, clinic).await?;
    locked.ok_or(Refusal::MigrationNotFound)?;
    check_not_merging(store, session, clinic).await
}

/// Sets how far a migration is, which nobody checks; returns it since. Whatever worker of this service
/// has it lets go of it. One that is pending again brings whoever is yet to come, once more.
pub(crate) async fn set_status(
    state: &State,
    clinic: ClinicId,
    user: &UserId,
    status: Status,
) -> Result<Migration, Error> {
    let migration = state
        .store
        .change(clinic, async |session| {
            lock(&state.store, session, clinic).await?;
            let migrations = &state.store.migrations;
            let updated = migrations.set_status(session, clinic, user, status, now());
            Ok(updated.await?.ok_or(Refusal::MigrationNotFound)?)
        })
        .await
        .or_fail(Failure)?;
    state.migration_wake.notify_one();
    Ok(migration)
}

/// Has those tried again whom a completed migration could not bring, and nobody else; returns it since.
/// Where there is none of them, and where all are about to be tried, nothing changes.
pub(crate) async fn retry(
    state: &State,
    clinic: ClinicId,
    user: &UserId,
) -> Result<Migration, Error> {
    let migration = state
        .store
        .change(clinic, async |session| {
            let store = &state.store;
            lock(store, session, clinic).await?;
            let found = store.migrations.find_in(session, clinic, user).await?;
            let migration = found.ok_or(Refusal::MigrationNotFound)?;
            if migration.is(Status::Running) {
                return Err(Refusal::MigrationRuns.into());
            }
            if !migration.is(Status::Completed) {
                return Ok(migration);
            }
            let failed = store.migration_patients.retry_failed(session, user).await?;
            if failed == 0 {
                return Ok(migration);
            }
            let migrations = &store.migrations;
            let pending = migrations.retry(session, clinic, user, failed, now());
            Ok(pending.await?.ok_or(Refusal::MigrationNotFound)?)
        })
        .await
        .or_fail(Failure)?;
    state.migration_wake.notify_one();
    Ok(migration)
}
