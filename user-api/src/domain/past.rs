//! What an account was before a change, and who may put it back.

use chrono::{DateTime, TimeDelta, Utc};
use shared_types::{ChangedPart, NoticeRecipient, Restoration, address, password};

use crate::domain::{
    names::Names,
    update::{Updates, is_key},
    user::Account,
};

/// For how long the address that was proven before a change is told of later ones as well.
const TOLD_FOR: TimeDelta = TimeDelta::days(7);

/// An account as it was before a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Past {
    /// The id of the change.
    pub(crate) change: String,
    /// Counts the changes of the account.
    pub(crate) sequence: i64,
    pub(crate) changed_at: DateTime<Utc>,
    pub(crate) names: Names,
    /// The addresses that were proven, as the account had them.
    pub(crate) proven: Vec<String>,
    /// It can be put back no more.
    pub(crate) is_void: bool,
    /// The key under which it was put back; `None`: it was not.
    pub(crate) restored_under: Option<String>,
}

impl Past {
    /// `email` as the account had it, if it was proven.
    pub(crate) fn proven_as(&self, email: &str) -> Option<&String> {
        let mut proven = self.proven.iter();
        proven.find(|proven| address::is_same(proven, email))
    }

    /// Whether the link to it was mailed to `email`, and not to another address.
    pub(crate) fn was_told_to(&self, email: &str) -> bool {
        self.proven_as(email).is_some()
    }

    /// The names that come back with the link that was mailed to `email`, beside that address: those
    /// that were proven, and a user name that is no address. What a thief had added, and had not
    /// proven, is none of them.
    pub(crate) fn names_beside(&self, email: &str) -> Vec<&str> {
        let comes_back = |name: &&str| {
            !address::is_same(name, email) && (!address::has_shape(name) || self.was_told_to(name))
        };
        self.names.iter().filter(comes_back).collect()
    }

    /// What the account becomes with the link that was mailed to `email`, when other accounts have
    /// `taken` of [`Self::names_beside`]; `None`: it was not mailed there.
    pub(crate) fn restored(&self, email: &str, taken: &[&str]) -> Option<RestoredState> {
        let own = self.proven_as(email)?;
        let beside = self.names_beside(email);
        let comes_back = |name: &&String| {
            address::is_same(name, own)
                || (beside.contains(&name.as_str()) && !taken.contains(&name.as_str()))
        };
        let emails: Vec<String> = self
            .names
            .emails
            .iter()
            .filter(comes_back)
            .cloned()
            .collect();
        let username = self.names.username.as_ref();
        let others = emails.iter().filter(|email| !address::is_same(email, own));
        Some(RestoredState {
            proven: std::iter::once(own).chain(others).cloned().collect(),
            names: Names {
                username: username.map(|name| {
                    let kept = Some(name).filter(comes_back);
                    kept.or(emails.first()).unwrap_or(own).clone()
                }),
                emails,
            },
        })
    }
}

/// What an account becomes when it is put back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct RestoredState {
    pub(crate) names: Names,
    /// The proven addresses, that of the link first.
    pub(crate) proven: Vec<String>,
}

/// The ids of the changes in `list` that can be undone no more when `restored` was put back.
pub(crate) fn void_with(list: &[Past], restored: &Past) -> Vec<String> {
    list.iter()
        .filter(|past| past.sequence >= restored.sequence)
        .map(|past| past.change.clone())
        .collect()
}

/// Whether password and key keep the rules.
pub(crate) fn is_acceptable(asked: &Restoration) -> bool {
    password::is_acceptable(&asked.password) && is_key(&asked.idempotency_key)
}

