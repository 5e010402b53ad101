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

    /// The address under which others know the account; `None`: it has none.
    pub(crate) fn main_address(&self) -> Option<&str> {
        main_address(self.username.as_deref(), &self.emails)
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

/// The user name where that is an address, else the first one.
pub(super) fn main_address<'a>(username: Option<&'a str>, emails: &'a [String]) -> Option<&'a str> {
    let username = username.filter(|name| address::has_shape(name));
    let mut names = username
        .into_iter()
        .chain(emails.iter().map(String::as_str));
    names.find(|name| !is_temporary_address(name))
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
pub(crate) mod tests;
