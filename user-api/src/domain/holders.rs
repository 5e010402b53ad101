//! Who runs an account that nobody can log into, as far as it is known here.
//!
//! gatekeeper knows for certain. What it reported is kept for two reasons: nobody whom such an account
//! may need is deleted while gatekeeper cannot be asked, and a deletion notices that another
//! admin left and relies on the one who is being deleted.

use chrono::{DateTime, Utc};
use shared_types::UserId;

use crate::domain::user::Account;

/// Who may run an account: everybody who does, and perhaps some who do no longer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KnownHolders {
    /// The version of gatekeeper's lock at which nobody else did; 0: the account was just made.
    pub(crate) version: i64,
    pub(crate) ids: Vec<UserId>,
}

impl KnownHolders {
    /// What is known once gatekeeper has reported that `ids` are all at `version`.
    ///
    /// Only a report at a later version takes anybody away: notices of one version, and those
    /// that come late, may each know of a grant of which the others do not.
    pub(crate) fn updated(known: Option<Self>, version: i64, ids: &[UserId]) -> Self {
        let mut holders = known
            .filter(|known| known.version >= version)
            .unwrap_or(Self {
                version,
                ids: Vec::new(),
            });
        for id in ids {
            if !holders.ids.contains(id) {
                holders.ids.push(id.clone());
            }
        }
        holders
    }
}

/// An account and who may run it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Custody {
    pub(crate) account: Account,
    /// `None` where gatekeeper has reported none yet.
    pub(crate) holders: Option<KnownHolders>,
    /// Until when its last address may be about to be removed; `None`: that was never asked for.
    pub(crate) losing_address_until: Option<DateTime<Utc>>,
}

impl Custody {
    pub(crate) fn userid(&self) -> &UserId {
        &self.account.userid
    }

    /// Whether nobody can reach the account without somebody who runs it, or in a moment nobody
    /// could.
    pub(crate) fn needs_holder(&self, now: DateTime<Utc>) -> bool {
        let is_losing_address = self.losing_address_until.is_some_and(|until| now < until);
        self.account.is_unreachable() || is_losing_address && !self.account.has_password()
    }
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta};
    use shared_types::UserId;

    use super::{Custody, KnownHolders};
    use crate::domain::user::{Account, tests::account};

    fn ids(names: &[&str]) -> Vec<UserId> {
        names.iter().copied().map(UserId::from).collect()
    }

    #[test]
    fn only_a_later_version_takes_holders_away() {
        for (known, version, told, expected) in [
            (None, 3, &["bob"][..], (3, &["bob"][..])),
            (Some((3, &["bob"][..])), 4, &["carol"], (4, &["carol"])),
            (Some((3, &["bob"])), 4, &[], (4, &[])),
            (Some((3, &["bob"])), 3, &["carol"], (3, &["bob", "carol"])),
            (Some((3, &["bob"])), 2, &["carol"], (3, &["bob", "carol"])),
            (Some((3, &["bob"])), 3, &["bob"], (3, &["bob"])),
        ] {
            let known = known.map(|(version, names)| KnownHolders {
                version,
                ids: ids(names),
            });
            let expected = KnownHolders {
                version: expected.0,
                ids: ids(expected.1),
            };
            assert_eq!(KnownHolders::updated(known, version, &ids(told)), expected);
        }
    }

    #[test]
    fn an_account_needs_a_holder_when_nobody_can_reach_it_or_soon_nobody_could() {
        let now = DateTime::from_timestamp(1_700_000_000, 0).expect("in range");
        let (past, future) = (now - TimeDelta::seconds(1), now + TimeDelta::seconds(1));
        for (emails, password, until, expected) in [
            (&[][..], false, None, true),
            (&[], true, None, false),
            (&["a@z.co"], false, None, false),
            (&["a@z.co"], false, Some(past), false),
            (&["a@z.co"], false, Some(future), true),
            (&["a@z.co"], true, Some(future), false),
        ] {
            let custody = Custody {
                account: Account {
                    emails: emails.iter().map(|email| (*email).to_owned()).collect(),
                    password_hash: password.then(|| "hash".to_owned()),
                    ..account()
                },
                holders: None,
                losing_address_until: until,
            };
            assert_eq!(custody.needs_holder(now), expected, "{custody:?}");
        }
    }
}
