//! A merge and its plan. The members of the plan have the names of the reference, which begin with
//! capitals; what is our own is written as everywhere else.

use std::collections::BTreeMap;

use bson::DateTime as BsonDateTime;
use chrono::{DateTime, Utc};
use serde::Serialize;
use shared_types::{ClinicId, SiteId, TagId, UserId};
use utoipa::ToSchema;

use super::time;
use crate::{
    domain::{
        clinic::Clinic,
        merge::{
            Cluster, Matches, MergePlan, MrnProblem, Obstacle, PatientPlan, PatientRow,
            SettingPlan, SitePlan, StaffPlan, StaffProblem, TagPlan,
        },
        restrictions::MembershipRestriction,
    },
    store::Merge,
};

/// The plan of a merge.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct MergePlanView<'a> {
    source: ClinicOfPlan<'a>,
    target: ClinicOfPlan<'a>,
    membership_restrictions_merge_plan: RestrictionsPlanView<'a>,
    /// Patients of the source who may be the same person.
    source_patient_clusters: Vec<ClusterView<'a>>,
    /// The same of the target.
    target_patient_clusters: Vec<ClusterView<'a>>,
    settings_plans: Vec<SettingPlanView<'a>>,
    tags_plans: Vec<LabelPlanView<'a, TagId>>,
    sites_plans: Vec<LabelPlanView<'a, SiteId>>,
    clinician_plans: Vec<StaffPlanView<'a>>,
    patient_plans: Vec<PatientPlanView<'a>>,
    created_time: String,
    /// What stands for the plan in a request to carry it out.
    #[serde(rename = "planHash")]
    plan_hash: String,
    /// Whether it may be carried out.
    #[serde(rename = "canExecute")]
    can_execute: bool,
    /// Why not.
    #[serde(rename = "reasons")]
    reasons: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ClinicOfPlan<'a> {
    id: ClinicId,
    name: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct RestrictionsPlanView<'a> {
    source_restrictions: Vec<RestrictionView<'a>>,
    target_restrictions: Vec<RestrictionView<'a>>,
    /// Whether the target has all of the source's.
    is_subset: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct RestrictionView<'a> {
    email_domain: &'a str,
    required_idp: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct SettingPlanView<'a> {
    name: &'a str,
    source_value: &'a str,
    target_value: &'a str,
    values_match: bool,
}

/// A tag or a site.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct LabelPlanView<'a, Id> {
    clinic_id: ClinicId,
    id: Id,
    name: &'a str,
    action: &'static str,
    /// Its id in the target.
    target_id: Id,
    /// Its name there.
    target_name: &'a str,
    prevents_merge: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct StaffPlanView<'a> {
    clinic_id: ClinicId,
    /// `null`: invited alone.
    user_id: Option<&'a UserId>,
    name: Option<&'a str>,
    email: Option<&'a str>,
    roles: &'a [String],
    clinician_action: &'static str,
    resulting_roles: &'a [String],
    downgraded: bool,
    pending_invite: bool,
    prevents_merge: bool,
    /// Why; `null`: it does not.
    problem: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PatientPlanView<'a> {
    clinic_id: ClinicId,
    #[serde(flatten)]
    patient: PatientOfPlan<'a>,
    patient_action: &'static str,
    /// Patients of the other clinic who may be the same person, by how much speaks for it.
    conflicts: BTreeMap<&'static str, u32>,
    prevents_merge: bool,
    /// Why; `null`: it does not.
    problem: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct PatientOfPlan<'a> {
    user_id: &'a UserId,
    full_name: Option<&'a str>,
    birth_date: Option<&'a str>,
    mrn: Option<&'a str>,
    tags: &'a [TagId],
    sites: &'a [SiteId],
    claimed: bool,
    last_upload_date: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ClusterView<'a> {
    patients: Vec<ClusteredView<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ClusteredView<'a> {
    #[serde(flatten)]
    patient: PatientOfPlan<'a>,
    conflicts: BTreeMap<&'static str, u32>,
}

