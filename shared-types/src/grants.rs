//! Grants that somebody offered and somebody accepted.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{PermissionSet, UserId};

/// Body of `PUT /internal/grants/{grant_id}` of gatekeeper: what the grantee gets in addition to
/// what it has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Grant {
    /// Whose account it is.
    pub sharer_id: UserId,
    /// Who may use it.
    pub grantee_id: UserId,
    /// Who offered it on behalf of the sharer and must still run the account; `None`: the sharer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub granted_by: Option<UserId>,
    /// What is offered; not empty.
    pub permissions: PermissionSet,
}
