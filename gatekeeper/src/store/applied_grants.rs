//! Collection `applied_grants`: which accepted offers have had their effect,
//! `{_id: <grant id>, at}`, so that a repeat gives back nothing that was taken away since.

use std::time::Duration;

use bson::{DateTime, doc};
use mongodb::{
    ClientSession, Collection, Database, IndexModel, error::Result, options::IndexOptions,
};

/// Longer than anybody repeats a grant: what is offered by mail is open for a week, and what waits
/// in an outbox is looked at within a year.
const KEPT_FOR: Duration = Duration::from_hours(400 * 24);

/// The effects that took place. No account is named here.
#[derive(Debug, Clone)]
pub(crate) struct AppliedGrants(Collection<bson::Document>);

impl AppliedGrants {
    /// The collection in a prepared database; its only query is by `_id`.
    pub(crate) fn on(database: &Database) -> Self {
        Self(database.collection("applied_grants"))
    }

    /// Ensures the index by which the database forgets.
    pub(crate) async fn prepare(database: &Database) -> Result<()> {
        let Self(collection) = Self::on(database);
        let expiring = IndexOptions::builder()
            .name("expiry".to_owned())
            .expire_after(KEPT_FOR)
            .build();
        let by_age = IndexModel::builder()
            .keys(doc! {"at": 1})
            .options(expiring)
            .build();
        collection.create_index(by_age).await?;
        Ok(())
    }

    /// Whether the grant has had its effect.
    pub(crate) async fn contains(
        &self,
        session: &mut ClientSession,
        grant_id: &str,
    ) -> Result<bool> {
        let found = self
            .0
            .find_one(doc! {"_id": grant_id})
            .session(session)
            .await?;
        Ok(found.is_some())
    }

    /// Notes that the grant has its effect in the transaction of `session`, at `now`.
    pub(crate) async fn insert(
        &self,
        session: &mut ClientSession,
        grant_id: &str,
        now: DateTime,
    ) -> Result<()> {
        self.0
            .insert_one(doc! {"_id": grant_id, "at": now})
            .session(session)
            .await?;
        Ok(())
    }
}
