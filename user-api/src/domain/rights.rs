//! What a caller is to an account, and what follows from that.

use shared_types::PermissionSet;

/// What a caller is to an account.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Rights {
    /// A service, which is trusted with all accounts.
    Service,
    /// The account itself.
    Owner,
    /// Another user, who holds these permissions on the account; a stranger holds none.
    Holder(PermissionSet),
}

impl Rights {
    /// Whether the caller runs the account, sees it and changes what is not its owner's alone:
    /// `custodian`, or `admin` in the older vocabulary.
    pub(crate) fn administer(&self) -> bool {
        match self {
            Self::Service | Self::Owner => true,
            Self::Holder(permissions) => permissions.administers(),
        }
    }

    /// Whether the caller may change what the account keeps about its owner.
    pub(crate) fn edit(&self) -> bool {
        match self {
            Self::Service | Self::Owner => true,
            Self::Holder(permissions) => permissions.administers() || permissions.has("edit"),
        }
    }
}

#[cfg(test)]
mod tests {
    use shared_types::PermissionSet;

    use super::Rights;

    #[test]
    fn services_and_owners_do_what_names_allow_others() {
        for (names, administer, edit) in [
            (&[][..], false, false),
            (&["view", "upload", "note", "follow"], false, false),
            (&["view", "edit"], false, true),
            (&["root"], false, false),
            (&["custodian"], true, true),
            (&["admin", "view"], true, true),
        ] {
            let rights = Rights::Holder(PermissionSet::of(names));
            assert_eq!(
                (rights.administer(), rights.edit()),
                (administer, edit),
                "{names:?}"
            );
        }
        for rights in [Rights::Service, Rights::Owner] {
            assert!(rights.administer() && rights.edit(), "{rights:?}");
        }
    }
}
