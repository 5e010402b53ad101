//! What requests say of a patient's data. What can be said of a period stands in the table of
//! `summary.rs`.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserialize, Deserializer,
    de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess, Visitor},
};
use shared_runtime::body::not_null;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{RefOr, Schema},
};

use super::{
    instant::Instant,
    patient_summary::{Dates, Numbers, Stats, Summary, Thresholds, Value},
    summary::{Field, Form, Kind, field, fields, schema},
};

/// The most hexadecimal digits that the id of a summary has.
const MAX_ID: usize = 24;

/// Body of `UpdatePatientSummary`.
#[derive(Debug, Clone, PartialEq, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SummaryDetails {
    /// Ignored where it has no `id`.
    #[serde(default, deserialize_with = "not_null")]
    cgm_stats: Option<StatsDetails<CgmPeriod>>,
    /// The same.
    #[serde(default, deserialize_with = "not_null")]
    bgm_stats: Option<StatsDetails<BgmPeriod>>,
}

/// What the data of one kind says.
#[derive(Debug, Clone, PartialEq, Deserialize, ToSchema)]
#[serde(bound = "P: Deserialize<'de>")]
pub(crate) struct StatsDetails<P> {
    #[serde(default, deserialize_with = "not_null")]
    id: Option<SummaryId>,
    #[serde(default, deserialize_with = "not_null")]
    config: Option<ConfigDetails>,
    #[serde(default, deserialize_with = "not_null")]
    dates: Option<DatesDetails>,
    /// By how many days they are about, such as `14d`.
    #[serde(default, deserialize_with = "not_null")]
    #[schema(value_type = Option<BTreeMap<String, P>>)]
    periods: Option<BTreeMap<PeriodName, P>>,
}

/// At most 24 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(value_type = String, pattern = "^[a-f0-9]{0,24}$")]
pub(crate) struct SummaryId(String);

impl SummaryId {
    /// As it is written.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for SummaryId {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let is_digit = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
        if text.len() <= MAX_ID && text.bytes().all(is_digit) {
            Ok(Self(text))
        } else {
            Err("expected at most 24 hexadecimal digits in lower case")
        }
    }
}

/// The name of a period, under which the database can keep it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
struct PeriodName(String);

impl TryFrom<String> for PeriodName {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        if name.is_empty() || name.starts_with('$') || name.contains(['.', '\0']) {
            Err("the name of a period must not be empty, begin with $ or have a dot or a NUL")
        } else {
            Ok(Self(name))
        }
    }
}

/// By which rules a summary was made; thresholds in mmol/L.
#[derive(Debug, Clone, PartialEq, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct ConfigDetails {
    schema_version: i64,
    high_glucose_threshold: f64,
    very_high_glucose_threshold: f64,
    low_glucose_threshold: f64,
    very_low_glucose_threshold: f64,
}

impl From<ConfigDetails> for Thresholds {
    fn from(config: ConfigDetails) -> Self {
        Self {
            schema_version: config.schema_version,
            very_low: config.very_low_glucose_threshold,
            low: config.low_glucose_threshold,
            high: config.high_glucose_threshold,
            very_high: config.very_high_glucose_threshold,
        }
    }
}

/// When data came and when it was summarized.
#[derive(Debug, Clone, PartialEq, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the contract has a flag beside each time"
)]
struct DatesDetails {
    has_first_data: bool,
    has_last_data: bool,
    has_last_upload_date: bool,
    has_outdated_since: bool,
    #[serde(default, deserialize_with = "not_null")]
    first_data: Option<Instant>,
    #[serde(default, deserialize_with = "not_null")]
    last_data: Option<Instant>,
    #[serde(default, deserialize_with = "not_null")]
    last_upload_date: Option<Instant>,
    #[serde(default, deserialize_with = "not_null")]
    last_updated_date: Option<Instant>,
    #[serde(default, deserialize_with = "not_null")]
    outdated_since: Option<Instant>,
    #[serde(default, deserialize_with = "not_null")]
    outdated_since_limit: Option<Instant>,
    #[serde(default, deserialize_with = "not_null")]
    last_updated_reason: Option<Vec<String>>,
    #[serde(default, deserialize_with = "not_null")]
    outdated_reason: Option<Vec<String>>,
}

