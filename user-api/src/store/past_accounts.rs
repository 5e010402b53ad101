//! Collection `past_accounts`: what accounts were before they were changed, for as long as their
//! owners may put them back.

use std::time::Duration;

use bson::{DateTime, doc};
use chrono::Utc;
use futures_util::TryStreamExt;
use mongodb::{
    Client, ClientSession, Collection, Database, IndexModel, error::Error, options::IndexOptions,
};
use serde::{Deserialize, Serialize};
use shared_runtime::mongo::{self, ensure_indexes};
use shared_types::UserId;

use crate::domain::{names::Names, past::Past};

/// A link lives for 7 days, may be mailed for the last time 7 days after the change, and the mail
/// may be a day late.
const KEPT: Duration = Duration::from_hours(24 * 20);

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PastDocument {
    #[serde(rename = "_id")]
    id: String,
    userid: String,
    sequence: i64,
    changed_at: DateTime,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    username: Option<String>,
    emails: Vec<String>,
    #[serde(default)]
    proven_emails: Vec<String>,
    #[serde(default)]
    is_void: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    restored_under: Option<String>,
}

impl From<PastDocument> for Past {
    fn from(document: PastDocument) -> Self {
        Self {
            change: document.id,
            sequence: document.sequence,
            changed_at: document.changed_at.to_chrono(),
            names: Names {
                username: document.username,
                emails: document.emails,
            },
            proven: document.proven_emails,
            is_void: document.is_void,
            restored_under: document.restored_under,
        }
    }
}

#[derive(Clone)]
pub(crate) struct PastAccounts {
    past: Collection<PastDocument>,
}

impl PastAccounts {
    pub(crate) async fn open(database: &Database) -> anyhow::Result<Self> {
        let past = database.collection("past_accounts");
        let expiry = IndexOptions::builder().expire_after(KEPT).build();
        let unique = IndexOptions::builder().unique(true).build();
        let indexes = vec![
            IndexModel::builder()
                .keys(doc! { "changedAt": 1 })
                .options(expiry)
                .build(),
            // Serves everything else.
            IndexModel::builder()
                .keys(doc! { "userid": 1, "sequence": 1 })
                .options(unique)
                .build(),
        ];
        ensure_indexes(&past, indexes).await?;
        Ok(Self { past })
    }

    /// The same through another client, for transactions of that one.
    pub(crate) fn through(&self, client: &Client) -> Self {
        Self {
            past: mongo::through(client, &self.past),
        }
    }

    /// What `account` was before each of its changes, the oldest first.
    pub(crate) async fn list(&self, account: &UserId) -> Result<Vec<Past>, Error> {
        let found = self
            .past
            .find(doc! { "userid": account.as_str() })
            .sort(doc! { "sequence": 1 });
        found.await?.map_ok(Past::from).try_collect().await
    }

    /// What `account` was before each of its changes, the oldest first, as the transaction of
    /// `session` sees it. Change the account first: others that change it then conflict with it.
    pub(crate) async fn list_in(
        &self,
        session: &mut ClientSession,
        account: &UserId,
    ) -> Result<Vec<Past>, Error> {
        let mut found = self
            .past
            .find(doc! { "userid": account.as_str() })
            .sort(doc! { "sequence": 1 })
            .session(&mut *session)
            .await?;
        found.stream(session).map_ok(Past::from).try_collect().await
    }

    /// When `account` was changed after `since`, apart from what was put back, the first time
    /// first; at most `limit`.
    pub(crate) async fn list_times(
        &self,
        account: &UserId,
        since: chrono::DateTime<Utc>,
        limit: i64,
    ) -> Result<Vec<chrono::DateTime<Utc>>, Error> {
        let filter = doc! {
            "userid": account.as_str(),
            "changedAt": { "$gt": DateTime::from_chrono(since) },
            "isVoid": false,
        };
        self.past
            .find(filter)
            .sort(doc! { "sequence": 1 })
            .limit(limit)
            .await?
            .map_ok(|found| found.changed_at.to_chrono())
            .try_collect()
            .await
    }

    /// Keeps what `account` was in the transaction of `session` that changes it.
    pub(crate) async fn insert(
        &self,
        session: &mut ClientSession,
        account: &UserId,
        past: &Past,
    ) -> Result<(), Error> {
        let document = PastDocument {
            id: past.change.clone(),
            userid: account.to_string(),
            sequence: past.sequence,
            changed_at: DateTime::from_chrono(past.changed_at),
            username: past.names.username.clone(),
            emails: past.names.emails.clone(),
            proven_emails: past.proven.clone(),
            is_void: past.is_void,
            restored_under: past.restored_under.clone(),
        };
        self.past.insert_one(document).session(session).await?;
        Ok(())
    }

    /// Writes that `restored` was put back under `key`, in the transaction of `session` that does
    /// it: nothing can be put back any more that came after it.
    pub(crate) async fn set_restored(
        &self,
        session: &mut ClientSession,
        account: &UserId,
        restored: &Past,
        key: &str,
    ) -> Result<(), Error> {
        let since = doc! {
            "userid": account.as_str(),
            "sequence": { "$gte": restored.sequence },
        };
        let void = doc! {
            "$set": { "isVoid": true },
            "$unset": { "restoredUnder": "" },
        };
        self.past
            .update_many(since, void)
            .session(&mut *session)
            .await?;
        let this = doc! { "userid": account.as_str(), "sequence": restored.sequence };
        let under = doc! { "$set": { "restoredUnder": key } };
        self.past.update_one(this, under).session(session).await?;
        Ok(())
    }

    /// Notes which of `list`, all of `account`, can be put back no more, in the transaction of
    /// `session`.
    pub(crate) async fn void(
        &self,
        session: &mut ClientSession,
        account: &UserId,
        list: &[Past],
    ) -> Result<(), Error> {
        let void = list.iter().filter(|past| past.is_void);
        let sequences: Vec<i64> = void.map(|past| past.sequence).collect();
        let these = doc! {
            "userid": account.as_str(),
            "sequence": { "$in": sequences },
        };
        let void = doc! { "$set": { "isVoid": true } };
        self.past.update_many(these, void).session(session).await?;
        Ok(())
    }

    /// Forgets what a deleted account was, in the transaction of `session`.
    pub(crate) async fn delete(
        &self,
        session: &mut ClientSession,
        account: &UserId,
    ) -> Result<(), Error> {
        let filter = doc! { "userid": account.as_str() };
        self.past.delete_many(filter).session(session).await?;
        Ok(())
    }
}
