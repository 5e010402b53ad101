//! The token with which this service calls others.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::future::BoxFuture;
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::Mutex;

use super::TOKEN_HEADER;
use crate::{config::UserApiSettings, http::HttpClient, peers::PeerError};

/// How long a token is used before another one is asked for; user-api makes them for 24 hours.
const RENEW_AFTER: Duration = Duration::from_hours(1);
/// A younger token is kept when a peer refuses it. user-api refuses a bad token that it is asked
/// about with the same status as a bad token of the asker, and such questions must not make us log
/// in each time.
const KEPT_FOR: Duration = Duration::from_secs(10);
/// When a login fails, those who wait for it are told so for this long, instead of each trying in
/// turn.
const FAILURE_KEPT_FOR: Duration = Duration::from_secs(1);

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
    current: Mutex<Option<(Arc<SecretString>, Instant)>>,
    /// When a login failed last, and why; only touched while `current` is held.
    failure: Mutex<Option<(Instant, String)>>,
}

impl ServerLogin {
    /// The login of this service at user-api.
    pub fn new(settings: &UserApiSettings) -> anyhow::Result<Self> {
        Ok(Self {
            client: HttpClient::new(&settings.url)?,
            name: settings.server_name.clone(),
            secret: settings.server_secret.clone(),
            current: Mutex::new(None),
            failure: Mutex::new(None),
        })
    }

    async fn log_in(&self) -> Result<SecretString, PeerError> {
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
            .map(SecretString::from)
            .ok_or_else(|| {
                PeerError::Unavailable(anyhow::anyhow!("user-api answered a login without a token"))
            })
    }
}

impl ServiceToken for ServerLogin {
    fn token(&self) -> BoxFuture<'_, Result<Arc<SecretString>, PeerError>> {
        Box::pin(async move {
            let mut current = self.current.lock().await;
            if let Some((token, since)) = &*current
                && since.elapsed() < RENEW_AFTER
            {
                return Ok(token.clone());
            }
            let mut failure = self.failure.lock().await;
            if let Some((at, why)) = &*failure
                && at.elapsed() < FAILURE_KEPT_FOR
            {
                return Err(PeerError::Unavailable(anyhow::anyhow!("{why}")));
            }
            match self.log_in().await {
                Ok(token) => {
                    let token = Arc::new(token);
                    *current = Some((token.clone(), Instant::now()));
                    Ok(token)
                }
                Err(error) => {
                    *failure = Some((Instant::now(), error.to_string()));
                    Err(error)
                }
            }
        })
    }

    fn refused<'a>(&'a self, token: &'a Arc<SecretString>) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let mut current = self.current.lock().await;
            if current
                .as_ref()
                .is_some_and(|(held, since)| Arc::ptr_eq(held, token) && since.elapsed() > KEPT_FOR)
            {
                *current = None;
            }
        })
    }
}
