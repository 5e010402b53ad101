//! An account: what is known about a user, and what follows from it.

use shared_types::{UserId, UserRecord, address};

use crate::domain::address::is_temporary_address;

/// Longest user name, as long as an address.
const MAX_USERNAME_CHARS: usize = address::MAX_BYTES;

/// The roles an account may have.
const ROLES: [&str; 7] = [
    "brokered",
    "care_partner",
    "clinic",
    "clinician",
    "custodial_account",
    "migrated_clinic",
    "patient",
];

/// An unclaimed account without a password.
pub(crate) const CUSTODIAL_ROLE: &str = "custodial_account";

/// The role of every account that names no other.
pub(crate) const DEFAULT_ROLE: &str = "patient";

/// The role of accounts whose log-in a partner handles, which are not changed here.
const BROKERED_ROLE: &str = "brokered";

/// The role of legacy clinic accounts.
pub(crate) const CLINIC_ROLE: &str = "clinic";

/// A user's account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) userid: UserId,
    /// `None`: it has no user name.
    pub(crate) username: Option<String>,
    pub(crate) emails: Vec<String>,
    pub(crate) roles: Vec<String>,
    /// As the client wrote it; `None`: not accepted.
    pub(crate) terms_accepted: Option<String>,
    pub(crate) email_verified: bool,
    /// The address that was proven last of those that the account has; empty: none was. Older versions
    /// of ours remembered one that had left. `None`: it is not remembered (see
    /// [`crate::domain::proof`]).
    pub(crate) proven_email: Option<String>,
    /// The addresses beside it that were proven earlier.
    pub(crate) also_proven: Vec<String>,
    /// `None`: the account cannot be logged into.
    pub(crate) password_hash: Option<String>,
}

impl Account {
    /// The account as a client may see it; services also learn whether it has a password.
    pub(crate) fn record(&self, for_service: bool) -> UserRecord {
        let emails: Vec<String> = self.reachable_emails().cloned().collect();
        UserRecord {
            userid: self.userid.clone(),
            username: self
                .username
                .clone()
                .filter(|name| !is_temporary_address(name)),
            emails: (!emails.is_empty()).then_some(emails),
            roles: (!self.roles.is_empty()).then(|| self.roles.clone()),
            terms_accepted: self.terms_accepted.clone(),
            email_verified: self.has_name().then(|| self.shows_verified()),
            password_exists: for_service.then(|| self.has_password()),
        }
    }

    pub(crate) fn has_password(&self) -> bool {
        self.password_hash.is_some()
    }

    /// Whether nobody can log in to the account nor recover it by mail.
    pub(crate) fn is_unreachable(&self) -> bool {
        !self.has_password() && self.reachable_emails().next().is_none()
    }

    /// Whether mail to `address` reaches the account.
    pub(crate) fn has_address(&self, address: &str) -> bool {
        self.own_address(address).is_some()
    }

    /// `address` in the account's own spelling, if mail to it reaches the account.
    pub(crate) fn own_address(&self, address: &str) -> Option<&String> {
        self.reachable_emails()
            .find(|own| address::is_same(own, address))
    }

    /// Whether nobody could reach the account any more if its addresses were `emails`.
    pub(crate) fn loses_last_address(&self, emails: &[String]) -> bool {
        !self.is_unreachable()
            && !self.has_password()
            && emails.iter().all(|email| is_temporary_address(email))
    }

    pub(crate) fn has_role(&self, role: &str) -> bool {
        self.roles.iter().any(|own| own == role)
    }

    /// Whether a partner handles the log-in, so that the account is not ours to change.
    pub(crate) fn is_brokered(&self) -> bool {
        self.has_role(BROKERED_ROLE)
    }

    /// Accounts of clinics and their staff are kept.
    pub(crate) fn may_be_deleted(&self) -> bool {
        !self.has_role(CLINIC_ROLE) && !self.has_role("clinician")
    }

    /// Whether the owner has shown that the address is theirs, where there is one to show.
    pub(crate) fn is_verified(&self, verification_secret: Option<&str>) -> bool {
        self.email_verified
            || self.emails.is_empty()
            || names_contain_secret(self.names(), verification_secret)
    }

    /// Whether the first address is one that was proven; of an account without any, whether it
    /// counts as verified. An account whose addresses change is logged into as before, but does
    /// not say that the new one is verified.
    pub(crate) fn shows_verified(&self) -> bool {
        let Some(first) = self.reachable_emails().next() else {
            return self.email_verified;
        };
        self.proven_emails().contains(&first)
    }

