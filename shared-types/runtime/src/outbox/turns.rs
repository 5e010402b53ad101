//! Whose turn it is. Rows of one key go one after the other, and no look costs more than a batch,
//! however many rows wait.
//!
//! The relay reads a batch of the rows that are due, by an index, and where the first pending row of
//! each of their keys is. Where a row that is due is not the first one of its key and the first cannot
//! go, it is put off: it stays pending, leaves the rows that are due, and the first notes in `hides`
//! that others wait behind it. Whoever takes such a row away, by its delivery, withdrawal or death,
//! makes the next one of its key due.
//!
//! A row is never put off without somebody who will fetch it, whatever dies and however enqueuing,
//! withdrawing and two relays interleave:
//! - New and revived rows are not put off, so nobody who writes one need know of the others.
//! - To put a row off and to write `hides` of the one before it is one transaction. To take a row
//!   with `hides` away and to write the next one is another. Both write the row in front, and
//!   `hides` counts up so that no write is void: they exclude each other. So whoever takes the row
//!   in front away sees those behind it.
//! - The next one gets `hides` too, even if it need not be fetched. So the duty passes from row to
//!   row, each in a transaction that begins after the one before it has ended, until it comes to
//!   the row that was put off.
//!
//! A relay of a release that knows nothing of `hides` may be at work during an update. So a row is
//! put off for an hour at most and then put off again.

use std::{collections::HashMap, convert::Infallible, time::Duration};

use bson::{Document, Timestamp, doc, oid::ObjectId};
use futures_util::TryStreamExt;
use mongodb::{ClientSession, Collection, IndexModel, error::Error, options::Hint};
use serde::Deserialize;
use tokio::time::Instant;

use super::{DEAD, Outbox, PENDING, Row, RowId};
use crate::{
    batches::Batcher,
    mongo::{ONE_BATCH, transaction},
};

/// Due rows looked at in one pass, the oldest first.
pub(super) const BATCH: usize = 200;
/// With a full batch of them, the newest are looked at as well, so that they need not wait until
/// a flood is worked off or put off.
const NEWEST: usize = 40;
/// Places of the rows of a batch's keys that are looked at to find the first ones.
const MOST_PLACES: u32 = 400;

/// When a row that was put off looks for its turn by itself.
const PUT_OFF: Duration = Duration::from_hours(1);

/// The rows of one key that are due, or would be if they were the first.
pub(super) struct Turn {
    pub(super) key: String,
    pub(super) rows: Vec<ObjectId>,
    /// The first pending row of the key, if it is one of them and no more had to be read for that.
    pub(super) first: Option<Row>,
    /// When they were read.
    pub(super) read: Instant,
}

/// The place of the first pending row of a key.
#[derive(Deserialize)]
struct FirstPlace {
    #[serde(rename = "_id")]
    key: String,
    sequence: Timestamp,
}

pub(super) fn indexes() -> Vec<IndexModel> {
    [by_due(), by_key()]
        .map(|keys| IndexModel::builder().keys(keys).build())
        .into()
}

/// Serves the batch of due rows.
fn by_due() -> Document {
    doc! { "state": 1, "nextAttemptAt": 1 }
}

/// Serves the first row of a key, and the counts by state.
fn by_key() -> Document {
    doc! { "state": 1, "key": 1, "sequence": 1 }
}

impl Outbox {
    /// Rows that are due, by their keys, and whether there may be more.
    pub(super) async fn due(&self) -> Result<(Vec<Turn>, bool), Error> {
        let mut candidates = self.candidates(BATCH, 1).await?;
        let more = candidates.len() == BATCH;
        if more {
            candidates.extend(self.candidates(NEWEST, -1).await?);
        }
        let read = Instant::now();
        let mut turns = HashMap::<String, Vec<Row>>::new();
        for candidate in candidates {
            let rows = turns.entry(candidate.key.clone()).or_default();
            rows.push(candidate);
        }
        let places = self.first_places(turns.keys()).await?;
        let turns = turns.into_iter().map(|(key, rows)| {
            let ids = rows.iter().map(|row| row.id).collect();
            let place = places.get(&key);
            let first = rows.into_iter().find(|row| place == Some(&row.sequence));
            Turn {
                key,
                rows: ids,
                first,
                read,
            }
        });
        Ok((turns.collect(), more))
    }

