//! Accounts as services show them to each other and to clients.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::UserId;

/// An account (`GET /user/:userid` and every other operation that returns an account).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UserRecord {
    /// The account id.
    pub userid: UserId,
    /// The login name; `None` when the account has none to show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// E-mail addresses; `None` when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub emails: Option<Vec<String>>,
    /// Roles; `None` when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roles: Option<Vec<String>>,
    /// When the terms were accepted, `YYYY-MM-DDThh:mm:ss±hh:mm`; `None` when they were not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms_accepted: Option<String>,
    /// Whether the address is verified; `None` when there is neither user name nor address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email_verified: Option<bool>,
    /// Whether the account can be logged into by password; `None` unless a service asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_exists: Option<bool>,
}