    /// User name and addresses: everything that is unique to the account besides its id.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.username
            .as_deref()
            .into_iter()
            .chain(self.emails.iter().map(String::as_str))
    }

    fn has_name(&self) -> bool {
        self.username.is_some() || !self.emails.is_empty()
    }

    pub(super) fn reachable_emails(&self) -> impl Iterator<Item = &String> {
        self.emails
            .iter()
            .filter(|address| !is_temporary_address(address))
    }
}

/// Whether one of `names` carries the deployment's verification secret.
pub(crate) fn names_contain_secret<'a>(
    mut names: impl Iterator<Item = &'a str>,
    secret: Option<&str>,
) -> bool {
    secret.is_some_and(|secret| !secret.is_empty() && names.any(|name| name.contains(secret)))
}

pub(crate) fn is_role(text: &str) -> bool {
    ROLES.contains(&text)
}

/// Whether people may give `role` to themselves. An account whose log-in a partner handles cannot
/// change its password, so a partner's service has to say that it is one.
pub(crate) fn is_own_choice(role: &str) -> bool {
    role != BROKERED_ROLE
}

/// A user name as it is stored; `None`: none may be like `text`. What was meant as an address has to
/// be one.
pub(crate) fn read_name(text: &str) -> Option<String> {
    let name = || Some(text.to_owned()).filter(|name| is_username(name));
    address::parse(text).or_else(name)
}

