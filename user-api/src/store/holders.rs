//! Collection `users`: the members that say who runs an account, which are additions of ours.
//!
//! - `holders`, `{version, ids}`: who may run the account, as gatekeeper reported (see
//!   [`KnownHolders`]).
//! - `losingAddressUntil`: until then, the account counts as if its last address were gone.
//! - `holdersNameIt`: set from the start in accounts that we made. Every account without login that
//!   such an account runs names it in `holders`; of others it is not known what they run.

use bson::{DateTime, Document, doc};
use chrono::Utc;
use futures_util::TryStreamExt;
use mongodb::{
    Client, ClientSession, Collection, Database, IndexModel, error::Error, options::IndexOptions,
};
use serde::Deserialize;
use shared_runtime::mongo::{self, ensure_indexes};
use shared_types::UserId;

use crate::{
    domain::holders::{Custody, KnownHolders},
    store::{
        user_document::{HOLDERS_NAME_IT, UserDocument, members},
        users::{IGNORING_CASE, existing},
    },
};

#[derive(Clone)]
pub(crate) struct Holders {
    users: Collection<Document>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct CustodyDocument {
    #[serde(flatten)]
    user: UserDocument,
    holders: Option<HoldersDocument>,
    losing_address_until: Option<DateTime>,
}

#[derive(Deserialize)]
struct HoldersDocument {
    version: i64,
    ids: Vec<UserId>,
}

impl From<CustodyDocument> for Custody {
    fn from(document: CustodyDocument) -> Self {
        Self {
            account: document.user.into(),
            holders: document.holders.map(|holders| KnownHolders {
                version: holders.version,
                ids: holders.ids,
            }),
            losing_address_until: document.losing_address_until.map(DateTime::to_chrono),
        }
    }
}

impl Holders {
    pub(crate) async fn open(database: &Database) -> anyhow::Result<Self> {
        let users = database.collection("users");
        let sparse = IndexOptions::builder().sparse(true).build();
        // Serves `list_named`.
        let index = IndexModel::builder()
            .keys(doc! { "holders.ids": 1 })
            .options(sparse)
            .build();
        ensure_indexes(&users, vec![index]).await?;
        Ok(Self { users })
    }

    /// The same through another client, for transactions of that one.
    pub(crate) fn through(&self, client: &Client) -> Self {
        Self {
            users: mongo::through(client, &self.users),
        }
    }

    /// The account with this id, in the transaction of `session`.
    pub(crate) async fn find(
        &self,
        session: &mut ClientSession,
        id: &UserId,
    ) -> Result<Option<Custody>, Error> {
        let found = self
            .users
            .clone_with_type::<CustodyDocument>()
            .find_one(existing(doc! { "userid": id.as_str() }))
            .collation(IGNORING_CASE.clone())
            .session(session)
            .await?;
        Ok(found.map(Custody::from))
    }

    /// The accounts with these ids, in no order.
    pub(crate) async fn list(&self, ids: &[&str]) -> Result<Vec<Custody>, Error> {
        let found = self
            .users
            .clone_with_type::<CustodyDocument>()
            .find(existing(doc! { "userid": { "$in": ids } }))
            .collation(IGNORING_CASE.clone())
            .await?;
        found.map_ok(Custody::from).try_collect().await
    }

    /// The accounts that name `holder` among those who may run them.
    pub(crate) async fn list_named(&self, holder: &UserId) -> Result<Vec<Custody>, Error> {
        let found = self
            .users
            .clone_with_type::<CustodyDocument>()
            .find(existing(doc! { "holders.ids": holder.as_str() }))
            .await?;
        found.map_ok(Custody::from).try_collect().await
    }

    /// Whether every account without login that `id` runs names it.
    pub(crate) async fn is_named_by_all(&self, id: &UserId) -> Result<bool, Error> {
        let filter = existing(doc! { "userid": id.as_str(), HOLDERS_NAME_IT: true });
        let found = self
            .users
            .find_one(filter)
            .projection(doc! { "_id": 1 })
            .collation(IGNORING_CASE.clone())
            .await?;
        Ok(found.is_some())
    }

    /// Those of `ids` that are accounts, in exactly this spelling. Makes the transaction of
    /// `session`, which relies on them, conflict with their deletions, as [`super::Users::lock`]
    /// does.
    pub(crate) async fn lock_existing(
        &self,
        session: &mut ClientSession,
        ids: &[UserId],
    ) -> Result<Vec<UserId>, Error> {
        let asked: Vec<&str> = ids.iter().map(UserId::as_str).collect();
        let mut found = self
            .users
            .clone_with_type::<UserDocument>()
            .find(existing(doc! { "userid": { "$in": asked } }))
            .projection(members())
            .collation(IGNORING_CASE.clone())
            .session(&mut *session)
            .await?;
        let mut locked = Vec::new();
        while let Some(user) = found.next(session).await.transpose()? {
            let id = UserId::from(user.userid);
            if ids.contains(&id) {
                locked.push(id);
            }
        }
        let ids: Vec<&str> = locked.iter().map(UserId::as_str).collect();
        self.users
            .update_many(
                doc! { "userid": { "$in": ids } },
                doc! { "$inc": { "locks": 1_i64 } },
            )
            .collation(IGNORING_CASE.clone())
            .session(session)
            .await?;
        Ok(locked)
    }

    /// Replaces what is known about those who run the account, in the transaction of `session`.
    pub(crate) async fn update(
        &self,
        session: &mut ClientSession,
        id: &UserId,
        holders: &KnownHolders,
    ) -> Result<(), Error> {
        let ids: Vec<&str> = holders.ids.iter().map(UserId::as_str).collect();
        let holders = doc! { "version": holders.version, "ids": ids };
        self.users
            .update_one(
                existing(doc! { "userid": id.as_str() }),
                doc! { "$set": { "holders": holders } },
            )
            .collation(IGNORING_CASE.clone())
            .session(session)
            .await?;
        Ok(())
    }

    /// Lets the account count as if its last address were gone, until then at least.
    pub(crate) async fn expect_loss(
        &self,
        id: &UserId,
        until: chrono::DateTime<Utc>,
    ) -> Result<(), Error> {
        let until = DateTime::from_chrono(until);
        self.users
            .update_one(
                existing(doc! { "userid": id.as_str() }),
                doc! { "$max": { "losingAddressUntil": until } },
            )
            .collation(IGNORING_CASE.clone())
            .await?;
        Ok(())
    }
}
