//! Collection `tokens`: the sessions that are open. A token is valid while its document is here.
//!
//! `_id` is the SHA-256 of the token; documents of the reference, whose `_id` is the token itself,
//! are found as well.

use bson::{DateTime, Document, doc};
use moka::future::Cache;
use mongodb::{
    Client, ClientSession, Collection, Database, IndexModel, error::Error, options::IndexOptions,
};
use shared_runtime::{
    auth::SessionClaims,
    mongo::{self, ensure_indexes},
};
use shared_types::UserId;
use std::time::Duration;

use crate::domain::session::{Subject, duration_s, stored_id};

/// How long the session of a service counts as open after it was looked up. Services ask all the
/// time, and theirs end only when they log out; another replica may learn of that so much later.
const SERVICE_KEPT: Duration = Duration::from_secs(1);

/// More services than ever ask at once.
const MAX_SERVICES: u64 = 1000;

#[derive(Clone)]
pub(crate) struct Tokens {
    tokens: Collection<Document>,
    /// Sessions of services that were open a moment ago, by [`stored_id`].
    open_services: Cache<String, ()>,
}

impl Tokens {
    pub(crate) async fn open(database: &Database) -> anyhow::Result<Self> {
        let tokens = database.collection("tokens");
        let expiry = IndexOptions::builder()
            .name("ExpireTokens".to_owned())
            .expire_after(Duration::ZERO)
            .build();
        // Serves the deletions of a user's sessions.
        let user = IndexOptions::builder()
            .name("TokenUserId".to_owned())
            .build();
        let indexes = vec![
            IndexModel::builder()
                .keys(doc! { "expiresAt": 1 })
                .options(expiry)
                .build(),
            IndexModel::builder()
                .keys(doc! { "userId": 1 })
                .options(user)
                .build(),
        ];
        ensure_indexes(&tokens, indexes).await?;
        let open_services = Cache::builder()
            .max_capacity(MAX_SERVICES)
            .time_to_live(SERVICE_KEPT)
            .build();
        Ok(Self {
            tokens,
            open_services,
        })
    }

    /// The same through another client, for transactions of that one.
    pub(crate) fn through(&self, client: &Client) -> Self {
        Self {
            tokens: mongo::through(client, &self.tokens),
            ..self.clone()
        }
    }

    /// Whether the session of `token` is open.
    pub(crate) async fn contains(&self, token: &str) -> Result<bool, Error> {
        let found = self
            .tokens
            .find_one(by_token(token))
            .projection(doc! { "_id": 1 })
            .await?;
        Ok(found.is_some())
    }

    /// The same for the token of a service, as it was up to a second ago.
    pub(crate) async fn contains_service(&self, token: &str) -> Result<bool, Error> {
        let id = stored_id(token);
        if self.open_services.contains_key(&id) {
            return Ok(true);
        }
        let is_open = self.contains(token).await?;
        if is_open {
            self.open_services.insert(id, ()).await;
        }
        Ok(is_open)
    }

    /// Opens the session of `token`, which says `claims`.
    pub(crate) async fn insert(&self, token: &str, claims: &SessionClaims) -> Result<(), Error> {
        self.tokens.insert_one(document(token, claims)).await?;
        Ok(())
    }

    /// The same in the transaction of `session`.
    pub(crate) async fn insert_in(
        &self,
        session: &mut ClientSession,
        token: &str,
        claims: &SessionClaims,
    ) -> Result<(), Error> {
        self.tokens
            .insert_one(document(token, claims))
            .session(session)
            .await?;
        Ok(())
    }

    /// Makes the transaction of `session`, which renews the session of `token`, conflict with the
    /// end of that one; `false` when it is not open.
    pub(crate) async fn lock(
        &self,
        session: &mut ClientSession,
        token: &str,
    ) -> Result<bool, Error> {
        let locked = self
            .tokens
            .update_one(by_token(token), doc! { "$inc": { "renewals": 1_i64 } })
            .session(session)
            .await?;
        Ok(locked.matched_count == 1)
    }

    /// Closes the session of `token`.
    pub(crate) async fn delete(&self, token: &str) -> Result<(), Error> {
        self.tokens.delete_many(by_token(token)).await?;
        self.open_services.invalidate(&stored_id(token)).await;
        Ok(())
    }

    /// Closes every session of a user.
    pub(crate) async fn delete_all(&self, user: &UserId) -> Result<(), Error> {
        self.tokens.delete_many(by_user(user)).await?;
        Ok(())
    }

    /// Closes every session of a user but that of `kept`, in the transaction of `session`. Change
    /// the account first: sessions that are being opened then conflict with this one.
    pub(crate) async fn delete_all_but_in(
        &self,
        session: &mut ClientSession,
        user: &UserId,
        kept: Option<&str>,
    ) -> Result<(), Error> {
        self.tokens
            .delete_many(by_user_but(user, kept))
            .session(session)
            .await?;
        Ok(())
    }
}

fn document(token: &str, claims: &SessionClaims) -> Document {
    let created = DateTime::from_millis(claims.iat.saturating_mul(1000));
    let subject = Subject::of(claims);
    let mut document = doc! {
        "_id": stored_id(token),
        "isServer": subject.is_server(),
        "duration": duration_s(claims),
        "expiresAt": DateTime::from_millis(claims.exp.saturating_mul(1000)),
        "createdAt": created,
        "time": created,
    };
    let name = if subject.is_server() {
        "serverId"
    } else {
        "userId"
    };
    document.insert(name, subject.as_str());
    document
}

fn by_token(token: &str) -> Document {
    doc! { "_id": { "$in": [stored_id(token), token] } }
}

fn by_user(user: &UserId) -> Document {
    doc! { "userId": user.as_str() }
}

fn by_user_but(user: &UserId, kept: Option<&str>) -> Document {
    let mut filter = by_user(user);
    if let Some(kept) = kept {
        filter.insert("_id", doc! { "$nin": [stored_id(kept), kept] });
    }
    filter
}
