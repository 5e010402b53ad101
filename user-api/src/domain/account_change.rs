//! A change that is made to an account.

use crate::domain::{names::Names, proof::Proof};

/// What changes in an account; `None` leaves a member as it is.
#[derive(Debug, Default)]
pub(crate) struct AccountChange {
    pub(crate) names: Option<Names>,
    pub(crate) roles: Option<Vec<String>>,
    pub(crate) terms_accepted: Option<String>,
    pub(crate) email_verified: Option<bool>,
    pub(crate) proof: Proof,
    /// Also ends the custodial role.
    pub(crate) password_hash: Option<String>,
    /// Whether the change is right only for the addresses that were read.
    pub(crate) relies_on_emails: bool,
}

impl AccountChange {
    pub(crate) fn is_empty(&self) -> bool {
        self.names.is_none()
            && self.roles.is_none()
            && self.terms_accepted.is_none()
            && self.email_verified.is_none()
            && self.password_hash.is_none()
    }

    /// Whether other names may stand after the change.
    pub(crate) fn concerns_names(&self) -> bool {
        self.names.is_some() || self.email_verified.is_some() || self.proof != Proof::Stays
    }
}
