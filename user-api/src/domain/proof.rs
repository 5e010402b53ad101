//! Which address of an account its owner has shown to be theirs. `emailVerified` does not say it,
//! since it stays when the addresses change.
//!
//! An address that leaves the account has to be proven anew when it comes back, since its mailbox may
//! be somebody else's by then. Only the link of a notice, which is mailed there, brings the proof back
//! with the address.

use shared_types::address;

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
    /// These addresses are proven, the latest first, and no others are.
    Are(Vec<String>),
    /// Nothing is verified any more.
    Ends,
}

impl Account {
    /// The address of a verified account that was proven last of those that it still has.
    pub(crate) fn proven_email(&self, verification_secret: Option<&str>) -> Option<&str> {
        let first = self.emails.first().map(String::as_str);
        let remembered = self.proven_email.as_deref().or(first);
        let earlier = self.also_proven.iter().map(String::as_str);
        remembered
            .into_iter()
            .chain(earlier)
            .filter(|_| self.email_verified)
            .find_map(|proven| self.own_address(proven).map(String::as_str))
            .or_else(|| {
                first.filter(|first| {
                    names_contain_secret(std::iter::once(*first), verification_secret)
                        && !is_temporary_address(first)
                })
            })
    }

    /// The addresses that the account remembers to have proven, the latest first; `None`: it does
    /// not remember which.
    pub(super) fn remembered_proofs(&self) -> Option<impl Iterator<Item = &String>> {
        let latest = self.proven_email.iter();
        self.proven_email.as_ref()?;
        Some(latest.chain(&self.also_proven))
    }

