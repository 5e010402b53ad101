//! What a session token says about its bearer.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The response of a token check (`GET /token/:token` of user-api).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TokenData {
    /// Whether the bearer is a service.
    pub isserver: bool,
    /// The account id, or the service's name.
    #[serde(default)]
    pub userid: String,
    /// Unix seconds. 0 when the issuer did not say.
    #[serde(default)]
    pub expires_at: i64,
    /// The identity provider that vouched for the bearer; `None` for a password login.
    #[serde(
        rename = "identityProvider",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub identity_provider: Option<String>,
}
