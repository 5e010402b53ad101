//! The client of the service that makes restricted tokens: who has one may see what belongs to one account,
//! for a short time. It is no part of Tidegate; a deployment that has one names it in its settings.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::json;
use shared_types::UserId;

use super::PeerError;
use crate::http::{PeerClient, segment};

/// Calls the service with the token of this service.
#[derive(Clone)]
pub struct RestrictedTokens {
    client: PeerClient,
}

/// A restricted token.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RestrictedToken {
    /// What its bearer shows: a secret.
    pub id: String,
    /// Whose account it is for.
    pub user_id: UserId,
    /// Until when.
    pub expiration_time: DateTime<Utc>,
}

impl RestrictedTokens {
    /// The service that `client` reaches.
    pub fn new(client: PeerClient) -> Self {
        Self { client }
    }

    /// Makes a token for the account of `user` (`POST /v1/users/:userId/restricted_tokens`).
    pub async fn create(&self, user: &UserId) -> Result<RestrictedToken, PeerError> {
        let path = format!("/v1/users/{}/restricted_tokens", segment(user.as_str()));
        self.client.post(&path, &json!({})).await?.created()
    }

    /// The token with this id; `None`: there is none (`GET /v1/restricted_tokens/:id`).
    pub async fn find(&self, id: &str) -> Result<Option<RestrictedToken>, PeerError> {
        let path = format!("/v1/restricted_tokens/{}", segment(id));
        let answer = self.client.get(&path).await?;
        match answer.status.as_u16() {
            200 => answer.json().map(Some),
            404 => Ok(None),
            _ => Err(answer.refusal()),
        }
    }
}
