//! The patients of legacy accounts are brought to their clinics, each by itself, by a worker that holds a
//! lease. Whom there is to bring is written down first, and what became of each afterwards: whatever is
//! cut off goes on where it was, and what was done is not done again.

use anyhow::Context as _;
use bson::oid::ObjectId;
use futures_util::future::join_all;
use mongodb::{ClientSession, error::Error as DatabaseError};
use shared_runtime::mongo::{Aborted, transaction};
use shared_types::{ClinicEvent, PermissionSet, PermissionsByUser, UserId};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    State,
    domain::{
        Refusal,
        migration::{Progress, brought},
    },
    error::Error,
    store::{DuePatient, Listing, Outcome, Past, Work, now},
    use_cases::{enrol_patient::enrol_user, notify, workers},
};

/// Patients who are written down in one transaction.
const LISTED_AT_ONCE: usize = 500;
/// Patients who are brought at a time, each in a transaction of its own.
const AT_ONCE: u32 = 8;
/// How often a patient is tried while something fails. Between two times are all others, and a lease, so that
/// this is an hour at least: no outage of another service makes patients fail.
const MAX_ATTEMPTS: i32 = 360;
/// Why a patient is given up with whom something keeps failing.
const KEEPS_FAILING: &str = "it was tried again and again, and something failed each time";

/// Brings the patients of migrations that nobody else works on, until `stop`. Every replica runs it.
pub(crate) async fn work(state: &State, stop: &CancellationToken) {
    let work_once = async |owner: &str| work_once(state, owner, stop).await;
    let wake = &state.migration_wake;
    workers::work("a migration cannot go on", wake, stop, work_once).await;
}

/// Works on one migration; `false`: there was none. Where something fails the lease is kept and runs
/// out, before which nobody tries again.
async fn work_once(state: &State, owner: &str, stop: &CancellationToken) -> anyhow::Result<bool> {
    let Some(work) = state.store.migrations.lease(owner).await? else {
        return Ok(false);
    };
    if work.is_pending && !begin(state, &work).await? {
        return Ok(true);
    }
    if !list(state, &work).await? {
        return Ok(true);
    }
    while !stop.is_cancelled() {
        let patients = &state.store.migration_patients;
        let due = patients.list_due(&work.legacy, AT_ONCE).await?;
        if due.is_empty() {
            complete(state, &work).await?;
            return Ok(true);
        }
        let outcomes = due.iter().map(|patient| bring(state, &work, patient));
        let outcomes = join_all(outcomes).await;
        let is_held = note(state, &work, &due, &outcomes).await?;
        if !is_held || outcomes.contains(&Outcome::Postponed) {
            return Ok(true);
        }
    }
    state.store.migrations.release(&work).await?;
    Ok(true)
}

/// Makes a change while the migration is the worker's; `false`: somebody else has it.
async fn change(
    state: &State,
    change: impl AsyncFnMut(&mut ClientSession) -> Result<(), Aborted>,
) -> Result<bool, DatabaseError> {
    match transaction(&state.store.client, change).await {
        Ok(()) => Ok(true),
        Err(Aborted::Outrun) => Ok(false),
        Err(aborted) => Err(aborted.into()),
    }
}

/// Notes that a pending migration runs. Whoever failed before is tried again.
async fn begin(state: &State, work: &Work) -> Result<bool, DatabaseError> {
    let (migrations, patients) = (&state.store.migrations, &state.store.migration_patients);
    let begun = change(state, async |session| {
        let failed = patients.retry_failed(session, &work.legacy).await?;
        if !migrations.begin(session, work, failed, now()).await? {
            return Err(Aborted::Outrun);
        }
        if work.past == Past::New {
            let started = ClinicEvent::MigrationStarted;
            notify::queue(state, session, started, work.clinic, &work.legacy).await?;
        }
        Ok(())
    });
    let begun = begun.await?;
    if begun {
        state.outbox.wake();
        info!(clinic.id = %work.clinic, user.id = %work.legacy, "a migration runs");
    }
    Ok(begun)
}

