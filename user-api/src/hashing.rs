//! Computes password hashes away from the threads that serve requests, a bounded number at once and
//! in an order that is fair between sources.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};
use shared_runtime::{error::OrFail as _, source::Source};

use crate::{
    config::PasswordSettings,
    domain::{
        password::{self, Match},
        user::Account,
    },
    error::{Error, Failure, Refusal},
    queue::{Bounds, FairQueue, Turn},
};

/// Each hash takes 19 MiB and tens of milliseconds of a core: unbounded, a burst of log-ins would
/// exhaust the memory, and one source would keep all others waiting.
pub(crate) struct Hasher {
    queue: Arc<FairQueue<Source>>,
    legacy_salt: Option<SecretString>,
}

/// The right to compute one hash.
pub(crate) struct HashTurn {
    turn: Turn<Source>,
    legacy_salt: Option<SecretString>,
}

impl Hasher {
    pub(crate) fn new(settings: &PasswordSettings) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let turns = if settings.hash_permits == 0 {
            2 * cores
        } else {
            settings.hash_permits
        };
        Self {
            queue: FairQueue::new(Bounds {
                turns,
                per_source: settings.hash_queue_per_source,
                total: settings.hash_queue,
            }),
            legacy_salt: settings.legacy_salt.clone(),
        }
    }

    /// Waits until a hash for `source` may be computed.
    pub(crate) async fn turn(&self, source: Source) -> Result<HashTurn, Refusal> {
        let turn = self.queue.turn(source).await.ok_or(Refusal::Busy)?;
        Ok(HashTurn {
            turn,
            legacy_salt: self.legacy_salt.clone(),
        })
    }

    /// The hash to store for `password`; `failure` is answered when it cannot be computed.
    pub(crate) async fn hash(
        &self,
        source: Source,
        password: &str,
        failure: Failure,
    ) -> Result<String, Error> {
        let password = SecretString::from(password);
        let hash = move || password::hash(password.expose_secret());
        let turn = self.turn(source).await?;
        turn.run(hash, failure)
            .await?
            .map_err(|error| Error::failed(failure, anyhow::anyhow!("no password hash: {error}")))
    }
}

impl HashTurn {
    /// Whether `password` is that of `account`, and if so, how it matches. It takes the same time
    /// when there is no account or it has no password, so that time tells nobody which names exist.
    pub(crate) async fn matches(
        self,
        account: Option<&Account>,
        password: &str,
    ) -> Result<Option<Match>, Error> {
        let stored = account
            .and_then(|account| Some((account.userid.clone(), account.password_hash.clone()?)));
        let password = SecretString::from(password);
        let salt = self.legacy_salt.clone();
        let verify = move || {
            let password = password.expose_secret();
            let Some((userid, hash)) = stored else {
                password::spend_time(password);
                return None;
            };
            if password::is_legacy(&hash) {
                password::spend_time(password);
            }
            let salt = salt.as_ref().map(SecretString::expose_secret);
            password::matches(&hash, password, &userid, salt)
        };
        self.run(verify, Failure::FindingUser).await
    }

    async fn run<T: Send + 'static>(
        self,
        work: impl FnOnce() -> T + Send + 'static,
        failure: Failure,
    ) -> Result<T, Error> {
        // The work goes on when the request is dropped, so it holds the turn itself.
        Ok(tokio::task::spawn_blocking(move || {
            let result = work();
            drop(self.turn);
            result
        })
        .await
        .or_fail(failure)?)
    }
}
