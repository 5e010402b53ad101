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

use super::{AuthFailure, Freshness, TokenCheck, VerifyingKeys, keys::MAX_TOKEN_BYTES};
use crate::peers::user_api::UserApi;

/// Tokens whose answers are held at once.
const CACHED_TOKENS: u64 = 10_000;
/// An answer is forgotten when nobody asks about its token for this long; none is used that long.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(10);
/// A token that names an unknown key makes us fetch the published keys at most this often.
const KEYS_REFETCHED_AFTER: Duration = Duration::from_secs(5);
/// When the keys cannot be fetched, those who wait are told so for this long, instead of each
/// trying in turn.
const FAILURE_KEPT_FOR: Duration = Duration::from_secs(1);

/// Signature and expiry are verified here with the keys that user-api publishes; whether the token
/// was revoked is asked of user-api.
///
/// A request that only reads takes an answer that was given a moment ago (a setting, at most 2 s; 0:
/// none). Any other one takes none that was asked for before it came, so that a token that was ended
/// changes nothing from then on; what it learns holds for reads as well. Concurrent questions about
/// one token share a call. When user-api cannot be asked the answer is [`AuthFailure::Unavailable`],
/// never access.
pub struct RemoteTokens {
    user_api: UserApi,
    keys: RwLock<Option<Arc<VerifyingKeys>>>,
    fetching: Mutex<Fetched>,
    /// How long an answer is good enough for reads.
    kept_for: Duration,
    asked: Cache<String, Arc<Asked>>,
}

type Answer = Result<TokenData, AuthFailure>;

/// What was asked about one token. Calls are made one after the other, so that no answer takes the
/// place of one that was asked for later.
#[derive(Default)]
struct Asked {
    /// Held during a call.
    turn: Mutex<()>,
    last: RwLock<Option<Call>>,
}

/// A call that has ended.
#[derive(Clone)]
struct Call {
    began: Instant,
    ended: Instant,
    answer: Answer,
}

impl Call {
    /// Whether its answer is one to a question that was asked at `asked`. A failure is shared with
    /// those who waited and then forgotten.
    fn answers(&self, asked: Instant, freshness: Freshness, kept_for: Duration) -> bool {
        if freshness == Freshness::Now || kept_for.is_zero() {
            return self.began > asked;
        }
        let is_failure = matches!(self.answer, Err(AuthFailure::Unavailable(_)));
        let age = asked.saturating_duration_since(self.began);
        self.ended > asked || (!is_failure && age < kept_for)
    }
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
        Ok(Self {
            user_api,
            keys: RwLock::new(None),
            fetching: Mutex::new(Fetched::default()),
            kept_for: Duration::from_millis(cache_ms),
            asked: Cache::builder()
                .max_capacity(CACHED_TOKENS)
                .time_to_idle(FORGOTTEN_AFTER)
                .build(),
        })
    }

    async fn answer(&self, token: &str, freshness: Freshness) -> Answer {
        let asked_at = Instant::now();
        let asked = if let Some(asked) = self.asked.get(token).await {
            asked
        } else {
            let nothing = async { Arc::default() };
            self.asked.get_with(token.to_owned(), nothing).await
        };
        let known = || {
            let last = asked.last.read().unwrap_or_else(PoisonError::into_inner);
            let call = last.as_ref()?;
            let suits = call.answers(asked_at, freshness, self.kept_for);
            suits.then(|| call.answer.clone())
        };
        if let Some(answer) = known() {
            return answer;
        }
        let _turn = asked.turn.lock().await;
        if let Some(answer) = known() {
            return answer;
        }
        // Whatever came in the same moment is looked at before, and shares the call.
        tokio::task::yield_now().await;
        let began = Instant::now();
        let answer = self.verify_and_ask(token).await;
        *asked.last.write().unwrap_or_else(PoisonError::into_inner) = Some(Call {
            began,
            ended: Instant::now(),
            answer: answer.clone(),
        });
        answer
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
    fn check<'a>(&'a self, token: &'a str, freshness: Freshness) -> BoxFuture<'a, Answer> {
        Box::pin(async move {
            if token.len() > MAX_TOKEN_BYTES {
                return Err(AuthFailure::Invalid);
            }
            let data = self.answer(token, freshness).await?;
            if data.expires_at > Utc::now().timestamp() {
                Ok(data)
            } else {
                Err(AuthFailure::Invalid)
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use shared_types::TokenData;

    use super::{AuthFailure, Call, Freshness};

    #[test]
    fn an_answer_is_good_for_those_who_asked_early_enough() {
        const KEPT: u64 = 2000;
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let said = |answer| Call {
            began: at(1000),
            ended: at(1010),
            answer,
        };
        let valid = Ok(TokenData {
            isserver: false,
            userid: "alice".to_owned(),
            expires_at: 0,
            identity_provider: None,
        });
        let refused = Err(AuthFailure::Invalid);
        let failed = Err(AuthFailure::Unavailable(String::new()));
        // When it was asked, for how long answers are kept; whether the answer is good for a read
        // and for a write, and whether a failure is good for a read.
        let cases = [
            (999, KEPT, true, true, true),
            (1005, KEPT, true, false, true),
            (1011, KEPT, true, false, false),
            (2999, KEPT, true, false, false),
            (3000, KEPT, false, false, false),
            (999, 0, true, true, true),
            (1005, 0, false, false, false),
            (1011, 0, false, false, false),
        ];
        for (asked, kept, read, write, failed_read) in cases {
            let (asked, kept) = (at(asked), Duration::from_millis(kept));
            for answer in [valid.clone(), refused.clone()] {
                let call = said(answer);
                assert_eq!(call.answers(asked, Freshness::Recent, kept), read);
                assert_eq!(call.answers(asked, Freshness::Now, kept), write);
            }
            let call = said(failed.clone());
            assert_eq!(call.answers(asked, Freshness::Recent, kept), failed_read);
            assert_eq!(call.answers(asked, Freshness::Now, kept), write);
        }
    }
}
