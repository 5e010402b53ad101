//! What a guess at a password is at.

use shared_types::{UserId, address};

use crate::domain::user::Account;

/// Guesses at one target are counted together.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Target {
    /// An account as it is by now, under whatever name it was looked for. A new password and a
    /// verification make another target of it, in all replicas, so they clear the count.
    Account {
        userid: UserId,
        password_hash: Option<String>,
        email_verified: bool,
        proven_email: Option<String>,
    },
    /// A name that no account has, in the spelling that all its spellings have in common.
    Name(String),
}

impl Target {
    /// That of who looks for `account` as `name`.
    pub(crate) fn of(account: Option<&Account>, name: &str) -> Self {
        account.map_or_else(
            || Self::Name(address::identity(name)),
            |account| Self::Account {
                userid: account.userid.clone(),
                password_hash: account.password_hash.clone(),
                email_verified: account.email_verified,
                proven_email: account.proven_email.clone(),
            },
        )
    }
}

#[cfg(test)]
mod tests {
    use super::Target;

    #[test]
    fn an_unknown_name_is_one_in_all_spellings() {
        let written = [
            "nobody@example.org",
            "NoBody@Example.ORG",
            " nobody@example.org ",
        ];
        let targets = written.map(|name| Target::of(None, name));
        assert!(targets.iter().all(|target| *target == targets[0]));
        assert_ne!(targets[0], Target::of(None, "nobody@example.com"));
    }
}
