//! A token that is kept until it is time for another one.

use std::{
    future::Future,
    sync::Arc,
    time::{Duration, Instant},
};

use secrecy::SecretString;
use tokio::sync::Mutex;

use crate::peers::PeerError;

/// A younger token is kept when a peer refuses it. user-api refuses a bad token that it is asked
/// about with the same status as a bad token of the asker, and such questions must not make us log
/// in each time.
const KEPT_FOR: Duration = Duration::from_secs(10);
/// When a login fails, those who wait for it are told so for this long, instead of each trying in
/// turn.
const FAILURE_KEPT_FOR: Duration = Duration::from_secs(1);

/// The token of a log-in, which concurrent callers share.
#[derive(Default)]
pub(crate) struct KeptToken {
    current: Mutex<Option<Held>>,
    /// When a login failed last, and why; only touched while `current` is held.
    failure: Mutex<Option<(Instant, String)>>,
}

struct Held {
    token: Arc<SecretString>,
    since: Instant,
    /// How long it is used.
    used_for: Duration,
}

impl KeptToken {
    /// The token, or the one of `log_in` with how long it is used, where it is time for it.
    pub(crate) async fn get<F>(
        &self,
        log_in: impl FnOnce() -> F,
    ) -> Result<Arc<SecretString>, PeerError>
    where
        F: Future<Output = Result<(SecretString, Duration), PeerError>>,
    {
        let mut current = self.current.lock().await;
        if let Some(held) = &*current
            && held.since.elapsed() < held.used_for
        {
            return Ok(held.token.clone());
        }
        let mut failure = self.failure.lock().await;
        if let Some((at, why)) = &*failure
            && at.elapsed() < FAILURE_KEPT_FOR
        {
            return Err(PeerError::Unavailable(anyhow::anyhow!("{why}")));
        }
        match log_in().await {
            Ok((token, used_for)) => {
                let token = Arc::new(token);
                *current = Some(Held {
                    token: token.clone(),
                    since: Instant::now(),
                    used_for,
                });
                Ok(token)
            }
            Err(error) => {
                *failure = Some((Instant::now(), error.to_string()));
                Err(error)
            }
        }
    }

    /// Notes that `token` was refused, so that the next one may be another.
    pub(crate) async fn refuse(&self, token: &Arc<SecretString>) {
        let mut current = self.current.lock().await;
        if current
            .as_ref()
            .is_some_and(|held| Arc::ptr_eq(&held.token, token) && held.since.elapsed() > KEPT_FOR)
        {
            *current = None;
        }
    }
}
