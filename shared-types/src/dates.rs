//! Days of the calendar, as the contract writes them.

use chrono::NaiveDate;

/// The day that `text` is, written `YYYY-MM-DD`; `None`: there is no such day, or it is written
/// otherwise.
pub fn parse(text: &str) -> Option<NaiveDate> {
    let has_form = text.len() == "YYYY-MM-DD".len()
        && text.bytes().enumerate().all(|(index, byte)| match index {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    if !has_form {
        return None;
    }
    NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn dates_are_real_and_written_in_full() {
        for valid in ["2016-01-01", "2020-02-29", "0001-01-01"] {
            assert!(parse(valid).is_some(), "{valid}");
        }
        for invalid in [
            "",
            "aaaa-aa-aa",
            "2016-13-01",
            "2001-02-29",
            "2019-02-29",
            "2016-1-1",
            "2000-2-9",
            "20160101",
            "2016-01-01T00:00:00Z",
            "+016-01-01",
            " 2016-1-01",
        ] {
            assert!(parse(invalid).is_none(), "{invalid}");
        }
    }
}