impl<'a> From<&'a MergePlan> for MergePlanView<'a> {
    fn from(plan: &'a MergePlan) -> Self {
        let obstacles = plan.obstacles();
        let clinic = |clinic: &'a Clinic| ClinicOfPlan {
            id: clinic.id,
            name: clinic.name.as_deref().unwrap_or_default(),
        };
        let restrictions = |all: &'a [MembershipRestriction]| {
            let view = |one: &'a MembershipRestriction| RestrictionView {
                email_domain: &one.email_domain,
                required_idp: one.required_idp.as_deref().unwrap_or_default(),
            };
            all.iter().map(view).collect()
        };
        let clusters = |all: &'a [Cluster]| all.iter().map(cluster).collect();
        let clinics = (plan.source.id, plan.target.id);
        let patients = plan.patients.iter();
        Self {
            source: clinic(&plan.source),
            target: clinic(&plan.target),
            membership_restrictions_merge_plan: RestrictionsPlanView {
                source_restrictions: restrictions(&plan.source_restrictions),
                target_restrictions: restrictions(&plan.target_restrictions),
                is_subset: !obstacles.contains(&Obstacle::RestrictionsMismatch),
            },
            source_patient_clusters: clusters(&plan.source_clusters),
            target_patient_clusters: clusters(&plan.target_clusters),
            settings_plans: plan.settings.iter().map(setting).collect(),
            tags_plans: plan.tags.iter().map(tag).collect(),
            sites_plans: plan.sites.iter().map(site).collect(),
            clinician_plans: plan.staff.iter().map(staff).collect(),
            patient_plans: patients.map(|plan| patient(plan, clinics)).collect(),
            created_time: time(plan.created_time),
            plan_hash: plan.hash(),
            can_execute: obstacles.is_empty(),
            reasons: obstacles.iter().map(Obstacle::text).collect(),
        }
    }
}

fn setting(plan: &SettingPlan) -> SettingPlanView<'_> {
    SettingPlanView {
        name: plan.name,
        source_value: &plan.source,
        target_value: &plan.target,
        values_match: plan.is_same(),
    }
}

fn tag(plan: &TagPlan) -> LabelPlanView<'_, TagId> {
    LabelPlanView {
        clinic_id: plan.clinic,
        id: plan.tag.id,
        name: &plan.tag.name,
        action: plan.action.name(),
        target_id: plan.target_id,
        target_name: &plan.tag.name,
        prevents_merge: plan.is_refused,
    }
}

fn site(plan: &SitePlan) -> LabelPlanView<'_, SiteId> {
    LabelPlanView {
        clinic_id: plan.clinic,
        id: plan.site.id,
        name: &plan.site.name,
        action: plan.action.name(),
        target_id: plan.site.id,
        target_name: &plan.target_name,
        prevents_merge: false,
    }
}

fn staff(plan: &StaffPlan) -> StaffPlanView<'_> {
    let clinician = &plan.clinician;
    StaffPlanView {
        clinic_id: plan.clinic,
        user_id: clinician.user_id.as_ref(),
        name: clinician.name.as_deref(),
        email: clinician.email.as_deref(),
        roles: &clinician.roles,
        clinician_action: plan.action.name(),
        resulting_roles: &plan.roles,
        downgraded: plan.is_downgraded,
        pending_invite: clinician.user_id.is_none(),
        prevents_merge: plan.problem.is_some(),
        problem: plan.problem.map(StaffProblem::text),
    }
}

fn patient(plan: &PatientPlan, (source, target): (ClinicId, ClinicId)) -> PatientPlanView<'_> {
    PatientPlanView {
        clinic_id: if plan.is_of_source { source } else { target },
        patient: row(&plan.row),
        patient_action: plan.action.name(),
        conflicts: conflicts(plan.matches),
        prevents_merge: plan.problem.is_some(),
        problem: plan.problem.map(MrnProblem::text),
    }
}

fn cluster(cluster: &Cluster) -> ClusterView<'_> {
    let patients = cluster.iter().map(|one| ClusteredView {
        patient: row(&one.row),
        conflicts: conflicts(one.matches),
    });
    ClusterView {
        patients: patients.collect(),
    }
}

fn row(row: &PatientRow) -> PatientOfPlan<'_> {
    PatientOfPlan {
        user_id: &row.user,
        full_name: row.name.as_deref(),
        birth_date: row.birth_date.as_deref(),
        mrn: row.mrn.as_deref(),
        tags: &row.tags,
        sites: &row.sites,
        claimed: !row.is_custodial,
        last_upload_date: row.latest_upload.map(time),
    }
}

fn conflicts(matches: Matches) -> BTreeMap<&'static str, u32> {
    matches.named().collect()
}

/// How far a merge is.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MergeView {
    source_id: ClinicId,
    target_id: ClinicId,
    plan_hash: String,
    /// Patients of both clinics.
    patients: i64,
    /// Patients of the target whose plan is noted.
    kept: i64,
    /// Patients of the source alone who are the target's.
    moved: i64,
    /// Patients of both whose record in the source is gone.
    merged: i64,
    #[schema(value_type = String, format = DateTime)]
    started_time: DateTime<Utc>,
    /// Absent: it goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    finished_time: Option<DateTime<Utc>>,
}

impl From<Merge> for MergeView {
    fn from(merge: Merge) -> Self {
        Self {
            source_id: merge.order.source,
            target_id: merge.order.target,
            plan_hash: merge.order.plan_hash,
            patients: merge.order.patients,
            kept: merge.numbers.kept,
            moved: merge.numbers.moved,
            merged: merge.numbers.merged,
            started_time: merge.created_time.to_chrono(),
            finished_time: merge.done_time.map(BsonDateTime::to_chrono),
        }
    }
}
