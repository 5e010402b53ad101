//! Summaries as clients see them.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Serialize, Serializer};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, Schema},
};

use super::time;
use crate::domain::{
    patient_summary::{Dates, Numbers, Stats, Summary, Thresholds, Value},
    summary::{Field, Kind, field, fields, schema},
};

/// What the data of a patient says, by how it was measured.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Summary)]
pub(crate) struct SummaryView {
    #[serde(skip_serializing_if = "Option::is_none")]
    cgm_stats: Option<StatsView>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bgm_stats: Option<StatsView>,
}

impl From<Summary> for SummaryView {
    fn from(summary: Summary) -> Self {
        Self {
            cgm_stats: summary.cgm.map(Into::into),
            bgm_stats: summary.bgm.map(Into::into),
        }
    }
}

/// What the data of one kind says.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SummaryStats)]
pub(crate) struct StatsView {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    config: ConfigView,
    dates: DatesView,
    /// By how many days they are about, such as `14d`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    periods: BTreeMap<String, PeriodView>,
}

impl From<Stats> for StatsView {
    fn from(stats: Stats) -> Self {
        let periods = stats.periods.into_iter();
        Self {
            id: stats.id,
            config: stats.thresholds.into(),
            dates: stats.dates.into(),
            periods: periods
                .map(|(name, numbers)| (name, PeriodView(numbers)))
                .collect(),
        }
    }
}

/// By which rules a summary was made; thresholds in mmol/L.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SummaryConfig)]
pub(crate) struct ConfigView {
    schema_version: i64,
    high_glucose_threshold: f64,
    very_high_glucose_threshold: f64,
    low_glucose_threshold: f64,
    very_low_glucose_threshold: f64,
}

impl From<Thresholds> for ConfigView {
    fn from(thresholds: Thresholds) -> Self {
        Self {
            schema_version: thresholds.schema_version,
            high_glucose_threshold: thresholds.high,
            very_high_glucose_threshold: thresholds.very_high,
            low_glucose_threshold: thresholds.low,
            very_low_glucose_threshold: thresholds.very_low,
        }
    }
}

/// When data came and when it was summarized.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = SummaryDates)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the contract has a flag beside each time"
)]
pub(crate) struct DatesView {
    has_first_data: bool,
    has_last_data: bool,
    has_last_upload_date: bool,
    has_outdated_since: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_data: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_data: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_upload_date: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_updated_date: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outdated_since: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outdated_since_limit: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_updated_reason: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outdated_reason: Option<Vec<String>>,
}

impl From<Dates> for DatesView {
    fn from(dates: Dates) -> Self {
        let shown = |at: Option<DateTime<Utc>>| at.map(time);
        Self {
            has_first_data: dates.has_first_data,
            has_last_data: dates.has_last_data,
            has_last_upload_date: dates.has_last_upload_date,
            has_outdated_since: dates.has_outdated_since,
            first_data: shown(dates.first_data),
            last_data: shown(dates.last_data),
            last_upload_date: shown(dates.last_upload_date),
            last_updated_date: shown(dates.last_updated_date),
            outdated_since: shown(dates.outdated_since),
            outdated_since_limit: shown(dates.outdated_since_limit),
            last_updated_reason: dates.last_updated_reason,
            outdated_reason: dates.outdated_reason,
        }
    }
}

/// The numbers of a period.
#[derive(Debug)]
pub(crate) struct PeriodView(Numbers);

impl Serialize for PeriodView {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.named())
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match *self {
            Self::Float(number) => serializer.serialize_f64(number),
            Self::Whole(number) => serializer.serialize_i64(number),
            Self::Flag(flag) => serializer.serialize_bool(flag),
        }
    }
}

impl ToSchema for PeriodView {
    fn name() -> std::borrow::Cow<'static, str> {
        "SummaryPeriod".into()
    }
}

impl PartialSchema for PeriodView {
    /// What is said of the sensor, part of which is said of the meter as well.
    fn schema() -> RefOr<Schema> {
        let of_both = |name: &str| field(Kind::Bgm, name).is_some_and(|field| field.is_required);
        let is_required = |field: &Field| field.is_required && of_both(&field.name);
        RefOr::T(Schema::Object(schema(fields(Kind::Cgm), is_required)))
    }
}
