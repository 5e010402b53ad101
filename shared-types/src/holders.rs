//! Who runs an account, as gatekeeper and user-api report it to each other, so that an account that
//! nobody can log into keeps somebody.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::UserId;

/// Body of user-api's `PUT /internal/users/{userId}/holders`: who runs the account by a direct
/// permission, or is about to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HolderNotice {
    /// The version of the account's lock at gatekeeper. A notice at a later one replaces the
    /// notices before; other notices add to them.
    pub version: i64,
    /// Nobody else runs the account at that version, clinics apart. At most [`Self::MAX_HOLDERS`].
    pub holders: Vec<UserId>,
}

impl HolderNotice {
    /// Holders that one notice names. Of more, the rest need not be known: one of so many that exists
    /// is enough.
    pub const MAX_HOLDERS: usize = 1000;
}

/// The response to a [`HolderNotice`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HolderNeed {
    /// Whether nobody could reach the account without somebody who runs it.
    pub needs_holder: bool,
    /// Which of the holders exist; empty where none is needed.
    pub existing: Vec<UserId>,
}

/// The response of gatekeeper's `PUT /internal/users/{userId}/lock`: who runs the account. What was
/// decided about that and is not written by then is decided anew.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LockedAccount {
    /// The version of the lock from here on.
    pub version: i64,
    /// Who runs the account by a direct permission.
    pub holders: Vec<UserId>,
    /// Whether a clinic runs it too.
    pub clinic_custodian: bool,
}
