//! `PUT /user/:userid`: reading the changes, and who may make which.

use std::sync::LazyLock;

use chrono::DateTime;
use regex_lite::Regex;
use serde::Deserialize;
use shared_runtime::body::{Member, not_null, parse_object};
use shared_types::password;

use crate::domain::{
    condition::Condition,
    members::{Emails, InvalidDetails, Roles, empty_if_null},
    rights::Rights,
    user::{Account, read_name},
};

/// RFC 3339 with a numeric offset; `Z` is not one.
static TIMESTAMP: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\A\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:[0-5]\d(\.\d+)?[+-]\d{2}:[0-5]\d\z")
        .expect("the pattern is a constant")
});

/// The longest idempotency key, in bytes.
const MAX_KEY: usize = 128;

/// The changes asked for; `None` leaves a member as it is.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Updates {
    /// Empty: no user name any more.
    pub(crate) username: Option<String>,
    /// Empty: no address any more.
    pub(crate) emails: Option<Vec<String>>,
    pub(crate) password: Option<String>,
    pub(crate) roles: Option<Vec<String>>,
    pub(crate) terms_accepted: Option<String>,
    pub(crate) email_verified: Option<bool>,
    /// `None`: the change is made in any case.
    pub(crate) only_if: Option<Condition>,
    /// A repeat of the change under the same key changes nothing; `None`: it is made again.
    pub(crate) idempotency_key: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Body {
    updates: Changes,
    #[serde(default, deserialize_with = "not_null")]
    only_if: Option<Condition>,
    #[serde(default, deserialize_with = "not_null")]
    idempotency_key: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Changes {
    #[serde(default, deserialize_with = "not_null")]
    username: Option<String>,
    #[serde(default)]
    emails: Member<Emails>,
    #[serde(default, deserialize_with = "not_null")]
    password: Option<String>,
    #[serde(default)]
    roles: Member<Roles>,
    #[serde(default, deserialize_with = "not_null")]
    terms_accepted: Option<String>,
    #[serde(default, deserialize_with = "not_null")]
    email_verified: Option<bool>,
}

/// Why an account is not changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum UpdateRefusal {
    #[error("the change breaks a rule")]
    Invalid,
    #[error("the caller may not make the change")]
    NotAuthorized,
    #[error("the account is not as the change wants it")]
    ConditionFails,
    #[error("another change was made under the same idempotency key")]
    AppliedOtherwise,
    #[error("the account has a password, and the change wants to set the first one")]
    HasPassword,
}

impl Updates {
    pub(crate) fn read(body: &[u8]) -> Result<Self, InvalidDetails> {
        let body: Body = parse_object(body)?;
        let changes = body.updates;
        let updates = Self {
            username: changes
                .username
                .map(|name| read_username(&name))
                .transpose()?,
            emails: empty_if_null(changes.emails).map(|Emails(emails)| emails),
            password: changes.password,
            roles: empty_if_null(changes.roles).map(|Roles(roles)| roles),
            terms_accepted: changes.terms_accepted,
            email_verified: changes.email_verified,
            only_if: body.only_if,
            idempotency_key: body.idempotency_key,
        };
        if updates.is_valid() {
            Ok(updates)
        } else {
            Err(InvalidDetails)
        }
    }

    fn is_valid(&self) -> bool {
        (self.names_a_username() || self.names_agree())
            && self.password.as_deref().is_none_or(password::is_acceptable)
            && self.terms_accepted.as_deref().is_none_or(is_timestamp)
            && self.idempotency_key.as_deref().is_none_or(is_key)
    }

    /// Whether the caller may make these changes to `account`. Only services make them on a
    /// condition or under a key, whose answer tells what the account is like.
    ///
    /// Where there is a password there is an owner, and whoever changed the address could have a
    /// new password sent there.
    pub(crate) fn check_rights(
        &self,
        account: &Account,
        rights: &Rights,
    ) -> Result<(), UpdateRefusal> {
        let is_service = *rights == Rights::Service;
        let changes_names = self.username.is_some() || self.emails.is_some();
        let for_services = self.roles.is_some() || self.email_verified.is_some();
        let for_the_owner = self.password.is_some()
            || self.terms_accepted.is_some()
            || (changes_names && account.has_password());
        let refused = !rights.administer()
            || (for_services && !is_service)
            || (for_the_owner && matches!(rights, Rights::Holder(_)));
        if refused {
            Err(UpdateRefusal::NotAuthorized)
        } else if (self.only_if.is_some() || self.idempotency_key.is_some()) && !is_service {
            Err(UpdateRefusal::Invalid)
        } else {
            Ok(())
        }
    }

