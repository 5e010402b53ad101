//! Collections `clinic_deletions`, `clinician_deletions` and `patient_deletions`: what was deleted,
//! as it was, and when and by whom.

use bson::{DateTime, Document, doc, oid::ObjectId};
use futures_util::TryStreamExt;
use mongodb::{ClientSession, Collection, Database, IndexModel, error::Result};
use serde::Deserialize;
use shared_runtime::mongo::{ONE_BATCH, ensure_indexes};
use shared_types::UserId;

/// The archives.
#[derive(Debug, Clone)]
pub(crate) struct Archives {
    clinics: Collection<Document>,
    clinicians: Collection<Document>,
    patients: Collection<Document>,
}

#[derive(Deserialize)]
struct ArchivedPatient {
    patient: PatientId,
}

#[derive(Deserialize)]
struct PatientId {
    #[serde(rename = "_id")]
    id: ObjectId,
}

impl Archives {
    pub(super) fn on(database: &Database) -> Self {
        Self {
            clinics: database.collection("clinic_deletions"),
            clinicians: database.collection("clinician_deletions"),
            patients: database.collection("patient_deletions"),
        }
    }

    /// Ensures the indexes by which operators look for what was deleted.
    pub(super) async fn prepare(&self) -> anyhow::Result<()> {
        let index = |keys| IndexModel::builder().keys(keys).build();
        let clinics = vec![
            index(doc! { "clinic._id": 1 }),
            index(doc! { "deletedTime": 1, "clinic._id": 1 }),
        ];
        ensure_indexes(&self.clinics, clinics).await?;
        let clinicians = vec![
            index(doc! { "clinician.clinicId": 1, "clinician.userId": 1 }),
            index(doc! { "deletedTime": 1, "clinician.clinicId": 1, "clinician.userId": 1 }),
        ];
        ensure_indexes(&self.clinicians, clinicians).await?;
        let patients = vec![
            index(doc! { "patient.clinicId": 1, "patient.userId": 1 }),
            index(doc! { "deletedTime": 1, "patient.clinicId": 1, "patient.userId": 1 }),
            // Not for operators: see `list_patients`.
            index(doc! { "patient.clinicId": 1, "patient._lane": 1, "patient._version": 1 }),
        ];
        ensure_indexes(&self.patients, patients).await
    }

    /// The ids that archived patients had, those that `filter` admits.
    pub(super) async fn list_patients(&self, filter: Document) -> Result<Vec<ObjectId>> {
        let archived = self.patients.clone_with_type::<ArchivedPatient>();
        let found = archived
            .find(filter)
            .projection(doc! { "_id": 0, "patient._id": 1 });
        let found = found.batch_size(ONE_BATCH).await?;
        found
            .map_ok(|archived| archived.patient.id)
            .try_collect()
            .await
    }

    /// Keeps a clinic that is deleted in the transaction of `session`; `by`: a person, if one did it.
    pub(crate) async fn add_clinic(
        &self,
        session: &mut ClientSession,
        clinic: Document,
        by: Option<&UserId>,
    ) -> Result<()> {
        let archived = archived("clinic", clinic, by);
        self.clinics.insert_one(archived).session(session).await?;
        Ok(())
    }

    /// The same of clinicians.
    pub(crate) async fn add_clinicians(
        &self,
        session: &mut ClientSession,
        clinicians: Vec<Document>,
        by: Option<&UserId>,
    ) -> Result<()> {
        if clinicians.is_empty() {
            return Ok(());
        }
        let archived = clinicians
            .into_iter()
            .map(|clinician| archived("clinician", clinician, by));
        self.clinicians
            .insert_many(archived)
            .session(session)
            .await?;
        Ok(())
    }

    /// The same of several patients.
    pub(crate) async fn add_patients(
        &self,
        session: &mut ClientSession,
        patients: Vec<Document>,
        by: Option<&UserId>,
    ) -> Result<()> {
        if patients.is_empty() {
            return Ok(());
        }
        let archived = patients
            .into_iter()
            .map(|patient| archived("patient", patient, by));
        self.patients.insert_many(archived).session(session).await?;
        Ok(())
    }

    /// The same of a patient.
    pub(crate) async fn add_patient(
        &self,
        session: &mut ClientSession,
        patient: Document,
        by: Option<&UserId>,
    ) -> Result<()> {
        let archived = archived("patient", patient, by);
        self.patients.insert_one(archived).session(session).await?;
        Ok(())
    }
}

fn archived(kind: &str, document: Document, by: Option<&UserId>) -> Document {
    let mut archived = doc! {
        "_id": ObjectId::new(),
        "deletedTime": DateTime::now(),
        kind: document,
    };
    if let Some(by) = by {
        archived.insert("deletedByUserId", by.as_str());
    }
    archived
}
