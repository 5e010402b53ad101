//! Collection `applied_updates`: the changes of accounts that were made under an idempotency key,
//! so that a repeat is known.

use std::time::Duration;

use bson::{DateTime, Document, doc};
use mongodb::{
    ClientSession, Collection, Database, IndexModel, error::Error, options::IndexOptions,
};
use shared_runtime::mongo::ensure_indexes;
use shared_types::UserId;

/// Longer than any key lives that services use here.
const KEPT: Duration = Duration::from_hours(24 * 60);

#[derive(Clone)]
pub(crate) struct AppliedUpdates {
    updates: Collection<Document>,
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

    /// Whether `account` was changed under `key`.
    pub(crate) async fn contains(&self, account: &UserId, key: &str) -> Result<bool, Error> {
        let found = self.updates.find_one(named(account, key)).await?;
        Ok(found.is_some())
    }

    /// Notes the change that the transaction of `session` makes.
    pub(crate) async fn note(
        &self,
        session: &mut ClientSession,
        account: &UserId,
        key: &str,
    ) -> Result<(), Error> {
        let noted = doc! { "$setOnInsert": { "at": DateTime::now() } };
        self.updates
            .update_one(named(account, key), noted)
            .upsert(true)
            .session(session)
            .await?;
        Ok(())
    }
}

fn named(account: &UserId, key: &str) -> Document {
    doc! { "_id": { "account": account.as_str(), "key": key } }
}
