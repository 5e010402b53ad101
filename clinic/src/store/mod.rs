//! What clinic keeps, one file a collection.

mod archives;
mod bulk_writes;
mod clinic_document;
mod clinic_labels;
mod clinic_settings;
mod clinicians;
mod clinics;
mod ehr_document;
mod ids;
mod jobs;
mod patient_batches;
mod patient_document;
mod patients;
mod reconciliations;
mod relations;
mod roles;
mod summary_document;
mod tallies;

use std::time::Duration;

use chrono::{DateTime, SubsecRound as _, Utc};
use mongodb::{Client, Database, error::Error};
use shared_runtime::batches::NotDone;
use shared_types::UserId;

pub(crate) use self::{
    archives::Archives,
    clinicians::{ClinicianChange, ClinicianFilter, Clinicians},
    clinics::{ClinicFilter, Clinics, NewClinic},
    jobs::{Job, Jobs},
    patients::{Directories, PatientIdentity, PatientPage, Patients, Stored},
    reconciliations::{Progress, Reconciliations, Run, Step},
    tallies::{Lane, Tallies},
};

/// The time, as exact as the database keeps it.
pub(crate) fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(3)
}

/// What the store has to know.
#[derive(Debug, Clone)]
pub(crate) struct StoreSettings {
    /// The account of the patient who is in every clinic to try things with.
    pub(crate) demo_patient: Option<UserId>,
    /// How long a worker that died keeps others from taking over its job.
    pub(crate) job_lease: Duration,
    /// What is kept in memory to search in, of all worker threads together.
    pub(crate) directories: Directories,
}

/// Why what goes together with others was not looked up.
fn not_done(not_done: NotDone<Error>) -> Error {
    match not_done {
        NotDone::Failed(error) => error,
        NotDone::NoOutcome => Error::custom("MongoDB did not answer in time"),
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
    pub(crate) reconciliations: Reconciliations,
}

impl Store {
    /// The collections in `database`, with their indexes.
    pub(crate) async fn open(
        database: &Database,
        settings: &StoreSettings,
    ) -> anyhow::Result<Self> {
        let store = Self::on(database, settings);
        store.jobs.prepare().await?;
        store.clinics.prepare().await?;
        store.clinicians.prepare().await?;
        store.patients.prepare().await?;
        store.archives.prepare().await?;
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
            settings.demo_patient.clone(),
        );
        Self {
            client: database.client().clone(),
            clinics: Clinics::on(database),
            clinicians: Clinicians::on(database),
            patients,
            archives,
            jobs,
            reconciliations: Reconciliations::on(database),
        }
    }
}
