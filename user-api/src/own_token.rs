//! The token with which user-api calls other services.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use secrecy::SecretString;
use shared_runtime::{auth::ServiceToken, peers::PeerError};
use tokio::sync::Mutex;

use crate::{
    domain::session::{OWN_TOKEN_TTL_S, Subject},
    sessions::Sessions,
};

/// The name under which user-api calls other services.
pub(crate) const OWN_NAME: &str = "user-api";

/// A token for other services is replaced when less than this remains, in seconds.
const RENEW_BEFORE_S: i64 = 60;

/// The token with which user-api calls others, which it makes itself.
pub(crate) struct OwnToken {
    sessions: Sessions,
    current: Mutex<Option<(Arc<SecretString>, DateTime<Utc>)>>,
}

impl OwnToken {
    pub(crate) fn new(sessions: Sessions) -> Self {
        Self {
            sessions,
            current: Mutex::new(None),
        }
    }
}

impl ServiceToken for OwnToken {
    fn token(&self) -> BoxFuture<'_, Result<Arc<SecretString>, PeerError>> {
        Box::pin(async move {
            let mut current = self.current.lock().await;
            let now = Utc::now();
            if let Some((token, opened)) = &*current
                && (now - *opened).num_seconds() < OWN_TOKEN_TTL_S - RENEW_BEFORE_S
            {
                return Ok(token.clone());
            }
            let subject = Subject::Service(OWN_NAME.to_owned());
            let token = self
                .sessions
                .open_for(&subject, OWN_TOKEN_TTL_S, now)
                .await
                .map_err(PeerError::Unavailable)?;
            let token = Arc::new(SecretString::from(token));
            *current = Some((token.clone(), now));
            Ok(token)
        })
    }

    fn refused<'a>(&'a self, token: &'a Arc<SecretString>) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let mut current = self.current.lock().await;
            if current
                .as_ref()
                .is_some_and(|(held, _)| Arc::ptr_eq(held, token))
            {
                *current = None;
            }
        })
    }
}
