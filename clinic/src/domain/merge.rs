//! The merge of two clinics: what becomes of everything that the source and the target have, and
//! whether it may be done. The plan is made before anything is written, and is all that decides.

mod clusters;
mod details;
mod digest;
mod labels;
mod patients;
mod settings;
mod staff;

use std::{collections::BTreeMap, sync::Arc};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shared_types::{ClinicId, SiteId, TagId, UserId};

pub(crate) use self::{
    clusters::{Cluster, Matches},
    details::{MergeDetails, ReportDetails},
    labels::{SiteAction, SitePlan, TagAction, TagPlan},
    patients::{MrnProblem, PatientAction, PatientPlan, merged},
    settings::SettingPlan,
    staff::{StaffAction, StaffPlan, StaffProblem},
};
use super::{
    Refusal,
    clinic::{Clinic, Site},
    clinician::Clinician,
    restrictions::MembershipRestriction,
};

/// What is known of one of two clinics.
#[derive(Debug, Clone)]
pub(crate) struct Side {
    pub(crate) clinic: Clinic,
    /// From where its clinicians must come.
    pub(crate) restrictions: Vec<MembershipRestriction>,
    /// Who works for it, and who is invited to.
    pub(crate) staff: Vec<Clinician>,
    pub(crate) patients: Vec<Arc<PatientRow>>,
    /// Whether a migration into it is unfinished.
    pub(crate) is_migrating: bool,
}

/// What a plan has to know of a patient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PatientRow {
    pub(crate) user: UserId,
    pub(crate) name: Option<String>,
    pub(crate) birth_date: Option<String>,
    pub(crate) mrn: Option<String>,
    /// By what the database compares the medical record number: no two patients of a clinic with
    /// numbers of their own have the same.
    pub(crate) mrn_key: Vec<u8>,
    pub(crate) tags: Vec<TagId>,
    pub(crate) sites: Vec<SiteId>,
    /// Whether the clinic made the account, and nobody has claimed it.
    pub(crate) is_custodial: bool,
    /// Whether it is the patient to try things with.
    pub(crate) is_demo: bool,
    pub(crate) latest_upload: Option<DateTime<Utc>>,
}

/// What a merge does, and why it may not be done.
#[derive(Debug, Clone)]
pub(crate) struct MergePlan {
    pub(crate) source: Clinic,
    pub(crate) target: Clinic,
    pub(crate) source_restrictions: Vec<MembershipRestriction>,
    pub(crate) target_restrictions: Vec<MembershipRestriction>,
    pub(crate) settings: Vec<SettingPlan>,
    /// Whether patients are still to come to the source.
    pub(crate) is_source_migrating: bool,
    /// Those of the source, then those of the target; so are all lists of plans.
    pub(crate) tags: Vec<TagPlan>,
    pub(crate) sites: Vec<SitePlan>,
    pub(crate) staff: Vec<StaffPlan>,
    pub(crate) patients: Vec<PatientPlan>,
    /// Patients of one clinic who may be the same person.
    pub(crate) source_clusters: Vec<Cluster>,
    pub(crate) target_clusters: Vec<Cluster>,
    /// The same of patients of both clinics.
    pub(crate) merged_clusters: Vec<Cluster>,
    pub(crate) created_time: DateTime<Utc>,
}

/// Why a merge may not be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Obstacle {
    SettingsMismatch,
    RestrictionsMismatch,
    /// The target cannot have a tag of the source.
    TagCannotBeCreated(String),
    PendingInvites(usize),
    RestrictedTarget(usize),
    ClinicianEmailsTaken(usize),
    MrnsMissing(usize),
    MrnsTaken(usize),
    /// Patients are still to come to the source from a legacy account.
    UnfinishedMigration,
}

impl Obstacle {
    /// In words, for people.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::SettingsMismatch => "Settings mismatch".to_owned(),
            Self::RestrictionsMismatch => "Membership restrictions mismatch".to_owned(),
            Self::TagCannotBeCreated(name) => {
                format!("Tag \"{name}\" cannot be created in target workspace")
            }
            Self::PendingInvites(number) => {
                format!("Pending invites in source workspace ({number})")
            }
            Self::RestrictedTarget(number) => format!(
                "Clinicians would move into a workspace with membership restrictions ({number})"
            ),
            Self::ClinicianEmailsTaken(number) => format!(
                "Somebody else in target workspace has the e-mail address of a clinician ({number})"
            ),
            Self::MrnsMissing(number) => {
                format!("Patients without the MRN that target workspace requires ({number})")
            }
            Self::MrnsTaken(number) => {
                format!("Patients whose MRN would not be unique in target workspace ({number})")
            }
            Self::UnfinishedMigration => "Unfinished migration into source workspace".to_owned(),
        }
    }
}

/// What is to be done to patients, once it is decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MergeOrder {
    pub(crate) source: ClinicId,
    pub(crate) target: ClinicId,
    pub(crate) plan_hash: String,
    /// The tags of the source by the ids that they have in the target.
    pub(crate) tags: BTreeMap<TagId, TagId>,
    /// The sites of the source as they are called in the target.
    pub(crate) sites: Vec<Site>,
    /// Whether no two patients of the target may have the same medical record number.
    pub(crate) unique_mrns: bool,
    /// Patients of both clinics, the one to try things with aside.
    pub(crate) patients: i64,
}

