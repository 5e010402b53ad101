//! What clinic keeps, one file a collection.

mod archives;
mod bulk_writes;
mod clinic_document;
mod clinic_labels;
mod clinic_merges;
mod clinic_settings;
mod clinicians;
mod clinics;
mod connected_clinics;
mod connection_document;
mod ehr_document;
mod ids;
mod jobs;
mod merge_plans;
mod merge_rows;
mod merges;
mod migration_patients;
mod migrations;
mod own_lanes;
mod patient_batches;
mod patient_document;
mod patient_moves;
mod patients;
mod reconciliations;
mod redox;
mod relations;
mod roles;
mod subscription_document;
mod summary_document;
mod tallies;
mod xealth;

use std::{array, sync::Arc, time::Duration};

use chrono::{DateTime, SubsecRound as _, Utc};
use mongodb::{Client, ClientSession, Database};
use shared_runtime::mongo::{Aborted, Rivals, transaction};
use shared_types::{ClinicId, UserId};
use tokio::sync::Mutex;

use self::own_lanes::{OwnLane, OwnLanes};
pub(crate) use self::{
    archives::Archives,
    clinicians::{ClinicianChange, ClinicianFilter, Clinicians},
    clinics::{ClinicFilter, Clinics, NewClinic},
    jobs::{Job, Jobs},
    merge_plans::MergePlans,
    merges::{Merge, MergeStep, Merges},
    migration_patients::{DuePatient, Listing, MigrationPatients, Outcome},
    migrations::{Migrations, Past, Work},
    patients::{Directories, PatientIdentity, PatientPage, Patients, Pulses, SourcesTurn, Stored},
    reconciliations::{Progress, Reconciliations, Run, Step},
    redox::{
        Feed, Inserted, NewMessage, OrderOutcome, OrderReport, QuarantinedMessage, Redox,
        ReportFilter, Scheduling, StoredOrder,
    },
    tallies::{Lane, Tallies},
    xealth::{KeptOrder, View, Xealth, check_can_keep},
};

/// The time, as exact as the database keeps it.
pub(crate) fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(3)
}

/// Groups of clinics whose changes wait for each other where they keep outrunning each other.
const RIVALS: usize = 64;

/// What the store has to know.
#[derive(Debug, Clone)]
pub(crate) struct StoreSettings {
    /// The account of the patient who is in every clinic to try things with.
    pub(crate) demo_patient: Option<UserId>,
    /// How long a worker that died keeps others from taking over its job.
    pub(crate) job_lease: Duration,
    /// The same of migrations.
    pub(crate) migration_lease: Duration,
    /// What is kept in memory to search in, of all worker threads together.
    pub(crate) directories: Directories,
    /// What decides on reports, of all worker threads together.
    pub(crate) pulses: Pulses,
    /// Those who change the same clinics, of all worker threads together.
    pub(crate) rivals: ClinicRivals,
}

/// Those who change the same clinics.
#[derive(Debug, Clone)]
pub(crate) struct ClinicRivals(Arc<[OfClinic; RIVALS]>);

/// Those who change a clinic, and the lanes that those who enrol patients keep to themselves. The sources of
/// hospital records are divided in the same way, and their messages are stored one after the other.
#[derive(Debug, Default)]
struct OfClinic {
    rivals: Rivals,
    lanes: OwnLanes,
    feeds: Mutex<()>,
}

impl Default for ClinicRivals {
    fn default() -> Self {
        Self(Arc::new(array::from_fn(|_| OfClinic::default())))
    }
}

impl ClinicRivals {
    fn of(&self, clinic: ClinicId) -> &OfClinic {
        let [.., last] = clinic.bytes();
        &self.0[usize::from(last) % RIVALS]
    }
}

