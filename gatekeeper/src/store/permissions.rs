//! Collection `perms`: who was granted what, `{_id, sharerId, userId, permissions}`.
//!
//! A document with an empty `sharerId`, an id that no path can carry, is no grant but a mark: its
//! `userId` is or was a clinician, so the pair check has to look at clinic relations as well. It
//! comes with the same query, which is why everybody else's check costs one round trip. The mark
//! is a hint: written before the relation that it announces, and never missed when it is stale.
//!
//! `unaccepted: true` stands in grants that people made to whom had none, until the grantee agrees.
//! Those without it, which are all that the reference made, count as accepted.

mod pairs;

use std::collections::{BTreeMap, BTreeSet};

use bson::{Document, RawBsonRef, RawDocumentBuf, doc};
use chrono::Utc;
use mongodb::{
    ClientSession, Collection, Cursor, Database, IndexModel,
    error::Result,
    options::{Hint, IndexOptions},
};
use shared_runtime::mongo;
use shared_types::{ADMINISTERING_NAMES, PermissionSet, UserId};

use super::{
    duplicates,
    values::{document_of, permissions_in},
};

pub(crate) use self::pairs::{Pair, PairLookup, PairReplacement};

/// The grants.
#[derive(Debug, Clone)]
pub(crate) struct Permissions(Collection<RawDocumentBuf>);

/// `{sharerId: 1, userId: 1}`, unique: the members of an account, and one document per pair.
/// The reference has an index of these keys, not unique, under the generated name.
const PAIR_INDEX: &str = "sharer_grantee";
/// `{userId: 1, sharerId: 1}`: the pair query and the accounts that a user can reach.
const GRANTEE_INDEX: &str = "grantee_sharer";

/// The `sharerId` of a mark.
pub(super) const MARK: &str = "";

/// Marks a grant to which its grantee has not agreed.
const UNACCEPTED: &str = "unaccepted";

/// Whether the grantee agrees to what it is granted, which then ends the mark for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Consent {
    /// The grantee wants it, or a service vouches for that.
    Given,
    /// Nobody asked. What was accepted before stays so.
    Unknown,
}

/// The permission that ends when an account is claimed.
const CUSTODIAN: &str = "custodian";

impl Permissions {
    /// The collection in a prepared database.
    pub(crate) fn on(database: &Database) -> Self {
        Self(database.collection("perms"))
    }

    /// Ensures the indexes. A database of the reference may hold several documents for one pair;
    /// they are merged, as its pair check did on every read.
    pub(crate) async fn prepare(database: &Database) -> Result<()> {
        let Self(collection) = Self::on(database);
        let unique = IndexOptions::builder()
            .name(PAIR_INDEX.to_owned())
            .unique(true)
            .build();
        let pair = IndexModel::builder()
            .keys(doc! {"sharerId": 1, "userId": 1})
            .options(unique)
            .build();
        duplicates::create_unique_index(&collection, ["sharerId", "userId"], doc! {}, pair).await?;
        let named = IndexOptions::builder()
            .name(GRANTEE_INDEX.to_owned())
            .build();
        let grantee = IndexModel::builder()
            .keys(doc! {"userId": 1, "sharerId": 1})
            .options(named)
            .build();
        collection.create_index(grantee).await?;
        Ok(())
    }

    /// Who has a grant on the account of `sharer`, ascending by id.
    pub(crate) async fn list_members(
        &self,
        sharer: &UserId,
    ) -> Result<Vec<(UserId, PermissionSet)>> {
        let found = self
            .0
            .find(doc! {"sharerId": sharer.as_str()})
            .sort(doc! {"userId": 1})
            .hint(Hint::Name(PAIR_INDEX.to_owned()))
            .batch_size(mongo::ONE_BATCH)
            .await?;
        grants(found, "userId").await
    }

    /// Who has a grant on the account of `sharer`, and whether it was agreed to.
    pub(crate) async fn list_agreements(&self, sharer: &UserId) -> Result<BTreeMap<UserId, bool>> {
        let mut cursor = self
            .0
            .find(doc! {"sharerId": sharer.as_str()})
            .projection(doc! {"_id": 0, "userId": 1, UNACCEPTED: 1})
            .hint(Hint::Name(PAIR_INDEX.to_owned()))
            .batch_size(mongo::ONE_BATCH)
            .await?;
        let mut agreements = BTreeMap::new();
        while cursor.advance().await? {
            let grant = cursor.current();
            let agreed = grant.get(UNACCEPTED)?.and_then(RawBsonRef::as_bool) != Some(true);
            agreements.insert(UserId::from(grant.get_str("userId")?), agreed);
        }
        Ok(agreements)
    }

    /// On whose accounts `grantee` has a grant, ascending by id.
    pub(crate) async fn list_groups(
        &self,
        grantee: &UserId,
    ) -> Result<Vec<(UserId, PermissionSet)>> {
        let found = self
            .0
            .find(doc! {"userId": grantee.as_str(), "sharerId": {"$gt": MARK}})
            .sort(doc! {"sharerId": 1})
            .hint(Hint::Name(GRANTEE_INDEX.to_owned()))
            .batch_size(mongo::ONE_BATCH)
            .await?;
        grants(found, "sharerId").await
    }

    /// The accounts that `grantee` runs.
    pub(crate) async fn list_run_by(&self, grantee: &UserId) -> Result<Vec<UserId>> {
        let mut filter = doc! {"userId": grantee.as_str(), "sharerId": {"$gt": MARK}};
        filter.insert("$or", administering());
        let mut cursor = self
            .0
            .find(filter)
            .projection(doc! {"_id": 0, "sharerId": 1})
            .await?;
        let mut accounts = Vec::new();
        while cursor.advance().await? {
            accounts.push(UserId::from(cursor.current().get_str("sharerId")?));
        }
        Ok(accounts)
    }

