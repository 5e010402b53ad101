//! The last-admin rule: an account that nobody can log into or recover keeps an administrator.

use std::collections::BTreeSet;

use shared_types::{UserId, UserRecord};

use super::Refusal;

/// The address that the reference invents for custodial accounts, between these two parts a
/// number. Nobody reads mail there.
const INVENTED_ADDRESS: (&str, &str) = ("unclaimed-custodial-automation+", "@tidepool.org");

/// Who runs an account apart from the grantee whose set is being replaced.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct OtherHolders {
    /// Accounts with a direct `admin` or `custodian`.
    pub(crate) accounts: BTreeSet<UserId>,
    /// Whether a clinic does.
    pub(crate) clinic: bool,
}

/// Whether the owner of `account` can log in or recover the login.
pub(crate) fn has_login_or_recovery(account: &UserRecord) -> bool {
    account.password_exists == Some(true)
        || account
            .emails
            .iter()
            .flatten()
            .any(|email| !is_invented(email))
}

/// Whether one holder may go while `others` stay. Of these only `existing` accounts count: a
/// grant to an account that was deleted or never was runs nothing.
pub(crate) fn may_go(others: &OtherHolders, existing: &BTreeSet<UserId>) -> Result<(), Refusal> {
    if others.clinic || !others.accounts.is_disjoint(existing) {
        Ok(())
    } else {
        Err(Refusal::LastAdmin)
    }
}

fn is_invented(email: &str) -> bool {
    email
        .strip_prefix(INVENTED_ADDRESS.0)
        .and_then(|rest| rest.strip_suffix(INVENTED_ADDRESS.1))
        .is_some_and(|number| {
            !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
        })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};
    use shared_types::UserId;

    use super::{OtherHolders, has_login_or_recovery, may_go};

    #[test]
    fn a_password_or_a_real_address_is_a_way_in() {
        for (account, wanted) in [
            (json!({"userid": "a"}), false),
            (
                json!({"userid": "a", "passwordExists": false, "emails": []}),
                false,
            ),
            (json!({"userid": "a", "username": "child"}), false),
            (json!({"userid": "a", "passwordExists": true}), true),
            (json!({"userid": "a", "emails": ["a@example.org"]}), true),
            (
                json!({"userid": "a", "emails": ["unclaimed-custodial-automation+00000000000000000042@tidepool.org"]}),
                false,
            ),
            (
                json!({"userid": "a", "emails": ["unclaimed-custodial-automation+@tidepool.org"]}),
                true,
            ),
            (
                json!({"userid": "a", "emails": ["unclaimed-custodial-automation+1@tidepool.org", "b@example.org"]}),
                true,
            ),
        ] {
            assert_eq!(
                has_login_or_recovery(&account_of(&account)),
                wanted,
                "{account}"
            );
        }
    }

    #[test]
    fn the_last_holder_stays_unless_another_existing_one_does() {
        let ids = |names: &[&str]| names.iter().copied().map(UserId::from).collect();
        for (accounts, clinic, existing, wanted) in [
            (&[][..], false, &[][..], false),
            (&["bob"], false, &["bob"], true),
            (&["bob"], false, &[], false),
            (&["bob", "carol"], false, &["carol"], true),
            (&[], true, &[], true),
            (&[], false, &["bob"], false),
        ] {
            let others = OtherHolders {
                accounts: ids(accounts),
                clinic,
            };
            assert_eq!(
                may_go(&others, &ids(existing)).is_ok(),
                wanted,
                "{others:?}"
            );
        }
    }

    fn account_of(value: &Value) -> shared_types::UserRecord {
        serde_json::from_value(value.clone()).unwrap()
    }
}
