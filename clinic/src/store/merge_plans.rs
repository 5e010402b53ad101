//! Collection `merge_plans`: what was planned, as the reference keeps it, one document for each tag,
//! site, clinician and patient and for the two clinics. What a patient's data says is left out.
//!
//! Document: `{_id, planId, type, plan}`. Those of patients are written with what is done to them.

use bson::{Bson, Document, doc, oid::ObjectId};
use mongodb::{ClientSession, Collection, Database, error::Result};
use shared_runtime::mongo::ensure_indexes;
use shared_types::{ClinicId, UserId};

use super::ids;
use crate::domain::{
    clinician::Clinician,
    merge::{MergePlan, PatientAction, SitePlan, StaffPlan, TagPlan},
};

/// The items of all plans.
#[derive(Debug, Clone)]
pub(crate) struct MergePlans {
    items: Collection<Document>,
}

impl MergePlans {
    pub(super) fn on(database: &Database) -> Self {
        Self {
            items: database.collection("merge_plans"),
        }
    }

    /// Ensures the index by which operators look for the items of a merge.
    pub(super) async fn prepare(&self) -> anyhow::Result<()> {
        let by_plan = mongodb::IndexModel::builder()
            .keys(doc! { "planId": 1, "type": 1 })
            .build();
        ensure_indexes(&self.items, vec![by_plan]).await
    }

    /// Stores the items of a plan but for the patients, in the transaction of `session`.
    pub(crate) async fn insert(
        &self,
        session: &mut ClientSession,
        id: ObjectId,
        plan: &MergePlan,
    ) -> Result<()> {
        let clinics = doc! {
            "sourceClinicId": ids::clinic(plan.source.id),
            "sourceName": plan.source.name.as_deref(),
            "targetClinicId": ids::clinic(plan.target.id),
            "targetName": plan.target.name.as_deref(),
            "planHash": plan.hash(),
        };
        let mut items = vec![item(id, "clinic", clinics)];
        items.extend(plan.tags.iter().map(|plan| item(id, "tag", tag(plan))));
        items.extend(plan.sites.iter().map(|plan| item(id, "site", site(plan))));
        let staff = plan.staff.iter();
        items.extend(staff.map(|plan| item(id, "clinician", clinician(plan))));
        self.items.insert_many(items).session(session).await?;
        Ok(())
    }

    /// The same of patients: what happens to each, with its document as it is before, and that of the
    /// same account in the target, if it has one.
    pub(crate) async fn insert_patients(
        &self,
        session: &mut ClientSession,
        id: ObjectId,
        patients: Vec<Document>,
    ) -> Result<()> {
        if patients.is_empty() {
            return Ok(());
        }
        let items = patients.into_iter().map(|plan| item(id, "patient", plan));
        self.items.insert_many(items).session(session).await?;
        Ok(())
    }
}

/// What happens to a patient.
pub(super) fn patient(
    action: PatientAction,
    (source, target): (ClinicId, ClinicId),
    (of_source, of_target): (Option<&Document>, Option<&Document>),
) -> Document {
    let stripped = |document: Option<&Document>| match document {
        Some(document) => {
            let mut stripped = document.clone();
            stripped.remove("summary");
            Bson::Document(stripped)
        }
        None => Bson::Null,
    };
    doc! {
        "action": action.name(),
        "sourceClinicId": ids::clinic(source),
        "targetClinicId": ids::clinic(target),
        "sourcePatient": stripped(of_source),
        "targetPatient": stripped(of_target),
    }
}

fn item(id: ObjectId, kind: &str, plan: Document) -> Document {
    doc! { "_id": ObjectId::new(), "planId": id, "type": kind, "plan": plan }
}

fn tag(plan: &TagPlan) -> Document {
    doc! {
        "action": plan.action.name(), "clinicId": ids::clinic(plan.clinic), "name": &plan.tag.name,
        "tagId": ids::tag(plan.tag.id), "targetTagId": ids::tag(plan.target_id),
    }
}

fn site(plan: &SitePlan) -> Document {
    doc! {
        "action": plan.action.name(), "clinicId": ids::clinic(plan.clinic), "name": &plan.site.name,
        "siteId": ids::site(plan.site.id), "targetName": &plan.target_name,
    }
}

fn clinician(plan: &StaffPlan) -> Document {
    let Clinician { email, name, .. } = &plan.clinician;
    let user = plan.clinician.user_id.as_ref();
    doc! {
        "action": plan.action.name(), "clinicId": ids::clinic(plan.clinic),
        "userId": user.map(UserId::as_str),
        "email": email.as_deref(), "name": name.as_deref(), "roles": &plan.clinician.roles,
        "targetRoles": &plan.roles, "downgraded": plan.is_downgraded,
    }
}
