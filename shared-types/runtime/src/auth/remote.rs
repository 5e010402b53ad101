//! Checks tokens in the services that do not own them.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use chrono::Utc;
use futures_util::future::BoxFuture;
use moka::future::Cache;
use shared_types::TokenData;
use tokio::sync::Mutex;

use super::{AuthFailure, TokenCheck, VerifyingKeys, keys::MAX_TOKEN_BYTES};
use crate::peers::user_api::UserApi;

/// Tokens whose answers are held at once.
const CACHED_TOKENS: u64 = 10_000;
/// A token that names an unknown key makes us fetch the published keys at most this often.
const KEYS_REFETCHED_AFTER: Duration = Duration::from_secs(5);
/// When the keys cannot be fetched, those who wait are told so for this long, instead of each
/// trying in turn.
const FAILURE_KEPT_FOR: Duration = Duration::from_secs(1);

/// Signature and expiry are verified here with the keys that user-api publishes; whether the token
/// was revoked is asked of user-api.
///
/// Answers are kept for a moment (a setting, at most 2 s; 0 asks every time), and concurrent
/// questions about one token share one call. When user-api cannot be asked the answer is
/// [`AuthFailure::Unavailable`], never access.
pub struct RemoteTokens {
    user_api: UserApi,
    keys: RwLock<Option<Arc<VerifyingKeys>>>,
    fetching: Mutex<Fetched>,
    answers: Option<Cache<String, Result<TokenData, AuthFailure>>>,
}

/// When the keys were fetched last, and when that failed last.
#[derive(Default)]
struct Fetched {
    succeeded: Option<Instant>,
    failed: Option<(Instant, AuthFailure)>,
}

impl RemoteTokens {
    /// A check that asks `user_api` and keeps its answers for `cache_ms` milliseconds, 0 to 2000.
    pub fn new(user_api: UserApi, cache_ms: u64) -> anyhow::Result<Self> {
        anyhow::ensure!(cache_ms <= 2000, "token_cache_ms is at most 2000");
        let answers = (cache_ms > 0).then(|| {
            Cache::builder()
                .max_capacity(CACHED_TOKENS)
                .time_to_live(Duration::from_millis(cache_ms))
                .build()
        });
        Ok(Self {
            user_api,
            keys: RwLock::new(None),
            fetching: Mutex::new(Fetched::default()),
            answers,
        })
    }

    async fn verify_and_ask(&self, token: &str) -> Result<TokenData, AuthFailure> {
        let claims = self
            .keys_for(token)
            .await?
            .verify(token)
            .ok_or(AuthFailure::Invalid)?;
        match self.user_api.check_token(token).await {
            Ok(Some(data)) if data.isserver == claims.is_server() && data.userid == claims.usr => {
                Ok(TokenData {
                    expires_at: claims.exp,
                    ..data
                })
            }
            Ok(_) => Err(AuthFailure::Invalid),
            Err(error) => Err(AuthFailure::Unavailable(format!("token check: {error}"))),
        }
    }

    /// The published keys, fetched when there are none or when `token` names one that is not among
    /// them.
    async fn keys_for(&self, token: &str) -> Result<Arc<VerifyingKeys>, AuthFailure> {
        if let Some(keys) = self.known_keys()
            && keys.may_know(token)
        {
            return Ok(keys);
        }
        let mut fetched = self.fetching.lock().await;
        if let Some(keys) = self.known_keys()
            && (keys.may_know(token)
                || fetched
                    .succeeded
                    .is_some_and(|at| at.elapsed() < KEYS_REFETCHED_AFTER))
        {
            return Ok(keys);
        }
        if let Some((at, failure)) = &fetched.failed
            && at.elapsed() < FAILURE_KEPT_FOR
        {
            return Err(failure.clone());
        }
        match self.user_api.signing_keys().await {
            Ok(set) => {
                let keys = Arc::new(VerifyingKeys::from_jwks(&set));
                *self.keys.write().unwrap_or_else(PoisonError::into_inner) = Some(keys.clone());
                fetched.succeeded = Some(Instant::now());
                Ok(keys)
            }
            Err(error) => {
                let failure = AuthFailure::Unavailable(format!("signing keys: {error}"));
                fetched.failed = Some((Instant::now(), failure.clone()));
                Err(failure)
            }
        }
    }

    fn known_keys(&self) -> Option<Arc<VerifyingKeys>> {
        self.keys
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl TokenCheck for RemoteTokens {
    fn check<'a>(&'a self, token: &'a str) -> BoxFuture<'a, Result<TokenData, AuthFailure>> {
        Box::pin(async move {
            if token.len() > MAX_TOKEN_BYTES {
                return Err(AuthFailure::Invalid);
            }
            let Some(answers) = &self.answers else {
                return self.verify_and_ask(token).await;
            };
            let answer = match answers.get(token).await {
                Some(answer) => answer,
                // Only answers are kept; a failure to ask is shared with those who wait and then
                // forgotten.
                None => answers
                    .try_get_with(token.to_owned(), async {
                        match self.verify_and_ask(token).await {
                            Err(failure @ AuthFailure::Unavailable(_)) => Err(failure),
                            answer => Ok(answer),
                        }
                    })
                    .await
                    .unwrap_or_else(|failure| Err((*failure).clone())),
            };
            answer.and_then(|data| {
                if data.expires_at > Utc::now().timestamp() {
                    Ok(data)
                } else {
                    Err(AuthFailure::Invalid)
                }
            })
        })
    }
}
