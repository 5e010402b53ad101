//! The relay: passes over the rows that are due, by the replica that holds the lease.

use std::time::Duration;

use bson::doc;
use futures_util::{StreamExt, stream};
use mongodb::error::Error;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};
use uuid::Uuid;

use super::{
    DEAD, Effects, Hopeless, Outbox, PENDING, Row,
    backoff::backoff,
    turns::{BATCH, Turn},
};

/// How long the relay waits when nothing is due and nobody wakes it.
const IDLE: Duration = Duration::from_secs(1);
/// Keys delivered at the same time.
const CONCURRENT_KEYS: usize = 8;
/// The least time from one pass to the next: rows that come meanwhile go together.
const PASS_EVERY: Duration = Duration::from_millis(10);
/// How long a row that was read is taken for what it was.
const FRESH: Duration = Duration::from_secs(1);
/// Rows of one key that are delivered in one pass, so that no pass waits long for its last key.
const ROWS_PER_KEY: usize = BATCH / CONCURRENT_KEYS;
/// How often the rows are counted for the metrics.
const COUNT_EVERY: Duration = Duration::from_secs(5);
/// As far as they are counted: it costs the database some 50 ms.
const COUNT_LIMIT: u64 = 100_000;

/// What a relay keeps from pass to pass.
struct Relay {
    owner: String,
    count_at: Instant,
    /// The lease holds for longer.
    renew_at: Instant,
}

impl Outbox {
    /// Delivers rows until `stop`, and then what is under way. Every replica runs it; the one that
    /// holds the lease works.
    pub async fn relay<S>(&self, effects: &Effects<S>, stop: &CancellationToken) {
        let mut relay = Relay {
            owner: Uuid::new_v4().to_string(),
            count_at: Instant::now(),
            renew_at: Instant::now(),
        };
        while !stop.is_cancelled() {
            let next_pass = Instant::now() + PASS_EVERY;
            let busy = match self.pass(&mut relay, effects, stop).await {
                Ok(busy) => busy,
                Err(error) => {
                    warn!(cause = %error, "the outbox cannot be read");
                    false
                }
            };
            if !busy {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = self.wake.notified() => sleep_until(next_pass).await,
                    () = sleep(IDLE) => {}
                }
            }
        }
        if let Err(error) = self.lease.release(&relay.owner).await {
            warn!(cause = %error, "the outbox lease was not given back");
        }
    }

    /// One look at a batch of due rows; `true` when more may be due.
    async fn pass<S>(
        &self,
        relay: &mut Relay,
        effects: &Effects<S>,
        stop: &CancellationToken,
    ) -> Result<bool, Error> {
        if relay.count_at <= Instant::now() {
            self.report().await?;
            relay.count_at = Instant::now() + COUNT_EVERY;
        }
        if relay.renew_at <= Instant::now() && !self.renew(relay).await? {
            return Ok(false);
        }
        let (turns, mut busy) = self.due().await?;
        let rows_per_key = (BATCH / turns.len().max(1)).clamp(1, ROWS_PER_KEY);
        let mut outcomes = stream::iter(turns)
            .map(|turn| self.work_off(turn, rows_per_key, effects, stop))
            .buffer_unordered(CONCURRENT_KEYS);
        loop {
            tokio::select! {
                outcome = outcomes.next() => match outcome {
                    Some(outcome) => busy |= outcome?,
                    None => return Ok(busy),
                },
                // A pass over slow receivers outlasts the lease. Without it, somebody else is
                // delivering; what is cut off here was not noted and comes again.
                () = sleep_until(relay.renew_at) => if !self.renew(relay).await? {
                    return Ok(busy);
                },
                // Rows under way would come twice if they were cut off. They may take as long as
                // the lease holds without another renewal.
                () = stop.cancelled() => {
                    let grace = 2 * self.lease.renewal_period();
                    let _ = timeout(grace, outcomes.for_each(async |_| {})).await;
                    return Ok(busy);
                }
            }
        }
    }

    /// Takes or renews the lease; returns whether the relay has it.
    async fn renew(&self, relay: &mut Relay) -> Result<bool, Error> {
        let asked = Instant::now();
        let is_held = self.lease.hold(&relay.owner).await?;
        if is_held {
            relay.renew_at = asked + self.lease.renewal_period();
        }
        Ok(is_held)
    }

    /// Delivers rows of one key until `stop`, the first first, at most `limit` of them; `true` when
    /// one is out of the way.
    async fn work_off<S>(
        &self,
        turn: Turn,
        limit: usize,
        effects: &Effects<S>,
        stop: &CancellationToken,
    ) -> Result<bool, Error> {
        let mut gone = 0;
        let mut known = turn.first.filter(|_| turn.read.elapsed() < FRESH);
        while gone < limit && !stop.is_cancelled() {
            let first = match known.take() {
                Some(first) => first,
                None => match self.first_of(&turn.key).await? {
                    Some(first) => first,
                    None => break,
                },
            };
            if !first.due || !self.deliver(&first, effects).await? {
                return Ok(self.put_off(&first, &turn.rows).await? || gone > 0);
            }
            gone += 1;
            if gone >= turn.rows.len() && first.hides == 0 {
                break;
            }
        }
        Ok(gone > 0)
    }

    /// Delivers one row and notes the outcome; `true` when it is out of the way.
    async fn deliver<S>(&self, row: &Row, effects: &Effects<S>) -> Result<bool, Error> {
        match effects
            .carry_out(&row.topic, &row.payload, row.number())
            .await
        {
            Ok(()) => {
                self.remove(row).await?;
                metrics::counter!("outbox_delivered_total", "topic" => row.topic.clone())
                    .increment(1);
                info!(outbox.topic = row.topic, outbox.row = %row.id, "outbox row delivered");
                Ok(true)
            }
            Err(cause) => self.record_failure(row, &cause).await,
        }
    }

    async fn record_failure(&self, row: &Row, cause: &anyhow::Error) -> Result<bool, Error> {
        let attempts = row.attempts + 1;
        let dead = attempts >= self.settings.max_attempts || cause.is::<Hopeless>();
        let cause = format!("{cause:#}");
        if dead {
            self.bury(row.id, attempts, &cause).await?;
        } else {
            let wait = backoff(attempts, Duration::from_secs(self.settings.max_backoff_s));
            let wait_ms = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
            let update = vec![doc! { "$set": {
                "attempts": attempts,
                "nextAttemptAt": { "$add": ["$$NOW", wait_ms] },
                "lastError": { "$literal": &cause },
                "putOff": "$$REMOVE",
            } }];
            self.rows
                .update_one(doc! { "_id": row.id, "state": PENDING }, update)
                .await?;
        }
        metrics::counter!("outbox_failed_total", "topic" => row.topic.clone()).increment(1);
        if dead {
            error!(outbox.topic = row.topic, outbox.row = %row.id, attempts, cause, "outbox row is dead");
        } else {
            warn!(outbox.topic = row.topic, outbox.row = %row.id, attempts, cause, "outbox row not delivered");
        }
        Ok(dead)
    }

    async fn report(&self) -> Result<(), Error> {
        for state in [PENDING, DEAD] {
            let rows = self.rows.count_documents(doc! { "state": state });
            let rows = rows.limit(COUNT_LIMIT).await?;
            #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
            metrics::gauge!("outbox_rows", "outbox" => self.name, "state" => state)
                .set(rows as f64);
        }
        Ok(())
    }
}
