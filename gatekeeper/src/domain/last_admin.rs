//! The last-admin rule: an account that nobody can log into or recover keeps an administrator.

use std::collections::BTreeSet;

use shared_types::UserId;

use super::Refusal;

/// Who runs an account apart from the grantee whose set is being replaced.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct OtherHolders {
    /// Accounts with a direct `admin` or `custodian`.
    pub(crate) accounts: BTreeSet<UserId>,
    /// Whether a clinic does.
    pub(crate) clinic: bool,
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

#[cfg(test)]
mod tests {
    use shared_types::UserId;

    use super::{OtherHolders, may_go};

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
}
