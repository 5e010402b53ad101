//! How many patients a clinic may have.

use chrono::{DateTime, Utc};

use super::clinic::DEFAULT_TIER;

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

/// Whether the limits that are stored for a clinic hold for it: those who pay and those elsewhere
/// have none.
pub(crate) fn are_in_force(country: Option<&str>, tier: Option<&str>) -> bool {
    let is_there = country.is_none_or(|country| country.is_empty() || country == LIMITED_COUNTRY);
    is_there && tier.is_none_or(|tier| tier == DEFAULT_TIER)
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};

    use super::{PatientLimit, are_in_force};

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
}
