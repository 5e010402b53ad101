//! Who may see and change permissions. Nothing is implied in what is stored: `admin` and
//! `custodian` count for each other only here, when a right is checked.

use shared_types::PermissionSet;

use super::{
    Refusal,
    permissions::{Held, is_part},
};

/// Whether a user who holds `held` on an account may see who else can reach it, what the
/// account can reach, and the permissions of any pair.
pub(crate) fn may_see_all(held: &PermissionSet) -> Result<(), Refusal> {
    if held.administers() {
        Ok(())
    } else {
        Err(Refusal::Unauthorized)
    }
}

/// Whether a user who holds `held` on an account may replace the set of another grantee.
pub(crate) fn may_change_another(held: Held) -> Result<(), Refusal> {
    may_see_all(&held.effective())
}

/// Whether a grantee who holds `held` may replace its own direct set by `wanted`. One that
/// does not run the account may only give up what it has, so a stranger may do nothing.
pub(crate) fn may_change_own(held: Held, wanted: &PermissionSet) -> Result<(), Refusal> {
    let only_drops = is_part(wanted, &held.direct);
    let effective = held.effective();
    if effective.administers() || (only_drops && !effective.is_empty()) {
        Ok(())
    } else {
        Err(Refusal::Unauthorized)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use shared_types::PermissionSet;

    use super::{may_change_another, may_change_own, may_see_all};
    use crate::domain::permissions::Held;

    fn held(direct: &[&str], by_clinics: &[&str]) -> Held {
        Held {
            direct: PermissionSet::of(direct),
            by_clinics: PermissionSet::of(by_clinics),
        }
    }

    #[test]
    fn only_admin_and_custodian_see_and_change_others() {
        for (direct, by_clinics, allowed) in [
            (&["admin"][..], &[][..], true),
            (&["custodian"], &[], true),
            (&[], &["custodian"], true),
            (
                &["view", "edit", "note", "upload", "follow"],
                &["view"],
                false,
            ),
            (&[], &[], false),
        ] {
            let held = held(direct, by_clinics);
            assert_eq!(may_see_all(&held.clone().effective()).is_ok(), allowed);
            assert_eq!(may_change_another(held).is_ok(), allowed);
        }
    }

    #[test]
    fn a_grantee_drops_what_it_has_and_no_more() {
        for (direct, by_clinics, wanted, allowed) in [
            (&["view", "upload"][..], &[][..], &["view"][..], true),
            (&["view"], &[], &["view"], true),
            (&["view"], &[], &[], true),
            (&["view"], &[], &["edit"], false),
            (&["view"], &["upload"], &["upload"], false),
            (&[], &["view"], &[], true),
            (&[], &[], &[], false),
            (&["admin"], &[], &["admin", "view"], true),
            (&[], &["custodian"], &["view"], true),
        ] {
            let answer = may_change_own(held(direct, by_clinics), &PermissionSet::of(wanted));
            assert_eq!(
                answer.is_ok(),
                allowed,
                "{direct:?} {by_clinics:?} {wanted:?}"
            );
        }
    }

    fn some_names() -> impl Strategy<Value = Vec<&'static str>> {
        prop::sample::subsequence(vec!["view", "note", "upload", "edit", "follow"], 0..=5)
    }

    proptest! {
        #[test]
        fn nobody_raises_itself(direct in some_names(), by_clinics in some_names(), wanted in some_names()) {
            let allowed = may_change_own(held(&direct, &by_clinics), &PermissionSet::of(&wanted)).is_ok();
            let raises = wanted.iter().any(|name| !direct.contains(name));
            let stranger = direct.is_empty() && by_clinics.is_empty();
            prop_assert_eq!(allowed, !raises && !stranger);
        }
    }
}
