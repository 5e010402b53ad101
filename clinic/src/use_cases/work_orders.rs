//! Stored orders are worked off, those of one source in the order in which they came. Whatever is cut off is
//! taken up by another worker once the lease has run out.

use std::time::Duration;

use futures_util::future::join_all;
use mongodb::error::Error as DatabaseError;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use crate::{
    State,
    store::{Feed, StoredOrder},
    use_cases::{process_order, workers},
};

/// Feeds that one process works on at once.
const WORKERS: usize = 4;
/// Messages that are read at once; a large one takes megabytes.
const BATCH: u32 = 8;
/// How often an order is tried, over half a day, before the others of its feed go on without it.
const MAX_ATTEMPTS: i32 = 60;
/// The longest wait between two tries.
const MAX_WAIT: Duration = Duration::from_mins(15);

/// Works off the orders on which nobody else works, until `stop`, if this service does that at all. Every
/// replica runs it.
pub(crate) async fn work(state: &State, stop: &CancellationToken) {
    if state.redox.works {
        let work_once = async |owner: &str| work_once(state, owner, stop).await;
        let work = || {
            workers::work(
                "orders cannot be worked off",
                &state.order_wake,
                stop,
                work_once,
            )
        };
        join_all((0..WORKERS).map(|_| work())).await;
    }
}

/// Works off one feed, until `stop`; `false`: there was none.
async fn work_once(
    state: &State,
    owner: &str,
    stop: &CancellationToken,
) -> Result<bool, DatabaseError> {
    let redox = &state.store.redox;
    let Some(mut feed) = redox.feeds.lease(owner).await? else {
        return Ok(false);
    };
    while !stop.is_cancelled() {
        let batch = redox.messages.list_after(&feed.source, feed.done, BATCH);
        let batch = batch.await?;
        if batch.is_empty() {
            redox.feeds.note(&feed, owner, feed.done).await?;
            break;
        }
        for message in batch {
            if stop.is_cancelled() {
                break;
            }
            if !work_off(state, &mut feed, owner, &message).await? {
                return Ok(true);
            }
        }
    }
    redox.feeds.release(&feed, owner).await?;
    Ok(true)
}

/// Works off one message; `false`: somebody else has the feed, or it is put off.
async fn work_off(
    state: &State,
    feed: &mut Feed,
    owner: &str,
    message: &StoredOrder,
) -> Result<bool, DatabaseError> {
    let feeds = &state.store.redox.feeds;
    if let Err(cause) = process_order::process(state, &feed.source, message).await {
        if feed.attempts < MAX_ATTEMPTS {
            warn!(%cause, message.id = %message.id, "an order waits for another try");
            feeds.put_off(feed, owner, wait(feed.attempts)).await?;
            return Ok(false);
        }
        error!(%cause, message.id = %message.id, "an order is given up");
        process_order::give_up(state, &feed.source, message).await?;
    }
    feed.done = message.sequence;
    feed.attempts = 0;
    feeds.note(feed, owner, feed.done).await
}

/// How long the next try waits.
fn wait(attempts: i32) -> Duration {
    let doublings = u32::try_from(attempts).unwrap_or_default().min(16);
    Duration::from_secs(1 << doublings).min(MAX_WAIT)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{MAX_ATTEMPTS, MAX_WAIT, wait};

    #[test]
    fn waits_grow_and_end_within_a_day() {
        assert_eq!(wait(0), Duration::from_secs(1));
        assert_eq!(wait(3), Duration::from_secs(8));
        assert_eq!(wait(40), MAX_WAIT);
        let all: Duration = (0..MAX_ATTEMPTS).map(wait).sum();
        assert!(all > Duration::from_hours(12) && all < Duration::from_hours(24));
    }
}