/// What of `account` the change touches that its owner is told about. Of an account without
/// password nothing: those who run it decide about it, and whoever puts it back would claim it.
pub(crate) fn changed_parts(
    account: &Account,
    updates: &Updates,
    names: Option<&Names>,
) -> Vec<ChangedPart> {
    if !account.has_password() {
        return Vec::new();
    }
    let password = updates.password.is_some().then(|| {
        // Of the services only the one that mails keys says to which address the key went.
        if updates.only_if.is_some() {
            ChangedPart::PasswordByMail
        } else {
            ChangedPart::Password
        }
    });
    let username = names
        .is_some_and(|names| names.username != account.username)
        .then_some(ChangedPart::Username);
    let emails = names
        .is_some_and(|names| names.emails != account.emails)
        .then_some(ChangedPart::Emails);
    password.into_iter().chain(username).chain(emails).collect()
}

/// Makes void what the owner of `email`, who sets a password with a mail to it, leaves to nobody:
/// of `list`, which has the oldest first, what came after the first state in which that address was
/// proven and in which another address was proven that was not proven then.
///
/// What is older than that stays: a thief who proves an address and has a key mailed there would
/// make the owner's links void otherwise.
pub(crate) fn void_after_reset(list: &mut [Past], email: &str) {
    let mut usable = list.iter().enumerate().filter(|(_, past)| !past.is_void);
    let Some((first, past)) = usable.find(|(_, past)| past.was_told_to(email)) else {
        return;
    };
    let known = past.clone();
    for past in &mut list[first..] {
        let is_known = |proven: &String| known.was_told_to(proven);
        past.is_void |= !past.proven.iter().all(is_known);
    }
}

