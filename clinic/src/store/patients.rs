//! Collection `patients`, which the reference wrote as well. Members of our own begin with `_`:
//! `_lane` and `_version` say where and at which version of it a patient is counted ([`Tallies`]);
//! those that the reference wrote have neither.

mod counts;
mod directory;
mod indexes;
mod labelled;
mod list;
mod measured;
mod mirror;
mod ordered;
mod pulse;
mod search;
mod sources;
mod summaries;
mod tide;
mod together;

use bson::{Document, doc};
use futures_util::TryStreamExt;
use mongodb::{
    ClientSession, Collection, Database,
    error::Result,
    options::{Collation, CollationStrength},
};
use shared_runtime::mongo::ONE_BATCH;
use shared_types::{ClinicId, UserId};

use super::{
    Archives, Job, Jobs, Lane, Tallies, connection_document,
    ids::{self, of_user},
    patient_document::{self, PatientDocument},
};
use crate::domain::{
    counts::Counts,
    patient::{Patient, PatientChange},
};

pub(super) use self::search::sort_key;
use self::together::Together;
pub(crate) use self::{
    list::{PatientIdentity, PatientPage},
    pulse::Pulses,
    search::Directories,
    sources::SourcesTurn,
};

/// Name of the index of a clinic's patients by tags.
pub(super) const BY_TAG: &str = "PatientTags";
/// Name of the index of a clinic's patients by lane and version.
pub(super) const BY_VERSION: &str = "PatientVersion";
/// Name of the index of a clinic's patients by sites, which is the reference's.
pub(super) const BY_SITE: &str = "Sites";

/// Patients.
#[derive(Debug, Clone)]
pub(crate) struct Patients {
    pub(super) documents: Collection<Document>,
    pub(super) database: Database,
    pub(super) tallies: Tallies,
    pub(super) jobs: Jobs,
    archives: Archives,
    directories: Directories,
    pulses: Pulses,
    together: Together,
    demo_patient: Option<UserId>,
}

impl Patients {
    pub(super) fn on(
        database: &Database,
        jobs: Jobs,
        archives: Archives,
        directories: Directories,
        pulses: Pulses,
        demo_patient: Option<UserId>,
    ) -> Self {
        let documents = database.collection("patients");
        let tallies = Tallies::on(database);
        Self {
            together: Together::on(&documents, &tallies, &jobs),
            documents,
            database: database.clone(),
            tallies,
            jobs,
            archives,
            directories,
            pulses,
            demo_patient,
        }
    }

    /// The account of the patient to try things with.
    pub(super) fn demo_patient(&self) -> Option<&UserId> {
        self.demo_patient.as_ref()
    }

    pub(super) fn contribution(&self, patient: &Patient) -> Counts {
        Counts::of(patient, self.demo_patient.as_ref())
    }

    /// The patient of a clinic.
    pub(crate) async fn find(&self, clinic: ClinicId, user: &UserId) -> Result<Option<Patient>> {
        self.together.find(clinic, user).await
    }

    /// Whether another patient of the clinic than `user` has the medical record number.
    pub(crate) async fn has_mrn_in(
        &self,
        session: &mut ClientSession,
        clinic: ClinicId,
        mrn: &str,
        user: &UserId,
    ) -> Result<bool> {
        let others = doc! { "$ne": user.as_str() };
        let of_others = doc! { "clinicId": ids::clinic(clinic), "mrn": mrn, "userId": others };
        let found = self.documents.find_one(of_others).collation(loosely());
        let found = found.projection(doc! { "_id": 1 }).session(session).await?;
        Ok(found.is_some())
    }

    /// Stores a patient in the transaction of `session`, counted in `lane`.
    pub(crate) async fn insert(
        &self,
        session: &mut ClientSession,
        patient: &Patient,
        lane: Lane,
    ) -> Result<()> {
        let (clinic, patients) = (patient.clinic_id, std::slice::from_ref(patient));
        self.insert_all(session, clinic, patients, lane).await
    }

    /// The same of several patients of a clinic.
    pub(crate) async fn insert_all(
        &self,
        session: &mut ClientSession,
        clinic: ClinicId,
        patients: &[Patient],
        lane: Lane,
    ) -> Result<()> {
        let mut counts = Counts::default();
        for patient in patients {
            counts.add(&self.contribution(patient));
        }
        let version = self.tallies.add(session, clinic, lane, &counts).await?;
        let document = |patient| {
            let mut document = patient_document::document(patient)?;
            document.extend(doc! { "_lane": lane.0, "_version": version });
            Ok(document)
        };
        let documents = patients.iter().map(document).collect::<Result<Vec<_>>>()?;
        self.documents
            .insert_many(documents)
            .session(session)
            .await?;
        Ok(())
    }

    /// The patient of a clinic in the transaction of `session`, to be changed there.
    pub(crate) async fn find_in(
        &self,
        session: &mut ClientSession,
        clinic: ClinicId,
        user: &UserId,
    ) -> Result<Option<Stored>> {
        let patients = self.documents.clone_with_type::<PatientDocument>();
        let found = patients.find_one(of_user(clinic, user));
        Ok(found.session(session).await?.map(Into::into))
    }

    /// Makes `change` to the patient read as `read`; returns it since.
    pub(crate) async fn update(
        &self,
        session: &mut ClientSession,
        read: &Stored,
        change: &PatientChange,
    ) -> Result<Patient> {
        let patient = &read.patient;
        let jobs = self.jobs.list_in(session, patient.clinic_id).await?;
        let Written {
            after,
            difference,
            mut members,
        } = self.written(read, change, &jobs)?;
        let lane = read.lane.unwrap_or_else(Lane::random);
        let version = self
            .tallies
            .add(session, patient.clinic_id, lane, &difference);
        let version = version.await?;
        members.extend(doc! { "_lane": lane.0, "_version": version });
        self.documents
            .update_one(
                of_user(patient.clinic_id, &patient.user_id),
                doc! { "$set": members },
            )
            .session(session)
            .await?;
        Ok(after)
    }

