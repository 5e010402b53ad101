//! Limits as clients see them.

use serde::Serialize;
use utoipa::ToSchema;

use super::time;
use crate::domain::limits::{Limits, PatientLimit};

/// How many patients a clinic may have; nothing: any number.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PatientCountSettings)]
pub(crate) struct LimitsView {
    /// How many it may have.
    #[serde(skip_serializing_if = "Option::is_none")]
    hard_limit: Option<LimitView>,
    /// From how many on it is told so.
    #[serde(skip_serializing_if = "Option::is_none")]
    soft_limit: Option<LimitView>,
}

/// A number of patients, for some time perhaps.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PatientLimit)]
struct LimitView {
    plan: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_date: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_date: Option<String>,
}

impl From<PatientLimit> for LimitView {
    fn from(limit: PatientLimit) -> Self {
        Self {
            plan: limit.plan,
            start_date: limit.start.map(time),
            end_date: limit.end.map(time),
        }
    }
}

impl From<Limits> for LimitsView {
    fn from(limits: Limits) -> Self {
        Self {
            hard_limit: limits.hard.map(Into::into),
            soft_limit: limits.soft.map(Into::into),
        }
    }
}
