//! The durable outbox: effects on other services that must not get lost.
//!
//! A row is written in the transaction of the change that causes the effect. One relay per
//! service, which holds a lease, delivers the rows at least once, those of one key in order, with
//! growing pauses after a failure. A row that fails too often is set aside as dead; it stays in the
//! collection and in the metrics until somebody acts. Receivers are idempotent.

mod backoff;
mod effects;
mod lease;
mod relay;
mod turns;

use std::{sync::Arc, time::Duration};

use bson::{Bson, DateTime, Document, Timestamp, doc, oid::ObjectId, serialize_to_document};
use chrono::Utc;
use mongodb::{Client, ClientSession, Collection, Database};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;
use utoipa::ToSchema;

pub use self::effects::{Effect, Effects};
use self::lease::Lease;
use crate::{
    batches::Batcher,
    config::OutboxSettings,
    mongo::{self, ensure_indexes},
};

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
    /// Whether its time has come, by the clock of the database.
    #[serde(default, skip_serializing)]
    due: bool,
}

/// Names a row to whoever takes it back, or looks whether it is still there. A document has it as the id that
/// it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RowId(ObjectId);

impl From<[u8; 12]> for RowId {
    fn from(bytes: [u8; 12]) -> Self {
        Self(ObjectId::from_bytes(bytes))
    }
}

impl From<RowId> for Bson {
    fn from(RowId(id): RowId) -> Self {
        Self::ObjectId(id)
    }
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
    ) -> Result<RowId, mongodb::error::Error> {
        let row = Row::new(effect)?;
        self.rows.insert_one(&row).session(session).await?;
        Ok(RowId(row.id))
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
    ) -> Result<RowId, mongodb::error::Error> {
        let row = Row::new(effect)?;
        self.rows.insert_one(&row).await?;
        Ok(RowId(row.id))
    }

    /// Whether a row is there. One whose delivery or withdrawal was acknowledged is not.
    pub async fn contains(&self, id: RowId) -> Result<bool, mongodb::error::Error> {
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
