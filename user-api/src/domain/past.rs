//! What an account was before a change, and who may put it back.

use chrono::{DateTime, TimeDelta, Utc};
use shared_types::{ChangedPart, NoticeRecipient, Restoration, address, password};

use crate::domain::{
    names::Names,
    update::{Updates, is_key},
    user::Account,
};

/// For how long the address that was proven before a change gets the notices of later ones as well.
const NOTIFIED_FOR: TimeDelta = TimeDelta::days(7);

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

/// What of `account` the change touches that is reported to the owner. Of an account without
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

/// Who gets notice of the last change in `list`, which has the oldest first: the owners of the addresses
/// that were proven before it, or before another change of the last days that can still be undone.
///
/// Each may put the account back to what it was before the oldest of them at which the address was
/// proven. So a thief who proves an address and goes on changing the account does not get rid of its
/// owner, whose link, however new, leads behind all that.
pub(crate) fn recipients(list: &[Past], now: DateTime<Utc>) -> Vec<NoticeRecipient> {
    let usable = list
        .iter()
        .filter(|past| !past.is_void && now - past.changed_at < NOTIFIED_FOR)
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
mod tests;