    /// What `change` and the jobs that hold for the patient read as `read` make of it. It is beyond
    /// the jobs from then on.
    pub(super) fn written(
        &self,
        read: &Stored,
        change: &PatientChange,
        jobs: &[Job],
    ) -> Result<Written> {
        let after = read.since(jobs).with(change);
        let before = read.lane.map(|_| self.contribution(&read.patient));
        let difference = self.contribution(&after).since(&before.unwrap_or_default());
        let mut members = patient_document::members_of(&read.patient, change)?;
        members.extend(connection_document::changed(read, change));
        members.extend(patient_document::changed_labels(&read.patient, &after));
        Ok(Written {
            after,
            difference,
            members,
        })
    }

    /// Removes the patient read as `read`; returns what it was, for the archive, with the version
    /// at which it went.
    pub(crate) async fn delete(
        &self,
        session: &mut ClientSession,
        read: &Stored,
    ) -> Result<Option<Document>> {
        let patient = &read.patient;
        let before = read.lane.map(|_| self.contribution(patient));
        let difference = Counts::default().since(&before.unwrap_or_default());
        let lane = read.lane.unwrap_or_else(Lane::random);
        let version = self
            .tallies
            .add(session, patient.clinic_id, lane, &difference);
        let version = version.await?;
        let patient = of_user(patient.clinic_id, &patient.user_id);
        let deleted = self.documents.find_one_and_delete(patient);
        let deleted = deleted.session(session).await?;
        Ok(deleted.map(|mut patient| {
            patient.extend(doc! { "_lane": lane.0, "_version": version });
            patient
        }))
    }

    /// Some of the clinics in which `user` is a patient, as patients, by name.
    pub(crate) async fn list_of_user(
        &self,
        user: &UserId,
        offset: u32,
        limit: u32,
    ) -> Result<Vec<Patient>> {
        let patients = self.documents.clone_with_type::<PatientDocument>();
        let found = patients.find(doc! { "userId": user.as_str() });
        let found = found.collation(loosely());
        let found = found.sort(doc! { "fullName": 1, "_id": 1 });
        let found = found.skip(offset.into()).limit(limit.into());
        let found = found.batch_size(limit.min(ONE_BATCH)).await?;
        let found: Vec<Stored> = found.map_ok(Into::into).try_collect().await?;
        let clinics = found.iter().map(|stored| stored.patient.clinic_id);
        let clinics: Vec<ClinicId> = clinics.collect();
        let jobs = self.jobs.list_all(&clinics).await?;
        // The order is one without regard to case, and so is the look-up.
        let found = found.into_iter();
        let of_user = found.filter(|found| found.patient.user_id == *user);
        Ok(of_user.map(|stored| stored.after(&jobs)).collect())
    }

    /// Everywhere that `user` is a patient, in the transaction of `session`.
    pub(crate) async fn list_of_user_in(
        &self,
        session: &mut ClientSession,
        user: &UserId,
    ) -> Result<Vec<Stored>> {
        let patients = self.documents.clone_with_type::<PatientDocument>();
        let found = patients.find(doc! { "userId": user.as_str() });
        let mut found = found.session(&mut *session).await?;
        let mut everywhere = Vec::new();
        while let Some(patient) = found.next(session).await {
            everywhere.push(patient?.into());
        }
        Ok(everywhere)
    }
}

/// A patient as its document has it, with where it is counted; `None`: it is not yet.
#[derive(Debug, Clone)]
pub(crate) struct Stored {
    pub(crate) patient: Patient,
    pub(super) lane: Option<Lane>,
    /// The version of the lane at which it was written last.
    pub(super) version: i64,
    /// Whether the member that holds the requests to connect providers has members.
    pub(super) has_requests: bool,
}

/// What a write makes of a patient.
pub(super) struct Written {
    pub(super) after: Patient,
    /// By how much it counts more than before.
    pub(super) difference: Counts,
    /// What is set in its document.
    pub(super) members: Document,
}

impl Stored {
    fn has_labels(&self) -> bool {
        !self.patient.tags.is_empty() || !self.patient.sites.is_empty()
    }

    /// The patient after those of `jobs` that hold for it.
    pub(super) fn since(&self, jobs: &[Job]) -> Patient {
        self.clone().after(jobs)
    }

    /// The same without a copy, which costs with its summary.
    pub(super) fn after(self, jobs: &[Job]) -> Patient {
        let mut patient = self.patient;
        for job in jobs {
            if job.clinic == patient.clinic_id && job.holds(self.lane, self.version) {
                job.change.apply(&mut patient);
            }
        }
        patient
    }
}

impl From<PatientDocument> for Stored {
    fn from(document: PatientDocument) -> Self {
        Self {
            lane: document.lane.map(Lane),
            version: document.version.unwrap_or_default(),
            has_requests: document.provider_connection_requests.is_some(),
            patient: document.into(),
        }
    }
}

/// Without regard to upper and lower case and to accents.
pub(super) fn loosely() -> Collation {
    Collation::builder()
        .locale("en".to_owned())
        .strength(CollationStrength::Primary)
        .build()
}

pub(super) fn uncounted(clinic: ClinicId) -> Document {
    doc! { "clinicId": ids::clinic(clinic), "_lane": null }
}
