//! Patients whom orders of hospital records mean, and those for whom reports are ordered.

use bson::{Document, doc, oid::ObjectId};
use futures_util::TryStreamExt;
use mongodb::error::{Error, Result};
use shared_types::{ClinicId, UserId};

use super::{Patients, Stored, ids, loosely, patient_document::PatientDocument};
use crate::{
    domain::{
        matching::{Sought, Trait},
        patient::Patient,
        subscription::REPORTS,
    },
    store::Scheduling,
};

/// As many patients of a clinic may fit a criterion.
const MAX_MATCHES: u32 = 100;

/// A patient for whom reports are ordered, at its place among those of the clinic.
pub(crate) struct Subscribed {
    pub(crate) place: ObjectId,
    /// `None`: nobody knows which order it was.
    pub(crate) report: Option<Scheduling>,
}

impl Patients {
    /// The patients of a clinic who are alike in all `traits`, in whatever case and with whatever accents;
    /// a hundred at most.
    pub(crate) async fn list_alike(
        &self,
        clinic: ClinicId,
        sought: &Sought,
        traits: &[Trait],
    ) -> Result<Vec<Patient>> {
        let mut alike = doc! { "clinicId": ids::clinic(clinic) };
        for wanted in traits {
            alike.insert(wanted.name(), sought.value(*wanted));
        }
        let patients = self.documents.clone_with_type::<PatientDocument>();
        let found = patients.find(alike).collation(loosely());
        let found = found.sort(doc! { "_id": 1 }).limit(MAX_MATCHES.into());
        let found = found.batch_size(MAX_MATCHES).await?;
        let found: Vec<Stored> = found.map_ok(Into::into).try_collect().await?;
        if found.is_empty() {
            return Ok(Vec::new());
        }
        // After the patients: whatever job was done in between is known a minute longer.
        let jobs = self.jobs.list_all(&[clinic]).await?;
        Ok(found
            .into_iter()
            .map(|stored| stored.after(&jobs))
            .collect())
    }

    /// Some patients of a clinic for whom reports are ordered, behind the place `after`.
    pub(crate) async fn list_subscribed(
        &self,
        clinic: ClinicId,
        after: Option<ObjectId>,
        limit: u32,
    ) -> Result<Vec<Subscribed>> {
        let mut subscribed = doc! { "clinicId": ids::clinic(clinic), ACTIVE: true };
        if let Some(after) = after {
            subscribed.insert("_id", doc! { "$gt": after });
        }
        let found = self.documents.find(subscribed).projection(of_reports());
        let found = found.sort(doc! { "_id": 1 });
        let found = found.limit(limit.into()).batch_size(limit).await?;
        let read = |patient: Document| std::future::ready(subscribed_of(&patient));
        found.and_then(read).try_collect().await
    }

    /// The reports that are ordered for a patient, in whatever clinic.
    pub(crate) async fn list_reports_of_user(&self, user: &UserId) -> Result<Vec<Scheduling>> {
        let subscribed = doc! { "userId": user.as_str(), ACTIVE: true };
        let found = self.documents.find(subscribed).projection(of_reports());
        let read = |patient: Document| std::future::ready(subscribed_of(&patient));
        let found: Vec<Subscribed> = found.await?.and_then(read).try_collect().await?;
        Ok(found.into_iter().filter_map(|found| found.report).collect())
    }
}

/// Whether reports are ordered, as a path.
pub(super) const ACTIVE: &str = "ehrSubscriptions.summaryAndReports.active";

/// What of a patient says which reports are ordered.
fn of_reports() -> Document {
    doc! { "clinicId": 1, "userId": 1, format!("ehrSubscriptions.{REPORTS}.matchedMessages"): 1 }
}

fn subscribed_of(patient: &Document) -> Result<Subscribed> {
    let id = |name: &str| patient.get_object_id(name).map_err(Error::custom);
    let user = patient.get_str("userId").map_err(Error::custom)?;
    let last = patient
        .get_document("ehrSubscriptions")
        .and_then(|ordered| ordered.get_document(REPORTS))
        .and_then(|reports| reports.get_array("matchedMessages"))
        .ok()
        .and_then(|orders| orders.last()?.as_document()?.get_object_id("id").ok());
    let clinic = id("clinicId")?.bytes().into();
    Ok(Subscribed {
        place: id("_id")?,
        report: last.map(|order| Scheduling {
            clinic,
            user: user.into(),
            order: order.bytes().into(),
        }),
    })
}
