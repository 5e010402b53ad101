//! The filters of the list of users with whom a user shares data.

use serde::{Deserialize, Deserializer, de::Error};
use shared_runtime::query::{Empty, Parameters};
use shared_types::{PermissionSet, address};
use utoipa::IntoParams;

use crate::domain::associates::Associate;

/// A condition on the permissions in one direction.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
enum Holds {
    /// At least one permission.
    Any,
    /// No permission.
    None,
    /// Every one of these.
    All(Vec<String>),
}

/// Which associates are listed. All conditions must hold; `None`: no condition.
///
/// They apply to what the caller gets to see, so that no filter tells what the response hides.
#[derive(Debug, Default, Clone, PartialEq, Eq, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Filter {
    /// What the user granted: `any`, `none` or a comma-separated list, all of which are held.
    /// `admin` and `custodian` are one.
    #[param(value_type = Option<String>)]
    trustor_permissions: Option<Holds>,
    /// What was granted to the user, in the same form.
    #[param(value_type = Option<String>)]
    trustee_permissions: Option<Holds>,
    /// Part of the user name or of an e-mail address, in any case; plain text, not a pattern.
    #[serde(default, deserialize_with = "trimmed")]
    #[param(value_type = Option<String>)]
    email: Option<Part>,
    /// `true`, `yes`, `y`, `1` or `false`, `no`, `n`, `0`.
    #[serde(default, deserialize_with = "flag")]
    #[param(value_type = Option<String>)]
    email_verified: Option<bool>,
    /// Part of the time when the terms were accepted.
    #[param(value_type = Option<String>)]
    terms_accepted: Option<Part>,
    /// Part of the full name, in any case.
    #[param(value_type = Option<String>)]
    name: Option<Part>,
    /// The date of birth, or a part of it; of those whose `patient` is shown.
    #[param(value_type = Option<String>)]
    birthday: Option<Part>,
    /// The date of diagnosis, or a part of it; of those whose `patient` is shown.
    #[param(value_type = Option<String>)]
    diagnosis_date: Option<Part>,
}

impl Parameters for Filter {
    const EMPTY: Empty = Empty::Absent;
    const FIRST_COUNTS: bool = true;
}

impl Filter {
    /// Whether a user with these permissions can be listed at all, before anything else is known
    /// about that user.
    pub(crate) fn admits_permissions(
        &self,
        trustor: Option<&PermissionSet>,
        trustee: Option<&PermissionSet>,
    ) -> bool {
        self.trustor_permissions
            .as_ref()
            .is_none_or(|holds| holds.by(trustor))
            && self
                .trustee_permissions
                .as_ref()
                .is_none_or(|holds| holds.by(trustee))
    }

    /// Whether `associate`, whose permissions are admitted, is listed.
    pub(crate) fn admits(&self, associate: &Associate) -> bool {
        let user = &associate.user;
        let names = user.username.iter().chain(user.emails.iter().flatten());
        let spellings: Vec<String> = names.flat_map(|name| address::spellings(name)).collect();
        is_part(self.email.as_ref(), spellings.iter().map(String::as_str))
            && self
                .email_verified
                .is_none_or(|wanted| wanted == user.email_verified.unwrap_or(false))
            && is_part(self.terms_accepted.as_ref(), user.terms_accepted.as_deref())
            && is_part(self.name.as_ref(), associate.profile_text("/fullName"))
            && is_part(
                self.birthday.as_ref(),
                associate.profile_text("/patient/birthday"),
            )
            && is_part(
                self.diagnosis_date.as_ref(),
                associate.profile_text("/patient/diagnosisDate"),
            )
    }
}

impl TryFrom<String> for Holds {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, &'static str> {
        Self::read(&text).ok_or("expected any, none or a list of permissions")
    }
}

impl Holds {
    fn read(text: &str) -> Option<Self> {
        let names: Vec<&str> = text
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty())
            .collect();
        match names[..] {
            [] => None,
            ["any"] => Some(Self::Any),
            ["none"] => Some(Self::None),
            _ if names.contains(&"any") || names.contains(&"none") => None,
            _ => Some(Self::All(names.into_iter().map(str::to_owned).collect())),
        }
    }

    fn by(&self, permissions: Option<&PermissionSet>) -> bool {
        let holds_some = permissions.is_some_and(|set| !set.grants_nothing());
        match self {
            Self::Any => holds_some,
            Self::None => !holds_some,
            Self::All(names) => permissions.is_some_and(|set| {
                names.iter().all(|name| match name.as_str() {
                    "admin" | "custodian" => set.administers(),
                    name => set.has(name),
                })
            }),
        }
    }
}

/// A piece of text to be found in another, whatever its case.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
struct Part(String);

impl From<String> for Part {
    fn from(text: String) -> Self {
        Self(text.to_lowercase())
    }
}

/// A part without white space around it.
fn trimmed<'de, D: Deserializer<'de>>(parameter: D) -> Result<Option<Part>, D::Error> {
    let text = String::deserialize(parameter)?;
    Ok(Some(Part(text.trim().to_lowercase())))
}

