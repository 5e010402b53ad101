//! Which address of an account its owner has shown to be theirs. `emailVerified` does not say it,
//! since it stays when the addresses change.

use crate::domain::{
    address::is_temporary_address,
    names::Names,
    update::Updates,
    user::{Account, names_contain_secret},
};

/// What a change does to what the account remembers as proven.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) enum Proof {
    #[default]
    Stays,
    /// This address is the proven one; empty: none is.
    Is(String),
    /// Nothing is verified any more.
    Ends,
}

impl Account {
    /// The address of a verified account that was proven, if it still has it.
    pub(crate) fn proven_email(&self, verification_secret: Option<&str>) -> Option<&str> {
        let first = self.emails.first().map(String::as_str);
        let remembered = self.proven_email.as_deref().or(first);
        remembered
            .filter(|_| self.email_verified)
            .and_then(|proven| self.own_address(proven).map(String::as_str))
            .or_else(|| {
                first.filter(|first| {
                    names_contain_secret(std::iter::once(*first), verification_secret)
                        && !is_temporary_address(first)
                })
            })
    }

    /// What an account that is created as it is remembers: that it is verified by the secret in one
    /// of its addresses says nothing about the others.
    pub(crate) fn proof_at_creation(&self, verification_secret: Option<&str>) -> Option<String> {
        let first = self.emails.first().filter(|first| {
            names_contain_secret(std::iter::once(first.as_str()), verification_secret)
        });
        self.email_verified
            .then(|| first.cloned().unwrap_or_default())
    }
}

impl Updates {
    /// What the change does to the proof of `account`, whose names become `names` where they change.
    ///
    /// An account that remembers nothing has proven its first address: accounts of the reference
    /// are like that. From their first change of names on they remember it.
    pub(crate) fn proof_of(&self, account: &Account, names: Option<&Names>) -> Proof {
        let proven = match self.email_verified {
            Some(false) => return Proof::Ends,
            Some(true) => match &self.only_if {
                Some(condition) => condition.address_of(account),
                None => names.map_or(&account.emails, |names| &names.emails).first(),
            },
            None if names.is_some() && account.email_verified && account.proven_email.is_none() => {
                account.emails.first()
            }
            None => return Proof::Stays,
        };
        Proof::Is(proven.cloned().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::Proof;
    use crate::domain::{
        update::{Updates, tests::strings},
        user::{Account, tests::account},
    };

    fn remembering(proven: Option<&str>, emails: &[&str]) -> Account {
        Account {
            emails: strings(emails),
            proven_email: proven.map(str::to_owned),
            ..account()
        }
    }

    #[test]
    fn what_is_remembered_counts_while_the_account_has_it() {
        for (remembered, emails, proven) in [
            (Some("a@z.co"), &["a@z.co"][..], Some("a@z.co")),
            (Some("a@z.co"), &["b@z.co", "A@z.co"], Some("A@z.co")),
            (Some("a@z.co"), &["b@z.co"], None),
            (Some("a@z.co"), &["\u{e1}@z.co"], None),
            (Some("a@z.co"), &[], None),
            (Some(""), &["a@z.co"], None),
            (None, &["a@z.co", "b@z.co"], Some("a@z.co")),
            (None, &[], None),
        ] {
            let account = remembering(remembered, emails);
            assert_eq!(
                account.proven_email(None),
                proven,
                "{remembered:?} {emails:?}"
            );
            let unverified = Account {
                email_verified: false,
                ..account
            };
            assert_eq!(unverified.proven_email(None), None, "{emails:?}");
        }
    }

    #[test]
    fn the_secret_proves_the_first_address_alone() {
        for (emails, proven) in [
            (&["a+skip@z.co", "b@z.co"][..], Some("a+skip@z.co")),
            (&["b@z.co", "a+skip@z.co"], None),
            (&["b@z.co"], None),
            (&[], None),
        ] {
            for email_verified in [true, false] {
                let account = Account {
                    email_verified,
                    ..remembering(Some(""), emails)
                };
                assert_eq!(account.proven_email(Some("skip")), proven, "{emails:?}");
                assert_eq!(account.proven_email(Some("")), None, "{emails:?}");
                assert_eq!(account.proven_email(None), None, "{emails:?}");
            }
        }
    }

    #[test]
    fn a_new_account_remembers_what_the_secret_proves() {
        for (emails, remembered) in [
            (&["a+skip@z.co"][..], "a+skip@z.co"),
            (&["b@z.co", "a+skip@z.co"], ""),
        ] {
            let account = remembering(None, emails);
            let remembered = Some(remembered.to_owned());
            assert_eq!(account.proof_at_creation(Some("skip")), remembered);
            let unverified = Account {
                email_verified: false,
                ..account
            };
            assert_eq!(unverified.proof_at_creation(Some("skip")), None);
        }
    }

    #[test]
    fn a_change_says_what_is_proven_from_then_on() {
        let is = |address: &str| Proof::Is(address.to_owned());
        let imported = remembering(None, &["a@z.co", "b@z.co"]);
        let ours = remembering(Some("b@z.co"), &["a@z.co", "b@z.co"]);
        let bare = remembering(None, &[]);
        let unverified = Account {
            email_verified: false,
            ..imported.clone()
        };
        let verify = json!({"updates": {"emailVerified": true}});
        let verify_b = json!({"updates": {"emailVerified": true}, "onlyIf": {"email": "B@Z.CO"}});
        let withdraw = json!({"updates": {"emailVerified": false, "emails": ["c@z.co"]}});
        let change = json!({"updates": {"emails": ["c@z.co"]}});
        let both = json!({"updates": {"emails": ["c@z.co"], "emailVerified": true}});
        let password = json!({"updates": {"password": "12345678"}});
        for (account, body, wanted) in [
            (&unverified, &verify, is("a@z.co")),
            (&ours, &verify, is("a@z.co")),
            (&bare, &verify, is("")),
            (&unverified, &verify_b, is("b@z.co")),
            (&unverified, &both, is("c@z.co")),
            (&ours, &withdraw, Proof::Ends),
            (&imported, &change, is("a@z.co")),
            (&ours, &change, Proof::Stays),
            (&bare, &change, is("")),
            (&unverified, &change, Proof::Stays),
            (&imported, &password, Proof::Stays),
        ] {
            assert_eq!(proof_of(body, account), wanted, "{body} {account:?}");
        }
    }

    fn proof_of(body: &Value, account: &Account) -> Proof {
        let updates = Updates::read(body.to_string().as_bytes()).unwrap();
        let nameable = Account {
            password_hash: None,
            ..account.clone()
        };
        let names = updates.names_of(&nameable).unwrap();
        updates.proof_of(account, names.as_ref())
    }
}
