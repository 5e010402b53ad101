//! What gatekeeper keeps, one file a collection.

pub(crate) mod account_locks;
pub(crate) mod applied_grants;
mod batches;
pub(crate) mod clinic_relations;
mod duplicates;
pub(crate) mod permissions;
mod values;

use bson::doc;
use mongodb::{Client, Database, error::Result};
use shared_types::{PermissionSet, UserId};

use self::{
    account_locks::AccountLocks,
    applied_grants::AppliedGrants,
    batches::Batches,
    clinic_relations::{CLINICIANS, ClinicRelations},
    permissions::{MARK, PairLookup, Permissions},
};
use crate::domain::permissions::Held;

/// All collections of the service.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    pub(crate) client: Client,
    pub(crate) permissions: Permissions,
    pub(crate) batches: Batches,
    pub(crate) clinic_relations: ClinicRelations,
    pub(crate) account_locks: AccountLocks,
    pub(crate) applied_grants: AppliedGrants,
}

impl Store {
    /// Opens the collections, and marks the clinicians that the reference left in the database.
    pub(crate) async fn open(database: &Database) -> Result<Self> {
        Permissions::prepare(database).await?;
        ClinicRelations::prepare(database).await?;
        AppliedGrants::prepare(database).await?;
        database
            .collection::<bson::Document>(CLINICIANS)
            .aggregate([
                doc! {"$match": {"userId": {"$gt": ""}, "deleted": {"$ne": true}}},
                doc! {"$group": {"_id": "$userId"}},
                doc! {"$project": {"_id": 0, "sharerId": {"$literal": MARK}, "userId": "$_id"}},
                doc! {"$merge": {
                    "into": "perms",
                    "on": ["sharerId", "userId"],
                    "whenMatched": "keepExisting",
                    "whenNotMatched": "insert",
                }},
            ])
            .await?;
        Ok(Self::on(database))
    }

    /// The collections in `database`, which are prepared.
    pub(crate) fn on(database: &Database) -> Self {
        let permissions = Permissions::on(database);
        Self {
            client: database.client().clone(),
            batches: Batches::on(&permissions),
            permissions,
            clinic_relations: ClinicRelations::on(database),
            account_locks: AccountLocks::on(database),
            applied_grants: AppliedGrants::on(database),
        }
    }

    /// What each of `grantees` has on the account of `sharer`: one round trip when none of them
    /// works for a clinic, two otherwise.
    pub(crate) async fn held<const N: usize>(
        &self,
        sharer: &UserId,
        grantees: [&UserId; N],
    ) -> Result<[Held; N]> {
        let pairs = self
            .batches
            .find(PairLookup {
                sharer: sharer.clone(),
                grantees: grantees.into_iter().cloned().collect(),
            })
            .await?;
        let mut derived = std::array::from_fn(|_| PermissionSet::default());
        if pairs.iter().any(|pair| pair.may_be_clinician) {
            derived = self.clinic_relations.find_derived(sharer, grantees).await?;
        }
        let mut held = pairs
            .into_iter()
            .zip(derived)
            .map(|(pair, by_clinics)| Held {
                direct: pair.direct,
                by_clinics,
            });
        Ok(std::array::from_fn(|_| held.next().unwrap_or_default()))
    }
}
