//! Collections `patients` and `clinicians`: what the plan of a merge has to know of a clinic.

use std::sync::Arc;

use bson::{Document, RawDocument, RawDocumentBuf, deserialize_from_slice, doc};
use mongodb::{
    ClientSession,
    error::{Error, Result},
    options::FindOptions,
};
use shared_runtime::mongo::ONE_BATCH;
use shared_types::{ClinicId, UserId};

use super::{
    Clinicians, Patients, Stored, ids,
    patient_document::PatientDocument,
    patients::{loosely, sort_key},
};
use crate::domain::{
    clinician::Clinician,
    merge::PatientRow,
    patient::Patient,
    patient_summary::{Stats, Summary},
};

/// What is read of each patient.
const MEMBERS: [&str; 13] = [
    "clinicId",
    "userId",
    "fullName",
    "birthDate",
    "mrn",
    "tags",
    "sites",
    "permissions.custodian",
    "summary.cgmStats.dates.lastUploadDate",
    "summary.bgmStats.dates.lastUploadDate",
    "_id",
    "_lane",
    "_version",
];

impl Patients {
    /// All patients of a clinic, by account, after the jobs that hold for them.
    pub(crate) async fn list_merge_rows(
        &self,
        session: &mut ClientSession,
        clinic: ClinicId,
    ) -> Result<Vec<Arc<PatientRow>>> {
        let jobs = self.jobs.list_in(session, clinic).await?;
        let members = MEMBERS.map(|name| (name.to_owned(), 1.into()));
        let mut members = Document::from_iter(members);
        // The database says by what it compares numbers where it orders them.
        members.insert("key", doc! { "$meta": "sortKey" });
        let options = FindOptions::builder()
            .projection(members)
            .sort(doc! { "mrn": 1, "_id": 1 })
            .collation(loosely())
            .allow_disk_use(true)
            .batch_size(ONE_BATCH)
            .build();
        let patients = self.documents.clone_with_type::<RawDocumentBuf>();
        let found = patients.find(doc! { "clinicId": ids::clinic(clinic) });
        let found = found.with_options(options).session(&mut *session);
        let mut found = found.await?;
        let mut rows = Vec::new();
        while let Some(patient) = found.next(session).await {
            let (stored, mrn_key) = read(&patient?)?;
            let row = row(stored.since(&jobs), mrn_key, self.demo_patient());
            rows.push(Arc::new(row));
        }
        rows.sort_unstable_by(|one, other| one.user.cmp(&other.user));
        Ok(rows)
    }
}

fn read(patient: &RawDocument) -> Result<(Stored, Vec<u8>)> {
    let key = patient.get_array("key").map_err(Error::custom)?;
    let document: PatientDocument =
        deserialize_from_slice(patient.as_bytes()).map_err(Error::custom)?;
    Ok((document.into(), sort_key(key)))
}

fn row(patient: Patient, mrn_key: Vec<u8>, demo_patient: Option<&UserId>) -> PatientRow {
    PatientRow {
        is_custodial: patient.is_custodial(),
        is_demo: demo_patient == Some(&patient.user_id),
        user: patient.user_id,
        name: patient.full_name,
        birth_date: patient.birth_date,
        mrn: patient.mrn,
        mrn_key,
        tags: patient.tags,
        sites: patient.sites.into_iter().map(|site| site.id).collect(),
        latest_upload: patient.summary.and_then(latest_upload),
    }
}

fn latest_upload(summary: Summary) -> Option<chrono::DateTime<chrono::Utc>> {
    let of_kind = |stats: Option<Stats>| stats?.dates.last_upload_date;
    of_kind(summary.cgm).max(of_kind(summary.bgm))
}

impl Clinicians {
    /// Everybody who works for a clinic or is invited to, the oldest first.
    pub(crate) async fn list_merge_staff(
        &self,
        session: &mut ClientSession,
        clinic: ClinicId,
    ) -> Result<Vec<Clinician>> {
        // Nobody has the empty id.
        let mut staff = self.list_others_in(session, clinic, &"".into()).await?;
        let key = |one: &Clinician| (one.created_time, one.user_id.clone(), one.invite_id.clone());
        staff.sort_by_key(key);
        Ok(staff)
    }
}
