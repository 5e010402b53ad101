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

use crate::domain::session::{Family, Subject, duration_s, stored_id};

/// How long the session of a service counts as open for reads after it was looked up. Services ask
/// all the time, and theirs end only when they log out; another replica may learn of that so much
/// later.
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
        // Serves the deletion of a family. Tokens of the reference have none.
        let family = IndexOptions::builder()
            .name("TokenFamily".to_owned())
            .sparse(true)
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
            IndexModel::builder()
                .keys(doc! { "familyId": 1 })
                .options(family)
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
    pub(crate) async fn insert(
        &self,
        token: &str,
        claims: &SessionClaims,
        family: &Family,
    ) -> Result<(), Error> {
        self.tokens
            .insert_one(document(token, claims, family))
            .await?;
        Ok(())
    }

    /// The same in the transaction of `session`.
    pub(crate) async fn insert_in(
        &self,
        session: &mut ClientSession,
        token: &str,
        claims: &SessionClaims,
        family: &Family,
    ) -> Result<(), Error> {
        self.tokens
            .insert_one(document(token, claims, family))
            .session(session)
            .await?;
        Ok(())
    }

    /// The family of `token`, which says `claims`; `None` when it is not open. Those of older
    /// versions and of the reference that do not say it are the first of their own.
    pub(crate) async fn find_family(
        &self,
        token: &str,
        claims: &SessionClaims,
    ) -> Result<Option<Family>, Error> {
        let found = self
            .tokens
            .find_one(by_token(token))
            .projection(doc! { "familyId": 1, "familySince": 1 })
            .await?;
        Ok(found.map(|found| family_in(&found).unwrap_or_else(|| Family::of_first(token, claims))))
    }

    /// Makes the transaction of `session`, which renews the session of `token`, conflict with the
    /// end of that one, and notes its family; `false` when it is not open.
    pub(crate) async fn lock(
        &self,
        session: &mut ClientSession,
        token: &str,
        family: &Family,
    ) -> Result<bool, Error> {
        let locked = self
            .tokens
            .update_one(
                by_token(token),
                doc! { "$inc": { "renewals": 1_i64 }, "$set": members_of(family) },
            )
            .session(session)
            .await?;
        Ok(locked.matched_count == 1)
    }

    /// Makes the transaction of `session`, which does what the bearer of `token` asks for, conflict
    /// with the end of that session; `false` when it is not open.
    pub(crate) async fn hold(
        &self,
        session: &mut ClientSession,
        token: &str,
    ) -> Result<bool, Error> {
        let held = self
            .tokens
            .update_one(by_token(token), doc! { "$inc": { "changes": 1_i64 } })
            .session(session)
            .await?;
        Ok(held.matched_count == 1)
    }

    /// Closes the session of `token` and all of its family, in the transaction of `session`. Each
    /// renewal changes the token that it renews, so it conflicts with this or is seen by it.
    pub(crate) async fn delete_family(
        &self,
        session: &mut ClientSession,
        token: &str,
    ) -> Result<(), Error> {
        let found = self
            .tokens
            .find_one(by_token(token))
            .session(&mut *session)
            .await?;
        self.tokens
            .delete_many(by_token(token))
            .session(&mut *session)
            .await?;
        if let Some(family) = found.as_ref().and_then(family_in) {
            self.tokens
                .delete_many(doc! { "familyId": family.id })
                .session(session)
                .await?;
        }
        Ok(())
    }

    /// Looks the sessions of services up again: one was closed.
    pub(crate) fn forget_services(&self) {
        self.open_services.invalidate_all();
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

/// `None` in documents of older versions and of the reference.
fn family_in(document: &Document) -> Option<Family> {
    Some(Family {
        id: document.get_str("familyId").ok()?.to_owned(),
        since: document.get_datetime("familySince").ok()?.to_chrono(),
    })
}

fn members_of(family: &Family) -> Document {
    doc! { "familyId": &family.id, "familySince": DateTime::from_chrono(family.since) }
}

fn document(token: &str, claims: &SessionClaims, family: &Family) -> Document {
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
    document.extend(members_of(family));
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
