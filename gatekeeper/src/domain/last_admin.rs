//! The last-admin rule: an account that nobody can log into or recover keeps an administrator.

use std::collections::BTreeSet;

use shared_types::{AdministeredAccount, UserId};

use super::Refusal;

/// Whether an admin of `account` may go. `account` holds the other admins; only those in `existing`
/// count.
pub(crate) fn may_go(
    account: &AdministeredAccount,
    existing: &BTreeSet<UserId>,
) -> Result<(), Refusal> {
    if account.keeps_an_admin(|admin| existing.contains(admin)) {
        Ok(())
    } else {
        Err(Refusal::LastAdmin)
    }
}
