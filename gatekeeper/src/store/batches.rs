//! Look-ups and replacements of pairs that share round trips.
//!
//! While some are under way, what comes next waits and goes together with the following one: on a
//! quiet service everything is sent at once, on a busy one the database answers many look-ups for
//! little more than the price of one, and replacements share a commit. A round trip starts after
//! everything in it was asked for, so no answer is older than its question.
//!
//! What one look-up or replacement comes to does not depend on the others: replacements go together
//! in one transaction or, where one of them meets another write or a rule, each on its own. So none
//! waits for what holds up another, and none is sent again that may have been written.

use std::time::Duration;

use batch_aint_one::{Batcher, BatchingPolicy, Limits, Processor, error::BatchError};
use mongodb::error::{Error, Result};

use super::permissions::{Pair, PairLookup, PairReplacement, Permissions};

/// Round trips of one kind under way at the same moment, for one worker thread.
const UNDER_WAY: usize = 2;
/// How long one may take: one whose connection is dead must not hold up the others for ever.
const DEADLINE: Duration = Duration::from_secs(10);
/// What one carries at most. What comes when four times as much waits is sent on its own.
const SIZE: usize = 32;

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
            Ok(true) => Ok(true),
            // It may be written or not; a repeat could undo what others wrote in the meantime.
            Err(BatchError::BatchFailed(error)) => Err(error),
            Ok(false) | Err(_) => {
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
    /// Whether it is replaced; otherwise nothing is written.
    type Output = bool;
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
    ) -> Result<Vec<bool>> {
        let replacements: Vec<_> = replacements.collect();
        // One alone needs no transaction.
        let replaced = replacements.len() > 1
            && in_time(self.0.upsert_all_unless_administering(&replacements)).await?;
        Ok(vec![replaced; replacements.len()])
    }
}