/// Writes down who shares with the legacy account at this moment, and forgets whoever is yet to come and
/// shares no more; `false`: somebody else has the migration.
async fn list(state: &State, work: &Work) -> anyhow::Result<bool> {
    let shares = sharers(state, work).await?;
    let (migrations, patients) = (&state.store.migrations, &state.store.migration_patients);
    let listing = Listing {
        id: ObjectId::new(),
        clinic: work.clinic,
        legacy: &work.legacy,
        adds: !work.is_retry,
    };
    let shares: Vec<(&UserId, &PermissionSet)> = shares.iter().collect();
    for some in shares.chunks(LISTED_AT_ONCE) {
        let listed = change(state, async |session| {
            let more = patients.list(session, &listing, some).await?;
            if !migrations.note(session, work, &more).await? {
                return Err(Aborted::Outrun);
            }
            Ok(())
        });
        if !listed.await? {
            return Ok(false);
        }
    }
    let withdrawn = change(state, async |session| {
        let fewer = patients.withdraw_others(session, &listing).await?;
        if !migrations.note(session, work, &fewer).await? {
            return Err(Aborted::Outrun);
        }
        Ok(())
    });
    Ok(withdrawn.await?)
}

/// Who lets the legacy account do something. Who does not work for the clinic any more brings nobody.
async fn sharers(state: &State, work: &Work) -> anyhow::Result<PermissionsByUser> {
    let (clinic, legacy) = (work.clinic, &work.legacy);
    if !state.store.clinicians.contains(clinic, legacy).await? {
        return Ok(PermissionsByUser::default());
    }
    let groups = state.gatekeeper.groups(legacy).await;
    Ok(patients_of(legacy, groups.context("gatekeeper")?))
}

/// The patients among the accounts that `legacy` can reach, with what counts of its permissions.
pub(crate) fn patients_of(legacy: &UserId, groups: PermissionsByUser) -> PermissionsByUser {
    groups
        .into_iter()
        .filter(|(user, permissions)| user != legacy && !permissions.grants_nothing())
        .map(|(user, permissions)| (user, permissions.grantable()))
        .collect()
}

/// Brings one patient. Repeatable.
async fn bring(state: &State, work: &Work, patient: &DuePatient) -> Outcome {
    let user = &patient.user_id;
    let brought = async {
        let shared = brought(&work.legacy, &patient.permissions)?;
        match enrol_user(state, work.clinic, user, &shared).await {
            // Somebody else enrolled it at this moment.
            Err(Error::Refused(Refusal::DuplicatePatient)) => {
                enrol_user(state, work.clinic, user, &shared).await
            }
            enrolled => enrolled,
        }
    };
    let clinic = work.clinic;
    let reason = match brought.await {
        Ok(_) => return Outcome::Done,
        Err(Error::Refused(refusal)) if !refusal.may_pass() => refusal.to_string(),
        Err(failed) => {
            let cause = failed.to_string();
            warn!(clinic.id = %clinic, user.id = %user, cause, "a patient cannot be brought yet");
            if patient.attempts + 1 < MAX_ATTEMPTS {
                return Outcome::Postponed;
            }
            KEEPS_FAILING.to_owned()
        }
    };
    info!(clinic.id = %clinic, user.id = %user, reason, "a patient is not brought");
    Outcome::Failed(reason)
}

/// Notes what became of some patients; `false`: somebody else has the migration.
async fn note(
    state: &State,
    work: &Work,
    due: &[DuePatient],
    outcomes: &[Outcome],
) -> Result<bool, DatabaseError> {
    let (migrations, patients) = (&state.store.migrations, &state.store.migration_patients);
    let noted = change(state, async |session| {
        let mut more = Progress::default();
        for (patient, outcome) in due.iter().zip(outcomes) {
            if !patients.note(session, patient, outcome).await? {
                return Err(Aborted::Outrun);
            }
            more.add(&outcome.progress());
        }
        if !migrations.note(session, work, &more).await? {
            return Err(Aborted::Outrun);
        }
        Ok(())
    });
    noted.await
}

async fn complete(state: &State, work: &Work) -> Result<(), DatabaseError> {
    let completed = change(state, async |session| {
        let migrations = &state.store.migrations;
        if !migrations.complete(session, work, now()).await? {
            return Err(Aborted::Outrun);
        }
        if work.past != Past::Completed {
            let completed = ClinicEvent::MigrationCompleted;
            notify::queue(state, session, completed, work.clinic, &work.legacy).await?;
        }
        Ok(())
    });
    if completed.await? {
        state.outbox.wake();
        info!(clinic.id = %work.clinic, user.id = %work.legacy, "a migration is completed");
    }
    Ok(())
}
