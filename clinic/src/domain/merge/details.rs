//! Bodies of requests about merges.

use serde::Deserialize;
use shared_runtime::body::not_null;
use shared_types::ClinicId;
use utoipa::ToSchema;

use crate::domain::text::Filled;

/// Body of `GenerateMergeReport`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = GenerateMergeReport)]
pub(crate) struct ReportDetails {
    /// The clinic that would go.
    pub(crate) source_id: ClinicId,
}

/// Body of `MergeClinic`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = MergeClinic)]
pub(crate) struct MergeDetails {
    /// The clinic that goes.
    pub(crate) source_id: ClinicId,
    /// The digest of the plan that is to be carried out, as the report has it; absent: whatever plan
    /// holds at this moment.
    #[serde(default, deserialize_with = "not_null")]
    pub(crate) plan_hash: Option<Filled>,
}