    /// The place of the first pending row of each of `keys`, as far as a bounded look finds it; of one
    /// key alone, whose first row is looked up as soon, none.
    async fn first_places(
        &self,
        keys: impl ExactSizeIterator<Item = &String>,
    ) -> Result<HashMap<String, Timestamp>, Error> {
        if keys.len() < 2 {
            return Ok(HashMap::new());
        }
        let keys: Vec<&String> = keys.collect();
        let firsts = [
            doc! { "$match": { "state": PENDING, "key": { "$in": keys } } },
            doc! { "$sort": { "key": 1, "sequence": 1 } },
            doc! { "$limit": MOST_PLACES },
            doc! { "$group": { "_id": "$key", "sequence": { "$min": "$sequence" } } },
        ];
        let found = self.rows.aggregate(firsts).hint(Hint::Keys(by_key()));
        let found = found.with_type::<FirstPlace>().batch_size(ONE_BATCH);
        let places = found.await?;
        let places = places.map_ok(|FirstPlace { key, sequence }| (key, sequence));
        places.try_collect().await
    }

    async fn candidates(&self, limit: usize, order: i32) -> Result<Vec<Row>, Error> {
        let due = doc! { "state": PENDING, "$expr": { "$lte": ["$nextAttemptAt", "$$NOW"] } };
        let limit = u32::try_from(limit).unwrap_or(u32::MAX);
        let candidates = self
            .rows
            .find(due)
            .sort(doc! { "nextAttemptAt": order })
            .limit(limit.into())
            .batch_size(limit)
            .hint(Hint::Keys(by_due()));
        let candidates = candidates.await?.map_ok(|row| Row { due: true, ..row });
        candidates.try_collect().await
    }

    /// The first pending row of a key.
    pub(super) async fn first_of(&self, key: &str) -> Result<Option<Row>, Error> {
        let first = [
            doc! { "$match": { "state": PENDING, "key": key } },
            doc! { "$sort": { "sequence": 1 } },
            doc! { "$limit": 1 },
            doc! { "$set": { "due": { "$lte": ["$nextAttemptAt", "$$NOW"] } } },
        ];
        let found = self.rows.aggregate(first).hint(Hint::Keys(by_key()));
        found.with_type::<Row>().await?.try_next().await
    }

    /// Puts `rows` off until `first` is gone; `false` when there is nothing to put off, or `first`
    /// is gone already.
    pub(super) async fn put_off(&self, first: &Row, rows: &[ObjectId]) -> Result<bool, Error> {
        if rows.iter().all(|row| *row == first.id) {
            return Ok(false);
        }
        let wait_ms = i64::try_from(PUT_OFF.as_millis()).unwrap_or(i64::MAX);
        transaction::<_, Infallible>(self.rows.client(), async |session| {
            let in_front = doc! { "_id": first.id, "state": PENDING };
            let hide = doc! { "$inc": { "hides": 1 } };
            let hidden = self.rows.update_one(in_front, hide);
            if hidden.session(&mut *session).await?.matched_count == 0 {
                return Ok(false);
            }
            let behind = doc! {
                "_id": { "$in": rows }, "state": PENDING, "sequence": { "$gt": first.sequence },
            };
            let later = vec![doc! { "$set": {
                "putOff": true,
                "nextAttemptAt": { "$add": ["$$NOW", wait_ms] },
            } }];
            let put_off = self.rows.update_many(behind, later);
            Ok(put_off.session(session).await?.modified_count > 0)
        })
        .await
        .map_err(Error::from)
    }

