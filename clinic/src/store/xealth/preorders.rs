//! Collection `xealth_preorder`, which the reference wrote as well: what somebody entered before something is
//! ordered.
//!
//! Document: `{_id, dataTrackingId, patient? | guardian?, tags?}`. A member of our own begins with `_`:
//! `_expireTime` says when an entry goes for which no order came; those of the reference stay.

use std::time::Duration;

use bson::{DateTime, doc, serialize_to_document};
use mongodb::{
    Collection, Database, IndexModel,
    error::{Error, Result},
    options::IndexOptions,
};
use shared_runtime::mongo::{ensure_indexes, is_duplicate_key};

use crate::domain::xealth::preorder::Entry;

/// What was entered.
#[derive(Debug, Clone)]
pub(crate) struct Preorders {
    entries: Collection<Entry>,
}

impl Preorders {
    pub(super) fn on(database: &Database) -> Self {
        Self {
            entries: database.collection("xealth_preorder"),
        }
    }

    /// Ensures the index of the queries below, which is the reference's, with its name, and the one by which
    /// entries go.
    pub(super) async fn prepare(&self) -> anyhow::Result<()> {
        let unique = IndexOptions::builder()
            .name("dataTrackingId".to_owned())
            .unique(true)
            .build();
        let by_id = IndexModel::builder().keys(doc! { "dataTrackingId": 1 });
        let at_once = IndexOptions::builder().expire_after(Duration::ZERO).build();
        let by_end = IndexModel::builder().keys(doc! { "_expireTime": 1 });
        let indexes = vec![
            by_id.options(unique).build(),
            by_end.options(at_once).build(),
        ];
        ensure_indexes(&self.entries, indexes).await
    }

    /// Keeps what was entered until the time `end`, unless an order comes before; returns whether it is kept:
    /// `false` where something else is under its id.
    pub(crate) async fn insert(&self, entry: &Entry, end: DateTime) -> Result<bool> {
        let mut document = serialize_to_document(entry).map_err(Error::custom)?;
        document.insert("_expireTime", end);
        let entries = self.entries.clone_with_type();
        match entries.insert_one(document).await {
            Err(error) if is_duplicate_key(&error) => {
                let known = self.find(&entry.data_tracking_id).await?;
                Ok(known.as_ref() == Some(entry))
            }
            inserted => inserted.map(|_| true),
        }
    }

    /// What was entered under an id.
    async fn find(&self, tracking_id: &str) -> Result<Option<Entry>> {
        let with_id = doc! { "dataTrackingId": tracking_id };
        self.entries.find_one(with_id).await
    }

    /// The same, which stays from then on, since an order came for it.
    pub(crate) async fn claim(&self, tracking_id: &str) -> Result<Option<Entry>> {
        let with_id = doc! { "dataTrackingId": tracking_id };
        let stays = doc! { "$unset": { "_expireTime": "" } };
        self.entries.find_one_and_update(with_id, stays).await
    }
}
