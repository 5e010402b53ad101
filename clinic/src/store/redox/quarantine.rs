//! Collection `redox_quarantine`: what came with the right token and cannot be understood.
//!
//! Document: `{_id, hash, reason, body: binary, size, times, receivedTime, lastTime}`. A body is there once,
//! however often it comes.

use bson::{Binary, DateTime, Document, doc, oid::ObjectId, spec::BinarySubtype};
use futures_util::TryStreamExt;
use mongodb::{Collection, Database, IndexModel, error::Result, options::IndexOptions};
use serde::Deserialize;
use shared_runtime::mongo::{ONE_BATCH, ensure_indexes, is_duplicate_key};
use shared_types::MessageId;

use crate::domain::redox::fingerprint;

/// Bodies that cannot be understood.
#[derive(Debug, Clone)]
pub(crate) struct Quarantine {
    bodies: Collection<Document>,
}

/// One of them.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct QuarantinedMessage {
    #[serde(rename = "_id")]
    pub(crate) id: ObjectId,
    /// Why it cannot be understood.
    pub(crate) reason: String,
    /// Bytes of the body.
    pub(crate) size: i64,
    /// How often it came.
    pub(crate) times: i64,
    pub(crate) received_time: DateTime,
    pub(crate) last_time: DateTime,
    /// Where it was asked for.
    pub(crate) body: Option<Binary>,
}

impl Quarantine {
    pub(super) fn on(database: &Database) -> Self {
        Self {
            bodies: database.collection("redox_quarantine"),
        }
    }

    /// Ensures the indexes of the queries below.
    pub(super) async fn prepare(&self) -> anyhow::Result<()> {
        let unique = IndexOptions::builder().unique(true).build();
        let by_hash = IndexModel::builder().keys(doc! { "hash": 1 });
        ensure_indexes(&self.bodies, vec![by_hash.options(unique).build()]).await
    }

    /// Keeps a body, if it is not kept already.
    pub(crate) async fn insert(&self, body: &[u8], reason: &str) -> Result<()> {
        match self.upsert(body, reason).await {
            // Of two that came at once the second one finds what the first one has stored.
            Err(error) if is_duplicate_key(&error) => self.upsert(body, reason).await,
            outcome => outcome,
        }
    }

    async fn upsert(&self, body: &[u8], reason: &str) -> Result<()> {
        let now = DateTime::now();
        let kept = Binary {
            subtype: BinarySubtype::Generic,
            bytes: body.to_vec(),
        };
        let size = i64::try_from(body.len()).unwrap_or(i64::MAX);
        let update = doc! {
            "$inc": { "times": 1_i64 },
            "$set": { "reason": reason, "lastTime": now },
            "$setOnInsert": { "body": kept, "size": size, "receivedTime": now },
        };
        let same = doc! { "hash": fingerprint(body) };
        self.bodies.update_one(same, update).upsert(true).await?;
        Ok(())
    }

    /// Some of them without their bodies, the newest first.
    pub(crate) async fn list(&self, offset: u32, limit: u32) -> Result<Vec<QuarantinedMessage>> {
        let bodies = self.bodies.clone_with_type::<QuarantinedMessage>();
        let found = bodies.find(doc! {}).sort(doc! { "_id": -1 });
        let found = found.projection(doc! { "body": 0 });
        let found = found.skip(offset.into()).limit(limit.into());
        let found = found.batch_size(limit.min(ONE_BATCH)).await?;
        found.try_collect().await
    }

    /// One of them with its body.
    pub(crate) async fn find(&self, id: MessageId) -> Result<Option<QuarantinedMessage>> {
        let bodies = self.bodies.clone_with_type::<QuarantinedMessage>();
        bodies.find_one(with_id(id)).await
    }

    /// Removes one.
    pub(crate) async fn delete(&self, id: MessageId) -> Result<()> {
        self.bodies.delete_one(with_id(id)).await?;
        Ok(())
    }
}

fn with_id(id: MessageId) -> Document {
    doc! { "_id": ObjectId::from_bytes(id.bytes()) }
}
