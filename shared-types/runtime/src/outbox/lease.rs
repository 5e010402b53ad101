//! The lease of a relay, by the clock of the database: of all replicas one delivers.

use std::time::Duration;

use bson::{DateTime, Document, doc};
use mongodb::{Client, Collection, Database, error::Error};

use crate::mongo;

const ID: &str = "relay";

#[derive(Clone)]
pub(super) struct Lease {
    collection: Collection<Document>,
    duration: Duration,
}

impl Lease {
    /// The lease of the outbox `name`, at first nobody's.
    pub(super) async fn open(
        database: &Database,
        name: &str,
        duration: Duration,
    ) -> Result<Self, Error> {
        let collection = database.collection(&format!("{name}_lease"));
        let free = doc! { "$setOnInsert": { "owner": "", "until": DateTime::MIN } };
        collection
            .update_one(doc! { "_id": ID }, free)
            .upsert(true)
            .await?;
        Ok(Self {
            collection,
            duration,
        })
    }

    pub(super) fn through(&self, client: &Client) -> Self {
        Self {
            collection: mongo::through(client, &self.collection),
            duration: self.duration,
        }
    }

    /// How often it is renewed; without that it holds for at least twice as long.
    pub(super) fn renewal_period(&self) -> Duration {
        self.duration / 3
    }

    /// Takes or renews it; returns whether `owner` has it.
    pub(super) async fn hold(&self, owner: &str) -> Result<bool, Error> {
        let duration_ms = i64::try_from(self.duration.as_millis()).unwrap_or(i64::MAX);
        let mine_or_free = doc! { "_id": ID, "$expr": { "$or": [
            { "$eq": ["$owner", owner] },
            { "$lt": ["$until", "$$NOW"] },
        ] } };
        let take =
            vec![doc! { "$set": { "owner": owner, "until": { "$add": ["$$NOW", duration_ms] } } }];
        let taken = self.collection.update_one(mine_or_free, take).await?;
        Ok(taken.matched_count == 1)
    }

    /// Gives it back: a successor need not wait for it to run out.
    pub(super) async fn release(&self, owner: &str) -> Result<(), Error> {
        let free = doc! { "$set": { "owner": "", "until": DateTime::MIN } };
        let mine = doc! { "_id": ID, "owner": owner };
        self.collection.update_one(mine, free).await?;
        Ok(())
    }
}
