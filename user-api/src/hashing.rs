//! Computes password hashes away from the threads that serve requests, a bounded number at once.

use std::sync::Arc;

use anyhow::Context;
use secrecy::{ExposeSecret, SecretString};
use shared_runtime::error::ApiError;
use tokio::sync::Semaphore;

use crate::{
    config::PasswordSettings,
    domain::{password, user::Account},
    error::{Failure, Refusal},
};

/// Each hash takes 19 MiB and tens of milliseconds of a core: unbounded, a burst of log-ins would
/// exhaust the memory.
pub(crate) struct Hasher {
    /// Who computes.
    permits: Arc<Semaphore>,
    /// Who computes or waits.
    places: Arc<Semaphore>,
    legacy_salt: Option<SecretString>,
}

impl Hasher {
    pub(crate) fn new(settings: &PasswordSettings) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let permits = if settings.hash_permits == 0 {
            2 * cores
        } else {
            settings.hash_permits
        };
        Self {
            permits: Arc::new(Semaphore::new(permits)),
            places: Arc::new(Semaphore::new(permits + settings.hash_queue)),
            legacy_salt: settings.legacy_salt.clone(),
        }
    }

    /// The hash to store for `password`; `failure` is answered when it cannot be computed.
    pub(crate) async fn hash(&self, password: &str, failure: Failure) -> Result<String, ApiError> {
        let password = SecretString::from(password);
        let hash = move || password::hash(password.expose_secret());
        self.run(hash, failure).await?.map_err(|error| {
            ApiError::from(failure).caused_by(anyhow::anyhow!("no password hash: {error}"))
        })
    }

    /// Whether `password` is that of `account`. It takes the same time when there is no account or
    /// it has no password, so that time tells nobody which names exist.
    pub(crate) async fn matches(
        &self,
        account: Option<&Account>,
        password: &str,
    ) -> Result<bool, ApiError> {
        let stored = account
            .and_then(|account| Some((account.userid.clone(), account.password_hash.clone()?)));
        let password = SecretString::from(password);
        let salt = self.legacy_salt.clone();
        let verify = move || {
            let password = password.expose_secret();
            let Some((userid, hash)) = stored else {
                password::spend_time(password);
                return false;
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
        &self,
        work: impl FnOnce() -> T + Send + 'static,
        failure: Failure,
    ) -> Result<T, ApiError> {
        let place = self
            .places
            .clone()
            .try_acquire_owned()
            .map_err(|_| Refusal::Busy)?;
        let permit = self
            .permits
            .clone()
            .acquire_owned()
            .await
            .context("the hasher is closed")
            .map_err(failure.because())?;
        // The work goes on when the request is dropped, so it holds its permit itself.
        tokio::task::spawn_blocking(move || {
            let result = work();
            drop((permit, place));
            result
        })
        .await
        .map_err(failure.because())
    }
}
