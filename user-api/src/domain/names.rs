//! The user name and the addresses in a change of an account: which are allowed together, and which
//! the account gets.

use shared_types::address;

use crate::domain::{
    details::contains,
    update::{UpdateRefusal, Updates},
    user::{Account, main_address},
};

/// The user name and the addresses that an account gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Names {
    pub(crate) username: Option<String>,
    pub(crate) emails: Vec<String>,
}

impl Names {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        self.username
            .as_deref()
            .into_iter()
            .chain(self.emails.iter().map(String::as_str))
    }

    /// The address under which others know the account that has them; `None`: there is none.
    pub(crate) fn main_address(&self) -> Option<&str> {
        main_address(self.username.as_deref(), &self.emails)
    }
}

impl Updates {
    /// Where both are given, the user name is the first address.
    pub(super) fn names_agree(&self) -> bool {
        match (&self.username, &self.emails) {
            (Some(username), Some(emails)) => {
                username.as_str() == emails.first().map_or("", String::as_str)
            }
            _ => true,
        }
    }

    /// Whether the new user name is not an address, which only child accounts may have.
    pub(crate) fn names_a_username(&self) -> bool {
        self.username
            .as_deref()
            .is_some_and(|name| !name.is_empty() && !address::is_valid(name))
    }

    /// Whether the form of the new user name suits `account`; `None`: there is no such account.
    pub(crate) fn username_suits(&self, account: Option<&Account>) -> bool {
        let has_free_name = account
            .and_then(|account| account.username.as_deref())
            .is_some_and(|name| !address::has_shape(name));
        has_free_name || !self.names_a_username()
    }

    /// The names that `account` gets; `None` when they stay as they are.
    pub(crate) fn names_of(&self, account: &Account) -> Result<Option<Names>, UpdateRefusal> {
        let removes_name =
            self.username.as_deref() == Some("") || self.emails.as_ref().is_some_and(Vec::is_empty);
        if removes_name && account.has_password() {
            return Err(UpdateRefusal::Invalid);
        }
        let username = self.username.clone().filter(|name| !name.is_empty());
        let is_foreign = |name: &String| {
            address::has_shape(name)
                && self.emails.is_none()
                && account.emails.len() > 1
                && !contains(&account.emails, name)
        };
        if username.as_ref().is_some_and(is_foreign) {
            return Err(UpdateRefusal::Invalid);
        }
        let names = match (&self.username, &self.emails) {
            (None, None) => match self.hands_over(account) {
                Some(address) => handed_over(account, address),
                None => return Ok(None),
            },
            (Some(_), Some(emails)) => Names {
                username,
                emails: emails.clone(),
            },
            (None, Some(emails)) => Names {
                username: username_beside(account, emails),
                emails: emails.clone(),
            },
            (Some(_), None) if self.names_a_username() || account.emails.len() > 1 => Names {
                username,
                emails: account.emails.clone(),
            },
            (Some(_), None) => Names {
                emails: username.iter().cloned().collect(),
                username,
            },
        };
        let unchanged = names.username == account.username && names.emails == account.emails;
        Ok((!unchanged).then_some(names))
    }
}

/// The names of `account` once it is handed over to the owner of `address`: another address, which
/// may be the maker's, could be proven later and then be used for a reset.
fn handed_over(account: &Account, address: &str) -> Names {
    let is_foreign = |name: &String| address::has_shape(name) && !address::is_same(name, address);
    let username = account.username.clone();
    Names {
        username: username.map(|name| {
            if is_foreign(&name) {
                address.to_owned()
            } else {
                name
            }
        }),
        emails: vec![address.to_owned()],
    }
}

