//! Look-ups and replacements of pairs that share a round trip.
//!
//! While some commands are under way, what comes next waits and goes together with the following
//! one: on a quiet service everything is sent at once, on a busy one the database answers many
//! look-ups for little more than the price of one, and replacements share the wait for the journal.
//! A command starts after everything in it was asked for, so no answer is older than its question,
//! and nothing in it depends on the rest.

use std::time::Duration;

use batch_aint_one::{Batcher, BatchingPolicy, Limits, Processor, error::BatchError};
use mongodb::error::{Error, ErrorKind, Result};

use super::permissions::{Pair, PairLookup, PairReplacement, Permissions};

/// Commands of one kind under way at the same moment, for one worker thread.
const UNDER_WAY: usize = 2;
/// How long a command may take: one whose connection is dead must not hold up the others for ever.
const DEADLINE: Duration = Duration::from_secs(10);
/// What one command carries at most.
const SIZE: usize = 32;
/// What waits at most; the rest is sent on its own.
const WAITING: usize = 4_096;

/// The batches of one worker thread.
#[derive(Debug, Clone)]
pub(crate) struct Batches {
    permissions: Permissions,
    lookups: Batcher<Lookups>,
    replacements: Batcher<Replacements>,
}

impl Batches {
    /// Starts the tasks that gather; they end with the last clone.
    pub(crate) fn on(permissions: &Permissions) -> Self {
        Self {
            permissions: permissions.clone(),
            lookups: batcher("look-ups", Lookups(permissions.clone())),
            replacements: batcher("replacements", Replacements(permissions.clone())),
        }
    }

    /// See [`Permissions::find`].
    pub(crate) async fn find(&self, lookup: PairLookup) -> Result<Vec<Pair>> {
        match self.lookups.add((), lookup.clone()).await {
            Ok(pairs) => pairs,
            Err(BatchError::BatchFailed(error)) => Err(error),
            Err(_) => self.permissions.find(&lookup).await,
        }
    }

    /// See [`Permissions::upsert_unless_administering`].
    pub(crate) async fn upsert_unless_administering(
        &self,
        replacement: PairReplacement,
    ) -> Result<bool> {
        match self.replacements.add((), replacement.clone()).await {
            Ok(Some(replaced)) => Ok(replaced),
            Err(BatchError::BatchFailed(error)) if is_unreachable(&error) => Err(error),
            // On its own it is repeated by the driver where that helps, and says what is wrong.
            Ok(None) | Err(_) => {
                self.permissions
                    .upsert_unless_administering(&replacement)
                    .await
            }
        }
    }
}

fn batcher<P: Processor>(name: &str, processor: P) -> Batcher<P> {
    let limits = Limits::builder()
        .max_key_concurrency(UNDER_WAY)
        .max_batch_size(SIZE)
        .max_key_queued_items(WAITING)
        .build();
    Batcher::builder()
        .name(name)
        .processor(processor)
        .limits(limits)
        .batching_policy(BatchingPolicy::Immediate)
        .build()
}

async fn in_time<T>(answer: impl Future<Output = Result<T>>) -> Result<T> {
    let answer = tokio::time::timeout(DEADLINE, answer).await;
    answer.unwrap_or_else(|_| Err(Error::custom("MongoDB did not answer in time")))
}

/// Whether no server was found, for as long as the settings allow.
fn is_unreachable(error: &Error) -> bool {
    matches!(*error.kind, ErrorKind::ServerSelection { .. })
}

#[derive(Debug, Clone)]
struct Lookups(Permissions);

impl Processor for Lookups {
    type Key = ();
    type Input = PairLookup;
    type Output = Result<Vec<Pair>>;
    type Error = Error;
    type Resources = ();

    async fn acquire_resources(&self, (): ()) -> Result<()> {
        Ok(())
    }

    async fn process(
        &self,
        (): (),
        lookups: impl Iterator<Item = PairLookup> + Send,
        (): (),
    ) -> Result<Vec<Self::Output>> {
        in_time(self.0.find_all(&lookups.collect::<Vec<_>>())).await
    }
}

#[derive(Debug, Clone)]
struct Replacements(Permissions);

impl Processor for Replacements {
    type Key = ();
    type Input = PairReplacement;
    type Output = Option<bool>;
    type Error = Error;
    type Resources = ();

    async fn acquire_resources(&self, (): ()) -> Result<()> {
        Ok(())
    }

    async fn process(
        &self,
        (): (),
        replacements: impl Iterator<Item = PairReplacement> + Send,
        (): (),
    ) -> Result<Vec<Self::Output>> {
        let replacements: Vec<_> = replacements.collect();
        in_time(self.0.upsert_all_unless_administering(&replacements)).await
    }
}