impl MergePlan {
    /// Plans the merge of `source` into `target`, which are two. Both must have a name.
    pub(crate) fn new(source: Side, target: Side, now: DateTime<Utc>) -> Result<Self, Refusal> {
        let is_named = |clinic: &Clinic| clinic.name.as_ref().is_some_and(|name| !name.is_empty());
        if !is_named(&source.clinic) || !is_named(&target.clinic) {
            return Err(Refusal::NamelessClinic);
        }
        let tags = labels::plan_tags(&source.clinic, &target.clinic);
        let sites = labels::plan_sites(&source.clinic, &target.clinic);
        let is_restricted = !target.restrictions.is_empty();
        let staff = staff::plan(source.staff, target.staff, is_restricted);
        let settings = settings::plan(&source.clinic, &target.clinic);
        let source_clusters = clusters::within(&source.patients, true);
        let target_clusters = clusters::within(&target.patients, false);
        let merged_clusters = clusters::across(&source.patients, &target.patients);
        let matches = clusters::matches(&source.patients, &target.patients);
        let mrns = target.clinic.mrn_settings.unwrap_or_default();
        Ok(Self {
            patients: patients::plan(source.patients, target.patients, matches, mrns),
            source: source.clinic,
            target: target.clinic,
            source_restrictions: source.restrictions,
            is_source_migrating: source.is_migrating,
            target_restrictions: target.restrictions,
            settings,
            tags,
            sites,
            staff,
            source_clusters,
            target_clusters,
            merged_clusters,
            created_time: now,
        })
    }

    /// Why it may not be done; empty: it may.
    pub(crate) fn obstacles(&self) -> Vec<Obstacle> {
        let mut obstacles = Vec::new();
        if self.settings.iter().any(|setting| !setting.is_same()) {
            obstacles.push(Obstacle::SettingsMismatch);
        }
        let is_known = |restriction| self.target_restrictions.contains(restriction);
        if !self.source_restrictions.iter().all(is_known) {
            obstacles.push(Obstacle::RestrictionsMismatch);
        }
        let refused = self.tags.iter().filter(|tag| tag.is_refused);
        obstacles.extend(refused.map(|tag| Obstacle::TagCannotBeCreated(tag.tag.name.clone())));
        let staff = |problem| {
            let with_it = self.staff.iter().filter(|of| of.problem == Some(problem));
            with_it.count()
        };
        let patients = |problem| {
            let with_it = self
                .patients
                .iter()
                .filter(|of| of.problem == Some(problem));
            with_it.count()
        };
        let counted = [
            (
                staff(StaffProblem::PendingInvite),
                Obstacle::PendingInvites as fn(usize) -> Obstacle,
            ),
            (staff(StaffProblem::Restricted), Obstacle::RestrictedTarget),
            (
                staff(StaffProblem::EmailTaken),
                Obstacle::ClinicianEmailsTaken,
            ),
            (patients(MrnProblem::Missing), Obstacle::MrnsMissing),
            (patients(MrnProblem::Taken), Obstacle::MrnsTaken),
        ];
        let counted = counted.into_iter().filter(|(number, _)| *number > 0);
        obstacles.extend(counted.map(|(number, obstacle)| obstacle(number)));
        if self.is_source_migrating {
            obstacles.push(Obstacle::UnfinishedMigration);
        }
        obstacles
    }

    /// What is to be done to patients.
    pub(crate) fn order(&self) -> MergeOrder {
        let of_source = |clinic: ClinicId| clinic == self.source.id;
        let tags = self.tags.iter().filter(|plan| of_source(plan.clinic));
        let sites = self.sites.iter().filter(|plan| of_source(plan.clinic));
        MergeOrder {
            source: self.source.id,
            target: self.target.id,
            plan_hash: self.hash(),
            tags: tags.map(|plan| (plan.tag.id, plan.target_id)).collect(),
            sites: sites.map(SitePlan::result).collect(),
            unique_mrns: self.target.mrn_settings.unwrap_or_default().unique,
            patients: i64::try_from(self.patients.len()).unwrap_or(i64::MAX),
        }
    }
}

impl MergeOrder {
    /// The tags of a patient of the source in the target. Those that the source has not lead nowhere.
    pub(crate) fn tags_of(&self, tags: &[TagId]) -> Vec<TagId> {
        let mut known = Vec::new();
        for tag in tags.iter().filter_map(|tag| self.tags.get(tag)) {
            if !known.contains(tag) {
                known.push(*tag);
            }
        }
        known
    }

    /// The sites of a patient of the source in the target.
    pub(crate) fn sites_of(&self, sites: &[Site]) -> Vec<Site> {
        let renamed = |site: &Site| {
            let known = self.sites.iter().find(|known| known.id == site.id);
            known.unwrap_or(site).clone()
        };
        sites.iter().map(renamed).collect()
    }
}

/// Without regard to blanks at both ends and to upper and lower case; `None`: nothing is left.
fn loose(text: Option<&str>) -> Option<String> {
    let text = text.unwrap_or_default().trim().to_lowercase();
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests;