    /// Who runs `accounts`, account and holder.
    pub(crate) async fn list_holders(&self, accounts: &[UserId]) -> Result<Vec<(UserId, UserId)>> {
        let accounts: Vec<&str> = accounts.iter().map(UserId::as_str).collect();
        let mut filter = doc! {"sharerId": {"$in": accounts}};
        filter.insert("$or", administering());
        let mut cursor = self
            .0
            .find(filter)
            .projection(doc! {"_id": 0, "sharerId": 1, "userId": 1})
            .await?;
        let mut holders = Vec::new();
        while cursor.advance().await? {
            let document = cursor.current();
            holders.push((
                document.get_str("sharerId")?.into(),
                document.get_str("userId")?.into(),
            ));
        }
        Ok(holders)
    }

    /// The direct grant of one pair as a transaction sees it; empty when there is none.
    pub(crate) async fn find_in(
        &self,
        session: &mut ClientSession,
        sharer: &UserId,
        grantee: &UserId,
    ) -> Result<PermissionSet> {
        self.0
            .find_one(pair_of(sharer, grantee))
            .session(session)
            .await?
            .map_or_else(
                || Ok(PermissionSet::default()),
                |document| permissions_in(&document),
            )
    }

    /// Who runs the account of `sharer`.
    pub(crate) async fn list_holders_in(
        &self,
        session: &mut ClientSession,
        sharer: &UserId,
    ) -> Result<BTreeSet<UserId>> {
        let mut filter = doc! {"sharerId": sharer.as_str()};
        filter.insert("$or", administering());
        let mut cursor = self
            .0
            .find(filter)
            .projection(doc! {"_id": 0, "userId": 1})
            .session(&mut *session)
            .await?;
        let mut holders = BTreeSet::new();
        while cursor.advance(session).await? {
            holders.insert(UserId::from(cursor.current().get_str("userId")?));
        }
        Ok(holders)
    }

    /// Replaces the grant of one pair as part of a transaction.
    pub(crate) async fn update_in(
        &self,
        session: &mut ClientSession,
        sharer: &UserId,
        grantee: &UserId,
        set: &PermissionSet,
        consent: Consent,
    ) -> Result<()> {
        let pair = pair_of(sharer, grantee);
        if set.is_empty() {
            self.0.delete_one(pair).session(session).await?;
        } else {
            self.0
                .update_one(pair, replaced_by(set, consent))
                .upsert(true)
                .session(session)
                .await?;
        }
        Ok(())
    }

    /// Takes the name [`CUSTODIAN`] from every grant on the account of `sharer`, as part of a
    /// transaction. A grant that had no other name is removed.
    pub(crate) async fn remove_custodians(
        &self,
        session: &mut ClientSession,
        sharer: &UserId,
    ) -> Result<()> {
        let name = format!("permissions.{CUSTODIAN}");
        self.0
            .update_many(
                doc! {"sharerId": sharer.as_str(), &name: {"$exists": true}},
                doc! {"$unset": {&name: ""}},
            )
            .session(&mut *session)
            .await?;
        self.0
            .delete_many(doc! {"sharerId": sharer.as_str(), "permissions": {}})
            .session(session)
            .await?;
        Ok(())
    }

    /// Removes the grants on the account of `sharer` that were made until the second of `until`, as
    /// their ids tell; also those whose ids do not.
    pub(crate) async fn delete_made(
        &self,
        sharer: &UserId,
        until: chrono::DateTime<Utc>,
    ) -> Result<()> {
        let next_second = mongo::first_id_of(until.timestamp().saturating_add(1));
        self.0
            .delete_many(doc! {
                "sharerId": sharer.as_str(),
                "_id": {"$not": {"$gte": next_second}},
            })
            .await?;
        Ok(())
    }

    /// Marks `user` as a clinician.
    pub(crate) async fn mark_clinician(&self, user: &UserId) -> Result<()> {
        self.0
            .update_one(
                doc! {"sharerId": MARK, "userId": user.as_str()},
                doc! {"$setOnInsert": {}},
            )
            .upsert(true)
            .await?;
        Ok(())
    }

    /// Removes every grant on the account of `user` and to `user`, and its mark.
    pub(crate) async fn delete_user(&self, user: &UserId) -> Result<()> {
        let user = user.as_str();
        self.0
            .delete_many(doc! {"$or": [{"sharerId": user}, {"userId": user}]})
            .await?;
        Ok(())
    }
}

fn pair_of(sharer: &UserId, grantee: &UserId) -> Document {
    doc! {"sharerId": sharer.as_str(), "userId": grantee.as_str()}
}

fn replaced_by(set: &PermissionSet, consent: Consent) -> Document {
    let mut update = doc! {"$set": {"permissions": document_of(set)}};
    match consent {
        Consent::Given => update.insert("$unset", doc! {UNACCEPTED: ""}),
        Consent::Unknown => update.insert("$setOnInsert", doc! {UNACCEPTED: true}),
    };
    update
}

/// The grants with which their holder runs the account, as alternatives.
fn administering() -> Vec<Document> {
    ADMINISTERING_NAMES
        .iter()
        .map(|name| doc! {format!("permissions.{name}"): {"$ne": null}})
        .collect()
}

/// The grants found, by the account that stands in `member`. A stored set that grants nothing is
/// no grant.
async fn grants(
    mut found: Cursor<RawDocumentBuf>,
    member: &str,
) -> Result<Vec<(UserId, PermissionSet)>> {
    let mut grants = Vec::new();
    while found.advance().await? {
        let document = found.current();
        let set = permissions_in(document)?;
        if !set.is_empty() {
            grants.push((document.get_str(member)?.into(), set));
        }
    }
    Ok(grants)
}
