//! Collection `xealth_preorder`, which the reference wrote as well: what somebody entered before something is
//! ordered.
//!
//! Document: `{_id, dataTrackingId, patient? | guardian?, tags?}`.

use bson::doc;
use mongodb::{Collection, Database, IndexModel, error::Result, options::IndexOptions};
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

    /// Ensures the index of the query below, which is the reference's, with its name.
    pub(super) async fn prepare(&self) -> anyhow::Result<()> {
        let unique = IndexOptions::builder()
            .name("dataTrackingId".to_owned())
            .unique(true)
            .build();
        let by_id = IndexModel::builder().keys(doc! { "dataTrackingId": 1 });
        ensure_indexes(&self.entries, vec![by_id.options(unique).build()]).await
    }

    /// Keeps what was entered; returns whether it is kept: `false` where something else is under its id.
    pub(crate) async fn insert(&self, entry: &Entry) -> Result<bool> {
        match self.entries.insert_one(entry).await {
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
}
