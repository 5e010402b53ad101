//! Which names of an account stand: the account is found and logged into by them, mail to them
//! reaches it, and nobody else gets them.
//!
//! An address belongs to the account that has proven it. As long as an account has proven nothing,
//! its user name and its first address stand. An address that stands nowhere is only noted in the
//! accounts that have it, of which there may be several, until one of them proves it.

use shared_types::address;

use crate::domain::{names::Names, user::Account};

/// What becomes of an account when another one proves an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Yielding {
    /// It does not have the address.
    Untouched,
    /// It keeps the address, which it has proven before.
    Refused,
    /// The address leaves it; these are its names from then on.
    Gives(Names),
}

impl Account {
    /// The addresses that the account has proven and still has, as it spells them. Of a verified
    /// account that does not remember which they are, as the reference made them, all are.
    pub(crate) fn proven_emails(&self) -> Vec<&String> {
        let is_proven = |own: &&String| {
            self.remembered_proofs()
                .is_none_or(|mut proven| proven.any(|proven| address::is_same(proven, own)))
        };
        let own = self.reachable_emails().filter(|_| self.email_verified);
        own.filter(is_proven).collect()
    }

    /// The names that stand, in the order of [`Self::names`].
    pub(crate) fn standing(&self) -> Vec<&str> {
        let proven = self.proven_emails();
        let is_imported = self.email_verified && self.proven_email.is_none();
        let first = self.reachable_emails().next().or(self.emails.first());
        let stands = |name: &&str| {
            if proven.is_empty() || is_imported {
                is_imported
                    || self.username.as_deref() == Some(*name)
                    || first.is_some_and(|first| address::is_same(first, name))
            } else {
                let is_same = |proven: &&String| address::is_same(proven, name);
                !address::has_shape(name) || proven.iter().any(is_same)
            }
        };
        self.names().filter(stands).collect()
    }

    /// Whether `name` is one of those that stand.
    pub(crate) fn stands_as(&self, name: &str) -> bool {
        self.standing()
            .into_iter()
            .any(|own| address::is_same(own, name))
    }

    /// Whether mail to `address` is for this account: it has the address, and the address stands.
    pub(crate) fn receives_at(&self, address: &str) -> bool {
        self.has_address(address) && self.stands_as(address)
    }

    /// Whether the account has `address`, though it does not stand there.
    pub(crate) fn notes(&self, address: &str) -> bool {
        self.names().any(|name| address::is_same(name, address)) && !self.stands_as(address)
    }

    /// What becomes of this account when another one proves `address`.
    ///
    /// If `address` stands in it without having been proven, those that do not stand leave as well:
    /// one of them would stand instead, to which somebody else may have a better claim.
    pub(crate) fn yields(&self, address: &str) -> Yielding {
        let is_it = |name: &str| address::is_same(name, address);
        if !self.names().any(is_it) {
            return Yielding::Untouched;
        }
        let proven = self.proven_emails();
        if proven.iter().any(|proven| is_it(proven)) {
            return Yielding::Refused;
        }
        let stands = self.stands_as(address);
        let mut emails = self.emails.clone();
        emails.retain(|email| !is_it(email) && (!stands || self.stands_as(email)));
        let username = match &self.username {
            Some(name) if is_it(name) => proven.first().copied().or(emails.first()).cloned(),
            name => name.clone(),
        };
        Yielding::Gives(Names { username, emails })
    }
}

#[cfg(test)]
mod tests {
    use super::Yielding;
    use crate::domain::{
        names::Names,
        update::tests::strings,
        user::{Account, tests::account},
    };

    const TEMPORARY: &str = "unclaimed-custodial-automation+01234567890123456789@tidepool.org";

    /// An account that remembers to have proven `proven`, the latest first; `None`: nothing.
    fn proving(proven: Option<&[&str]>, username: Option<&str>, emails: &[&str]) -> Account {
        let proven = proven.map(strings);
        Account {
            username: username.map(str::to_owned),
            emails: strings(emails),
            email_verified: proven.is_some(),
            proven_email: proven
                .as_ref()
                .map(|proven| proven.first().cloned().unwrap_or_default()),
            also_proven: proven.into_iter().flatten().skip(1).collect(),
            ..account()
        }
    }

