//! `onlyIf` of `PUT /user/:userid`: what must hold for a service's change to be made.

use serde_json::Value;

use crate::domain::{members::InvalidDetails, user::Account};

/// The account still has an address. Whoever was sent a mail there may change no account to which
/// it does not belong any more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Condition {
    email: String,
}

impl Condition {
    /// Reads `{"email": <address>}`. A condition that is not known cannot be left out.
    pub(crate) fn read(condition: &Value) -> Result<Self, InvalidDetails> {
        match condition.as_object() {
            Some(members) if members.len() == 1 => {
                let email = members.get("email").and_then(Value::as_str);
                let email = email.filter(|email| !email.is_empty());
                let email = email.ok_or(InvalidDetails)?.to_owned();
                Ok(Self { email })
            }
            _ => Err(InvalidDetails),
        }
    }

    pub(crate) fn holds_for(&self, account: &Account) -> bool {
        account.has_address(&self.email)
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
            ("\u{e1}@z.co", false),
            ("name@z.co", false),
            ("c@z.co", false),
        ] {
            let condition = Condition::read(&json!({"email": email})).unwrap();
            assert_eq!(condition.holds_for(&account), holds, "{email}");
        }
    }
}
