//! Migrations as clients see them.

use serde::Serialize;
use shared_types::{PermissionSet, UserId};
use utoipa::ToSchema;

use super::time;
use crate::{
    domain::migration::{FailedPatient, Migration, Progress},
    use_cases::plan_migration::{Effect, Plan, PlannedPatient},
};

/// A migration of the patients of a legacy account to a clinic.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Migration)]
pub(crate) struct MigrationView {
    /// The legacy account.
    user_id: UserId,
    /// `PENDING`, `RUNNING` or `COMPLETED`; absent where it is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<String>,
    /// When it was attested that the clinic may do this; absent where nobody did.
    #[serde(skip_serializing_if = "Option::is_none")]
    attestation_time: Option<String>,
    created_time: String,
    updated_time: String,
    /// Tidegate's own: absent where the worker of clinic has never had it.
    #[serde(skip_serializing_if = "Option::is_none")]
    progress: Option<ProgressView>,
    /// Tidegate's own: some of those who could not be brought, 100 at most; absent in lists.
    #[serde(skip_serializing_if = "Option::is_none")]
    failures: Option<Vec<FailureView>>,
}

/// How many of the patients are through.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MigrationProgress)]
pub(crate) struct ProgressView {
    /// All, those who are yet to come included.
    total: i64,
    /// Those who are patients of the clinic.
    done: i64,
    /// Those who could not be brought.
    failed: i64,
}

/// Somebody who could not be brought.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = MigrationFailure)]
pub(crate) struct FailureView {
    patient_id: UserId,
    /// Why, for people.
    reason: String,
}

impl From<Progress> for ProgressView {
    fn from(progress: Progress) -> Self {
        Self {
            total: progress.total,
            done: progress.done,
            failed: progress.failed,
        }
    }
}

impl From<FailedPatient> for FailureView {
    fn from(failed: FailedPatient) -> Self {
        Self {
            patient_id: failed.user_id,
            reason: failed.reason,
        }
    }
}

impl From<Migration> for MigrationView {
    fn from(migration: Migration) -> Self {
        let status = migration.status.to_uppercase();
        Self {
            user_id: migration.user_id,
            status: (!status.is_empty()).then_some(status),
            attestation_time: migration.attestation_time.map(time),
            created_time: time(migration.created_time),
            updated_time: time(migration.updated_time),
            progress: migration.progress.map(Into::into),
            failures: None,
        }
    }
}

impl MigrationView {
    /// The same with those who could not be brought.
    pub(crate) fn with_failures(self, failed: Vec<FailedPatient>) -> Self {
        let failures = failed.into_iter().map(Into::into).collect();
        Self {
            failures: self.progress.is_some().then_some(failures),
            ..self
        }
    }
}

/// What a migration would do.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MigrationPlan)]
pub(crate) struct PlanView {
    data: Vec<PlannedView>,
    meta: PlanMeta,
}

/// How long the list of a plan is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MigrationPlanMeta)]
pub(crate) struct PlanMeta {
    /// The length of the list.
    count: usize,
}

/// Somebody whom a migration would bring.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PlannedPatient)]
pub(crate) struct PlannedView {
    patient_id: UserId,
    /// What the legacy account may do on the account of the patient.
    permissions: PermissionSet,
    effect: EffectView,
    /// Why it could not be brought, for people; absent where it could.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// What would become of a patient.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PlannedEffect)]
enum EffectView {
    /// The clinic would get it.
    Enroll,
    /// The clinic has it, and would learn that it comes from the legacy account as well.
    Link,
    /// The clinic has it, and knows that.
    Nothing,
    /// It could not be brought.
    Fail,
}

impl From<PlannedPatient> for PlannedView {
    fn from(planned: PlannedPatient) -> Self {
        let (effect, reason) = match planned.effect {
            Ok(Effect::Enroll) => (EffectView::Enroll, None),
            Ok(Effect::Link) => (EffectView::Link, None),
            Ok(Effect::Nothing) => (EffectView::Nothing, None),
            Err(refusal) => (EffectView::Fail, Some(refusal.to_string())),
        };
        Self {
            patient_id: planned.user_id,
            permissions: planned.permissions,
            effect,
            reason,
        }
    }
}

impl From<Plan> for PlanView {
    fn from(plan: Plan) -> Self {
        Self {
            data: plan.patients.into_iter().map(Into::into).collect(),
            meta: PlanMeta { count: plan.total },
        }
    }
}
