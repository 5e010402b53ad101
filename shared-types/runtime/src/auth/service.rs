//! The token with which this service calls others.

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use secrecy::{ExposeSecret, SecretString};

use super::{KeptToken, TOKEN_HEADER};
use crate::{config::UserApiSettings, http::HttpClient, peers::PeerError};

/// How long a token is used before another one is asked for; user-api makes them for 24 hours.
const RENEW_AFTER: Duration = Duration::from_hours(1);

/// Where a service gets the token with which it calls others: from user-api by its name and secret
/// ([`ServerLogin`]), or in user-api from its own key.
pub trait ServiceToken: Send + Sync {
    /// A token that should be valid.
    fn token(&self) -> BoxFuture<'_, Result<Arc<SecretString>, PeerError>>;

    /// Tells that a peer refused `token`, so that the next call may get another one.
    fn refused<'a>(&'a self, token: &'a Arc<SecretString>) -> BoxFuture<'a, ()>;
}

/// Logs in at user-api (`POST /serverlogin`) with the service's name and secret. The token is kept
/// for an hour; concurrent callers share one login.
pub struct ServerLogin {
    client: HttpClient,
    name: String,
    secret: SecretString,
    kept: KeptToken,
}

impl ServerLogin {
    /// The login of this service at user-api.
    pub fn new(settings: &UserApiSettings) -> anyhow::Result<Self> {
        Ok(Self {
            client: HttpClient::new(&settings.url)?,
            name: settings.server_name.clone(),
            secret: settings.server_secret.clone(),
            kept: KeptToken::default(),
        })
    }

    async fn log_in(&self) -> Result<(SecretString, Duration), PeerError> {
        let headers = [
            ("x-tidepool-server-name", self.name.as_str()),
            ("x-tidepool-server-secret", self.secret.expose_secret()),
        ];
        let response = self.client.post("/serverlogin", &headers).await?;
        if response.status != 200 {
            return Err(PeerError::Unavailable(anyhow::anyhow!(
                "user-api refused the login of this service with {}",
                response.status
            )));
        }
        response
            .header(TOKEN_HEADER)
            .map(|token| (SecretString::from(token), RENEW_AFTER))
            .ok_or_else(|| {
                PeerError::Unavailable(anyhow::anyhow!("user-api answered a login without a token"))
            })
    }
}

impl ServiceToken for ServerLogin {
    fn token(&self) -> BoxFuture<'_, Result<Arc<SecretString>, PeerError>> {
        Box::pin(self.kept.get(|| self.log_in()))
    }

    fn refused<'a>(&'a self, token: &'a Arc<SecretString>) -> BoxFuture<'a, ()> {
        Box::pin(self.kept.refuse(token))
    }
}