/// Who is told of the last change in `list`, which has the oldest first: the owners of the addresses
/// that were proven before it, or before another change of the last days that can still be undone.
///
/// Each may put the account back to what it was before the oldest of them at which the address was
/// proven. So a thief who proves an address and goes on changing the account does not get rid of its
/// owner, whose link, however new, leads behind all that.
pub(crate) fn recipients(list: &[Past], now: DateTime<Utc>) -> Vec<NoticeRecipient> {
    let usable = list
        .iter()
        .filter(|past| !past.is_void && now - past.changed_at < TOLD_FOR)
        .flat_map(|past| past.proven.iter().map(|proven| (proven, &*past.change)));
    let mut recipients: Vec<NoticeRecipient> = Vec::new();
    for (email, change) in usable {
        let is_known = |known: &NoticeRecipient| address::is_same(&known.email, email);
        if !recipients.iter().any(is_known) {
            recipients.push(NoticeRecipient {
                email: email.clone(),
                change: change.to_owned(),
            });
        }
    }
    recipients
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta, Utc};
    use serde_json::json;
    use shared_types::ChangedPart;

    use super::{Past, RestoredState, changed_parts, recipients, void_after_reset};
    use crate::domain::{
        names::Names,
        update::{Updates, tests::strings},
        user::{Account, tests::account},
    };

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000, 0).unwrap()
    }

    fn past(change: &str, proven: &str, hours_ago: i64) -> Past {
        Past {
            change: change.to_owned(),
            sequence: -hours_ago,
            changed_at: now() - TimeDelta::hours(hours_ago),
            names: Names {
                username: Some(proven.to_owned()),
                emails: strings(&[proven]),
            },
            proven: strings(&[proven]),
            is_void: false,
            restored_under: None,
        }
    }

    fn told(proven: Option<&str>, earlier: &[Past]) -> Vec<(String, String)> {
        told_all(proven.as_slice(), earlier)
    }

    fn told_all(proven: &[&str], earlier: &[Past]) -> Vec<(String, String)> {
        let current = Past {
            proven: strings(proven),
            ..past("new", "unproven@z.co", 0)
        };
        let list: Vec<Past> = earlier.iter().cloned().chain([current]).collect();
        recipients(&list, now())
            .into_iter()
            .map(|recipient| (recipient.email, recipient.change))
            .collect()
    }

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        let owned = |(email, change): &(&str, &str)| ((*email).to_owned(), (*change).to_owned());
        pairs.iter().map(owned).collect()
    }

    #[test]
    fn the_owner_is_told_however_often_a_thief_changes_the_account() {
        let first = past("first", "own@z.co", 5);
        let second = past("second", "thief@z.co", 3);
        for (proven, earlier, wanted) in [
            (Some("own@z.co"), vec![], pairs(&[("own@z.co", "new")])),
            (None, vec![], vec![]),
            (None, vec![first.clone()], pairs(&[("own@z.co", "first")])),
            (
                Some("thief@z.co"),
                vec![first.clone()],
                pairs(&[("own@z.co", "first"), ("thief@z.co", "new")]),
            ),
            (
                Some("other@z.co"),
                vec![first.clone(), second.clone()],
                pairs(&[
                    ("own@z.co", "first"),
                    ("thief@z.co", "second"),
                    ("other@z.co", "new"),
                ]),
            ),
            // The oldest state in which the address was proven: later ones may be the thief's.
            (
                None,
                vec![first.clone(), past("again", "OWN@z.co", 1)],
                pairs(&[("own@z.co", "first")]),
            ),
            (
                Some("Own@z.co"),
                vec![first.clone()],
                pairs(&[("own@z.co", "first")]),
            ),
        ] {
            assert_eq!(told(proven, &earlier), wanted, "{proven:?} {earlier:?}");
        }
    }

    #[test]
    fn every_address_that_was_proven_is_told() {
        let both = ["own@z.co", "also@z.co"];
        let wanted = pairs(&[("own@z.co", "new"), ("also@z.co", "new")]);
        assert_eq!(told_all(&both, &[]), wanted);
        let earlier = Past {
            proven: strings(&both),
            ..past("first", "own@z.co", 5)
        };
        let wanted = pairs(&[("own@z.co", "first"), ("also@z.co", "first")]);
        assert_eq!(told_all(&["also@z.co"], &[earlier]), wanted);
    }

    #[test]
    fn what_was_not_proven_is_left_to_whom_it_belonged_before() {
        let unproven = Past {
            proven: vec![],
            ..past("second", "thief@z.co", 3)
        };
        let earlier = [past("first", "own@z.co", 5), unproven];
        assert_eq!(told(None, &earlier), pairs(&[("own@z.co", "first")]));
        assert!(!earlier[1].was_told_to("thief@z.co"));
    }

    #[test]
    fn what_is_void_or_a_week_ago_is_told_nobody() {
        let void = Past {
            is_void: true,
            ..past("first", "thief@z.co", 1)
        };
        let week = TimeDelta::days(7).num_hours();
        assert_eq!(told(None, &[void]), vec![]);
        assert_eq!(told(None, &[past("first", "own@z.co", week)]), vec![]);
        let recent = past("first", "own@z.co", week - 1);
        assert_eq!(told(None, &[recent]), pairs(&[("own@z.co", "first")]));
    }

    #[test]
    fn passwords_and_names_are_told_and_nothing_else() {
        let with_password = account();
        let without = Account {
            password_hash: None,
            ..account()
        };
        let by_mail = json!({
            "updates": { "password": "12345678" }, "onlyIf": { "email": "a@z.co" },
        });
        let verified = json!({
            "updates": { "emailVerified": true }, "onlyIf": { "email": "a@z.co" },
        });
        for (body, wanted) in [
            (
                json!({"updates": {"password": "12345678"}}),
                vec![ChangedPart::Password],
            ),
            (by_mail, vec![ChangedPart::PasswordByMail]),
            (verified, vec![]),
            (
                json!({"updates": {"username": "b@z.co"}}),
                vec![ChangedPart::Username, ChangedPart::Emails],
            ),
            (
                json!({"updates": {"emails": ["a@z.co", "b@z.co"]}}),
                vec![ChangedPart::Emails],
            ),
            (
                json!({"updates": {"emails": ["b@z.co"], "password": "12345678"}}),
                vec![
                    ChangedPart::Password,
                    ChangedPart::Username,
                    ChangedPart::Emails,
                ],
            ),
            (json!({"updates": {"emails": ["a@z.co"]}}), vec![]),
            (
                json!({"updates": {"termsAccepted": "2016-01-01T00:00:00-08:00", "roles": ["clinic"]}}),
                vec![],
            ),
        ] {
            let updates = Updates::read(body.to_string().as_bytes()).unwrap();
            let names = updates.names_of(&with_password).unwrap();
            let parts = changed_parts(&with_password, &updates, names.as_ref());
            assert_eq!(parts, wanted, "{body}");
            assert_eq!(changed_parts(&without, &updates, names.as_ref()), vec![]);
        }
    }

    #[test]
    fn what_was_proven_then_comes_back_and_what_others_have_does_not() {
        let (own, also, thief) = ("own@z.co", "also@z.co", "thief@z.co");
        for (username, emails, proven, link, taken, wanted) in [
            (
                own,
                &[own][..],
                &[own][..],
                "OWN@z.co",
                &[][..],
                (own, &[own][..], &[own][..]),
            ),
            // A thief put an unproven address in front.
            (
                thief,
                &[thief, own],
                &[own],
                own,
                &[],
                (own, &[own], &[own]),
            ),
            (
                own,
                &[own, thief, also],
                &[own, also],
                also,
                &[],
                (own, &[own, also], &[also, own]),
            ),
            // Another account has it by now.
            (
                own,
                &[own, also],
                &[own, also],
                also,
                &[own],
                (also, &[also], &[also]),
            ),
            ("kid", &[own], &[own], own, &[], ("kid", &[own], &[own])),
            ("kid", &[own], &[own], own, &["kid"], (own, &[own], &[own])),
            // Spelled otherwise as user name.
            (
                "Own@Z.co",
                &[own],
                &[own],
                own,
                &[],
                ("Own@Z.co", &[own], &[own]),
            ),
        ] {
            let past = Past {
                names: Names {
                    username: Some(username.to_owned()),
                    emails: strings(emails),
                },
                proven: strings(proven),
                ..past("first", own, 1)
            };
            let (username, emails, proven) = wanted;
            let wanted = RestoredState {
                names: Names {
                    username: Some(username.to_owned()),
                    emails: strings(emails),
                },
                proven: strings(proven),
            };
            assert_eq!(
                past.restored(link, taken),
                Some(wanted),
                "{past:?} {taken:?}"
            );
            assert_eq!(past.restored(thief, taken), None, "{past:?}");
        }
    }

    #[test]
    fn a_reset_leaves_no_way_back_to_what_was_proven_later() {
        let (own, also, thief) = ("own@z.co", "also@z.co", "thief@z.co");
        let states = [&[own, also][..], &[own], &[thief, own], &[thief], &[]];
        for (email, void) in [
            (own, [false, false, true, true, false]),
            ("OWN@z.co", [false, false, true, true, false]),
            // The thief does not get rid of the owner that way.
            (thief, [false; 5]),
            ("nobody@z.co", [false; 5]),
        ] {
            let proving = |proven: &&[&str]| Past {
                proven: strings(proven),
                ..past("c", own, 1)
            };
            let mut list: Vec<Past> = states.iter().map(proving).collect();
            void_after_reset(&mut list, email);
            let voided: Vec<bool> = list.iter().map(|past| past.is_void).collect();
            assert_eq!(voided, void, "{email}");
        }
        // What was made void does not say since when an address was proven.
        let mut list = vec![past("a", thief, 9), past("b", own, 5), past("c", thief, 1)];
        list[0].is_void = true;
        void_after_reset(&mut list, thief);
        assert!(!list[1].is_void);
    }

    #[test]
    fn a_link_is_of_use_to_its_own_address_alone() {
        let past = past("first", "own@z.co", 1);
        assert!(past.was_told_to("Own@z.co"));
        assert!(!past.was_told_to("thief@z.co"));
    }
}