impl From<DatesDetails> for Dates {
    fn from(dates: DatesDetails) -> Self {
        let time = |time: Option<Instant>| time.map(|time| time.0);
        Self {
            has_first_data: dates.has_first_data,
            has_last_data: dates.has_last_data,
            has_last_upload_date: dates.has_last_upload_date,
            has_outdated_since: dates.has_outdated_since,
            first_data: time(dates.first_data),
            last_data: time(dates.last_data),
            last_upload_date: time(dates.last_upload_date),
            last_updated_date: time(dates.last_updated_date),
            outdated_since: time(dates.outdated_since),
            outdated_since_limit: time(dates.outdated_since_limit),
            last_updated_reason: dates.last_updated_reason,
            outdated_reason: dates.outdated_reason,
        }
    }
}

/// The numbers of a period, by a sensor.
#[derive(Debug, Clone, PartialEq)]
struct CgmPeriod(Numbers);

/// The same, by a meter.
#[derive(Debug, Clone, PartialEq)]
struct BgmPeriod(Numbers);

impl From<CgmPeriod> for Numbers {
    fn from(period: CgmPeriod) -> Self {
        period.0
    }
}

impl From<BgmPeriod> for Numbers {
    fn from(period: BgmPeriod) -> Self {
        period.0
    }
}

impl<'de> Deserialize<'de> for CgmPeriod {
    fn deserialize<D: Deserializer<'de>>(period: D) -> Result<Self, D::Error> {
        period.deserialize_map(PeriodVisitor(Kind::Cgm)).map(Self)
    }
}

impl<'de> Deserialize<'de> for BgmPeriod {
    fn deserialize<D: Deserializer<'de>>(period: D) -> Result<Self, D::Error> {
        period.deserialize_map(PeriodVisitor(Kind::Bgm)).map(Self)
    }
}

/// Reads what the table has, passes over what it has not, and misses what must be there.
struct PeriodVisitor(Kind);

impl<'de> Visitor<'de> for PeriodVisitor {
    type Value = Numbers;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Numbers, A::Error> {
        let Self(kind) = self;
        let mut numbers = Numbers::unsaid(kind);
        while let Some(name) = members.next_key::<String>()? {
            let Some(Field { form, .. }) = field(kind, &name) else {
                members.next_value::<IgnoredAny>()?;
                continue;
            };
            let value = members.next_value_seed(*form)?;
            numbers.note(&name, |_| Some(value));
        }
        match numbers.missing() {
            Some(name) => Err(A::Error::missing_field(name)),
            None => Ok(numbers),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Form {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<Value, D::Error> {
        match self {
            Self::Float => f64::deserialize(value).map(Value::Float),
            Self::Whole => i64::deserialize(value).map(Value::Whole),
            Self::Flag => bool::deserialize(value).map(Value::Flag),
        }
    }
}

impl ToSchema for CgmPeriod {
    fn name() -> std::borrow::Cow<'static, str> {
        "CgmPeriod".into()
    }
}

impl PartialSchema for CgmPeriod {
    fn schema() -> RefOr<Schema> {
        let period = schema(fields(Kind::Cgm), |field| field.is_required);
        RefOr::T(Schema::Object(period))
    }
}

impl ToSchema for BgmPeriod {
    fn name() -> std::borrow::Cow<'static, str> {
        "BgmPeriod".into()
    }
}

impl PartialSchema for BgmPeriod {
    fn schema() -> RefOr<Schema> {
        let period = schema(fields(Kind::Bgm), |field| field.is_required);
        RefOr::T(Schema::Object(period))
    }
}

impl From<SummaryDetails> for Summary {
    fn from(details: SummaryDetails) -> Self {
        Self {
            cgm: details.cgm_stats.and_then(StatsDetails::named),
            bgm: details.bgm_stats.and_then(StatsDetails::named),
        }
    }
}

impl<P: Into<Numbers>> StatsDetails<P> {
    /// `None` without an id.
    fn named(self) -> Option<Stats> {
        let id = self.id?.0;
        let periods = self.periods.unwrap_or_default().into_iter();
        Some(Stats {
            id: Some(id),
            thresholds: self.config.map(Into::into).unwrap_or_default(),
            dates: self.dates.map(Into::into).unwrap_or_default(),
            periods: periods
                .map(|(PeriodName(name), numbers)| (name, numbers.into()))
                .collect(),
        })
    }
}

#[cfg(test)]
mod tests;
