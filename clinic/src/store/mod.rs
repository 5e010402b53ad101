//! What clinic keeps, one file a collection.

mod archives;
mod clinic_document;
mod clinic_settings;
mod clinicians;
mod clinics;
mod ehr_document;
mod ids;
mod patient_document;
mod patients;
mod tallies;

use mongodb::{Client, Database};
use shared_types::UserId;

pub(crate) use self::{
    archives::Archives,
    clinicians::{ClinicianChange, ClinicianFilter, Clinicians},
    clinics::{ClinicFilter, Clinics, NewClinic},
    patients::{Patients, Stored},
    tallies::{Lane, Tallies},
};

/// All collections of the service.
#[derive(Clone)]
pub(crate) struct Store {
    pub(crate) client: Client,
    pub(crate) clinics: Clinics,
    pub(crate) clinicians: Clinicians,
    pub(crate) patients: Patients,
    pub(crate) archives: Archives,
}

impl Store {
    /// The collections in `database`, with their indexes.
    pub(crate) async fn open(
        database: &Database,
        demo_patient: Option<&UserId>,
    ) -> anyhow::Result<Self> {
        let store = Self::on(database, demo_patient);
        store.clinics.prepare().await?;
        store.clinicians.prepare().await?;
        store.patients.prepare().await?;
        store.archives.prepare().await?;
        Ok(store)
    }

    /// The collections in `database`, which are prepared.
    pub(crate) fn on(database: &Database, demo_patient: Option<&UserId>) -> Self {
        Self {
            client: database.client().clone(),
            clinics: Clinics::on(database),
            clinicians: Clinicians::on(database),
            patients: Patients::on(database, demo_patient.cloned()),
            archives: Archives::on(database),
        }
    }
}