/// All collections of the service.
#[derive(Clone)]
pub(crate) struct Store {
    pub(crate) client: Client,
    pub(crate) clinics: Clinics,
    pub(crate) clinicians: Clinicians,
    pub(crate) patients: Patients,
    pub(crate) archives: Archives,
    pub(crate) jobs: Jobs,
    pub(crate) merges: Merges,
    pub(crate) merge_plans: MergePlans,
    pub(crate) migrations: Migrations,
    pub(crate) migration_patients: MigrationPatients,
    pub(crate) reconciliations: Reconciliations,
    pub(crate) redox: Redox,
    pub(crate) xealth: Xealth,
    rivals: ClinicRivals,
}

impl Store {
    /// The collections in `database`, with their indexes.
    pub(crate) async fn open(
        database: &Database,
        settings: &StoreSettings,
    ) -> anyhow::Result<Self> {
        let store = Self::on(database, settings);
        store.jobs.prepare().await?;
        store.merges.prepare().await?;
        store.merge_plans.prepare().await?;
        store.clinics.prepare().await?;
        store.clinicians.prepare().await?;
        store.patients.prepare().await?;
        store.archives.prepare().await?;
        store.migrations.prepare().await?;
        store.migration_patients.prepare().await?;
        store.redox.prepare().await?;
        store.xealth.prepare().await?;
        Ok(store)
    }

    /// The collections in `database`, which are prepared.
    pub(crate) fn on(database: &Database, settings: &StoreSettings) -> Self {
        let jobs = Jobs::on(database, settings.job_lease);
        let archives = Archives::on(database);
        let patients = Patients::on(
            database,
            jobs.clone(),
            archives.clone(),
            settings.directories.clone(),
            settings.pulses.clone(),
            settings.demo_patient.clone(),
        );
        Self {
            client: database.client().clone(),
            clinics: Clinics::on(database),
            clinicians: Clinicians::on(database),
            patients,
            archives,
            jobs,
            merges: Merges::on(database, settings),
            merge_plans: MergePlans::on(database),
            migrations: Migrations::on(database, settings.migration_lease),
            migration_patients: MigrationPatients::on(database),
            reconciliations: Reconciliations::on(database),
            redox: Redox::on(database, settings.job_lease),
            xealth: Xealth::on(database),
            rivals: settings.rivals.clone(),
        }
    }

    /// Runs `work`, which only reads, and need not see everything at one moment.
    pub(crate) async fn read<T, R>(
        &self,
        work: impl AsyncFnOnce(&mut ClientSession) -> Result<T, Aborted<R>>,
    ) -> Result<T, Aborted<R>> {
        let session = self.client.start_session().causal_consistency(false);
        work(&mut session.await?).await
    }

    /// Runs `work`, which changes `clinic`, in a transaction ([`shared_runtime::mongo::transaction()`]).
    pub(crate) async fn change<T, R>(
        &self,
        clinic: ClinicId,
        work: impl AsyncFnMut(&mut ClientSession) -> Result<T, Aborted<R>>,
    ) -> Result<T, Aborted<R>> {
        let OfClinic { rivals, .. } = self.rivals.of(clinic);
        rivals.transaction(&self.client, work).await
    }

    /// Runs `work`, which stores a message of `source`, in a transaction. Those who come at once have places
    /// one after the other, so they wait for each other rather than outrun each other in the database.
    pub(crate) async fn change_feed<T, R>(
        &self,
        source: &str,
        work: impl AsyncFnMut(&mut ClientSession) -> Result<T, Aborted<R>>,
    ) -> Result<T, Aborted<R>> {
        let sum: usize = source.bytes().map(usize::from).sum();
        let of_source = &self.rivals.0[sum % RIVALS];
        let _turn = of_source.feeds.lock().await;
        transaction(&self.client, work).await
    }

    /// A lane of `clinic` in which nobody else of this process enrols patients as long as it is kept,
    /// or the one of patients whose number is limited: who waits here is not outrun in the database.
    pub(crate) async fn own_lane(&self, clinic: ClinicId, is_limited: bool) -> OwnLane<'_> {
        let OfClinic { lanes, .. } = self.rivals.of(clinic);
        if is_limited {
            lanes.keep(Lane::LIMITED).await
        } else {
            lanes.keep_any().await
        }
    }
}