/// Whether one of `texts` contains `part`; without a condition every user passes.
fn is_part<'a>(part: Option<&Part>, texts: impl IntoIterator<Item = &'a str>) -> bool {
    part.is_none_or(|Part(part)| {
        texts
            .into_iter()
            .any(|text| text.to_lowercase().contains(part))
    })
}

/// The spellings of yes and no that the reference's clients use.
fn flag<'de, D: Deserializer<'de>>(parameter: D) -> Result<Option<bool>, D::Error> {
    let text = String::deserialize(parameter)?;
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "y" | "1" => Ok(Some(true)),
        "false" | "no" | "n" | "0" => Ok(Some(false)),
        _ => Err(D::Error::custom("expected yes or no")),
    }
}

#[cfg(test)]
mod tests {
    use form_urlencoded::Serializer;
    use shared_runtime::query::{InvalidParameter, parse};
    use shared_types::{PermissionSet, UserRecord};

    use super::Filter;
    use crate::domain::associates::{
        Associate,
        tests::{alpha, collections, seen_with},
    };

    fn filter(query: &[(&str, &str)]) -> Result<Filter, InvalidParameter> {
        parse(&Serializer::new(String::new()).extend_pairs(query).finish())
    }

    #[test]
    fn texts_are_found_by_a_part_in_any_case_and_never_by_a_pattern() {
        let seen = seen_with(&["view"]);
        for (query, expected) in [
            (("email", "ALPHA@Z"), true),
            (("email", "SECOND"), true),
            (("email", "third"), false),
            (("email", ".*"), false),
            (("email", "a.p"), false),
            (("name", "äLP"), true),
            (("name", "(ann)"), true),
            (("name", "^Ä"), false),
            (("name", "("), true),
            (("name", "bob"), false),
            (("termsAccepted", "2016-01-01t"), true),
            (("termsAccepted", "2017"), false),
            (("birthday", "2001-11-30"), true),
            (("birthday", "-30"), true),
            (("birthday", "2001-11-3."), false),
            (("diagnosisDate", "2010-12-31"), true),
            (("diagnosisDate", "2001-11-30"), false),
            (("emailVerified", "TruE"), true),
            (("emailVerified", "no"), false),
            (("unknown", "x"), true),
            (("name", ""), true),
        ] {
            assert_eq!(
                filter(&[query]).unwrap().admits(&seen),
                expected,
                "{query:?}"
            );
        }
        let both = filter(&[("name", "ann"), ("email", "third")]).unwrap();
        assert!(!both.admits(&seen));
    }

    #[test]
    fn a_filter_does_not_tell_what_the_answer_hides() {
        let hidden = seen_with(&[]);
        assert!(!filter(&[("birthday", "2001")]).unwrap().admits(&hidden));
        assert!(filter(&[("name", "ann")]).unwrap().admits(&hidden));
    }

    #[test]
    fn a_user_without_an_address_is_not_verified() {
        let nameless = UserRecord {
            username: None,
            emails: None,
            email_verified: None,
            ..alpha()
        };
        let seen = Associate::new(nameless, None, None, collections());
        assert!(filter(&[("emailVerified", "false")]).unwrap().admits(&seen));
        assert!(!filter(&[("emailVerified", "true")]).unwrap().admits(&seen));
        assert!(!filter(&[("email", "z")]).unwrap().admits(&seen));
    }

    #[test]
    fn permissions_are_filtered_by_any_none_or_all_of_a_list() {
        let view = PermissionSet::of(&["view", "upload"]);
        let admin = PermissionSet::of(&["admin"]);
        for (text, of_view, of_admin, of_nothing) in [
            ("any", true, true, false),
            ("none", false, false, true),
            ("view", true, false, false),
            ("view,upload", true, false, false),
            ("upload,,, view", true, false, false),
            ("view,note", false, false, false),
            ("unknown", false, false, false),
            ("custodian", false, true, false),
            ("admin", false, true, false),
        ] {
            for direction in ["trustorPermissions", "trusteePermissions"] {
                let filter = filter(&[(direction, text)]).unwrap();
                let admits = |set: Option<&PermissionSet>| {
                    if direction == "trustorPermissions" {
                        filter.admits_permissions(set, None)
                    } else {
                        filter.admits_permissions(None, set)
                    }
                };
                assert_eq!(admits(Some(&view)), of_view, "{text}");
                assert_eq!(admits(Some(&admin)), of_admin, "{text}");
                assert_eq!(admits(None), of_nothing, "{text}");
                assert_eq!(
                    admits(Some(&PermissionSet::default())),
                    of_nothing,
                    "{text}"
                );
            }
        }
    }

    #[test]
    fn a_filter_that_cannot_be_read_is_named() {
        for (key, value) in [
            ("trustorPermissions", "view,any"),
            ("trustorPermissions", "none,any"),
            ("trusteePermissions", "view,none"),
            ("trusteePermissions", ",,"),
            ("emailVerified", "maybe"),
            ("emailVerified", "[$ne]"),
        ] {
            let invalid = filter(&[(key, value)]).unwrap_err();
            assert_eq!(invalid.name, key, "{key}={value}");
        }
    }
}
