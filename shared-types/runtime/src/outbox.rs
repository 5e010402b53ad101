//! The durable outbox: effects on other services that must not get lost.
//!
//! A row is written in the transaction of the change that causes the effect. One relay per
//! service, which holds a lease, delivers the rows at least once, those of one key in order, with
//! growing pauses after a failure. A row that fails too often is set aside as dead; it stays in the
//! collection and in the metrics until somebody acts. Receivers are idempotent.

mod backoff;
mod effects;
mod lease;
mod turns;

use std::{sync::Arc, time::Duration};

use bson::{DateTime, Document, Timestamp, doc, oid::ObjectId, serialize_to_document};
use chrono::Utc;
use futures_util::{StreamExt, stream};
use mongodb::{Client, ClientSession, Collection, Database};
use serde::{Deserialize, Serialize};
use tokio::{
    sync::Notify,
    time::{Instant, sleep, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};
use utoipa::ToSchema;
use uuid::Uuid;

pub use self::effects::{Effect, Effects};
use self::{
    backoff::backoff,
    lease::Lease,
    turns::{BATCH, Turn},
};
use crate::{
    batches::Batcher,
    config::OutboxSettings,
    mongo::{self, ensure_indexes},
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

const PENDING: &str = "pending";
const DEAD: &str = "dead";

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Row {
    #[serde(rename = "_id")]
    id: ObjectId,
    key: String,
    topic: String,
    payload: Document,
    /// Given by the server, which counts it up: rows of one key sort in the order of their changes.
    sequence: Timestamp,
    state: String,
    attempts: u32,
    next_attempt_at: DateTime,
    enqueued_at: DateTime,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
    /// Above 0 when rows were put off behind this one; see [`turns`].
    #[serde(default, skip_serializing)]
    hides: i64,
    /// Told by the database about the first row of a key.
    #[serde(default, skip_serializing)]
    due: bool,
}

/// The cause of a failure that no repeat can mend, such as an address that does not exist: the row
/// is set aside at once.
#[derive(Debug, thiserror::Error)]
#[error("no repeat can help: {0}")]
pub struct Hopeless(pub String);

/// How many rows are tried again.
#[derive(Debug, Serialize, ToSchema)]
pub struct Revived {
    /// Rows.
    revived: u64,
}

/// Tries every dead row of `outboxes` again, from the first attempt.
pub async fn revive_all(outboxes: &[&Outbox]) -> Result<Revived, mongodb::error::Error> {
    let mut revived = 0;
    for outbox in outboxes {
        revived += outbox.revive().await?;
    }
    Ok(Revived { revived })
}

/// The outbox of a service.
#[derive(Clone)]
pub struct Outbox {
    name: &'static str,
    rows: Collection<Row>,
    lease: Lease,
    settings: OutboxSettings,
    removals: Batcher<ObjectId, bool, mongodb::error::Error>,
    wake: Arc<Notify>,
}

/// What a relay keeps from pass to pass.
struct Relay {
    owner: String,
    count_at: Instant,
    /// The lease holds for longer.
    renew_at: Instant,
}

impl Outbox {
    /// The outbox in `database`, with its indexes.
    pub async fn open(database: &Database, settings: &OutboxSettings) -> anyhow::Result<Self> {
        Self::open_named(database, "outbox", settings).await
    }

    /// The outbox in the collection `name`, for a service whose effects must not wait for each
    /// other: every outbox has a relay of its own.
    pub async fn open_named(
        database: &Database,
        name: &'static str,
        settings: &OutboxSettings,
    ) -> anyhow::Result<Self> {
        anyhow::ensure!(settings.lease_s > 0, "outbox.lease_s is at least 1");
        anyhow::ensure!(
            settings.max_attempts > 0,
            "outbox.max_attempts is at least 1"
        );
        let rows = database.collection(name);
        ensure_indexes(&rows, turns::indexes()).await?;
        let lease = Lease::open(database, name, Duration::from_secs(settings.lease_s)).await?;
        Ok(Self {
            name,
            removals: turns::removals(&rows),
            rows,
            lease,
            settings: settings.clone(),
            wake: Arc::new(Notify::new()),
        })
    }

    /// The same outbox through another client, for transactions of that one.
    #[must_use]
    pub fn through(&self, client: &Client) -> Self {
        Self {
            rows: mongo::through(client, &self.rows),
            lease: self.lease.through(client),
            ..self.clone()
        }
    }

    /// Writes the row of `effect` in the transaction of `session`. Call [`Self::wake`] after the
    /// commit.
    ///
    /// Write the change first and the row after it: changes of one thing then exclude each other,
    /// and their rows are numbered in the order of the changes.
    pub async fn enqueue(
        &self,
        session: &mut ClientSession,
        effect: &impl Effect,
    ) -> Result<ObjectId, mongodb::error::Error> {
        let row = Row::new(effect)?;
        self.rows.insert_one(&row).session(session).await?;
        Ok(row.id)
    }

    /// The same of several effects, in their order.
    pub async fn enqueue_all<E: Effect>(
        &self,
        session: &mut ClientSession,
        effects: impl IntoIterator<Item = E>,
    ) -> Result<(), mongodb::error::Error> {
        let rows = effects.into_iter().map(|effect| Row::new(&effect));
        let rows = rows.collect::<Result<Vec<Row>, _>>()?;
        if !rows.is_empty() {
            self.rows.insert_many(rows).session(session).await?;
        }
        Ok(())
    }

    /// Writes the row of `effect` on its own, where no other document changes with it.
    pub async fn enqueue_alone(
        &self,
        effect: &impl Effect,
    ) -> Result<ObjectId, mongodb::error::Error> {
        let row = Row::new(effect)?;
        self.rows.insert_one(&row).await?;
        Ok(row.id)
    }

    /// Whether a row is there. One whose delivery or withdrawal was acknowledged is not.
    pub async fn contains(&self, id: ObjectId) -> Result<bool, mongodb::error::Error> {
        let found = self.rows.find_one(doc! { "_id": id }).await?;
        Ok(found.is_some())
    }

    /// Makes the relay look at once.
    pub fn wake(&self) {
        self.wake.notify_one();
    }

    /// Gives every dead row its tries back and returns how many there were.
    pub async fn revive(&self) -> Result<u64, mongodb::error::Error> {
        let update =
            doc! { "$set": { "state": PENDING, "attempts": 0, "nextAttemptAt": DateTime::now() } };
        let revived = self
            .rows
            .update_many(doc! { "state": DEAD }, update)
            .await?;
        self.wake();
        Ok(revived.modified_count)
    }

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
    ) -> Result<bool, mongodb::error::Error> {
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
    async fn renew(&self, relay: &mut Relay) -> Result<bool, mongodb::error::Error> {
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
    ) -> Result<bool, mongodb::error::Error> {
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
    async fn deliver<S>(
        &self,
        row: &Row,
        effects: &Effects<S>,
    ) -> Result<bool, mongodb::error::Error> {
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

    async fn record_failure(
        &self,
        row: &Row,
        cause: &anyhow::Error,
    ) -> Result<bool, mongodb::error::Error> {
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

    async fn report(&self) -> Result<(), mongodb::error::Error> {
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

impl Row {
    /// The place of the row among all: its sequence as one number.
    fn number(&self) -> i64 {
        let Timestamp { time, increment } = self.sequence;
        i64::from(time) << 32 | i64::from(increment)
    }

    fn new<E: Effect>(effect: &E) -> Result<Self, mongodb::error::Error> {
        let now = Utc::now();
        Ok(Self {
            id: ObjectId::new(),
            key: effect.key(),
            topic: E::TOPIC.to_owned(),
            payload: serialize_to_document(effect).map_err(mongodb::error::Error::custom)?,
            // Zero asks the server for the next one.
            sequence: Timestamp {
                time: 0,
                increment: 0,
            },
            state: PENDING.to_owned(),
            attempts: 0,
            next_attempt_at: DateTime::from_chrono(now + effect.delay()),
            enqueued_at: DateTime::from_chrono(now),
            last_error: None,
            hides: 0,
            due: false,
        })
    }
}
