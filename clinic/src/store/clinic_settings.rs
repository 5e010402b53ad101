//! Settings of a clinic, which are members of its document.

use bson::{Bson, DateTime, Document, deserialize_from_document, doc, serialize_to_bson};
use mongodb::{
    ClientSession,
    error::{Error, Result},
    options::ReturnDocument,
};
use shared_types::ClinicId;

use super::{Clinics, clinic_document::ClinicDocument, ehr_document, ids};
use crate::domain::{
    clinic::{Clinic, SuppressedNotifications, Tier},
    counts::Counts,
    ehr_settings::EhrSettings,
    limits::{Limits, PatientLimit},
    mrn::MrnSettings,
    restrictions::MembershipRestrictions,
};

impl Clinics {
    /// Whether there is such a clinic.
    pub(crate) async fn contains(&self, id: ClinicId) -> Result<bool> {
        Ok(self.find_member(id, "_id").await?.is_some())
    }

    /// From where clinicians of a clinic must come; `None`: there is no such clinic.
    pub(crate) async fn find_restrictions(
        &self,
        id: ClinicId,
    ) -> Result<Option<MembershipRestrictions>> {
        let Some(clinic) = self.find_member(id, "membershipRestrictions").await? else {
            return Ok(None);
        };
        Self::restrictions(&clinic).map(Some)
    }

    /// What a document of a clinic says of them.
    pub(super) fn restrictions(clinic: &Document) -> Result<MembershipRestrictions> {
        let restrictions = match clinic.get("membershipRestrictions") {
            Some(Bson::Array(restrictions)) => restrictions.clone(),
            _ => Vec::new(),
        };
        let restrictions = doc! { "restrictions": restrictions };
        let restrictions: MembershipRestrictions =
            deserialize_from_document(restrictions).map_err(Error::custom)?;
        Ok(restrictions.normalized())
    }

    /// How a clinic is connected to hospital records; `None`: it was never said, or there is no such
    /// clinic.
    pub(crate) async fn find_ehr_settings(&self, id: ClinicId) -> Result<Option<EhrSettings>> {
        let clinic = self.find_member(id, "ehrSettings").await?;
        let settings = clinic
            .as_ref()
            .map(|clinic| clinic.get_document("ehrSettings"));
        Ok(settings.and_then(|found| found.ok().map(ehr_document::read)))
    }

    async fn find_member(&self, id: ClinicId, name: &'static str) -> Result<Option<Document>> {
        Ok(self.members.add_repeatable((id, name)).await?)
    }

    /// Replaces the restrictions; returns whether there is such a clinic.
    pub(crate) async fn set_restrictions(
        &self,
        id: ClinicId,
        restrictions: &MembershipRestrictions,
    ) -> Result<bool> {
        let restrictions = serialize_to_bson(&restrictions.restrictions).map_err(Error::custom)?;
        self.set(id, doc! { "membershipRestrictions": restrictions })
            .await
    }

    /// The same of the connection to hospital records.
    pub(crate) async fn set_ehr_settings(
        &self,
        id: ClinicId,
        settings: &EhrSettings,
    ) -> Result<bool> {
        self.set(id, doc! { "ehrSettings": ehr_document::document(settings) })
            .await
    }

    /// The same of what is asked of medical record numbers.
    pub(crate) async fn set_mrn_settings(
        &self,
        id: ClinicId,
        settings: MrnSettings,
    ) -> Result<bool> {
        let MrnSettings { required, unique } = settings;
        let settings = doc! { "required": required, "unique": unique };
        self.set(id, doc! { "mrnSettings": settings }).await
    }

    /// The same of what the clinic pays for.
    pub(crate) async fn set_tier(&self, id: ClinicId, tier: Tier) -> Result<bool> {
        self.set(id, doc! { "tier": tier.name() }).await
    }

    /// The same of the mails that it does not want.
    pub(crate) async fn set_suppressed_notifications(
        &self,
        id: ClinicId,
        suppressed: SuppressedNotifications,
    ) -> Result<bool> {
        let mut members = Document::new();
        if let Some(invitation) = suppressed.patient_clinic_invitation {
            members.insert("patientClinicInvitation", invitation);
        }
        self.set(id, doc! { "suppressedNotifications": members })
            .await
    }

    /// Replaces the limits; returns the clinic since, or `None` where there is none.
    pub(crate) async fn set_limits(&self, id: ClinicId, limits: Limits) -> Result<Option<Clinic>> {
        let mut settings = Document::new();
        for (name, limit) in [("hardLimit", limits.hard), ("softLimit", limits.soft)] {
            if let Some(limit) = limit {
                settings.insert(name, limit_document(limit));
            }
        }
        let clinics = self.documents.clone_with_type::<ClinicDocument>();
        let set = updated(doc! { "patientCountSettings": settings });
        let updated = clinics.find_one_and_update(doc! { "_id": ids::clinic(id) }, set);
        let updated = updated.return_document(ReturnDocument::After).await?;
        Ok(updated.map(Into::into))
    }

    async fn set(&self, id: ClinicId, members: Document) -> Result<bool> {
        let clinic = doc! { "_id": ids::clinic(id) };
        let set = self.documents.update_one(clinic, updated(members)).await?;
        Ok(set.matched_count > 0)
    }

    /// Writes how many patients the clinic has where programs of the reference read it, in the
    /// transaction of `session`; returns whether there is such a clinic.
    pub(crate) async fn set_patient_count(
        &self,
        session: &mut ClientSession,
        id: ClinicId,
        counts: &Counts,
    ) -> Result<bool> {
        let clinic = doc! { "_id": ids::clinic(id) };
        let count = doc! { "$set": { "patientCount": count_document(counts)? } };
        let set = self.documents.update_one(clinic, count);
        Ok(set.session(session).await?.matched_count > 0)
    }
}

fn updated(mut members: Document) -> Document {
    members.insert("updatedTime", DateTime::now());
    doc! { "$set": members }
}

fn limit_document(limit: PatientLimit) -> Document {
    let mut document = doc! { "plan": limit.plan };
    for (name, time) in [("startDate", limit.start), ("endDate", limit.end)] {
        if let Some(time) = time {
            document.insert(name, DateTime::from_chrono(time));
        }
    }
    document
}

fn count_document(counts: &Counts) -> Result<Document> {
    let mut document = doc! { "total": counts.total, "demo": counts.demo, "plan": counts.plan };
    let mut providers = Document::new();
    for (provider, states) in &counts.providers {
        let total: i64 = states.values().sum();
        let states = serialize_to_bson(states).map_err(Error::custom)?;
        providers.insert(provider, doc! { "total": total, "states": states });
    }
    if !providers.is_empty() {
        document.insert("providers", providers);
    }
    Ok(document)
}
