//! Collection `redox_feeds`: what each source has sent, in order, and how far its orders are worked off.
//!
//! Document: `{_id: source, stored, done, isBehind, owner, leasedUntil, attempts, notBefore}`. `stored` is
//! the place of the last message, `done` that of the last one that was worked off. A message gets its place
//! in the transaction that stores it, so whoever sees a place sees all messages before it.

use std::time::Duration;

use bson::{DateTime, Document, doc};
use mongodb::{
    ClientSession, Collection, Database, IndexModel,
    error::Result,
    options::{IndexOptions, ReturnDocument},
};
use serde::Deserialize;
use shared_runtime::mongo::ensure_indexes;

/// The feeds of all sources.
#[derive(Debug, Clone)]
pub(crate) struct Feeds {
    feeds: Collection<Document>,
    /// How long a worker that died keeps others from taking over.
    lease: Duration,
}

/// The feed of a source.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Feed {
    #[serde(rename = "_id")]
    pub(crate) source: String,
    /// The place of the last message that was worked off.
    pub(crate) done: i64,
    /// How often the next one was tried in vain.
    pub(crate) attempts: i32,
}

#[derive(Deserialize)]
struct Stored {
    stored: i64,
}

impl Feeds {
    pub(super) fn on(database: &Database, lease: Duration) -> Self {
        Self {
            feeds: database.collection("redox_feeds"),
            lease,
        }
    }

    /// Ensures the index of the look for work.
    pub(super) async fn prepare(&self) -> anyhow::Result<()> {
        let behind = doc! { "isBehind": true };
        let options = IndexOptions::builder()
            .partial_filter_expression(behind)
            .build();
        let index = IndexModel::builder().keys(doc! { "isBehind": 1, "leasedUntil": 1 });
        ensure_indexes(&self.feeds, vec![index.options(options).build()]).await
    }

    /// The place of a message more, in the transaction of `session`.
    pub(super) async fn lengthen(&self, session: &mut ClientSession, source: &str) -> Result<i64> {
        let feeds = self.feeds.clone_with_type::<Stored>();
        let longer = doc! {
            "$inc": { "stored": 1_i64 },
            "$set": { "isBehind": true },
            "$setOnInsert": {
                "done": 0_i64, "attempts": 0, "owner": "", "leasedUntil": DateTime::MIN,
                "notBefore": DateTime::MIN,
            },
        };
        let after = feeds
            .find_one_and_update(doc! { "_id": source }, longer)
            .upsert(true)
            .return_document(ReturnDocument::After)
            .session(session)
            .await?;
        Ok(after.map_or(0, |feed| feed.stored))
    }

    /// Leases a feed to `owner` that is behind and that nobody works on; `None`: there is none.
    pub(crate) async fn lease(&self, owner: &str) -> Result<Option<Feed>> {
        let feeds = self.feeds.clone_with_type::<Feed>();
        let is_free = doc! { "$and": [
            { "$lt": ["$leasedUntil", "$$NOW"] }, { "$lt": ["$notBefore", "$$NOW"] },
        ] };
        let free = doc! { "isBehind": true, "$expr": is_free };
        let lease = vec![doc! { "$set": { "owner": owner, "leasedUntil": self.lease_end() } }];
        let leased = feeds.find_one_and_update(free, lease);
        let leased = leased.sort(doc! { "leasedUntil": 1 });
        leased.return_document(ReturnDocument::After).await
    }

    /// Notes that `owner` has worked off the messages up to `done`; returns whether the feed was
    /// `owner`'s still.
    pub(crate) async fn note(&self, feed: &Feed, owner: &str, done: i64) -> Result<bool> {
        let set = doc! {
            "done": done, "attempts": 0, "leasedUntil": self.lease_end(),
            "isBehind": { "$lt": [done, "$stored"] },
        };
        self.set(feed, owner, set).await
    }

    /// Gives a feed back, whose next message was tried in vain, for at least `wait`.
    pub(crate) async fn put_off(&self, feed: &Feed, owner: &str, wait: Duration) -> Result<()> {
        let wait_ms = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
        let set = doc! {
            "attempts": { "$add": ["$attempts", 1] }, "owner": "", "leasedUntil": DateTime::MIN,
            "notBefore": { "$add": ["$$NOW", wait_ms] },
        };
        self.set(feed, owner, set).await?;
        Ok(())
    }

    /// Gives a feed back: another worker need not wait for the lease to run out.
    pub(crate) async fn release(&self, feed: &Feed, owner: &str) -> Result<()> {
        let set = doc! { "owner": "", "leasedUntil": DateTime::MIN };
        self.set(feed, owner, set).await?;
        Ok(())
    }

    async fn set(&self, feed: &Feed, owner: &str, set: Document) -> Result<bool> {
        let held = doc! { "_id": &feed.source, "owner": owner };
        let updated = self.feeds.update_one(held, vec![doc! { "$set": set }]);
        Ok(updated.await?.matched_count > 0)
    }

    fn lease_end(&self) -> Document {
        let lease_ms = i64::try_from(self.lease.as_millis()).unwrap_or(i64::MAX);
        doc! { "$add": ["$$NOW", lease_ms] }
    }
}
