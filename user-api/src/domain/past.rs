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
pub(crate) fn told_parts(
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

/// Who is told of the change `change` of an account that had proven `proven`: the owners of these
/// addresses, and those of the addresses that were proven before the changes of the last days, of
/// which `earlier` are those that can still be undone, the oldest first.
///
/// Each may put the account back to what it was when the address was the proven one. So a thief
/// who proves an address and goes on changing the account does not get rid of its owner.
pub(crate) fn recipients(
    change: &str,
    proven: &[String],
    earlier: &[Past],
    now: DateTime<Utc>,
) -> Vec<NoticeRecipient> {
    let recent = earlier
        .iter()
        .rev()
        .filter(|past| !past.is_void && now - past.changed_at < TOLD_FOR)
        .flat_map(|past| past.proven.iter().map(|proven| (proven, &*past.change)));
    let mut recipients: Vec<NoticeRecipient> = Vec::new();
    let current = proven.iter().map(|proven| (proven, change));
    for (email, change) in current.chain(recent) {
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

    use super::{Past, recipients, told_parts};
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
        recipients("new", &strings(proven), earlier, now())
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
                pairs(&[("thief@z.co", "new"), ("own@z.co", "first")]),
            ),
            (
                Some("other@z.co"),
                vec![first.clone(), second.clone()],
                pairs(&[
                    ("other@z.co", "new"),
                    ("thief@z.co", "second"),
                    ("own@z.co", "first"),
                ]),
            ),
            // The newest state in which the address was the proven one.
            (
                None,
                vec![first.clone(), past("again", "OWN@z.co", 1)],
                pairs(&[("OWN@z.co", "again")]),
            ),
            (
                Some("Own@z.co"),
                vec![first.clone()],
                pairs(&[("Own@z.co", "new")]),
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
        let wanted = pairs(&[("also@z.co", "new"), ("own@z.co", "first")]);
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
            let told = told_parts(&with_password, &updates, names.as_ref());
            assert_eq!(told, wanted, "{body}");
            assert_eq!(told_parts(&without, &updates, names.as_ref()), vec![]);
        }
    }

    #[test]
    fn a_link_is_of_use_to_its_own_address_alone() {
        let past = past("first", "own@z.co", 1);
        assert!(past.was_told_to("Own@z.co"));
        assert!(!past.was_told_to("thief@z.co"));
    }
}
