//! Collection `merges`: clinics that become one, those that did so included. Its documents say what is
//! to be done to the patients, and how far it is.
//!
//! Document: `{_id, order: {source, target, …}, clinics: [source, target], step: {kind, after?}, kept,
//! moved, merged, owner, leasedUntil, createdTime, doneTime?}`. It is stored in the transaction that
//! found that the plan may be carried out, and until `doneTime` is there nothing changes about the two
//! clinics that would break the plan. The worker that has the lease renews it with each batch, in the
//! transaction of the batch. `_id` is the `planId` of the items of the plan.

use bson::{
    Bson, DateTime, Document, deserialize_from_document, doc, oid::ObjectId, serialize_to_bson,
    serialize_to_document,
};
use futures_util::TryStreamExt;
use mongodb::{
    ClientSession, Collection, Database, IndexModel,
    error::{Error, Result},
    options::ReturnDocument,
};
use serde::{Deserialize, Serialize};
use shared_runtime::mongo::{ONE_BATCH, ensure_indexes};
use shared_types::{ClinicId, UserId};

use super::{StoreSettings, ids};
use crate::domain::merge::MergeOrder;

/// The merges of all clinics.
#[derive(Debug, Clone)]
pub(crate) struct Merges {
    merges: Collection<Document>,
    /// How long a worker that died keeps others from taking over, in milliseconds.
    lease_ms: i64,
}

/// A merge that is carried out.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Merge {
    pub(crate) id: ObjectId,
    pub(crate) order: MergeOrder,
    pub(crate) step: MergeStep,
    pub(crate) numbers: MergeNumbers,
    pub(crate) created_time: DateTime,
    /// `None`: it goes on.
    pub(crate) done_time: Option<DateTime>,
}

/// What a merge does next: patients by account, those after `after`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase")]
pub(crate) enum MergeStep {
    /// Those of the target are noted in the plan.
    Note { after: Option<UserId> },
    /// Those of the source become the target's.
    Move { after: Option<UserId> },
    /// The source goes.
    Finish,
}

/// How many patients were worked off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct MergeNumbers {
    /// Those of the target.
    pub(crate) kept: i64,
    /// Those that were the source's alone.
    pub(crate) moved: i64,
    /// Those that were patients of both.
    pub(crate) merged: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MergeDocument {
    #[serde(rename = "_id")]
    id: ObjectId,
    order: MergeOrder,
    step: MergeStep,
    #[serde(flatten)]
    numbers: MergeNumbers,
    created_time: DateTime,
    done_time: Option<DateTime>,
}

impl From<MergeDocument> for Merge {
    fn from(document: MergeDocument) -> Self {
        Self {
            id: document.id,
            order: document.order,
            step: document.step,
            numbers: document.numbers,
            created_time: document.created_time,
            done_time: document.done_time,
        }
    }
}

fn read(document: Document) -> Result<Merge> {
    let document: MergeDocument = deserialize_from_document(document).map_err(Error::custom)?;
    Ok(document.into())
}

impl Merges {
    pub(super) fn on(database: &Database, settings: &StoreSettings) -> Self {
        let lease_ms = i64::try_from(settings.job_lease.as_millis());
        Self {
            merges: database.collection("merges"),
            lease_ms: lease_ms.unwrap_or(i64::MAX),
        }
    }

    /// Ensures the indexes of the queries below.
    pub(super) async fn prepare(&self) -> anyhow::Result<()> {
        let index = |keys| IndexModel::builder().keys(keys).build();
        let indexes = vec![
            index(doc! { "clinics": 1, "doneTime": 1 }),
            index(doc! { "order.source": 1 }),
            index(doc! { "doneTime": 1 }),
        ];
        ensure_indexes(&self.merges, indexes).await
    }

    /// The merge of a clinic that is under way, in the transaction of `session`, which locks the clinic
    /// or counts a patient of it: nobody begins one meanwhile.
    pub(crate) async fn find_in(
        &self,
        session: &mut ClientSession,
        clinic: ClinicId,
    ) -> Result<Option<Merge>> {
        let found = self.merges.find_one(under_way(clinic));
        found.session(session).await?.map(read).transpose()
    }

    /// Whether patients come to a clinic or leave it at this moment, or it is gone since all have left.
    pub(crate) async fn is_moving(&self, clinic: ClinicId) -> Result<bool> {
        let gone = doc! { "order.source": clinic.to_string() };
        let moving = doc! { "$or": [under_way(clinic), gone] };
        let found = self.merges.find_one(moving);
        Ok(found.projection(doc! { "_id": 1 }).await?.is_some())
    }

