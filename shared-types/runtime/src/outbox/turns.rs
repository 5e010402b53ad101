//! Whose turn it is. Rows of one key go one after the other, and no look costs more than a batch,
//! however many rows wait.
//!
//! The relay reads a batch of the rows that are due, by an index. Where one of them is not the
//! first pending row of its key and the first cannot go, it is put off: it stays pending, leaves
//! the rows that are due, and the first notes in `hides` that others wait behind it. Whoever takes
//! such a row away, by its delivery, withdrawal or death, makes the next one of its key due.
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

use bson::{Document, doc, oid::ObjectId};
use futures_util::TryStreamExt;
use mongodb::{ClientSession, IndexModel, error::Error, options::Hint};
use serde::Deserialize;

use super::{DEAD, Outbox, PENDING, Row};
use crate::mongo::transaction;

/// Due rows looked at in one pass, the oldest first.
pub(super) const BATCH: usize = 200;
/// With a full batch of them, the newest are looked at as well, so that they need not wait until
/// a flood is worked off or put off.
const NEWEST: usize = 40;

/// When a row that was put off looks for its turn by itself.
const PUT_OFF: Duration = Duration::from_hours(1);

/// The rows of one key that are due, or would be if they were the first.
pub(super) struct Turn {
    pub(super) key: String,
    pub(super) rows: Vec<ObjectId>,
}

#[derive(Deserialize)]
struct Candidate {
    #[serde(rename = "_id")]
    id: ObjectId,
    key: String,
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
        let mut turns = HashMap::<String, Vec<ObjectId>>::new();
        for candidate in candidates {
            turns.entry(candidate.key).or_default().push(candidate.id);
        }
        let turns = turns.into_iter();
        let turns = turns.map(|(key, rows)| Turn { key, rows }).collect();
        Ok((turns, more))
    }

    async fn candidates(&self, limit: usize, order: i32) -> Result<Vec<Candidate>, Error> {
        let due = doc! { "state": PENDING, "$expr": { "$lte": ["$nextAttemptAt", "$$NOW"] } };
        let limit = u32::try_from(limit).unwrap_or(u32::MAX);
        let rows = self.rows.clone_with_type::<Candidate>();
        let candidates = rows
            .find(due)
            .projection(doc! { "key": 1 })
            .sort(doc! { "nextAttemptAt": order })
            .limit(limit.into())
            .batch_size(limit)
            .hint(Hint::Keys(by_due()));
        candidates.await?.try_collect().await
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
    pub async fn withdraw(&self, session: &mut ClientSession, id: ObjectId) -> Result<bool, Error> {
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
        let alone = doc! { "_id": row.id, "hides": { "$exists": false } };
        if row.hides == 0 && self.rows.delete_one(alone).await?.deleted_count == 1 {
            return Ok(());
        }
        transaction::<_, Infallible>(self.rows.client(), async |session| {
            self.withdraw(session, row.id).await?;
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