/// The user name of `account` once its addresses are `emails`: it follows the first address where
/// it was that address, and a name of its own stays.
fn username_beside(account: &Account, emails: &[String]) -> Option<String> {
    let followed = match (&account.username, account.emails.first()) {
        (None, None) => true,
        (Some(username), Some(first)) => address::is_same(username, first),
        _ => false,
    };
    let is_removed =
        emails.is_empty() && account.username.as_deref().is_some_and(address::has_shape);
    if followed || is_removed {
        emails.first().cloned()
    } else {
        account.username.clone()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{Names, UpdateRefusal};
    use crate::domain::{
        update::tests::{read, strings},
        user::{Account, tests::account},
    };

    fn named(username: Option<&str>, emails: &[&str], password: bool) -> Account {
        Account {
            username: username.map(str::to_owned),
            emails: strings(emails),
            password_hash: password.then(|| "hash".to_owned()),
            ..account()
        }
    }

    #[test]
    fn only_accounts_with_a_name_of_their_own_may_have_another() {
        let updates = read(&json!({"username": "kid"})).unwrap();
        assert!(updates.username_suits(Some(&named(Some("child"), &[], false))));
        assert!(!updates.username_suits(Some(&named(Some("a@z.co"), &[], false))));
        assert!(!updates.username_suits(Some(&named(None, &[], false))));
        assert!(!updates.username_suits(None));
        let updates = read(&json!({"username": "b@z.co"})).unwrap();
        assert!(updates.username_suits(Some(&account())));
        assert!(updates.username_suits(None));
    }

    #[test]
    fn the_names_follow_each_other() {
        let cases = [
            // One address: user name and address change together.
            (
                named(Some("a@z.co"), &["a@z.co"], true),
                json!({"username": "b@z.co"}),
                Some((Some("b@z.co"), &["b@z.co"][..])),
            ),
            (
                named(None, &[], false),
                json!({"username": "b@z.co"}),
                Some((Some("b@z.co"), &["b@z.co"])),
            ),
            (
                named(Some("a@z.co"), &["a@z.co"], true),
                json!({"emails": ["b@z.co", "c@z.co"]}),
                Some((Some("b@z.co"), &["b@z.co", "c@z.co"])),
            ),
            (
                named(None, &[], false),
                json!({"emails": ["b@z.co"]}),
                Some((Some("b@z.co"), &["b@z.co"])),
            ),
            (
                named(Some("A@z.co"), &["a@z.co"], true),
                json!({"emails": ["b@z.co"]}),
                Some((Some("b@z.co"), &["b@z.co"])),
            ),
            // A name that was not the first address stays.
            (
                named(Some("kid"), &["a@z.co"], true),
                json!({"emails": ["b@z.co"]}),
                Some((Some("kid"), &["b@z.co"])),
            ),
            (
                named(Some("kid"), &[], true),
                json!({"emails": ["b@z.co"]}),
                Some((Some("kid"), &["b@z.co"])),
            ),
            (
                named(Some("kid"), &["a@z.co"], false),
                json!({"emails": []}),
                Some((Some("kid"), &[])),
            ),
            // Several addresses: only the user name changes.
            (
                named(Some("a@z.co"), &["a@z.co", "b@z.co"], true),
                json!({"username": "b@z.co"}),
                Some((Some("b@z.co"), &["a@z.co", "b@z.co"])),
            ),
            (
                named(Some("kid"), &["a@z.co"], true),
                json!({"username": "lad"}),
                Some((Some("lad"), &["a@z.co"])),
            ),
            // Both.
            (
                named(Some("a@z.co"), &["a@z.co"], true),
                json!({"username": "b@z.co", "emails": ["b@z.co"]}),
                Some((Some("b@z.co"), &["b@z.co"])),
            ),
            // Removal.
            (
                named(Some("a@z.co"), &["a@z.co"], false),
                json!({"emails": null}),
                Some((None, &[])),
            ),
            (
                named(Some("a@z.co"), &["a@z.co"], false),
                json!({"username": "", "emails": []}),
                Some((None, &[])),
            ),
            (
                named(Some("a@z.co"), &["a@z.co"], false),
                json!({"username": ""}),
                Some((None, &[])),
            ),
            // Nothing to do.
            (
                named(Some("a@z.co"), &["a@z.co"], true),
                json!({"username": "a@z.co"}),
                None,
            ),
            (
                named(Some("a@z.co"), &["a@z.co"], true),
                json!({"password": "12345678"}),
                None,
            ),
        ];
        for (account, updates, expected) in cases {
            let names = read(&updates).unwrap().names_of(&account).unwrap();
            let expected = expected.map(|(username, emails)| Names {
                username: username.map(str::to_owned),
                emails: strings(emails),
            });
            assert_eq!(names, expected, "{updates}");
        }
    }

    #[test]
    fn an_account_with_a_password_keeps_a_name() {
        for updates in [
            json!({"emails": []}),
            json!({"emails": null}),
            json!({"username": ""}),
            json!({"username": "", "emails": []}),
        ] {
            assert_eq!(
                read(&updates).unwrap().names_of(&account()),
                Err(UpdateRefusal::Invalid),
                "{updates}"
            );
        }
    }
}
