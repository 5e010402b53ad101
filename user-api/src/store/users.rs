//! Collection `users`: the accounts, in the format of the reference.
//!
//! Members that are not ours are kept: documents are changed member by member and never rewritten.
//! `deletedTime` marks accounts that the reference deleted; they are unknown everywhere.
//!
//! `logins` is an addition: the names that stand in an account that we wrote (see
//! [`crate::domain::standing`] and [`super::logins`]). Two others are counters that a transaction
//! increments to conflict with changes of the account: `locks`, of those that relied on it (see
//! [`Users::lock`]), and `sessionsOpened` (see [`Users::lock_password`]). `provenEmail` is the
//! address that was verified last, and `alsoProven` are those that were before (see
//! [`crate::domain::proof`]). `awaitedBy` is in [`super::awaited`].

use std::sync::LazyLock;

use anyhow::Context;
use bson::{Document, doc};
use futures_util::TryStreamExt;
use mongodb::{
    Client, ClientSession, Collection, Database, IndexModel,
    error::Error,
    options::{Collation, CollationStrength, IndexOptions},
};
use shared_runtime::mongo::{self, ensure_indexes};
use shared_types::UserId;

use crate::{
    domain::{account_change::AccountChange, query::Period, user::Account},
    store::{
        Awaited, awaited, logins,
        user_document::{UserDocument, change_of, members},
        user_locks::Locks,
    },
};

/// Neither case nor accents count (the reference's choice). What is found by a name is compared again,
/// since accents do count there. What must be unique is compared exactly (see [`super::logins`]).
pub(super) static IGNORING_CASE: LazyLock<Collation> = LazyLock::new(|| {
    Collation::builder()
        .locale("en")
        .strength(CollationStrength::Primary)
        .build()
});

#[derive(Clone)]
pub(crate) struct Users {
    pub(super) users: Collection<Document>,
}

impl Users {
    pub(crate) async fn open(database: &Database) -> anyhow::Result<Self> {
        let users = database.collection("users");
        let by_name = || {
            IndexOptions::builder()
                .collation(IGNORING_CASE.clone())
                .build()
        };
        let by_id = IndexOptions::builder()
            .collation(IGNORING_CASE.clone())
            .unique(true)
            .build();
        let indexes = vec![
            IndexModel::builder()
                .keys(doc! { "userid": 1 })
                .options(by_id)
                .build(),
            // Serves `list_exactly`, which it makes a third cheaper.
            IndexModel::builder()
                .keys(doc! { "userid": 1 })
                .options(
                    IndexOptions::builder()
                        .name("UserIdExactly".to_owned())
                        .build(),
                )
                .build(),
            IndexModel::builder()
                .keys(doc! { "username": 1 })
                .options(by_name())
                .build(),
            IndexModel::builder()
                .keys(doc! { "emails": 1 })
                .options(by_name())
                .build(),
            logins::index(),
            awaited::index(),
            // Serves `list_by_role`.
            IndexModel::builder()
                .keys(doc! { "roles": 1, "_id": -1 })
                .build(),
        ];
        ensure_indexes(&users, indexes).await?;
        let users = Self { users };
        let dropped = users.drop_loose_index().await;
        dropped.context("the index of logins that ignores accents cannot be dropped")?;
        Ok(users)
    }

    /// The same through another client, for transactions of that one.
    pub(crate) fn through(&self, client: &Client) -> Self {
        Self {
            users: mongo::through(client, &self.users),
        }
    }

    /// The account with this id.
    pub(crate) async fn find(&self, id: &UserId) -> Result<Option<Account>, Error> {
        let filter = existing(doc! { "userid": id.as_str() });
        Ok(self.list_matching(filter, 1).await?.pop())
    }

