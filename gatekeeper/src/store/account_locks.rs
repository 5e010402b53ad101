//! Collection `sharer_locks`: one counter per account, incremented by each transaction that may
//! change who runs it or relies on somebody who does, so that of two at the same moment one waits
//! for the other. The counter is a version as well: while it stays, so does what was read or asked
//! about those who run the account, apart from what takes rights away regardless of the rule, and from
//! clinics that run it as well since then.

use bson::doc;
use mongodb::{ClientSession, Collection, Database, error::Result, options::ReturnDocument};
use shared_types::UserId;

/// The locks of accounts; the document is `{_id: <account id>, n: <transactions so far>}`.
#[derive(Debug, Clone)]
pub(crate) struct AccountLocks(Collection<bson::Document>);

impl AccountLocks {
    /// The collection; its only query is by `_id`.
    pub(crate) fn on(database: &Database) -> Self {
        Self(database.collection("sharer_locks"))
    }

    /// Makes every other transaction that locks `account` conflict with this one; returns the
    /// version from the commit on.
    pub(crate) async fn lock(&self, session: &mut ClientSession, account: &UserId) -> Result<i64> {
        let locked = self
            .0
            .find_one_and_update(doc! {"_id": account.as_str()}, doc! {"$inc": {"n": 1_i64}})
            .upsert(true)
            .return_document(ReturnDocument::After)
            .session(session)
            .await?;
        Ok(version_of(locked))
    }

    /// The version of the lock; 0 of an account that was never locked.
    pub(crate) async fn version(&self, account: &UserId) -> Result<i64> {
        let found = self.0.find_one(doc! {"_id": account.as_str()}).await?;
        Ok(version_of(found))
    }

    /// Forgets a deleted account.
    pub(crate) async fn delete(&self, account: &UserId) -> Result<()> {
        self.0.delete_one(doc! {"_id": account.as_str()}).await?;
        Ok(())
    }
}

fn version_of(lock: Option<bson::Document>) -> i64 {
    lock.and_then(|lock| lock.get_i64("n").ok())
        .unwrap_or_default()
}
