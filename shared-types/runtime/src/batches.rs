//! Work of one kind that goes together when much of it comes at once.
//!
//! While some is under way, what comes next waits and goes together with the following: on a quiet
//! service everything goes at once and alone, on a busy one much is done for little more than the
//! price of one. A batch starts after everything in it was asked for, so no answer is older than its
//! question. It carries the ids of the request that has waited longest in it.

use std::{fmt, sync::Arc};

use batch_aint_one::{BatchingPolicy, Limits, Processor, error::BatchError};
use futures_util::{FutureExt as _, future::BoxFuture};

use crate::telemetry::Trace;

/// Batches under way at the same moment.
const UNDER_WAY: usize = 2;
/// What one holds at most. What comes when four times as much waits is not taken.
const SIZE: usize = 32;

type Work<I, O, E> = Arc<dyn Fn(Vec<I>) -> BoxFuture<'static, Result<Vec<O>, E>> + Send + Sync>;

/// Gathers work of one kind, for one worker thread.
pub struct Batcher<I: Send + 'static, O: Send + 'static, E: Failure> {
    gatherer: batch_aint_one::Batcher<Together<I, O, E>>,
}

/// What a batch fails with: everything in it fails alike.
pub trait Failure: Clone + fmt::Display + fmt::Debug + Send + 'static {}

impl<E: Clone + fmt::Display + fmt::Debug + Send + 'static> Failure for E {}

/// Why there is no outcome.
#[derive(Debug)]
pub enum NotDone<E> {
    /// The batch failed.
    Failed(E),
    /// Too much waits, or the batch ended without an outcome.
    NotTaken,
}

impl<I: Send + 'static, O: Send + 'static, E: Failure> Batcher<I, O, E> {
    /// Starts the task that gathers; it ends with the last clone. `work` does everything in a
    /// batch, with an outcome for each in the same order, and ends in time: one that does not holds
    /// up all others.
    pub fn start<F: Future<Output = Result<Vec<O>, E>> + Send + 'static>(
        name: &str,
        work: impl Fn(Vec<I>) -> F + Send + Sync + 'static,
    ) -> Self {
        let limits = Limits::builder()
            .max_key_concurrency(UNDER_WAY)
            .max_batch_size(SIZE)
            .build();
        let gatherer = batch_aint_one::Batcher::builder()
            .name(name)
            .processor(Together(Arc::new(move |items| work(items).boxed())))
            .limits(limits)
            .batching_policy(BatchingPolicy::Immediate)
            .build();
        Self { gatherer }
    }

    /// What comes of `item`.
    pub async fn add(&self, item: I) -> Result<O, NotDone<E>> {
        let outcome = self.gatherer.add((), (Trace::current(), item)).await;
        outcome.map_err(|error| match error {
            BatchError::BatchFailed(error) => NotDone::Failed(error),
            _ => NotDone::NotTaken,
        })
    }
}

impl<I: Send + 'static, O: Send + 'static, E: Failure> Clone for Batcher<I, O, E> {
    fn clone(&self) -> Self {
        Self {
            gatherer: self.gatherer.clone(),
        }
    }
}

impl<I: Send + 'static, O: Send + 'static, E: Failure> fmt::Debug for Batcher<I, O, E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Batcher").finish_non_exhaustive()
    }
}

struct Together<I, O, E>(Work<I, O, E>);

impl<I, O, E> Clone for Together<I, O, E> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<I: Send + 'static, O: Send + 'static, E: Failure> Processor for Together<I, O, E> {
    type Key = ();
    type Input = (Option<Trace>, I);
    type Output = O;
    type Error = E;
    type Resources = ();

    async fn acquire_resources(&self, (): ()) -> Result<(), E> {
        Ok(())
    }

    async fn process(
        &self,
        (): (),
        items: impl Iterator<Item = Self::Input> + Send,
        (): (),
    ) -> Result<Vec<O>, E> {
        let (traces, items): (Vec<_>, Vec<_>) = items.unzip();
        let work = (self.0)(items);
        match traces.into_iter().next().flatten() {
            Some(trace) => trace.around(work).await,
            None => work.await,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use futures_util::future::join_all;
    use tokio::sync::Semaphore;

    use super::{Batcher, NotDone, SIZE, UNDER_WAY};

    type Doubles = Batcher<usize, usize, String>;

    /// Doubles numbers, a batch for each permit of `gate`, and notes how much came together. 13
    /// fails.
    fn doubling(gate: &Arc<Semaphore>) -> (Doubles, Arc<Mutex<Vec<usize>>>) {
        let sizes = Arc::new(Mutex::new(Vec::new()));
        let (gate, noted) = (gate.clone(), sizes.clone());
        let batcher = Batcher::start("doubles", move |numbers: Vec<usize>| {
            let (gate, noted) = (gate.clone(), noted.clone());
            async move {
                gate.acquire().await.unwrap().forget();
                noted.lock().unwrap().push(numbers.len());
                if numbers.contains(&13) {
                    return Err("unlucky".to_owned());
                }
                Ok(numbers.into_iter().map(|number| 2 * number).collect())
            }
        });
        (batcher, sizes)
    }

    #[tokio::test]
    async fn what_comes_while_others_are_under_way_goes_together() {
        let gate = Arc::new(Semaphore::new(0));
        let (batcher, sizes) = doubling(&gate);
        let doubles = join_all((100..150).map(|number| batcher.add(number)));
        let open = async {
            tokio::task::yield_now().await;
            gate.add_permits(50);
        };
        let (doubles, ()) = tokio::join!(doubles, open);
        for (number, double) in (100..150).zip(doubles) {
            assert_eq!(double.unwrap(), 2 * number);
        }
        let sizes = sizes.lock().unwrap();
        assert_eq!(sizes.iter().sum::<usize>(), 50);
        assert!(sizes.len() < 10, "{sizes:?}");
        assert!(sizes.iter().all(|size| *size <= SIZE), "{sizes:?}");
    }

    #[tokio::test]
    async fn what_comes_alone_goes_at_once() {
        let (batcher, sizes) = doubling(&Arc::new(Semaphore::new(50)));
        for number in 100..103 {
            assert_eq!(batcher.add(number).await.unwrap(), 2 * number);
        }
        assert_eq!(*sizes.lock().unwrap(), [1, 1, 1]);
    }

    #[tokio::test]
    async fn a_batch_fails_alone_and_as_a_whole() {
        let (batcher, _) = doubling(&Arc::new(Semaphore::new(50)));
        let failed = batcher.add(13).await.unwrap_err();
        assert!(matches!(failed, NotDone::Failed(cause) if cause == "unlucky"));
        assert_eq!(batcher.add(14).await.unwrap(), 28);
    }

    #[tokio::test]
    async fn too_much_is_not_taken() {
        let gate = Arc::new(Semaphore::new(0));
        let (batcher, _) = doubling(&gate);
        let all = 10 * SIZE * UNDER_WAY;
        let outcomes = join_all((100..100 + all).map(|number| batcher.add(number)));
        let open = async {
            tokio::task::yield_now().await;
            gate.add_permits(all);
        };
        let (outcomes, ()) = tokio::join!(outcomes, open);
        let not_taken = outcomes
            .iter()
            .filter(|outcome| matches!(outcome, Err(NotDone::NotTaken)))
            .count();
        assert!((1..all).contains(&not_taken), "{not_taken}");
        assert_eq!(
            outcomes.iter().filter(|outcome| outcome.is_ok()).count(),
            all - not_taken
        );
    }
}
