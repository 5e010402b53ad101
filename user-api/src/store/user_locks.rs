//! Collection `users`: the counters that a transaction increments to conflict with changes of an
//! account that it relies on.

use bson::{Bson, doc};
use mongodb::{ClientSession, error::Error};
use shared_types::UserId;

use crate::{
    domain::user::Account,
    store::users::{IGNORING_CASE, Users, as_read, existing},
};

/// How often an account was locked.
#[derive(Clone)]
pub(crate) struct Locks(pub(super) Bson);

impl Users {
    /// Makes the transaction of `session`, which opens a session of the account read as `read`,
    /// conflict with its deletion and with a change of its password; `false` when it is gone or the
    /// password is no longer the one read.
    pub(crate) async fn lock_password(
        &self,
        session: &mut ClientSession,
        read: &Account,
    ) -> Result<bool, Error> {
        let filter = existing(doc! {
            "userid": read.userid.as_str(),
            "pwhash": as_read(read.password_hash.as_deref()),
        });
        let locked = self
            .users
            .update_one(filter, doc! { "$inc": { "sessionsOpened": 1_i64 } })
            .collation(IGNORING_CASE.clone())
            .session(session)
            .await?;
        Ok(locked.matched_count == 1)
    }

    /// Makes the transaction of `session`, which relies on the account, conflict with its deletion;
    /// `false` when it is gone.
    pub(crate) async fn lock(
        &self,
        session: &mut ClientSession,
        id: &UserId,
    ) -> Result<bool, Error> {
        let locked = self
            .users
            .update_one(
                existing(doc! { "userid": id.as_str() }),
                doc! { "$inc": { "locks": 1_i64 } },
            )
            .collation(IGNORING_CASE.clone())
            .session(session)
            .await?;
        Ok(locked.matched_count == 1)
    }

    /// How often the account was locked; `None`: it is gone.
    pub(crate) async fn find_locks(&self, id: &UserId) -> Result<Option<Locks>, Error> {
        let found = self
            .users
            .find_one(existing(doc! { "userid": id.as_str() }))
            .projection(doc! { "_id": 0, "locks": 1 })
            .collation(IGNORING_CASE.clone())
            .await?;
        Ok(found.map(|mut document| Locks(document.remove("locks").unwrap_or(Bson::Null))))
    }
}
