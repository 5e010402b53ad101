//! Work of one kind that goes together when much of it comes at once.
//!
//! While some is under way, what comes next waits and goes together with the following: on a quiet
//! service everything goes at once and alone, on a busy one much is done for little more than the
//! price of one. A batch starts after everything in it was asked for, so no answer is older than its
//! question. It is logged and traced as a part of the request that has waited longest in it.

use std::{fmt, sync::Arc, time::Duration};

use batch_aint_one::{BatchingPolicy, Limits, Processor, error::BatchError};
use futures_util::{FutureExt as _, future::BoxFuture};
use tracing::error;

use crate::telemetry::CurrentRequest;

/// Batches under way at the same moment.
const UNDER_WAY: usize = 2;
/// What one holds at most. What comes when four times as much waits goes alone.
const SIZE: usize = 32;
/// How long one may take: one that waits for a dead connection must not hold up the others for
/// ever.
const DEADLINE: Duration = Duration::from_secs(10);
/// How long anybody waits for an outcome, with what goes before and a repeat. Less than gateways
/// wait. What has not begun when its caller gives up is not done.
const PATIENCE: Duration = Duration::from_secs(15);

/// Gathers work of one kind, for one worker thread.
pub struct Batcher<I: Send + 'static, O: Send + 'static, E: Cause> {
    together: Together<I, O, E>,
    gatherer: batch_aint_one::Batcher<Together<I, O, E>>,
}

/// Why work can fail.
pub trait Cause: Clone + fmt::Display + fmt::Debug + Send + 'static {}

impl<E: Clone + fmt::Display + fmt::Debug + Send + 'static> Cause for E {}

/// Why there is no outcome. What was to be done may be done nevertheless.
#[derive(Debug, Clone, thiserror::Error)]
pub enum NotDone<E: fmt::Display> {
    /// The work failed, for everything in the batch.
    #[error("{0}")]
    Failed(E),
    /// There was no outcome, at least not in time.
    #[error("there was no outcome in time")]
    NoOutcome,
}

impl From<NotDone<mongodb::error::Error>> for mongodb::error::Error {
    fn from(not_done: NotDone<Self>) -> Self {
        match not_done {
            NotDone::Failed(error) => error,
            NotDone::NoOutcome => Self::custom("MongoDB did not answer in time"),
        }
    }
}

#[derive(Debug, Clone, thiserror::Error)]
#[error("{why}")]
struct BatchNotDone<E: fmt::Display> {
    why: NotDone<E>,
    /// How much was in it.
    size: usize,
}

impl<E: Cause> BatchNotDone<E> {
    fn without_outcome() -> Self {
        Self {
            why: NotDone::NoOutcome,
            size: 0,
        }
    }
}

impl<I: Clone + Send + 'static, O: Send + 'static, E: Cause> Batcher<I, O, E> {
    /// Starts the task that gathers; it ends with the last clone. `work` does everything in a
    /// batch, with an outcome for each in the same order.
    pub fn start<F: Future<Output = Result<Vec<O>, E>> + Send + 'static>(
        name: &'static str,
        work: impl Fn(Vec<I>) -> F + Send + Sync + 'static,
    ) -> Self {
        Self::start_within(DEADLINE, UNDER_WAY, name, work)
    }

    /// The same with one batch under way, for what costs by the batch rather than by what is in it, as
    /// transactions do: more goes together, and waits for a batch at most.
    pub fn start_in_turn<F: Future<Output = Result<Vec<O>, E>> + Send + 'static>(
        name: &'static str,
        work: impl Fn(Vec<I>) -> F + Send + Sync + 'static,
    ) -> Self {
        Self::start_within(DEADLINE, 1, name, work)
    }

    fn start_within<F: Future<Output = Result<Vec<O>, E>> + Send + 'static>(
        deadline: Duration,
        under_way: usize,
        name: &'static str,
        work: impl Fn(Vec<I>) -> F + Send + Sync + 'static,
    ) -> Self {
        let together = Together {
            name,
            deadline,
            work: Arc::new(move |items| work(items).boxed()),
        };
        let limits = Limits::builder()
            .max_key_concurrency(under_way)
            .max_batch_size(SIZE)
            .build();
        let gatherer = batch_aint_one::Batcher::builder()
            .name(name)
            .processor(together.clone())
            .limits(limits)
            .batching_policy(BatchingPolicy::Immediate)
            .build();
        Self { together, gatherer }
    }

    /// What comes of `item`, which goes together with others where there are some.
    pub async fn add(&self, item: I) -> Result<O, NotDone<E>> {
        patiently(self.gather(item))
            .await
            .map_err(|failure| failure.why)
    }

    /// The same for what can be repeated: where a batch fails, everything in it goes alone, so that
    /// what is wrong with one is not the fault of the others.
    pub async fn add_repeatable(&self, item: I) -> Result<O, NotDone<E>> {
        let outcome = patiently(async {
            match self.gather(item.clone()).await {
                Err(BatchNotDone {
                    why: NotDone::Failed(_),
                    size: 2..,
                }) => self.alone(item).await,
                outcome => outcome,
            }
        });
        outcome.await.map_err(|failure| failure.why)
    }

    async fn gather(&self, item: I) -> Result<O, BatchNotDone<E>> {
        let request = CurrentRequest::take();
        match self.gatherer.add((), (request, item.clone())).await {
            Ok(outcome) => Ok(outcome),
            Err(BatchError::BatchFailed(failure)) => Err(failure),
            // Too much waits.
            Err(BatchError::Rejected(_)) => {
                metrics::counter!("batches_bypassed_total", "batch" => self.together.name)
                    .increment(1);
                self.alone(item).await
            }
            Err(error) => {
                error!(batch = self.together.name, %error, "a batch has no outcome");
                Err(BatchNotDone::without_outcome())
            }
        }
    }

    /// What comes of `item`, without others.
    async fn alone(&self, item: I) -> Result<O, BatchNotDone<E>> {
        let outcomes = self.together.work(vec![item]).await?;
        let outcome = outcomes.into_iter().next();
        outcome.ok_or_else(BatchNotDone::without_outcome)
    }
}