    /// Takes a row back in the transaction of `session`; `false` when it has been delivered.
    pub async fn withdraw(&self, session: &mut ClientSession, id: RowId) -> Result<bool, Error> {
        let taken = self.rows.find_one_and_delete(doc! { "_id": id });
        let Some(row) = taken.session(&mut *session).await? else {
            return Ok(false);
        };
        self.pass_on(session, &row).await?;
        Ok(true)
    }

    /// Removes a row that was delivered.
    pub(super) async fn remove(&self, row: &Row) -> Result<(), Error> {
        // Most rows have nobody behind them; somebody may have come since this one was read.
        if row.hides == 0 && self.removals.add_repeatable(row.id).await? {
            return Ok(());
        }
        transaction::<_, Infallible>(self.rows.client(), async |session| {
            self.withdraw(session, RowId(row.id)).await?;
            Ok(())
        })
        .await
        .map_err(Error::from)
    }

    /// Sets a row aside for good, after `attempts` tries the last of which ended with `cause`.
    pub(super) async fn bury(&self, id: ObjectId, attempts: u32, cause: &str) -> Result<(), Error> {
        let pending = doc! { "_id": id, "state": PENDING };
        let dead = doc! {
            "$set": { "state": DEAD, "attempts": attempts, "lastError": cause },
            "$unset": { "hides": "", "putOff": "" },
        };
        transaction::<_, Infallible>(self.rows.client(), async |session| {
            let buried = self.rows.find_one_and_update(pending.clone(), dead.clone());
            // As it was before.
            if let Some(row) = buried.session(&mut *session).await? {
                self.pass_on(session, &row).await?;
            }
            Ok(())
        })
        .await
        .map_err(Error::from)
    }

    /// Gives the turn of `gone`, which is no longer pending, to the next one of its key.
    async fn pass_on(&self, session: &mut ClientSession, gone: &Row) -> Result<(), Error> {
        if gone.hides == 0 {
            return Ok(());
        }
        let next = doc! { "state": PENDING, "key": &gone.key };
        let turn = vec![doc! { "$set": {
            "hides": { "$add": [{ "$ifNull": ["$hides", 0] }, 1] },
            // One that was not put off keeps its own time.
            "nextAttemptAt": { "$cond": ["$putOff", "$$NOW", "$nextAttemptAt"] },
            "putOff": "$$REMOVE",
        } }];
        self.rows
            .find_one_and_update(next, turn)
            .sort(doc! { "sequence": 1 })
            .hint(Hint::Keys(by_key()))
            .session(session)
            .await?;
        Ok(())
    }
}

/// Removes rows that have nobody behind them, several at once where several are delivered; each outcome
/// is whether the row is gone.
pub(super) fn removals(rows: &Collection<Row>) -> Batcher<ObjectId, bool, Error> {
    let rows = rows.clone();
    Batcher::start("outbox removals", move |ids| {
        let rows = rows.clone();
        async move { remove_alone(&rows, ids).await }
    })
}

async fn remove_alone(rows: &Collection<Row>, ids: Vec<ObjectId>) -> Result<Vec<bool>, Error> {
    let these = doc! { "_id": { "$in": &ids } };
    let mut alone = these.clone();
    alone.insert("hides", doc! { "$exists": false });
    let removed = rows.delete_many(alone).await?.deleted_count;
    if removed == ids.len() as u64 {
        return Ok(vec![true; ids.len()]);
    }
    let rows = rows.clone_with_type::<Document>();
    let left = rows.find(these).projection(doc! { "_id": 1 });
    let left: Vec<Document> = left.await?.try_collect().await?;
    let left: Vec<ObjectId> = left
        .iter()
        .filter_map(|row| row.get_object_id("_id").ok())
        .collect();
    Ok(ids.iter().map(|id| !left.contains(id)).collect())
}
