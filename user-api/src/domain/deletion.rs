//! Whether an account may go although other accounts depend on it.

use std::collections::BTreeSet;

use shared_types::{AdministeredAccount, UserId};

/// Whether `child` still has an admin once the account `leaving` is gone. `existing` holds the
/// accounts that exist.
pub(crate) fn keeps_an_admin(
    child: &AdministeredAccount,
    leaving: &UserId,
    existing: &BTreeSet<&UserId>,
) -> bool {
    child.keeps_an_admin(|admin| admin != leaving && existing.contains(admin))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use shared_types::{AdministeredAccount, UserId};

    use super::keeps_an_admin;

    #[test]
    fn another_existing_admin_or_a_clinic_keeps_the_child() {
        let bob = UserId::from("bob");
        let carol = UserId::from("carol");
        let existing = BTreeSet::from([&bob, &carol]);
        for (others, clinic_custodian, expected) in [
            (&[][..], false, false),
            (&["bob"], false, false),
            (&["gone"], false, false),
            (&["gone", "carol"], false, true),
            (&[], true, true),
        ] {
            let child = AdministeredAccount {
                userid: UserId::from("child"),
                other_admins: others.iter().map(|id| UserId::from(*id)).collect(),
                clinic_custodian,
            };
            assert_eq!(
                keeps_an_admin(&child, &bob, &existing),
                expected,
                "{child:?}"
            );
        }
    }
}