/// What becomes of each of `items`: `at_once` does all of them or none. Where one of them may be at
/// fault, each goes alone.
pub async fn all_or_each<I: Clone, O, E: Clone, F: Future<Output = Result<Vec<O>, E>>>(
    items: Vec<I>,
    at_once: impl Fn(Vec<I>) -> F,
    is_of_one: impl Fn(&E) -> bool,
) -> Vec<Result<O, E>> {
    match at_once(items.clone()).await {
        Ok(outcomes) => outcomes.into_iter().map(Ok).collect(),
        Err(error) if items.len() > 1 && is_of_one(&error) => {
            let mut each = Vec::new();
            for item in items {
                let outcome = at_once(vec![item]).await;
                each.push(outcome.map(|outcomes| outcomes.into_iter().next()));
            }
            // `at_once` returns as many as it gets.
            each.into_iter().filter_map(Result::transpose).collect()
        }
        Err(error) => items.iter().map(|_| Err(error.clone())).collect(),
    }
}

async fn patiently<O, E: Cause>(
    outcome: impl Future<Output = Result<O, BatchNotDone<E>>>,
) -> Result<O, BatchNotDone<E>> {
    let outcome = tokio::time::timeout(PATIENCE, outcome).await;
    outcome.unwrap_or_else(|_| Err(BatchNotDone::without_outcome()))
}

impl<I: Send + 'static, O: Send + 'static, E: Cause> Clone for Batcher<I, O, E> {
    fn clone(&self) -> Self {
        Self {
            together: self.together.clone(),
            gatherer: self.gatherer.clone(),
        }
    }
}

impl<I: Send + 'static, O: Send + 'static, E: Cause> fmt::Debug for Batcher<I, O, E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Batcher")
            .field("name", &self.together.name)
            .finish_non_exhaustive()
    }
}

type Work<I, O, E> = dyn Fn(Vec<I>) -> BoxFuture<'static, Result<Vec<O>, E>> + Send + Sync;

struct Together<I, O, E> {
    name: &'static str,
    deadline: Duration,
    work: Arc<Work<I, O, E>>,
}

impl<I, O, E: Cause> Together<I, O, E> {
    async fn work(&self, items: Vec<I>) -> Result<Vec<O>, BatchNotDone<E>> {
        let size = items.len();
        let outcomes = tokio::time::timeout(self.deadline, (self.work)(items)).await;
        let why = match outcomes {
            Ok(Ok(outcomes)) => return Ok(outcomes),
            Ok(Err(error)) => NotDone::Failed(error),
            Err(_) => NotDone::NoOutcome,
        };
        metrics::counter!("batches_failed_total", "batch" => self.name).increment(1);
        Err(BatchNotDone { why, size })
    }
}

impl<I, O, E> Clone for Together<I, O, E> {
    fn clone(&self) -> Self {
        Self {
            work: self.work.clone(),
            ..*self
        }
    }
}

impl<I: Send + 'static, O: Send + 'static, E: Cause> Processor for Together<I, O, E> {
    type Key = ();
    type Input = (CurrentRequest, I);
    type Output = O;
    type Error = BatchNotDone<E>;
    type Resources = ();

    async fn acquire_resources(&self, (): ()) -> Result<(), Self::Error> {
        Ok(())
    }

    async fn process(
        &self,
        (): (),
        items: impl Iterator<Item = Self::Input> + Send,
        (): (),
    ) -> Result<Vec<O>, Self::Error> {
        let (requests, items): (Vec<_>, Vec<_>) = items.unzip();
        let work = self.work(items);
        match requests.into_iter().next() {
            Some(longest_waiting) => longest_waiting.around(work).await,
            None => work.await,
        }
    }
}

#[cfg(test)]
mod tests;
