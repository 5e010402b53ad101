//! Collection `applied_updates`: the changes of accounts that were made under an idempotency key,
//! so that a repeat is known.

use std::time::Duration;

use bson::{DateTime, Document, doc};
use mongodb::{
    Client, ClientSession, Collection, Database, IndexModel, error::Error, options::IndexOptions,
};
use serde::Deserialize;
use shared_runtime::{
    mongo::{self, ensure_indexes},
    outbox::RowId,
};
use shared_types::UserId;

/// Longer than any key lives that services use here.
const KEPT: Duration = Duration::from_hours(24 * 60);

/// A change that was made.
#[derive(Deserialize)]
pub(crate) struct AppliedUpdate {
    /// The outbox row that finishes it; `None`: nothing was left to be done.
    pub(crate) row: Option<RowId>,
}

#[derive(Clone)]
pub(crate) struct AppliedUpdates {
    updates: Collection<AppliedUpdate>,
}

impl AppliedUpdates {
    pub(crate) async fn open(database: &Database) -> anyhow::Result<Self> {
        let updates = database.collection("applied_updates");
        let expiry = IndexOptions::builder().expire_after(KEPT).build();
        let by_age = IndexModel::builder()
            .keys(doc! { "at": 1 })
            .options(expiry)
            .build();
        ensure_indexes(&updates, vec![by_age]).await?;
        Ok(Self { updates })
    }

    /// The same through another client, for transactions of that one.
    pub(crate) fn through(&self, client: &Client) -> Self {
        Self {
            updates: mongo::through(client, &self.updates),
        }
    }

    /// The change of `account` under `key`.
    pub(crate) async fn find(
        &self,
        account: &UserId,
        key: &str,
    ) -> Result<Option<AppliedUpdate>, Error> {
        self.updates.find_one(named(account, key)).await
    }

    /// Remembers the change that the transaction of `session` makes, and the row that finishes it.
    pub(crate) async fn insert(
        &self,
        session: &mut ClientSession,
        account: &UserId,
        key: &str,
        row: Option<RowId>,
    ) -> Result<(), Error> {
        let applied = doc! { "$setOnInsert": { "at": DateTime::now(), "row": row } };
        self.updates
            .update_one(named(account, key), applied)
            .upsert(true)
            .session(session)
            .await?;
        Ok(())
    }
}

fn named(account: &UserId, key: &str) -> Document {
    doc! { "_id": { "account": account.as_str(), "key": key } }
}
