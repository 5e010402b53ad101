//! Collection `clinics`, which the reference wrote as well.

use std::collections::BTreeMap;

use bson::{Bson, DateTime, Document, doc, oid::ObjectId};
use chrono::{DateTime as Time, Utc};
use futures_util::{TryStreamExt, future::ready};
use mongodb::{
    ClientSession, Collection, Database, IndexModel,
    error::{Error, Result},
    options::{IndexOptions, ReturnDocument, UpdateModifications},
};
use shared_runtime::{
    batches::Batcher,
    mongo::{ONE_BATCH, ensure_indexes},
};
use shared_types::{ClinicId, UserId};

use super::{
    clinic_document::{self, ClinicDocument},
    ids::{self, with_ids},
};
use crate::domain::clinic::{Clinic, Profile};

/// Clinics.
#[derive(Debug, Clone)]
pub(crate) struct Clinics {
    pub(super) documents: Collection<Document>,
    /// Look-ups at the same moment, which share a round trip: of whole clinics, and of a member each.
    whole: Batcher<ClinicId, Option<Clinic>, Error>,
    pub(super) members: Batcher<(ClinicId, &'static str), Option<Document>, Error>,
}

/// A clinic to be stored.
pub(crate) struct NewClinic<'a> {
    pub(crate) id: ClinicId,
    /// `None`: it is the account of a legacy clinic, of which nothing is known yet.
    pub(crate) profile: Option<&'a Profile>,
    pub(crate) share_code: &'a str,
    pub(crate) admin: &'a UserId,
}

/// Which clinics a list shows; all of it holds for each.
#[derive(Debug, Default)]
pub(crate) struct ClinicFilter {
    pub(crate) share_code: Option<String>,
    pub(crate) created_from: Option<Time<Utc>>,
    pub(crate) created_before: Option<Time<Utc>>,
    pub(crate) ehr_enabled: Option<bool>,
}

impl Clinics {
    pub(super) fn on(database: &Database) -> Self {
        let documents: Collection<Document> = database.collection("clinics");
        let (whole, members) = (documents.clone_with_type(), documents.clone());
        Self {
            documents,
            whole: Batcher::start("clinics", move |ids| {
                let clinics = whole.clone();
                async move { find_whole(&clinics, ids).await }
            }),
            members: Batcher::start("clinic_members", move |asked| {
                let clinics = members.clone();
                async move { find_members(&clinics, asked).await }
            }),
        }
    }

    /// Ensures the indexes of the queries below. The first two are the reference's, with its names.
    pub(super) async fn prepare(&self) -> anyhow::Result<()> {
        let unique = |name: &str, keys| {
            let options = IndexOptions::builder()
                .name(name.to_owned())
                .unique(true)
                .build();
            IndexModel::builder().keys(keys).options(options).build()
        };
        let indexes = vec![
            unique("UniqueShareCodes", doc! { "shareCodes": 1 }),
            unique("UniqueCanonicalShareCode", doc! { "canonicalShareCode": 1 }),
            IndexModel::builder()
                .keys(doc! { "createdTime": 1, "_id": 1 })
                .build(),
            IndexModel::builder()
                .keys(doc! { "ehrSettings.enabled": 1, "_id": 1 })
                .build(),
            IndexModel::builder()
                .keys(doc! { "ehrSettings.sourceId": 1, "_id": 1 })
                .build(),
        ];
        ensure_indexes(&self.documents, indexes).await
    }

    /// Stores a clinic in the transaction of `session`.
    pub(crate) async fn insert(
        &self,
        session: &mut ClientSession,
        clinic: &NewClinic<'_>,
        now: DateTime,
    ) -> Result<()> {
        let document = clinic_document::document(
            clinic.id,
            clinic.profile,
            clinic.share_code,
            clinic.admin,
            now,
        );
        let document = document.map_err(Error::custom)?;
        self.documents.insert_one(document).session(session).await?;
        Ok(())
    }

    /// The clinic with this id.
    pub(crate) async fn find(&self, id: ClinicId) -> Result<Option<Clinic>> {
        Ok(self.whole.add_repeatable(id).await?)
    }

    /// The clinic of a share code, an old one perhaps.
    pub(crate) async fn find_by_share_code(&self, code: &str) -> Result<Option<Clinic>> {
        let clinics = self.documents.clone_with_type::<ClinicDocument>();
        let found = clinics.find_one(doc! { "shareCodes": code }).await?;
        Ok(found.map(Into::into))
    }

