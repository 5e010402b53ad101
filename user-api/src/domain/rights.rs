//! What a caller may do with an account.

use shared_types::PermissionSet;

/// Rights on an account, each including the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Rights {
    Nothing,
    /// Runs the account: `custodian`, or `admin` in the older vocabulary.
    Custodian,
    /// Owns it, or is a service.
    Root,
}

impl Rights {
    /// What `permissions` on an account amount to here; `None`: there are none.
    pub(crate) fn of(permissions: Option<&PermissionSet>) -> Self {
        match permissions {
            Some(permissions) if permissions.administers() => Self::Custodian,
            _ => Self::Nothing,
        }
    }
}

#[cfg(test)]
mod tests {
    use shared_types::PermissionSet;

    use super::Rights;

    #[test]
    fn either_administering_name_counts_and_no_other() {
        assert_eq!(Rights::of(None), Rights::Nothing);
        for (names, expected) in [
            (&[][..], Rights::Nothing),
            (&["view", "upload", "note", "edit"], Rights::Nothing),
            (&["root"], Rights::Nothing),
            (&["custodian"], Rights::Custodian),
            (&["admin", "view"], Rights::Custodian),
        ] {
            assert_eq!(
                Rights::of(Some(&PermissionSet::of(names))),
                expected,
                "{names:?}"
            );
        }
    }
}