/// Whether `text` may name an account without being an e-mail address.
fn is_username(text: &str) -> bool {
    (1..=MAX_USERNAME_CHARS).contains(&text.chars().count())
        && !text
            .chars()
            .any(|character| character.is_whitespace() || character.is_control())
        && !UserId::has_id_form(text)
        && !address::has_shape(text)
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::json;
    use shared_types::UserId;

    use super::{Account, ROLES, is_own_choice, is_role, read_name};

    const TEMPORARY: &str = "unclaimed-custodial-automation+01234567890123456789@tidepool.org";

    pub(crate) fn account() -> Account {
        Account {
            userid: UserId::from("0b9d2c4e-7a1f-4b6c-9d55-2f8e01c3a7d4"),
            username: Some("a@z.co".into()),
            emails: vec!["a@z.co".into()],
            roles: vec!["patient".into()],
            terms_accepted: None,
            email_verified: true,
            proven_email: None,
            also_proven: vec![],
            password_hash: Some("$argon2id$".into()),
        }
    }

    fn nameless() -> Account {
        Account {
            username: None,
            emails: vec![],
            ..account()
        }
    }

    #[test]
    fn roles_are_a_closed_list() {
        for role in [
            "brokered",
            "care_partner",
            "clinic",
            "clinician",
            "custodial_account",
            "migrated_clinic",
            "patient",
        ] {
            assert!(is_role(role), "{role}");
        }
        for other in ["", "Patient", "admin", "patient "] {
            assert!(!is_role(other), "{other:?}");
        }
    }

    #[test]
    fn people_choose_every_role_but_that_which_takes_their_password() {
        for role in ROLES {
            assert_eq!(is_own_choice(role), role != "brokered", "{role}");
        }
    }

    #[test]
    fn user_names_are_visible_text_that_is_no_id() {
        for valid in [
            "bob",
            "a@z.co",
            "kid@home",
            "Bob-the-1st",
            "b",
            &"x".repeat(254),
            "Zoë",
        ] {
            assert_eq!(read_name(valid).as_deref(), Some(valid));
        }
        for invalid in [
            "",
            " ",
            "a b",
            "a\u{0}b",
            "0123456789",
            "0b9d2c4e-7a1f-4b6c-9d55-2f8e01c3a7d4",
            &"x".repeat(255),
            "a\u{a0}b",
            ".a@z.co",
            "mi\u{212a}e@z.co",
        ] {
            assert_eq!(read_name(invalid), None, "{invalid:?}");
        }
    }

    #[test]
    fn each_member_is_shown_only_when_there_is_something_to_show() {
        let bare = Account {
            roles: vec![],
            password_hash: None,
            email_verified: false,
            ..nameless()
        };
        let id = "0b9d2c4e-7a1f-4b6c-9d55-2f8e01c3a7d4";
        let cases = [
            (bare.clone(), json!({"userid": id})),
            (
                Account {
                    username: Some("kid".into()),
                    ..bare.clone()
                },
                json!({"userid": id, "username": "kid", "emailVerified": false}),
            ),
            (
                Account {
                    emails: vec!["a@z.co".into(), "b@z.co".into()],
                    ..bare.clone()
                },
                json!({"userid": id, "emails": ["a@z.co", "b@z.co"], "emailVerified": false}),
            ),
            (
                Account {
                    username: Some(TEMPORARY.into()),
                    emails: vec![TEMPORARY.into()],
                    ..bare.clone()
                },
                json!({"userid": id, "emailVerified": false}),
            ),
            (
                Account {
                    roles: vec!["patient".into()],
                    ..bare.clone()
                },
                json!({"userid": id, "roles": ["patient"]}),
            ),
            (
                Account {
                    terms_accepted: Some("2016-01-01T00:00:00-08:00".into()),
                    ..bare
                },
                json!({"userid": id, "termsAccepted": "2016-01-01T00:00:00-08:00"}),
            ),
        ];
        for (account, expected) in cases {
            assert_eq!(
                serde_json::to_value(account.record(false)).unwrap(),
                expected
            );
        }
    }

    #[test]
    fn only_services_learn_whether_there_is_a_password() {
        let account = account();
        assert_eq!(account.record(false).password_exists, None);
        assert_eq!(account.record(true).password_exists, Some(true));
        assert_eq!(
            Account {
                password_hash: None,
                ..account
            }
            .record(true)
            .password_exists,
            Some(false)
        );
    }

    #[test]
    fn an_account_without_password_and_real_address_is_unreachable() {
        let no_password = Account {
            password_hash: None,
            ..account()
        };
        assert!(!no_password.is_unreachable());
        assert!(!nameless().is_unreachable());
        assert!(
            Account {
                emails: vec![],
                ..no_password.clone()
            }
            .is_unreachable()
        );
        assert!(
            Account {
                emails: vec![TEMPORARY.into()],
                ..no_password
            }
            .is_unreachable()
        );
    }

    #[test]
    fn verification_is_needed_only_where_there_is_an_address_and_no_bypass() {
        let unverified = Account {
            email_verified: false,
            ..account()
        };
        assert!(!unverified.is_verified(None));
        assert!(!unverified.is_verified(Some("")));
        assert!(!unverified.is_verified(Some("+skip")));
        assert!(account().is_verified(None));
        assert!(
            Account {
                emails: vec![],
                ..unverified.clone()
            }
            .is_verified(None)
        );
        let bypassed = Account {
            emails: vec!["a+skip@z.co".into()],
            ..unverified
        };
        assert!(bypassed.is_verified(Some("+skip")));
    }

    #[test]
    fn an_account_shows_that_its_first_address_is_verified_once_it_is_proven() {
        for (emails, proven, shown) in [
            (&["a@z.co"][..], None, true),
            (&["a@z.co"], Some("A@z.co"), true),
            (&["b@z.co"], Some("a@z.co"), false),
            (&["b@z.co", "a@z.co"], Some("a@z.co"), false),
            (&["a@z.co", "b@z.co"], Some("a@z.co"), true),
            (&["a@z.co"], Some(""), false),
            (&[], Some(""), true),
            (&[TEMPORARY], None, true),
            (&[TEMPORARY, "a@z.co"], None, true),
            (&["b@z.co", "a@z.co"], None, true),
        ] {
            let account = Account {
                emails: emails.iter().map(|email| (*email).to_owned()).collect(),
                proven_email: proven.map(str::to_owned),
                ..account()
            };
            assert_eq!(account.shows_verified(), shown, "{emails:?} {proven:?}");
            assert!(account.is_verified(None), "it can be logged into");
            let unverified = Account {
                email_verified: false,
                ..account
            };
            assert!(!unverified.shows_verified(), "{emails:?} {proven:?}");
        }
    }

    #[test]
    fn clinic_accounts_are_kept() {
        for (role, may_be_deleted) in [
            ("patient", true),
            ("clinic", false),
            ("clinician", false),
            ("migrated_clinic", true),
        ] {
            let account = Account {
                roles: vec!["patient".into(), role.into()],
                ..account()
            };
            assert_eq!(account.may_be_deleted(), may_be_deleted, "{role}");
        }
    }
}
