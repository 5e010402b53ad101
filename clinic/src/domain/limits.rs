//! How many patients a clinic may have.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use shared_runtime::body::not_null;
use utoipa::ToSchema;

use super::{clinic::DEFAULT_TIER, instant::Instant};

/// The country in which the free tier is limited; a clinic without one is taken to be there.
const LIMITED_COUNTRY: &str = "US";

/// A number of patients, for some time perhaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PatientLimit {
    /// Those that count for what the clinic pays for.
    pub(crate) plan: i64,
    pub(crate) start: Option<DateTime<Utc>>,
    pub(crate) end: Option<DateTime<Utc>>,
}

impl PatientLimit {
    /// Whether it holds at `now`.
    pub(crate) fn holds(self, now: DateTime<Utc>) -> bool {
        self.start.is_none_or(|start| start <= now) && self.end.is_none_or(|end| now <= end)
    }
}

/// Body of `UpdatePatientCountSettings`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PatientCountSettingsDetails)]
pub(crate) struct CountSettings {
    /// How many patients the clinic may have.
    #[serde(default, deserialize_with = "not_null")]
    hard_limit: Option<LimitDetails>,
    /// From how many on it is told so.
    #[serde(default, deserialize_with = "not_null")]
    soft_limit: Option<LimitDetails>,
}

/// A number of patients, for some time perhaps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = PatientLimitDetails)]
struct LimitDetails {
    plan: u32,
    #[serde(default, deserialize_with = "not_null")]
    #[schema(value_type = Option<String>, format = DateTime)]
    start_date: Option<Instant>,
    #[serde(default, deserialize_with = "not_null")]
    #[schema(value_type = Option<String>, format = DateTime)]
    end_date: Option<Instant>,
}

/// The limits of a clinic.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Limits {
    pub(crate) hard: Option<PatientLimit>,
    pub(crate) soft: Option<PatientLimit>,
}

impl CountSettings {
    /// The limits, unless one ends before it starts.
    pub(crate) fn limits(&self) -> Option<Limits> {
        let limits = Limits {
            hard: self.hard_limit.map(Into::into),
            soft: self.soft_limit.map(Into::into),
        };
        let all = [limits.hard, limits.soft];
        let is_possible = |limit: PatientLimit| match (limit.start, limit.end) {
            (Some(start), Some(end)) => start <= end,
            _ => true,
        };
        let mut known = all.into_iter().flatten();
        known.all(is_possible).then_some(limits)
    }
}

impl From<LimitDetails> for PatientLimit {
    fn from(details: LimitDetails) -> Self {
        Self {
            plan: details.plan.into(),
            start: details.start_date.map(|time| time.0),
            end: details.end_date.map(|time| time.0),
        }
    }
}

/// Whether the limits that are stored for a clinic hold for it: those who pay and those elsewhere
/// have none.
pub(crate) fn are_in_force(country: Option<&str>, tier: Option<&str>) -> bool {
    let is_there = country.is_none_or(|country| country.is_empty() || country == LIMITED_COUNTRY);
    is_there && tier.is_none_or(|tier| tier == DEFAULT_TIER)
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};
    use serde_json::{Value, json};
    use shared_runtime::body::parse_object;

    use super::{CountSettings, PatientLimit, are_in_force};

    #[test]
    fn the_free_tier_is_limited_in_one_country() {
        for (country, tier, limited) in [
            (None, None, true),
            (Some(""), Some("tier0100"), true),
            (Some("US"), None, true),
            (Some("USA"), None, false),
            (Some("us"), None, false),
            (Some("DE"), Some("tier0100"), false),
            (Some("US"), Some("tier0300"), false),
        ] {
            assert_eq!(are_in_force(country, tier), limited, "{country:?} {tier:?}");
        }
    }

    #[test]
    fn a_limit_holds_from_its_start_to_its_end() {
        let day = |number| Some(DateTime::UNIX_EPOCH + TimeDelta::days(number));
        let limit = |start, end| PatientLimit {
            plan: 1,
            start,
            end,
        };
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(2);
        for (start, end, holds) in [
            (None, None, true),
            (day(2), day(2), true),
            (day(3), None, false),
            (None, day(1), false),
            (day(1), day(3), true),
        ] {
            assert_eq!(limit(start, end).holds(now), holds, "{start:?} {end:?}");
        }
    }

    #[test]
    fn a_limit_does_not_end_before_it_starts() {
        let read = |body: &Value| parse_object::<CountSettings>(body.to_string().as_bytes());
        let limit = |start: &str, end: &str| json!({"softLimit": {"plan": 0, "startDate": start, "endDate": end}});
        let (earlier, later) = ("2030-01-01T00:00:00Z", "2030-01-02T00:00:00");
        for (body, is_possible) in [
            (json!({}), true),
            (
                json!({"hardLimit": {"plan": 250, "endDate": earlier}}),
                true,
            ),
            (limit(earlier, later), true),
            (limit(later, later), true),
            (limit(later, earlier), false),
        ] {
            let limits = read(&body).unwrap().limits();
            assert_eq!(limits.is_some(), is_possible, "{body}");
        }
        for (body, pointer) in [
            (json!({"hardLimit": null}), "/hardLimit"),
            (json!({"hardLimit": {}}), "/hardLimit"),
            (json!({"hardLimit": {"plan": -1}}), "/hardLimit/plan"),
            (
                json!({"softLimit": {"plan": 1, "endDate": "soon"}}),
                "/softLimit/endDate",
            ),
        ] {
            assert_eq!(read(&body).unwrap_err().pointer, pointer, "{body}");
        }
    }
}