    /// The clinic that has, or gets, the patients of `source`; `None`: no other one.
    pub(crate) async fn find_target(&self, source: ClinicId) -> Result<Option<ClinicId>> {
        let found = self
            .merges
            .find_one(doc! { "order.source": source.to_string() });
        let merge = found.await?.map(read).transpose()?;
        Ok(merge.map(|merge| merge.order.target))
    }

    /// The merges into a clinic or of one, those that are done included, the newest first.
    pub(crate) async fn list(&self, clinic: ClinicId) -> Result<Vec<Merge>> {
        let found = self.merges.find(doc! { "clinics": ids::clinic(clinic) });
        let found = found.sort(doc! { "_id": -1 }).batch_size(ONE_BATCH).await?;
        let found: Vec<Document> = found.try_collect().await?;
        found.into_iter().map(read).collect()
    }

    /// Stores a merge in the transaction of `session`, leased to `owner`.
    pub(crate) async fn insert(
        &self,
        session: &mut ClientSession,
        order: MergeOrder,
        owner: &str,
    ) -> Result<Merge> {
        let merge = Merge {
            id: ObjectId::new(),
            step: MergeStep::Note { after: None },
            numbers: MergeNumbers::default(),
            created_time: DateTime::now(),
            done_time: None,
            order,
        };
        let clinics = [merge.order.source, merge.order.target].map(ids::clinic);
        let mut stored = doc! {
            "order": bson(&merge.order)?,
            "clinics": clinics.to_vec(),
            "step": bson(&merge.step)?,
            "owner": owner,
            "createdTime": merge.created_time,
        };
        stored.extend(serialize_to_document(&merge.numbers).map_err(Error::custom)?);
        // A pipeline, since the lease is by the clock of the database.
        let members = vec![
            doc! { "$replaceWith": { "$mergeObjects": [
                { "_id": merge.id }, { "$literal": stored },
            ] } },
            doc! { "$set": { "leasedUntil": self.lease_end() } },
        ];
        self.merges
            .update_one(doc! { "_id": merge.id }, members)
            .upsert(true)
            .session(session)
            .await?;
        Ok(merge)
    }

    /// Leases a merge to `owner` that is not done and that nobody works on; `None`: there is none.
    pub(crate) async fn lease(&self, owner: &str) -> Result<Option<Merge>> {
        self.lease_where(doc! { "doneTime": null }, owner).await
    }

    /// The same of this one.
    pub(crate) async fn lease_one(&self, id: ObjectId, owner: &str) -> Result<Option<Merge>> {
        let one = doc! { "_id": id, "doneTime": null };
        self.lease_where(one, owner).await
    }

    async fn lease_where(&self, mut which: Document, owner: &str) -> Result<Option<Merge>> {
        which.insert("$expr", doc! { "$lt": ["$leasedUntil", "$$NOW"] });
        let lease = vec![doc! { "$set": { "owner": owner, "leasedUntil": self.lease_end() } }];
        let leased = self.merges.find_one_and_update(which, lease);
        let leased = leased.return_document(ReturnDocument::After).await?;
        leased.map(read).transpose()
    }

    /// Notes in the transaction of `session` what `owner` has done of `merge`, and what is next;
    /// `None`: it is done. Returns whether the merge was `owner`'s still.
    pub(crate) async fn note(
        &self,
        session: &mut ClientSession,
        merge: &Merge,
        owner: &str,
        next: Option<&MergeStep>,
    ) -> Result<bool> {
        let held = doc! { "_id": merge.id, "owner": owner, "doneTime": null };
        let mut set = serialize_to_document(&merge.numbers).map_err(Error::custom)?;
        set.insert("leasedUntil", self.lease_end());
        match next {
            Some(step) => set.insert("step", doc! { "$literal": bson(step)? }),
            None => set.insert("doneTime", "$$NOW"),
        };
        let noted = self.merges.update_one(held, vec![doc! { "$set": set }]);
        Ok(noted.session(session).await?.matched_count > 0)
    }

    /// Gives a merge back: another worker need not wait for the lease to run out.
    pub(crate) async fn release(&self, merge: &Merge, owner: &str) -> Result<()> {
        let free = doc! { "$set": { "owner": "", "leasedUntil": DateTime::MIN } };
        let held = doc! { "_id": merge.id, "owner": owner };
        self.merges.update_one(held, free).await?;
        Ok(())
    }

    fn lease_end(&self) -> Document {
        doc! { "$add": ["$$NOW", self.lease_ms] }
    }
}

fn under_way(clinic: ClinicId) -> Document {
    doc! { "clinics": ids::clinic(clinic), "doneTime": null }
}

fn bson(value: &impl Serialize) -> Result<Bson> {
    serialize_to_bson(value).map_err(Error::custom)
}
