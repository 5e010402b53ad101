//! The collection `seagull`: one document a user, as the reference platform keeps it, all of the
//! user's metadata in one JSON text.

use std::{collections::HashMap, time::Duration};

use bson::{Bson, doc};
use futures_util::TryStreamExt;
use mongodb::{
    Client, ClientSession, Collection, Database, IndexModel, error::Result, options::IndexOptions,
};
use rand::RngExt as _;
use serde::{Deserialize, Serialize};
use shared_runtime::mongo::{self, Aborted, ensure_indexes};
use shared_types::UserId;

use crate::domain::{metadata::Collections, profile};

/// How often a change is tried again because another writer was faster. Of several writers one
/// always succeeds, so it takes this many at once to fail one.
const MAX_TRIES: u64 = 100;

/// The metadata of all users.
#[derive(Clone)]
pub(crate) struct MetadataStore {
    documents: Collection<Document>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Document {
    #[serde(rename = "userId")]
    user_id: UserId,
    value: Value,
}

/// The same, whatever it says.
#[derive(Deserialize)]
struct StoredText {
    #[serde(rename = "_id")]
    id: Bson,
    #[serde(rename = "userId")]
    user_id: UserId,
    #[serde(default)]
    value: Bson,
}

/// The stored text and what it says; a text that says nothing usable fails the query.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
struct Value {
    text: String,
    collections: Collections,
}

impl TryFrom<String> for Value {
    type Error = &'static str;

    fn try_from(text: String) -> std::result::Result<Self, Self::Error> {
        // The cause would quote the text, which is personal data.
        let collections =
            serde_json::from_str(&text).map_err(|_| "stored metadata is not a JSON object")?;
        Ok(Self { text, collections })
    }
}

impl From<Value> for String {
    fn from(value: Value) -> Self {
        value.text
    }
}

impl From<Collections> for Value {
    fn from(collections: Collections) -> Self {
        let text = serde_json::Value::Object(collections.clone()).to_string();
        Self { text, collections }
    }
}

impl MetadataStore {
    /// The metadata in `database`. Every query below goes by `userId`.
    pub(crate) async fn open(database: &Database) -> anyhow::Result<Self> {
        let documents = database.collection("seagull");
        let by_user = IndexModel::builder()
            .keys(doc! { "userId": 1 })
            .options(IndexOptions::builder().unique(true).build())
            .build();
        ensure_indexes(&documents, vec![by_user]).await?;
        Ok(Self { documents })
    }

    /// The same through another client, for transactions of that one.
    pub(crate) fn through(&self, client: &Client) -> Self {
        Self {
            documents: mongo::through(client, &self.documents),
        }
    }

    /// All collections of a user; `None` if nothing was ever written.
    pub(crate) async fn find(&self, user_id: &UserId) -> Result<Option<Collections>> {
        Ok(self
            .find_value(user_id)
            .await?
            .map(|value| value.collections))
    }

    /// The full name in a user's profile; `None` if there is none.
    pub(crate) async fn full_name(&self, user_id: &UserId) -> Result<Option<String>> {
        let collections = self.find(user_id).await?;
        Ok(collections
            .as_ref()
            .and_then(profile::full_name)
            .map(str::to_owned))
    }

    /// The metadata of those of `user_ids` that have some, in one query. `None`: it cannot be read,
    /// which is noted.
    pub(crate) async fn find_many(
        &self,
        user_ids: &[UserId],
    ) -> Result<HashMap<UserId, Option<Collections>>> {
        let ids: Vec<&str> = user_ids.iter().map(UserId::as_str).collect();
        let found = self
            .documents
            .clone_with_type::<StoredText>()
            .find(doc! { "userId": { "$in": ids } })
            .batch_size(mongo::ONE_BATCH)
            .await?;
        let metadata = found.map_ok(|stored| {
            let text = stored.value.as_str().unwrap_or_default();
            let collections = serde_json::from_str(text).ok();
            if collections.is_none() {
                mongo::note_unreadable("seagull", stored.id.as_object_id());
            }
            (stored.user_id, collections)
        });
        metadata.try_collect().await
    }

    /// Stores the first metadata of a user, in the caller's transaction. A user who has some is a
    /// duplicate key.
    pub(crate) async fn insert(
        &self,
        session: &mut ClientSession,
        user_id: &UserId,
        collections: Collections,
    ) -> Result<()> {
        self.insert_all(session, [(user_id.clone(), collections)])
            .await
    }

    /// The same of several users.
    pub(super) async fn insert_all(
        &self,
        session: &mut ClientSession,
        of_users: impl IntoIterator<Item = (UserId, Collections)>,
    ) -> Result<()> {
        let documents = of_users.into_iter().map(|(user_id, collections)| Document {
            user_id,
            value: collections.into(),
        });
        let documents: Vec<Document> = documents.collect();
        self.documents
            .insert_many(documents)
            .session(session)
            .await?;
        Ok(())
    }

    /// Applies `change` to the metadata of a user and returns the result; `None` if nothing was
    /// ever written.
    ///
    /// The text is replaced only if it is still the one that was read, so `change` may run several
    /// times and no change made meanwhile is lost.
    pub(crate) async fn update<R>(
        &self,
        user_id: &UserId,
        change: impl Fn(&mut Collections) -> std::result::Result<(), R>,
    ) -> std::result::Result<Option<Collections>, Aborted<R>> {
        for tries in 0..MAX_TRIES {
            wait_after(tries).await;
            let Some(before) = self.find_value(user_id).await? else {
                return Ok(None);
            };
            let mut collections = before.collections.clone();
            change(&mut collections).map_err(Aborted::Refused)?;
            if collections == before.collections
                || self
                    .replace(user_id, before, collections.clone().into())
                    .await?
            {
                return Ok(Some(collections));
            }
        }
        Err(Aborted::Outrun)
    }

    /// Forgets everything about a user, in the caller's transaction.
    pub(crate) async fn delete(&self, session: &mut ClientSession, user_id: &UserId) -> Result<()> {
        self.documents
            .delete_one(by_user(user_id))
            .session(session)
            .await?;
        Ok(())
    }

    async fn find_value(&self, user_id: &UserId) -> Result<Option<Value>> {
        Ok(self
            .documents
            .find_one(by_user(user_id))
            .await?
            .map(|document| document.value))
    }

    /// Replaces `before` by `after`; `false` if another writer was faster.
    async fn replace(&self, user_id: &UserId, before: Value, after: Value) -> Result<bool> {
        let unchanged = doc! { "userId": user_id.as_str(), "value": before.text };
        let change = doc! { "$set": { "value": after.text } };
        Ok(self
            .documents
            .update_one(unchanged, change)
            .await?
            .matched_count
            == 1)
    }
}

fn by_user(user_id: &UserId) -> bson::Document {
    doc! { "userId": user_id.as_str() }
}

/// Spreads writers that got in each other's way.
async fn wait_after(tries: u64) {
    if tries > 0 {
        let wait = rand::rng().random_range(0..=tries.min(20));
        tokio::time::sleep(Duration::from_millis(wait)).await;
    }
}
