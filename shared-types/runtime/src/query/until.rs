//! Until when something is meant.

use chrono::{DateTime, Utc, serde::ts_milliseconds};
use serde::Deserialize;
use utoipa::IntoParams;

use super::Parameters;

/// The query `?until=`, which must be there.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct Until {
    /// What was made until this time, in milliseconds since 1970.
    #[serde(with = "ts_milliseconds")]
    #[param(value_type = i64)]
    pub until: DateTime<Utc>,
}

impl Parameters for Until {}

#[cfg(test)]
mod tests {
    use super::Until;
    use crate::query::parse;

    #[test]
    fn it_is_one_time_in_milliseconds() {
        for millis in [-1, 0, 1_700_000_000_123] {
            let until: Until = parse(&format!("until={millis}")).unwrap();
            assert_eq!(until.until.timestamp_millis(), millis);
        }
        for query in [
            "",
            "until=",
            "until=now",
            "until=1.5",
            "until=9223372036854775807",
            "until=1&until=1",
        ] {
            assert_eq!(parse::<Until>(query).unwrap_err().name, "until", "{query}");
        }
        assert_eq!(parse::<Until>("since=1").unwrap_err().name, "since");
    }
}
