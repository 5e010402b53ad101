//! The members of a body about an account, by their types.

use serde::Deserialize;
use shared_runtime::body::{InvalidBody, Member};
use shared_types::address;

use crate::domain::user::is_role;

/// Addresses or roles of one account. Without a bound, one sign-up could take any number of
/// addresses from their owners.
const MAX_ITEMS: usize = 20;

/// The body cannot be read or breaks a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("invalid details")]
pub(crate) struct InvalidDetails;

impl From<InvalidBody> for InvalidDetails {
    fn from(_: InvalidBody) -> Self {
        Self
    }
}

/// Addresses.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(try_from = "Vec<String>")]
pub(crate) struct Emails(pub(crate) Vec<String>);

impl TryFrom<Vec<String>> for Emails {
    type Error = InvalidDetails;

    fn try_from(texts: Vec<String>) -> Result<Self, InvalidDetails> {
        each(&texts, address::parse).map(Self)
    }
}

/// Roles.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(try_from = "Vec<String>")]
pub(crate) struct Roles(pub(crate) Vec<String>);

impl TryFrom<Vec<String>> for Roles {
    type Error = InvalidDetails;

    fn try_from(texts: Vec<String>) -> Result<Self, InvalidDetails> {
        each(&texts, |text| is_role(text).then(|| text.to_owned())).map(Self)
    }
}

fn each(
    texts: &[String],
    read: impl Fn(&str) -> Option<String>,
) -> Result<Vec<String>, InvalidDetails> {
    if texts.len() > MAX_ITEMS {
        return Err(InvalidDetails);
    }
    let items: Option<_> = texts.iter().map(|text| read(text)).collect();
    items.ok_or(InvalidDetails)
}

/// What a member says that is empty where it is `null`; `None`: it is absent.
pub(crate) fn empty_if_null<T: Default>(member: Member<T>) -> Option<T> {
    match member {
        Member::Absent => None,
        Member::Null => Some(T::default()),
        Member::Given(items) => Some(items),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_str, json};

    use super::{Emails, Roles};

    #[test]
    fn roles_are_those_that_there_are() {
        assert_eq!(from_str::<Roles>("[]").unwrap(), Roles::default());
        let roles: Roles = from_str("[\"patient\"]").unwrap();
        assert_eq!(roles.0, ["patient"]);
        for wrong in ["\"patient\"", "[1]", "[null]", "{}", "true", "[\"other\"]"] {
            assert!(from_str::<Roles>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn an_account_has_at_most_20_addresses() {
        for (count, is_taken) in [(20, true), (21, false)] {
            let emails = json!(vec!["a@z.co"; count]).to_string();
            assert_eq!(from_str::<Emails>(&emails).is_ok(), is_taken, "{count}");
        }
        assert!(from_str::<Emails>("[\"a\"]").is_err());
    }
}