    /// Whether a clinic has this share code, so that another must not.
    pub(crate) async fn has_share_code(&self, code: &str) -> Result<bool> {
        let found = self.documents.find_one(doc! { "shareCodes": code });
        Ok(found.projection(doc! { "_id": 1 }).await?.is_some())
    }

    /// Some of the clinics that `filter` admits, the oldest first.
    pub(crate) async fn list(
        &self,
        filter: &ClinicFilter,
        offset: u32,
        limit: u32,
    ) -> Result<Vec<Clinic>> {
        let is_by_time = filter.created_from.is_some() || filter.created_before.is_some();
        let order = if is_by_time {
            doc! { "createdTime": 1, "_id": 1 }
        } else {
            doc! { "_id": 1 }
        };
        let clinics = self.documents.clone_with_type::<ClinicDocument>();
        let found = clinics.find(query(filter)).sort(order);
        let found = found.skip(offset.into()).limit(limit.into());
        let found = found.batch_size(limit.min(ONE_BATCH)).await?;
        found.map_ok(Into::into).try_collect().await
    }

    /// The clinics with these ids, in no order; those that are gone are missing.
    pub(crate) async fn find_all(&self, ids: &[ClinicId]) -> Result<Vec<Clinic>> {
        let clinics = self.documents.clone_with_type::<ClinicDocument>();
        let found = clinics.find(with_ids(ids.iter().copied()));
        let found = found.batch_size(ONE_BATCH).await?;
        found.map_ok(Into::into).try_collect().await
    }

    /// Those of the clinics with these ids that hospital records know as `source`, in no order.
    pub(crate) async fn list_of_source(
        &self,
        ids: &[ClinicId],
        source: &str,
    ) -> Result<Vec<ClinicId>> {
        let mut of_source = with_ids(ids.iter().copied());
        of_source.insert("ehrSettings.sourceId", source);
        let found = self.documents.find(of_source).projection(doc! { "_id": 1 });
        let found = found.batch_size(ONE_BATCH).await?;
        let id = |clinic: Document| ready(Ok(clinic.get_object_id("_id").ok()));
        let found = found.try_filter_map(id);
        found
            .map_ok(|id| ClinicId::from(id.bytes()))
            .try_collect()
            .await
    }

    /// Sets what `profile` says; returns the clinic since, or `None` where there is none.
    pub(crate) async fn update_profile(
        &self,
        id: ClinicId,
        profile: &Profile,
    ) -> Result<Option<Clinic>> {
        let members = clinic_document::profile_members(profile, DateTime::now());
        let set = doc! { "$set": members.map_err(Error::custom)? };
        let clinics = self.documents.clone_with_type::<ClinicDocument>();
        let updated = clinics.find_one_and_update(doc! { "_id": ids::clinic(id) }, set);
        let updated = updated.return_document(ReturnDocument::After).await?;
        Ok(updated.map(Into::into))
    }

    /// Locks the clinic for a change of who works for it, until the transaction of `session` ends;
    /// returns whether it takes clinicians, or `None` where there is no such clinic.
    pub(crate) async fn lock(
        &self,
        session: &mut ClientSession,
        id: ClinicId,
    ) -> Result<Option<bool>> {
        let touch = doc! { "$inc": { "_clinicianChanges": 1_i64 } };
        let locked = self
            .documents
            .find_one_and_update(doc! { "_id": ids::clinic(id) }, touch)
            .projection(doc! { "_id": 0, "isMigrated": 1 })
            .session(session)
            .await?;
        Ok(locked.map(|clinic| clinic.get_bool("isMigrated").unwrap_or_default()))
    }

    /// Notes that the clinic is more than a legacy account from then on.
    pub(crate) async fn set_migrated(
        &self,
        session: &mut ClientSession,
        id: ClinicId,
        now: DateTime,
    ) -> Result<()> {
        let update = doc! { "$set": { "isMigrated": true, "updatedTime": now } };
        let clinic = doc! { "_id": ids::clinic(id) };
        self.update_in(session, clinic, update).await
    }