    /// Whether `account` is as the change wants it. An address that does not stand there can be
    /// proven, but a password is not set through it.
    pub(crate) fn check_condition(&self, account: &Account) -> Result<(), UpdateRefusal> {
        let holds = self.only_if.as_ref().is_none_or(|condition| {
            condition.holds_for(account)
                && (self.password.is_none() || condition.stands_in(account))
        });
        if holds {
            Ok(())
        } else {
            Err(UpdateRefusal::ConditionFails)
        }
    }

    /// The same for a change that is no repeat.
    pub(crate) fn check_first(&self, account: &Account) -> Result<(), UpdateRefusal> {
        match &self.only_if {
            Some(condition) if !condition.allows_first_change(account) => {
                Err(UpdateRefusal::HasPassword)
            }
            _ => Ok(()),
        }
    }
}

/// A user name, or none where `name` is empty.
fn read_username(name: &str) -> Result<String, InvalidDetails> {
    if name.is_empty() {
        return Ok(String::new());
    }
    read_name(name).ok_or(InvalidDetails)
}

/// Whether `text` may be an idempotency key.
pub(crate) fn is_key(text: &str) -> bool {
    (1..=MAX_KEY).contains(&text.len())
}

fn is_timestamp(text: &str) -> bool {
    text.len() <= 64 && TIMESTAMP.is_match(text) && DateTime::parse_from_rfc3339(text).is_ok()
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::{Value, json};
    use shared_types::PermissionSet;

    use super::{Updates, is_timestamp};
    use crate::domain::user::{Account, tests::account};
    use crate::domain::{members::InvalidDetails, rights::Rights};

    pub(crate) fn read(updates: &Value) -> Result<Updates, InvalidDetails> {
        Updates::read(json!({ "updates": updates }).to_string().as_bytes())
    }

    fn holder(permissions: &[&str]) -> Rights {
        Rights::Holder(PermissionSet::of(permissions))
    }

    pub(crate) fn strings(texts: &[&str]) -> Vec<String> {
        texts.iter().map(|text| (*text).to_owned()).collect()
    }

    #[test]
    fn timestamps_have_a_numeric_offset() {
        for valid in [
            "2016-01-01T00:00:00-00:00",
            "2016-01-01T00:00:00-23:30",
            "2015-12-31T23:59:59-08:00",
            "2016-01-01T00:00:00.123+02:00",
        ] {
            assert!(is_timestamp(valid), "{valid}");
        }
        for invalid in [
            "",
            "2016-01-01T00:00:00Z",
            "2016-01-01",
            "2016-13-01T00:00:00-08:00",
            "2016-01-01T25:00:00-08:00",
            "2016-01-01T00:00:00-08",
            "2016-01-01 00:00:00-08:00",
            "aaaa-aa-aaTaa:aa:aa-aa:aa",
            "2016-01-01T00:00:60-08:00",
        ] {
            assert!(!is_timestamp(invalid), "{invalid}");
        }
    }

    #[test]
    fn unknown_members_change_nothing() {
        assert_eq!(read(&json!({})), Ok(Updates::default()));
        assert_eq!(
            read(&json!({"terms": "2016-01-01T00:00:00-08:00"})),
            Ok(Updates::default())
        );
    }

    #[test]
    fn every_member_is_read() {
        let updates = json!({
            "username": "b@z.co", "emails": ["b@z.co", "c@z.co"], "password": "12345678",
            "roles": ["clinic"], "termsAccepted": "2016-01-01T00:00:00-08:00", "emailVerified": true,
        });
        let expected = Updates {
            username: Some("b@z.co".into()),
            emails: Some(strings(&["b@z.co", "c@z.co"])),
            password: Some("12345678".into()),
            roles: Some(strings(&["clinic"])),
            terms_accepted: Some("2016-01-01T00:00:00-08:00".into()),
            email_verified: Some(true),
            only_if: None,
            idempotency_key: None,
        };
        assert_eq!(read(&updates), Ok(expected));
        assert_eq!(read(&json!({"emails": null})).unwrap().emails, Some(vec![]));
        assert_eq!(
            read(&json!({"username": "", "emails": []}))
                .unwrap()
                .username
                .as_deref(),
            Some("")
        );
    }

    #[test]
    fn wrong_members_are_invalid() {
        for updates in [
            json!(null),
            json!([]),
            json!("x"),
            json!({"username": null}),
            json!({"username": "a b"}),
            json!({"username": {"$ne": 1}}),
            json!({"username": "0123456789"}),
            json!({"emails": "a@z.co"}),
            json!({"emails": ["bob"]}),
            json!({"emails": [{"$gt": ""}]}),
            json!({"username": "a@z.co", "emails": ["b@z.co"]}),
            json!({"username": "a@z.co", "emails": []}),
            json!({"username": "", "emails": ["b@z.co"]}),
            json!({"password": "short"}),
            json!({"password": null}),
            json!({"password": {"$ne": ""}}),
            json!({"roles": ["king"]}),
            json!({"roles": "clinic"}),
            json!({"termsAccepted": "2016-01-01T00:00:00Z"}),
            json!({"termsAccepted": 1}),
            json!({"emailVerified": "true"}),
            json!({"emailVerified": null}),
        ] {
            assert_eq!(read(&updates), Err(InvalidDetails), "{updates}");
        }
        for body in ["", "{", "{}", "[]", "{\"updates\":1}"] {
            assert_eq!(
                Updates::read(body.as_bytes()),
                Err(InvalidDetails),
                "{body}"
            );
        }
    }

    #[test]
    fn each_change_has_its_own_right() {
        let unclaimed = Account {
            password_hash: None,
            ..account()
        };
        let allowed = |updates: Value, rights| {
            let updates = read(&updates).unwrap();
            updates.check_rights(&unclaimed, rights).is_ok()
        };
        let (custodian, stranger) = (holder(&["custodian"]), holder(&[]));
        for updates in [
            json!({"password": "12345678"}),
            json!({"termsAccepted": "2016-01-01T00:00:00-08:00"}),
        ] {
            assert!(allowed(updates.clone(), &Rights::Owner));
            assert!(!allowed(updates.clone(), &custodian));
            assert!(!allowed(updates, &stranger));
        }
        for updates in [json!({"roles": ["clinic"]}), json!({"emailVerified": true})] {
            assert!(allowed(updates.clone(), &Rights::Service));
            assert!(!allowed(updates.clone(), &Rights::Owner));
            assert!(!allowed(updates, &custodian));
        }
        for updates in [
            json!({}),
            json!({"username": "b@z.co"}),
            json!({"emails": ["b@z.co"]}),
        ] {
            assert!(allowed(updates.clone(), &Rights::Owner));
            assert!(allowed(updates.clone(), &custodian));
            assert!(!allowed(updates, &stranger));
        }
    }

    #[test]
    fn a_password_is_set_through_an_address_that_stands() {
        let owner = Account {
            emails: strings(&["a@z.co", "b@z.co"]),
            proven_email: Some("a@z.co".into()),
            ..account()
        };
        for (email, updates, holds) in [
            ("a@z.co", json!({"password": "12345678"}), true),
            ("b@z.co", json!({"password": "12345678"}), false),
            (
                "b@z.co",
                json!({"password": "12345678", "emailVerified": true}),
                false,
            ),
            ("b@z.co", json!({"emailVerified": true}), true),
            ("c@z.co", json!({"emailVerified": true}), false),
        ] {
            let body = json!({"updates": updates, "onlyIf": {"email": email}}).to_string();
            let updates = Updates::read(body.as_bytes()).unwrap();
            assert_eq!(updates.check_condition(&owner).is_ok(), holds, "{body}");
        }
    }

    #[test]
    fn names_of_an_account_with_a_password_are_for_its_owner() {
        for updates in [
            json!({"username": "b@z.co"}),
            json!({"emails": ["b@z.co"]}),
            json!({"username": "b@z.co", "emails": ["b@z.co"]}),
            json!({"username": ""}),
            json!({"emails": null}),
        ] {
            let updates = read(&updates).unwrap();
            for (rights, allowed) in [
                (Rights::Owner, true),
                (holder(&["custodian"]), false),
                (holder(&[]), false),
            ] {
                let checked = updates.check_rights(&account(), &rights);
                assert_eq!(checked.is_ok(), allowed, "{updates:?} {rights:?}");
            }
        }
        let nothing = read(&json!({})).unwrap();
        let checked = nothing.check_rights(&account(), &holder(&["custodian"]));
        assert_eq!(checked, Ok(()));
    }
}
