//! The client of user-api: accounts and session tokens.

use jsonwebtoken::jwk::JwkSet;
use shared_types::{TokenData, UserId, UserRecord};

use super::PeerError;
use crate::http::{PeerClient, segment};

/// Calls user-api with the token of this service.
#[derive(Clone)]
pub struct UserApi {
    client: PeerClient,
}

impl UserApi {
    /// The user-api that `client` reaches.
    pub fn new(client: PeerClient) -> Self {
        Self { client }
    }

    /// What `token` says about its bearer; `None` when it is not valid (`GET /token/:token`).
    pub async fn check_token(&self, token: &str) -> Result<Option<TokenData>, PeerError> {
        let answer = self
            .client
            .get(&format!("/token/{}", token_segment(token)))
            .await?;
        match answer.status.as_u16() {
            200 => answer.json().map(Some),
            // user-api refuses our own token with the same status, but then a repeat with a new
            // one has been refused as well, and the token in question is no better.
            401 | 404 => Ok(None),
            _ => Err(answer.refusal()),
        }
    }

    /// The keys that verify session tokens (`GET /.well-known/jwks.json`).
    pub async fn signing_keys(&self) -> Result<JwkSet, PeerError> {
        self.client
            .get_public("/.well-known/jwks.json")
            .await?
            .json()
    }

    /// The accounts with these ids; unknown ones are missing (`GET /users?id=`). At most 200 ids.
    pub async fn users(&self, ids: &[UserId]) -> Result<Vec<UserRecord>, PeerError> {
        let ids: Vec<String> = ids.iter().map(|id| segment(id.as_str())).collect();
        self.client
            .get(&format!("/users?id={}", ids.join(",")))
            .await?
            .json()
    }
}

/// A token is made of unreserved characters and dots, which need no encoding.
fn token_segment(token: &str) -> String {
    token.split('.').map(segment).collect::<Vec<_>>().join(".")
}