    /// The account once its names are `names`, where they change, and `proof` has its effect. Of what
    /// was proven it remembers what it has before and after.
    pub(crate) fn changed(
        &self,
        names: Option<&Names>,
        email_verified: Option<bool>,
        proof: &Proof,
    ) -> Self {
        let mut changed = self.clone();
        changed.email_verified = email_verified.unwrap_or(self.email_verified);
        if let Some(names) = names {
            changed.username.clone_from(&names.username);
            changed.emails.clone_from(&names.emails);
        }
        let remembered = match proof {
            Proof::Stays => self.remembered_proofs().map(|proven| {
                let had = proven.filter(|proven| self.has_address(proven));
                had.cloned().collect()
            }),
            Proof::Is(latest) => {
                let mut earlier = self.proven_emails();
                earlier.retain(|proven| !address::is_same(proven, latest));
                Some(std::iter::once(latest).chain(earlier).cloned().collect())
            }
            Proof::Are(proven) => Some(proven.clone()),
            Proof::Ends => None,
        };
        let kept = remembered.map(|mut proven: Vec<String>| {
            proven.retain(|proven| changed.has_address(proven));
            proven
        });
        changed.proven_email = kept
            .as_ref()
            .map(|proven| proven.first().cloned().unwrap_or_default());
        changed.also_proven = kept.into_iter().flatten().skip(1).collect();
        changed
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
    /// The address of `account` with whose proof the change hands it over: it sets another password
    /// where no address was proven, so whoever made the account, and knows the password so far, may be
    /// somebody else than whoever reads the mails. `None`: it does not.
    pub(crate) fn hands_over<'a>(&self, account: &'a Account) -> Option<&'a String> {
        let is_first_proof = self.email_verified == Some(true)
            && self.password.is_some()
            && account.has_password()
            && account.proven_emails().is_empty();
        match &self.only_if {
            _ if !is_first_proof => None,
            Some(condition) => condition.address_of(account),
            None => account.emails.first(),
        }
    }

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
        names::Names,
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

    #[test]
    fn what_was_proven_before_is_remembered_while_the_account_has_it() {
        let is = |address: &str| Proof::Is(address.to_owned());
        let names = |emails: &[&str]| {
            Some(Names {
                username: None,
                emails: strings(emails),
            })
        };
        let imported = remembering(None, &["a@z.co", "b@z.co"]);
        let one = remembering(Some("a@z.co"), &["a@z.co", "b@z.co"]);
        let gone = remembering(Some("a@z.co"), &["b@z.co"]);
        let two = Account {
            also_proven: strings(&["a@z.co"]),
            ..remembering(Some("b@z.co"), &["a@z.co", "b@z.co", "c@z.co"])
        };
        let fresh = Account {
            email_verified: false,
            ..imported.clone()
        };
        for (account, names, proof, latest, also) in [
            (&fresh, None, is("a@z.co"), Some("a@z.co"), &[][..]),
            (&imported, None, is("b@z.co"), Some("b@z.co"), &["a@z.co"]),
            (&imported, names(&["c@z.co"]), is("a@z.co"), Some(""), &[]),
            (&one, None, is("b@z.co"), Some("b@z.co"), &["a@z.co"]),
            (&one, None, is("A@z.co"), Some("A@z.co"), &[]),
            (&one, names(&["b@z.co"]), is("b@z.co"), Some("b@z.co"), &[]),
            (&one, names(&["b@z.co"]), Proof::Stays, Some(""), &[]),
            // What comes back is not proven, also where an older version remembered it.
            (&gone, names(&["a@z.co"]), Proof::Stays, Some(""), &[]),
            (&gone, None, Proof::Stays, Some(""), &[]),
            (&gone, None, is("b@z.co"), Some("b@z.co"), &[]),
            (
                &two,
                None,
                is("c@z.co"),
                Some("c@z.co"),
                &["a@z.co", "b@z.co"],
            ),
            (&two, None, Proof::Stays, Some("b@z.co"), &["a@z.co"]),
            (&two, names(&["b@z.co"]), Proof::Stays, Some("b@z.co"), &[]),
            (&two, names(&["a@z.co"]), Proof::Stays, Some("a@z.co"), &[]),
            (&two, None, Proof::Ends, None, &[]),
            (
                &two,
                None,
                Proof::Are(strings(&["c@z.co", "a@z.co"])),
                Some("c@z.co"),
                &["a@z.co"],
            ),
            (
                &two,
                None,
                Proof::Are(strings(&["c@z.co"])),
                Some("c@z.co"),
                &[],
            ),
        ] {
            let changed = account.changed(names.as_ref(), Some(true), &proof);
            assert_eq!(
                changed.proven_email.as_deref(),
                latest,
                "{account:?} {proof:?}"
            );
            assert_eq!(changed.also_proven, also, "{account:?} {proof:?}");
            if let Some(names) = names {
                assert_eq!(changed.emails, names.emails);
            }
        }
        let without_the_latest = two.changed(names(&["a@z.co"]).as_ref(), None, &Proof::Stays);
        assert_eq!(without_the_latest.proven_email(None), Some("a@z.co"));
    }

    #[test]
    fn the_first_proof_with_another_password_hands_the_account_over() {
        let fresh = Account {
            email_verified: false,
            ..remembering(None, &["a@z.co", "b@z.co"])
        };
        let moved = remembering(Some("c@z.co"), &["a@z.co"]);
        let proven = remembering(Some("b@z.co"), &["a@z.co", "b@z.co"]);
        let imported = remembering(None, &["a@z.co"]);
        let unclaimed = Account {
            password_hash: None,
            ..fresh.clone()
        };
        let nameless = Account {
            emails: vec![],
            ..fresh.clone()
        };
        let both = json!({ "password": "12345678", "emailVerified": true });
        let reset_b = json!({ "updates": both, "onlyIf": { "email": "B@z.co" } });
        let both = json!({ "updates": both });
        let password = json!({ "updates": { "password": "12345678" } });
        let verified = json!({ "updates": { "emailVerified": true } });
        for (account, body, wanted) in [
            (&fresh, &both, Some("a@z.co")),
            (&fresh, &reset_b, Some("b@z.co")),
            (&fresh, &password, None),
            (&fresh, &verified, None),
            (&moved, &both, Some("a@z.co")),
            (&proven, &both, None),
            (&imported, &both, None),
            (&unclaimed, &both, None),
            (&nameless, &both, None),
        ] {
            let updates = Updates::read(body.to_string().as_bytes()).unwrap();
            let handed_over = updates.hands_over(account).map(String::as_str);
            assert_eq!(handed_over, wanted, "{body} {account:?}");
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
