//! The claim of an account that others made: its owner sets the first password and proves to know
//! the patient's birthday.

use chrono::NaiveDate;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use shared_runtime::body::parse_object;
use shared_types::{
    Person, PersonProfile, dates,
    password::{Weakness, is_acceptable, weakness},
};
use thiserror::Error;

/// Why a claim is refused, in the order in which it is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum InvalidClaim {
    #[error("User does not have a password")]
    NoBody,
    #[error("Password is missing")]
    NoPassword,
    #[error("Password specified is invalid")]
    InvalidPassword,
    #[error("Birthday is missing")]
    NoBirthday,
    #[error("Birthday specified is invalid")]
    InvalidBirthday,
    #[error("Birthday specified does not match patient birthday")]
    WrongBirthday,
    #[error(
        "Birthday specified does not match patient birthday, which is not a date: whoever runs the \
         account has to correct it"
    )]
    UnreadableBirthday,
    /// The key was used before, with another password.
    #[error("User already has another password")]
    OtherPassword,
}

impl InvalidClaim {
    /// The number: to 1006 those of the contract, which has none of its own for what is stored; then
    /// ours.
    pub(crate) fn number(self) -> u16 {
        match self {
            Self::NoBody => 1001,
            Self::NoPassword => 1002,
            Self::InvalidPassword => 1003,
            Self::NoBirthday => 1004,
            Self::InvalidBirthday => 1005,
            Self::WrongBirthday | Self::UnreadableBirthday => 1006,
            Self::OtherPassword => 1007,
        }
    }
}

/// What the owner says.
#[derive(Debug, Clone)]
pub(crate) struct Claim {
    pub(crate) password: SecretString,
    birthday: NaiveDate,
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
        if !is_acceptable(password.expose_secret()) {
            return Err(InvalidClaim::InvalidPassword);
        }
        let birthday = body
            .birthday
            .filter(|birthday| !birthday.is_empty())
            .ok_or(InvalidClaim::NoBirthday)?;
        let birthday = dates::parse(&birthday).ok_or(InvalidClaim::InvalidBirthday)?;
        Ok(Self { password, birthday })
    }

    /// Whether the owner knows the birthday in `profile`. Where none is noted, nobody does.
    pub(crate) fn matches(&self, profile: Option<&PersonProfile>) -> Result<(), InvalidClaim> {
        let birthday = profile
            .and_then(|profile| profile.patient.as_ref())
            .and_then(|patient| patient.birthday.as_deref())
            .filter(|birthday| !birthday.trim().is_empty())
            .ok_or(InvalidClaim::WrongBirthday)?;
        match stored_date(birthday) {
            Some(birthday) if birthday == self.birthday => Ok(()),
            Some(_) => Err(InvalidClaim::WrongBirthday),
            None => Err(InvalidClaim::UnreadableBirthday),
        }
    }
}

/// The password in the body of a claim; `None`: there is none that could be set.
pub(crate) fn password_in(body: &[u8]) -> Option<SecretString> {
    let body: Body = parse_object(body).ok()?;
    let is_usable = |password: &SecretString| is_acceptable(password.expose_secret());
    body.password.filter(is_usable)
}

/// Why user-api refuses `password` for the account of `person`, where it does for its weakness.
pub(crate) fn weakness_of(password: &str, person: &Person) -> Option<Weakness> {
    let user = &person.user;
    let names = user.username.iter().chain(user.emails.iter().flatten());
    let profile = person.profile.as_ref();
    let full_name = profile.and_then(|profile| profile.full_name.as_ref());
    weakness(password, names.chain(full_name).map(String::as_str))
}

/// The date that a profile holds; old ones leave out zeros. Without the year in front, nobody can
/// tell the day from the month.
fn stored_date(text: &str) -> Option<NaiveDate> {
    let mut parts = text.trim().split(['-', '/', '.']);
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    dates::parse(&format!("{year}-{month:0>2}-{day:0>2}"))
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
                r#"{"password": "space at the end "}"#,
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
        let all = [
            InvalidClaim::NoBody,
            InvalidClaim::NoPassword,
            InvalidClaim::InvalidPassword,
            InvalidClaim::NoBirthday,
            InvalidClaim::InvalidBirthday,
            InvalidClaim::WrongBirthday,
            InvalidClaim::UnreadableBirthday,
            InvalidClaim::OtherPassword,
        ];
        let numbers = all.map(InvalidClaim::number);
        assert_eq!(numbers, [1001, 1002, 1003, 1004, 1005, 1006, 1006, 1007]);
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
        for other in [
            Some(profile(Some("2010-02-04"))),
            Some(profile(Some("2010-2-4"))),
            Some(profile(Some(" "))),
            Some(profile(None)),
            None,
        ] {
            assert_eq!(
                claim.matches(other.as_ref()),
                Err(InvalidClaim::WrongBirthday)
            );
        }
        for old in [
            "2010-2-3",
            "2010-02-3",
            "2010/02/03",
            "2010.2.3",
            " 2010-02-03 ",
        ] {
            assert_eq!(claim.matches(Some(&profile(Some(old)))), Ok(()), "{old}");
        }
        for none in [
            "2001-02-29",
            "3.2.2010",
            "02/03/2010",
            "10-2-3",
            "2010-2-3-4",
            "2010-+2-3",
            "2010-02-03T00:00:00Z",
            "3 February 2010",
            "-",
        ] {
            assert_eq!(
                claim.matches(Some(&profile(Some(none)))),
                Err(InvalidClaim::UnreadableBirthday),
                "{none}"
            );
        }
    }
}