    /// The accounts with these ids, whose case counts, in no order.
    pub(crate) async fn list_exactly(&self, ids: &[UserId]) -> Result<Vec<Account>, Error> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let ids: Vec<&str> = ids.iter().map(UserId::as_str).collect();
        let found = self.users.find(existing(doc! { "userid": { "$in": ids } }));
        accounts(found.batch_size(mongo::ONE_BATCH).await?.with_type()).await
    }

    /// The accounts with these ids, in no order.
    pub(crate) async fn list(&self, ids: &[String]) -> Result<Vec<Account>, Error> {
        let filter = existing(doc! { "userid": { "$in": ids } });
        self.list_matching(filter, 0).await
    }

    /// The accounts with a role, created in a period, newest first.
    pub(crate) async fn list_by_role(
        &self,
        role: &str,
        created: Period,
    ) -> Result<Vec<Account>, Error> {
        let mut filter = existing(doc! { "roles": role });
        let mut ids = Document::new();
        if let Some(from) = created.from {
            ids.insert("$gte", mongo::first_id_of(from.timestamp()));
        }
        if let Some(before) = created.before {
            ids.insert("$lt", mongo::first_id_of(before.timestamp()));
        }
        if !ids.is_empty() {
            filter.insert("_id", ids);
        }
        let found = self
            .users
            .find(filter)
            .projection(members())
            .sort(doc! { "_id": -1 })
            .batch_size(mongo::ONE_BATCH)
            .await?;
        let read = |document: UserDocument| Some(document.into());
        mongo::collect_readable(found.with_type(), "users", read).await
    }

    /// Stores a new account, created by the user or service `by`, which waits for `awaited`. A name or id
    /// that is taken is a duplicate key.
    pub(crate) async fn insert(
        &self,
        account: &Account,
        by: &str,
        awaited: Option<&Awaited>,
    ) -> Result<(), Error> {
        let document = awaited::document(account, by, awaited);
        self.users.insert_one(document).await?;
        Ok(())
    }

    /// The same in the transaction of `session`, of an account that waits for nobody.
    pub(crate) async fn insert_in(
        &self,
        session: &mut ClientSession,
        account: &Account,
        by: &str,
    ) -> Result<(), Error> {
        let document = awaited::document(account, by, None);
        self.insert_all(session, [document]).await
    }

    /// Stores the documents of new accounts.
    pub(super) async fn insert_all(
        &self,
        session: &mut ClientSession,
        accounts: impl IntoIterator<Item = Document>,
    ) -> Result<(), Error> {
        self.users.insert_many(accounts).session(session).await?;
        Ok(())
    }

    /// Makes `change` to the account that was read as `read`, in the transaction of `session`;
    /// `false` when the password or, where they change, the names are no longer those read, or the
    /// addresses where it relies on them. A name that is taken is a duplicate key.
    pub(crate) async fn update(
        &self,
        session: &mut ClientSession,
        read: &Account,
        change: &AccountChange,
        by: &str,
    ) -> Result<bool, Error> {
        let mut filter = existing(doc! {
            "userid": read.userid.as_str(),
            "pwhash": as_read(read.password_hash.as_deref()),
        });
        if change.concerns_names() {
            filter.extend(names_as_read(read));
        } else if change.relies_on_emails {
            filter.insert("emails", list_as_read(&read.emails));
        }
        let updated = self
            .users
            .update_one(filter, change_of(read, change, by))
            .collation(IGNORING_CASE.clone())
            .session(session)
            .await?;
        Ok(updated.matched_count == 1)
    }

    /// Replaces the hash `old` of the same password; `false` when it is no longer the stored one.
    pub(crate) async fn upgrade_hash(
        &self,
        id: &UserId,
        old: &str,
        new: &str,
    ) -> Result<bool, Error> {
        let updated = self
            .users
            .update_one(
                existing(doc! { "userid": id.as_str(), "pwhash": old }),
                doc! { "$set": { "pwhash": new } },
            )
            .collation(IGNORING_CASE.clone())
            .await?;
        Ok(updated.matched_count == 1)
    }

    /// Removes an account in the transaction of `session`; `false` when it is gone.
    pub(crate) async fn delete(
        &self,
        session: &mut ClientSession,
        id: &UserId,
    ) -> Result<bool, Error> {
        self.delete_matching(session, doc! { "userid": id.as_str() })
            .await
    }

    /// The same; also `false` when the account was locked since it had `locks`.
    pub(crate) async fn delete_unless_locked(
        &self,
        session: &mut ClientSession,
        id: &UserId,
        locks: Locks,
    ) -> Result<bool, Error> {
        let filter = doc! { "userid": id.as_str(), "locks": locks.0 };
        self.delete_matching(session, filter).await
    }

    pub(super) async fn delete_matching(
        &self,
        session: &mut ClientSession,
        filter: Document,
    ) -> Result<bool, Error> {
        let deleted = self
            .users
            .delete_one(existing(filter))
            .collation(IGNORING_CASE.clone())
            .session(session)
            .await?;
        Ok(deleted.deleted_count == 1)
    }

    /// `limit` 0 means all.
    pub(super) async fn list_matching(
        &self,
        filter: Document,
        limit: i64,
    ) -> Result<Vec<Account>, Error> {
        let found = self
            .users
            .find(filter)
            .projection(members())
            .collation(IGNORING_CASE.clone())
            .limit(limit)
            .batch_size(mongo::ONE_BATCH)
            .await?;
        accounts(found.with_type()).await
    }
}

pub(super) async fn accounts(found: mongodb::Cursor<UserDocument>) -> Result<Vec<Account>, Error> {
    found.map_ok(Account::from).try_collect().await
}

/// `filter` without the accounts that the reference marked as deleted.
pub(super) fn existing(mut filter: Document) -> Document {
    filter.insert("deletedTime", doc! { "$in": [null, ""] });
    filter
}

/// What decides which names stand is still as it was read.
pub(super) fn names_as_read(read: &Account) -> Document {
    let verified = if read.email_verified {
        doc! { "$eq": true }
    } else {
        doc! { "$ne": true }
    };
    doc! {
        "username": as_read(read.username.as_deref()),
        "emails": list_as_read(&read.emails),
        "authenticated": verified,
        // Empty is not absent: whoever has proven nothing has not proven the first address.
        "provenEmail": { "$eq": read.proven_email.as_deref() },
        "alsoProven": list_as_read(&read.also_proven),
    }
}

fn list_as_read(list: &[String]) -> Document {
    if list.is_empty() {
        doc! { "$in": [null, []] }
    } else {
        doc! { "$eq": list }
    }
}

/// A member that is still as it was read; absent, null and empty are the same.
pub(super) fn as_read(value: Option<&str>) -> Document {
    value.map_or_else(|| doc! { "$in": [null, ""] }, |value| doc! { "$eq": value })
}
