//! The filters of the list of users with whom a user shares data.

use shared_types::{PermissionSet, address};

use crate::domain::associates::Associate;

/// A condition on the permissions in one direction.
#[derive(Debug, Clone, PartialEq, Eq)]
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
/// They apply to what the caller gets to see, so that no filter tells what the answer hides.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Filter {
    trustor_permissions: Option<Holds>,
    trustee_permissions: Option<Holds>,
    /// Part of the user name or of an address.
    email: Option<Part>,
    email_verified: Option<bool>,
    /// Part of the time of acceptance.
    terms_accepted: Option<Part>,
    /// Part of the full name.
    name: Option<Part>,
    /// Part of the patient's date of birth.
    birthday: Option<Part>,
    /// Part of the patient's date of diagnosis.
    diagnosis_date: Option<Part>,
}

/// A filter that cannot be read: its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Invalid query parameter: {0}")]
pub(crate) struct InvalidFilter(pub(crate) &'static str);

impl Filter {
    /// Reads the query parameters. The first of a repeated one counts, an empty one counts as
    /// absent, an unknown one is ignored.
    pub(crate) fn read(parameters: &[(String, String)]) -> Result<Self, InvalidFilter> {
        let parameter = |name: &str| {
            parameters
                .iter()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value.as_str())
                .filter(|value| !value.is_empty())
        };
        let holds = |name: &'static str| match parameter(name) {
            Some(text) => Holds::read(text).map(Some).ok_or(InvalidFilter(name)),
            None => Ok(None),
        };
        let part = |name: &str| parameter(name).map(Part::new);
        Ok(Self {
            trustor_permissions: holds("trustorPermissions")?,
            trustee_permissions: holds("trusteePermissions")?,
            email: parameter("email").map(str::trim).map(Part::new),
            email_verified: match parameter("emailVerified") {
                Some(text) => Some(read_flag(text).ok_or(InvalidFilter("emailVerified"))?),
                None => None,
            },
            terms_accepted: part("termsAccepted"),
            name: part("name"),
            birthday: part("birthday"),
            diagnosis_date: part("diagnosisDate"),
        })
    }

    /// Whether somebody with these permissions can be listed at all, before anything else is
    /// known about them.
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
#[derive(Debug, Clone, PartialEq, Eq)]
struct Part(String);

impl Part {
    fn new(text: &str) -> Self {
        Self(text.to_lowercase())
    }
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
fn read_flag(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "y" | "1" => Some(true),
        "false" | "no" | "n" | "0" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use shared_types::{PermissionSet, UserRecord};

    use super::{Filter, InvalidFilter};
    use crate::domain::associates::{
        Associate,
        tests::{alpha, collections, seen_with},
    };

    fn filter(query: &[(&str, &str)]) -> Result<Filter, InvalidFilter> {
        let parameters: Vec<_> = query
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        Filter::read(&parameters)
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
            assert_eq!(
                filter(&[(key, value)]),
                Err(InvalidFilter(key)),
                "{key}={value}"
            );
        }
    }
}
