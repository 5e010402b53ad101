//! Collection `confirmations`: what is found by a key, and gets another one.
//!
//! The id is a key too, unless it says that it is none. Of the others only digests are kept.

use bson::{Document, doc};
use mongodb::{ClientSession, error::Result};
use subtle::ConstantTimeEq;

use super::confirmations::{ACCEPTANCE, Confirmations, read};
use crate::domain::{
    confirmation::{Confirmation, Kind, Status},
    key,
};

/// As many keys as a mail is tried, by default, until its row is dead: which of the tries reached
/// the mailbox is not always known.
const MAX_MAILED_KEYS: i32 = 100;

impl Confirmations {
    /// The confirmation with the id `key`.
    pub(crate) async fn find(&self, key: &str) -> Result<Option<Confirmation>> {
        let found = self.confirmations.find_one(doc! { "_id": key }).await?;
        let found = found.map(read).transpose()?;
        // The key may be a secret; how much of it is right must not be seen from the time.
        Ok(found.filter(|found| found.key.as_bytes().ct_eq(key.as_bytes()).into()))
    }

    /// The confirmation with the id `key`, as a transaction sees it.
    pub(crate) async fn find_in(
        &self,
        session: &mut ClientSession,
        key: &str,
    ) -> Result<Option<Confirmation>> {
        let found = self.confirmations.find_one(doc! { "_id": key });
        found.session(session).await?.map(read).transpose()
    }

    /// The confirmation that has or had `key`. [`Confirmation::is_opened_by`] says whether it
    /// still counts.
    pub(crate) async fn find_by_any_key(&self, key: &str) -> Result<Option<Confirmation>> {
        let found = self.confirmations.find_one(has_or_had(key)).await?;
        found.map(read).transpose()
    }

    /// Adds a key to a pending confirmation; returns whether it is pending.
    pub(crate) async fn add_key(&self, id: &str, digest: &str) -> Result<bool> {
        let filter = doc! { "_id": id, "status": Status::Pending.name() };
        let keys = doc! { "$each": [{ "digest": digest }], "$slice": -MAX_MAILED_KEYS };
        let update = doc! { "$push": { "otherKeys": keys } };
        let done = self.confirmations.update_one(filter, update).await?;
        Ok(done.matched_count == 1)
    }

    /// Takes the pending confirmation of `kind` that has or had `key` out, to be stored again with
    /// another id, as part of a transaction; `None`: it was answered, canceled or accepted
    /// meanwhile.
    pub(crate) async fn take(
        &self,
        session: &mut ClientSession,
        key: &str,
        kind: Kind,
    ) -> Result<Option<Confirmation>> {
        let mut filter = has_or_had(key);
        filter.insert("type", kind.name());
        filter.insert("status", Status::Pending.name());
        filter.insert(ACCEPTANCE, doc! { "$exists": false });
        let taken = self.confirmations.find_one_and_delete(filter);
        taken.session(session).await?.map(read).transpose()
    }
}

fn has_or_had(key: &str) -> Document {
    doc! { "$or": [{ "_id": key }, { "otherKeys.digest": key::digest(key) }] }
}
