//! Collection `sharer_locks`: one counter per account, incremented by each transaction that may
//! take an administrator from it or relies on one, so that of two at the same moment one waits for
//! the other.

use bson::doc;
use mongodb::{ClientSession, Collection, Database, error::Result};
use shared_types::UserId;

/// The locks of accounts; the document is `{_id: <account id>, n: <transactions so far>}`.
#[derive(Debug, Clone)]
pub(crate) struct AccountLocks(Collection<bson::Document>);

impl AccountLocks {
    /// The collection; its only query is by `_id`.
    pub(crate) fn on(database: &Database) -> Self {
        Self(database.collection("sharer_locks"))
    }

    /// Makes every other transaction that locks `account` conflict with this one.
    pub(crate) async fn lock(&self, session: &mut ClientSession, account: &UserId) -> Result<()> {
        self.0
            .update_one(doc! {"_id": account.as_str()}, doc! {"$inc": {"n": 1_i64}})
            .upsert(true)
            .session(session)
            .await?;
        Ok(())
    }

    /// Forgets a deleted account.
    pub(crate) async fn delete(&self, account: &UserId) -> Result<()> {
        self.0.delete_one(doc! {"_id": account.as_str()}).await?;
        Ok(())
    }
}
