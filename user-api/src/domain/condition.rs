//! `onlyIf` of `PUT /user/:userid`: what must hold for a service's change to be made.

use serde_json::Value;

use crate::domain::{members::InvalidDetails, user::Account};

/// The account still has an address. Whoever was sent a mail there may change no account to which
/// it does not belong any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Condition {
    email: String,
    /// The account has no password, unless this very change has set it.
    is_first_password: bool,
}

impl Condition {
    /// Reads `{"email": <address>}`, with `"passwordExists": false` or without it. A condition that
    /// is not known cannot be left out.
    pub(crate) fn read(condition: &Value) -> Result<Self, InvalidDetails> {
        let mut members = condition.as_object().ok_or(InvalidDetails)?.clone();
        let is_first_password = match members.remove("passwordExists") {
            None => false,
            Some(Value::Bool(false)) => true,
            Some(_) => return Err(InvalidDetails),
        };
        match (members.remove("email"), members.is_empty()) {
            (Some(Value::String(email)), true) if !email.is_empty() => Ok(Self {
                email,
                is_first_password,
            }),
            _ => Err(InvalidDetails),
        }
    }

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
    use serde_json::json;

    use super::Condition;
    use crate::domain::{
        members::InvalidDetails,
        user::{Account, tests::account},
    };

    #[test]
    fn a_condition_names_an_address_and_nothing_else() {
        assert!(Condition::read(&json!({"email": "a@z.co"})).is_ok());
        assert!(Condition::read(&json!({"email": "a@z.co", "passwordExists": false})).is_ok());
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
            assert_eq!(Condition::read(&invalid), Err(InvalidDetails), "{invalid}");
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
            let condition = Condition::read(&json!({"email": email})).unwrap();
            assert_eq!(condition.holds_for(&account), holds, "{email}");
        }
    }

    #[test]
    fn the_first_password_is_set_where_there_is_none() {
        let without = Account {
            password_hash: None,
            ..account()
        };
        let any = Condition::read(&json!({"email": "a@z.co"})).unwrap();
        let first = json!({"email": "a@z.co", "passwordExists": false});
        let first = Condition::read(&first).unwrap();
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
