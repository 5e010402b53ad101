//! The claim of an account that others made: its owner sets the first password and proves to know
//! the patient's birthday.

use chrono::NaiveDate;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use shared_runtime::body::parse_object;
use shared_types::PersonProfile;
use thiserror::Error;

/// Longest and shortest password, in characters, none of them white space.
const PASSWORD_LENGTH: std::ops::RangeInclusive<usize> = 8..=72;

/// Why a claim is refused, in the order in which it is looked at. The numbers to 1006 are the
/// contract's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum InvalidClaim {
    #[error("User does not have a password")]
    NoBody = 1001,
    #[error("Password is missing")]
    NoPassword = 1002,
    #[error("Password specified is invalid")]
    InvalidPassword = 1003,
    #[error("Birthday is missing")]
    NoBirthday = 1004,
    #[error("Birthday specified is invalid")]
    InvalidBirthday = 1005,
    #[error("Birthday specified does not match patient birthday")]
    WrongBirthday = 1006,
    /// Ours. The key was used before, with another password.
    #[error("User already has another password")]
    OtherPassword = 1007,
}

impl InvalidClaim {
    pub(crate) const ALL: [Self; 7] = [
        Self::NoBody,
        Self::NoPassword,
        Self::InvalidPassword,
        Self::NoBirthday,
        Self::InvalidBirthday,
        Self::WrongBirthday,
        Self::OtherPassword,
    ];
}

/// What the owner says.
#[derive(Debug, Clone)]
pub(crate) struct Claim {
    pub(crate) password: SecretString,
    birthday: String,
}

/// The body of a claim; members of other types make it unreadable.
#[derive(Deserialize)]
struct Body {
    #[serde(default)]
    password: Option<SecretString>,
    #[serde(default)]
    birthday: Option<String>,
}

impl Claim {
    /// Reads the body of a claim, whose birthday is still to be compared.
    pub(crate) fn read(body: &[u8]) -> Result<Self, InvalidClaim> {
        let body: Body = parse_object(body).map_err(|_| InvalidClaim::NoBody)?;
        let given = |password: &SecretString| !password.expose_secret().is_empty();
        let password = body
            .password
            .filter(given)
            .ok_or(InvalidClaim::NoPassword)?;
        if !is_password(password.expose_secret()) {
            return Err(InvalidClaim::InvalidPassword);
        }
        let birthday = body
            .birthday
            .filter(|birthday| !birthday.is_empty())
            .ok_or(InvalidClaim::NoBirthday)?;
        if !is_date(&birthday) {
            return Err(InvalidClaim::InvalidBirthday);
        }
        Ok(Self { password, birthday })
    }

    /// Whether the owner knows the birthday in `profile`. Where none is noted, nobody does.
    pub(crate) fn matches(&self, profile: Option<&PersonProfile>) -> Result<(), InvalidClaim> {
        let birthday = profile
            .and_then(|profile| profile.patient.as_ref())
            .and_then(|patient| patient.birthday.as_ref());
        if birthday == Some(&self.birthday) {
            Ok(())
        } else {
            Err(InvalidClaim::WrongBirthday)
        }
    }
}

/// The password in the body of a claim; `None`: there is none that could be set.
pub(crate) fn password_in(body: &[u8]) -> Option<SecretString> {
    let body: Body = parse_object(body).ok()?;
    let is_usable = |password: &SecretString| is_password(password.expose_secret());
    body.password.filter(is_usable)
}

/// Whether user-api takes the password.
pub(crate) fn is_password(password: &str) -> bool {
    PASSWORD_LENGTH.contains(&password.chars().count())
        && !password.chars().any(char::is_whitespace)
}

fn is_date(text: &str) -> bool {
    let is_spelt = text.len() == "YYYY-MM-DD".len()
        && text.bytes().enumerate().all(|(index, byte)| match index {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
    is_spelt && NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok()
}

#[cfg(test)]
mod tests {
    use shared_types::{PatientProfile, PersonProfile};

    use super::{Claim, InvalidClaim};

    #[test]
    fn a_claim_is_looked_at_in_the_order_of_the_contract() {
        for (body, wanted) in [
            ("", InvalidClaim::NoBody),
            ("[", InvalidClaim::NoBody),
            (r#"["long-enough", "2010-02-03"]"#, InvalidClaim::NoBody),
            (r#"{"password": 1}"#, InvalidClaim::NoBody),
            ("{}", InvalidClaim::NoPassword),
            (
                r#"{"password": "", "birthday": "x"}"#,
                InvalidClaim::NoPassword,
            ),
            (r#"{"password": "short"}"#, InvalidClaim::InvalidPassword),
            (
                r#"{"password": "with a space"}"#,
                InvalidClaim::InvalidPassword,
            ),
            (r#"{"password": "long-enough"}"#, InvalidClaim::NoBirthday),
            (
                r#"{"password": "long-enough", "birthday": "1.2.2010"}"#,
                InvalidClaim::InvalidBirthday,
            ),
            (
                r#"{"password": "long-enough", "birthday": "2010-02-30"}"#,
                InvalidClaim::InvalidBirthday,
            ),
            (
                r#"{"password": "long-enough", "birthday": "2010-2-3"}"#,
                InvalidClaim::InvalidBirthday,
            ),
            (
                r#"{"password": "long-enough", "birthday": " 2010-02-3"}"#,
                InvalidClaim::InvalidBirthday,
            ),
        ] {
            assert_eq!(Claim::read(body.as_bytes()).unwrap_err(), wanted, "{body}");
        }
        assert_eq!(InvalidClaim::WrongBirthday as u16, 1006);
    }

    #[test]
    fn the_birthday_is_that_of_the_patient() {
        let claim =
            Claim::read(br#"{"password": "long-enough", "birthday": "2010-02-03"}"#).unwrap();
        let profile = |birthday: Option<&str>| PersonProfile {
            full_name: None,
            patient: Some(PatientProfile {
                birthday: birthday.map(str::to_owned),
                ..PatientProfile::default()
            }),
        };
        assert_eq!(claim.matches(Some(&profile(Some("2010-02-03")))), Ok(()));
        for other in [Some(profile(Some("2010-02-04"))), Some(profile(None)), None] {
            assert_eq!(
                claim.matches(other.as_ref()),
                Err(InvalidClaim::WrongBirthday)
            );
        }
    }
}
