//! Times of requests.

use std::iter;

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use serde::Deserialize;
use utoipa::ToSchema;

/// A time, written as RFC 3339 has it; without an offset it is UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(try_from = "String")]
#[schema(value_type = String, format = DateTime)]
pub(crate) struct Instant(pub(crate) DateTime<Utc>);

/// The text is no time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a time such as 2030-01-02T03:04:05Z")]
pub(crate) struct InvalidTime;

impl Instant {
    /// The time, unless it is the zero that clients send for none.
    pub(crate) fn unless_zero(self) -> Option<DateTime<Utc>> {
        Some(self.0).filter(|time| *time != ZERO)
    }
}

/// The first moment of the year 1.
const ZERO: DateTime<Utc> = match NaiveDate::from_ymd_opt(1, 1, 1) {
    Some(day) => day.and_time(NaiveTime::MIN).and_utc(),
    None => DateTime::UNIX_EPOCH,
};

/// How a time begins; `0` stands for a digit.
const FORM: &[u8] = b"0000-00-00T00:00:00";

fn fits((form, byte): (&u8, u8)) -> bool {
    match form {
        b'0' => byte.is_ascii_digit(),
        separator => *separator == byte,
    }
}

impl TryFrom<String> for Instant {
    type Error = InvalidTime;

    fn try_from(text: String) -> Result<Self, InvalidTime> {
        // Other forms of RFC 3339, and numbers with fewer digits, are refused.
        let has_form = text.len() >= FORM.len() && iter::zip(FORM, text.bytes()).all(fits);
        if !has_form || text.ends_with('z') {
            return Err(InvalidTime);
        }
        if let Ok(time) = DateTime::parse_from_rfc3339(&text) {
            return Ok(Self(time.to_utc()));
        }
        let time = NaiveDateTime::parse_from_str(&text, "%Y-%m-%dT%H:%M:%S%.f");
        time.map(|time| Self(time.and_utc()))
            .map_err(|_| InvalidTime)
    }
}

#[cfg(test)]
mod tests {
    use super::Instant;

    fn read(text: &str) -> Option<Instant> {
        text.to_owned().try_into().ok()
    }

    #[test]
    fn a_time_has_seconds_and_perhaps_an_offset() {
        let noon = read("2030-01-02T12:00:00Z").unwrap();
        for text in [
            "2030-01-02T12:00:00",
            "2030-01-02T12:00:00.000Z",
            "2030-01-02T14:00:00+02:00",
        ] {
            assert_eq!(read(text), Some(noon), "{text}");
        }
        for text in [
            "",
            "2030-01-02",
            "2030-01-02 12:00:00Z",
            "2030-01-02T12:00Z",
            "2030-01-02T3:4:5",
            "2030- 1-02T12:00:00",
            "2030-01-02T12:00:0",
            "noon",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(read("0001-01-01T00:00:00Z").unwrap().unless_zero(), None);
        assert!(noon.unless_zero().is_some());
    }
}