    /// Notes that `user` runs the clinic.
    pub(crate) async fn add_admin(
        &self,
        session: &mut ClientSession,
        id: ClinicId,
        user: &UserId,
        now: DateTime,
    ) -> Result<()> {
        let update =
            doc! { "$addToSet": { "admins": user.as_str() }, "$set": { "updatedTime": now } };
        let clinic = doc! { "_id": ids::clinic(id) };
        self.update_in(session, clinic, update).await
    }

    /// Notes that `user` does not run the clinic, if somebody else does; returns whether it did.
    pub(crate) async fn remove_admin(
        &self,
        session: &mut ClientSession,
        id: ClinicId,
        user: &UserId,
        now: DateTime,
    ) -> Result<bool> {
        let another = doc! { "$elemMatch": { "$ne": user.as_str() } };
        let clinic = doc! { "_id": ids::clinic(id), "admins": another };
        let update = doc! { "$pull": { "admins": user.as_str() }, "$set": { "updatedTime": now } };
        let updated = self
            .documents
            .update_one(clinic, update)
            .session(session)
            .await?;
        Ok(updated.matched_count > 0)
    }

    /// Notes that `user` does not run the clinic, whether or not somebody else does.
    pub(crate) async fn dismiss_admin(
        &self,
        session: &mut ClientSession,
        id: ClinicId,
        user: &UserId,
        now: DateTime,
    ) -> Result<()> {
        let clinic = doc! { "_id": ids::clinic(id) };
        let update = doc! { "$pull": { "admins": user.as_str() }, "$set": { "updatedTime": now } };
        self.update_in(session, clinic, update).await
    }

    /// Changes the clinic that `which` selects, if there is one, in the transaction of `session`.
    pub(super) async fn update_in(
        &self,
        session: &mut ClientSession,
        which: Document,
        update: impl Into<UpdateModifications>,
    ) -> Result<()> {
        let updated = self.documents.update_one(which, update);
        updated.session(session).await?;
        Ok(())
    }

    /// Removes the clinic; returns what it was, for the archive.
    pub(crate) async fn delete(
        &self,
        session: &mut ClientSession,
        id: ClinicId,
    ) -> Result<Option<Document>> {
        self.documents
            .find_one_and_delete(doc! { "_id": ids::clinic(id) })
            .session(session)
            .await
    }
}

async fn find_whole(
    clinics: &Collection<ClinicDocument>,
    asked: Vec<ClinicId>,
) -> Result<Vec<Option<Clinic>>> {
    let found = clinics.find(with_ids(asked.iter().copied()));
    let found = found.batch_size(ONE_BATCH).await?;
    let found = found.map_ok(|document| {
        let clinic = Clinic::from(document);
        (clinic.id, clinic)
    });
    let found: BTreeMap<ClinicId, Clinic> = found.try_collect().await?;
    Ok(asked.iter().map(|id| found.get(id).cloned()).collect())
}

/// Each with the members that any of those asks for that go together.
async fn find_members(
    clinics: &Collection<Document>,
    asked: Vec<(ClinicId, &'static str)>,
) -> Result<Vec<Option<Document>>> {
    let members: Document = asked
        .iter()
        .map(|(_, name)| ((*name).to_owned(), Bson::Int32(1)))
        .collect();
    let found = clinics.find(with_ids(asked.iter().map(|(id, _)| *id)));
    let found = found.projection(members).batch_size(ONE_BATCH).await?;
    let found = found.map_ok(|clinic| (clinic.get_object_id("_id").ok(), clinic));
    let found: BTreeMap<Option<ObjectId>, Document> = found.try_collect().await?;
    let found = |(id, _): &(ClinicId, _)| found.get(&Some(ids::clinic(*id))).cloned();
    Ok(asked.iter().map(found).collect())
}

fn query(filter: &ClinicFilter) -> Document {
    let mut query = Document::new();
    if let Some(code) = &filter.share_code {
        query.insert("shareCodes", code);
    }
    if let Some(enabled) = filter.ehr_enabled {
        query.insert("ehrSettings.enabled", enabled);
    }
    let mut created = Document::new();
    if let Some(from) = filter.created_from {
        created.insert("$gte", DateTime::from_chrono(from));
    }
    if let Some(before) = filter.created_before {
        created.insert("$lt", DateTime::from_chrono(before));
    }
    if !created.is_empty() {
        query.insert("createdTime", created);
    }
    query
}
