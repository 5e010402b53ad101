//! Collection `quotas`: how much of something was used in the current while, one document a name.
//!
//! The count is taken in the transaction of what it limits, so two of these that share a name
//! exclude each other: that is also what keeps a second invitation to one address out.

use std::time::Duration;

use bson::{Document, doc};
use mongodb::{
    Client, ClientSession, Collection, Database, IndexModel,
    error::Error,
    options::{IndexOptions, ReturnDocument},
};
use shared_runtime::mongo::{self, ensure_indexes};

use crate::domain::quota::Quota;

#[derive(Clone)]
pub(crate) struct Quotas {
    quotas: Collection<Document>,
}

impl Quotas {
    pub(crate) async fn open(database: &Database) -> anyhow::Result<Self> {
        let quotas = database.collection("quotas");
        let expiry = IndexOptions::builder().expire_after(Duration::ZERO).build();
        let by_end = IndexModel::builder()
            .keys(doc! { "endsAt": 1 })
            .options(expiry)
            .build();
        ensure_indexes(&quotas, vec![by_end]).await?;
        Ok(Self { quotas })
    }

    /// The same through another client, for transactions of that one.
    pub(crate) fn through(&self, client: &Client) -> Self {
        Self {
            quotas: mongo::through(client, &self.quotas),
        }
    }

    /// Frees all uses of `quota`.
    pub(crate) async fn clear(&self, quota: &Quota) -> Result<(), Error> {
        self.quotas.delete_one(doc! { "_id": &quota.id }).await?;
        Ok(())
    }

    /// Takes one use of `quota` in the transaction of `session`, or says after how long the next
    /// one is free.
    pub(crate) async fn take(
        &self,
        session: &mut ClientSession,
        quota: &Quota,
    ) -> Result<Result<(), Duration>, Error> {
        let window_ms = i64::try_from(quota.window.as_millis()).unwrap_or(i64::MAX);
        let is_over = doc! { "$lte": [{ "$ifNull": ["$endsAt", "$$NOW"] }, "$$NOW"] };
        let update = vec![doc! { "$set": {
            "used": { "$cond": [&is_over, 1, { "$add": ["$used", 1] }] },
            "endsAt": { "$cond": [&is_over, { "$add": ["$$NOW", window_ms] }, "$endsAt"] },
            "now": "$$NOW",
        } }];
        let used = self
            .quotas
            .find_one_and_update(doc! { "_id": &quota.id }, update)
            .upsert(true)
            .return_document(ReturnDocument::After)
            .session(session)
            .await?;
        let Some(used) = used.filter(|_| quota.limit > 0) else {
            return Ok(Ok(()));
        };
        let count = used.get_i32("used").unwrap_or_default();
        if u32::try_from(count).unwrap_or(u32::MAX) <= quota.limit {
            return Ok(Ok(()));
        }
        let millis = |name| -> i64 {
            used.get_datetime(name)
                .map_or(0, |time| time.timestamp_millis())
        };
        let wait_ms = millis("endsAt").saturating_sub(millis("now"));
        Ok(Err(Duration::from_millis(wait_ms.unsigned_abs())))
    }
}
