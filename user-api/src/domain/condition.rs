//! `onlyIf` of `PUT /user/:userid`: what must hold for a service's change to be made.

use serde::Deserialize;
use shared_runtime::body::not_null;

use crate::domain::{members::InvalidDetails, user::Account};

/// The account still has an address. Whoever was sent a mail there may change no account to which
/// it does not belong any more.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "Members")]
pub(crate) struct Condition {
    email: String,
    /// The account has no password, unless this very change has set it.
    is_first_password: bool,
}

/// What a condition says. One that is not known cannot be left out.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Members {
    email: String,
    /// `false`, or absent.
    #[serde(default, deserialize_with = "not_null")]
    password_exists: Option<bool>,
}

impl TryFrom<Members> for Condition {
    type Error = InvalidDetails;

    fn try_from(members: Members) -> Result<Self, InvalidDetails> {
        if members.email.is_empty() || members.password_exists == Some(true) {
            return Err(InvalidDetails);
        }
        Ok(Self {
            email: members.email,
            is_first_password: members.password_exists.is_some(),
        })
    }
}

impl Condition {
    /// The address to which a mail was sent.
    pub(crate) fn email(&self) -> &str {
        &self.email
    }

    pub(crate) fn holds_for(&self, account: &Account) -> bool {
        account.has_address(&self.email)
    }

    /// Whether the password that is there, if one is, keeps the change out. A repeat meets the one
    /// that it has set itself, and is found to be a repeat before this is asked.
    pub(crate) fn allows_first_change(&self, account: &Account) -> bool {
        !(self.is_first_password && account.has_password())
    }

    /// Whether mail to the address is for `account`, and not only noted there by somebody.
    pub(crate) fn stands_in(&self, account: &Account) -> bool {
        account.receives_at(&self.email)
    }

    /// The address as `account` has it; `None`: it has not.
    pub(crate) fn address_of<'a>(&self, account: &'a Account) -> Option<&'a String> {
        account.own_address(&self.email)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use shared_runtime::body::{InvalidBody, parse_object};

    use super::Condition;
    use crate::domain::user::{Account, tests::account};

    fn read(condition: &Value) -> Result<Condition, InvalidBody> {
        parse_object(condition.to_string().as_bytes())
    }

    #[test]
    fn a_condition_names_an_address_and_nothing_else() {
        assert!(read(&json!({"email": "a@z.co"})).is_ok());
        assert!(read(&json!({"email": "a@z.co", "passwordExists": false})).is_ok());
        for invalid in [
            json!(null),
            json!(true),
            json!("a@z.co"),
            json!([]),
            json!({}),
            json!({"email": ""}),
            json!({"email": null}),
            json!({"email": {"$ne": 1}}),
            json!({"emails": ["a@z.co"]}),
            json!({"email": "a@z.co", "role": "patient"}),
            json!({"email": "a@z.co", "passwordExists": true}),
            json!({"email": "a@z.co", "passwordExists": null}),
            json!({"passwordExists": false}),
        ] {
            assert!(read(&invalid).is_err(), "{invalid}");
        }
    }

    #[test]
    fn any_address_of_the_account_fulfils_it_and_its_user_name_does_not() {
        let account = Account {
            username: Some("name@z.co".to_owned()),
            emails: vec!["a@z.co".to_owned(), "b@z.co".to_owned()],
            ..account()
        };
        for (email, holds) in [
            ("a@z.co", true),
            ("B@Z.CO", true),
            (" a@z.co ", true),
            ("a@\u{212a}.z.co", false),
            ("\u{e1}@z.co", false),
            ("name@z.co", false),
            ("c@z.co", false),
        ] {
            let condition = read(&json!({"email": email})).unwrap();
            assert_eq!(condition.holds_for(&account), holds, "{email}");
        }
    }

    #[test]
    fn the_first_password_is_set_where_there_is_none() {
        let without = Account {
            password_hash: None,
            ..account()
        };
        let any = read(&json!({"email": "a@z.co"})).unwrap();
        let first = json!({"email": "a@z.co", "passwordExists": false});
        let first = read(&first).unwrap();
        for (condition, account, allowed) in [
            (&any, &account(), true),
            (&any, &without, true),
            (&first, &without, true),
            (&first, &account(), false),
        ] {
            assert_eq!(condition.allows_first_change(account), allowed);
        }
    }
}