    #[test]
    fn what_is_proven_stands_and_otherwise_the_name_and_the_first_address() {
        let (a, b, v) = ("a@z.co", "b@z.co", "victim@z.co");
        for (proven, username, emails, standing) in [
            // Fresh: nothing is proven.
            (None, Some(a), &[a][..], &[a, a][..]),
            (None, Some(a), &[a, v], &[a, a]),
            (None, Some(v), &[a], &[v, a]),
            (None, Some("kid"), &[a, b], &["kid", a]),
            (None, Some("kid"), &[], &["kid"]),
            (None, None, &[a, b], &[a]),
            (None, None, &[], &[]),
            (
                None,
                Some(TEMPORARY),
                &[TEMPORARY, a],
                &[TEMPORARY, TEMPORARY, a],
            ),
            // One is proven.
            (Some(&[a][..]), Some(a), &[a, v], &[a, a]),
            (
                Some(&[a]),
                Some("A@z.co"),
                &[v, "A@Z.co"],
                &["A@z.co", "A@Z.co"],
            ),
            (Some(&[a]), Some(v), &[v, a], &[a]),
            (Some(&[a]), Some("kid"), &[v, a], &["kid", a]),
            (Some(&[v]), Some(a), &[a, v], &[v]),
            // Several are.
            (Some(&[b, a]), Some(a), &[a, b, v], &[a, a, b]),
            // What was proven is gone: it is like a fresh account.
            (Some(&[a]), Some(b), &[b, v], &[b, b]),
            (Some(&[""]), Some(b), &[b, v], &[b, b]),
            (Some(&["\u{e1}@z.co"]), Some(a), &[a, v], &[a, a]),
        ] {
            let account = proving(proven, username, emails);
            assert_eq!(account.standing(), standing, "{account:?}");
            for name in account.names() {
                let stands = standing.iter().any(|own| own.eq_ignore_ascii_case(name));
                assert_eq!(account.stands_as(name), stands, "{name} {account:?}");
                let has_it = emails.iter().any(|own| own.eq_ignore_ascii_case(name));
                let receives = stands && has_it && name != TEMPORARY;
                assert_eq!(account.receives_at(name), receives, "{name} {account:?}");
            }
        }
    }

    #[test]
    fn all_names_of_a_verified_account_of_the_reference_stand() {
        let imported = Account {
            email_verified: true,
            ..proving(None, Some("x@z.co"), &["a@z.co", "b@z.co"])
        };
        assert_eq!(imported.standing(), ["x@z.co", "a@z.co", "b@z.co"]);
        assert_eq!(imported.proven_emails(), ["a@z.co", "b@z.co"]);
    }

    #[test]
    fn an_address_leaves_the_accounts_that_have_not_proven_it() {
        let (a, b, v) = ("a@z.co", "b@z.co", "victim@z.co");
        let gives = |username: Option<&str>, emails: &[&str]| {
            Yielding::Gives(Names {
                username: username.map(str::to_owned),
                emails: strings(emails),
            })
        };
        for (proven, username, emails, wanted) in [
            (Some(&[a][..]), Some(a), &[a, v][..], gives(Some(a), &[a])),
            (
                Some(&[a]),
                Some(a),
                &[a, "VICTIM@z.co", b],
                gives(Some(a), &[a, b]),
            ),
            (Some(&[a]), Some(v), &[v, a], gives(Some(a), &[a])),
            (Some(&[a]), Some("kid"), &[v, a], gives(Some("kid"), &[a])),
            (Some(&[a]), Some(v), &[v], gives(None, &[])),
            (None, Some(a), &[a, v], gives(Some(a), &[a])),
            (None, Some("kid"), &[a, v, b], gives(Some("kid"), &[a, b])),
            (None, Some(v), &[v], gives(None, &[])),
            (None, Some(v), &[v, b], gives(None, &[])),
            (None, Some(v), &[a, b], gives(Some(a), &[a])),
            (None, Some(a), &[v, a, b], gives(Some(a), &[a])),
            (None, Some("kid"), &[v, b], gives(Some("kid"), &[])),
            (Some(&[v]), Some(a), &[a, v], Yielding::Refused),
            (Some(&[a, v]), Some(a), &[a, v], Yielding::Refused),
            (
                Some(&[a]),
                Some(a),
                &[a, "v\u{ed}ctim@z.co"],
                Yielding::Untouched,
            ),
            (None, Some(a), &[a], Yielding::Untouched),
        ] {
            let account = proving(proven, username, emails);
            assert_eq!(account.yields(v), wanted, "{account:?}");
        }
        let imported = Account {
            email_verified: true,
            ..proving(None, Some(a), &[a, v])
        };
        assert_eq!(imported.yields(v), Yielding::Refused);
    }
}
