//! Collections `patient_permissions` (`{_id, userId, clinicId, permissions}`: what a clinic may do
//! on its patient's account) and `clinician_permissions` (`{_id, userId, clinicId}`: who works for
//! a clinic). clinic reports each change with a revision.
//!
//! A document without `revision` is the reference's and older than any that has one. A relation
//! that ended stays as `{.., revision, deleted: true}`, so that an older change that arrives late
//! does not bring it back. Invited clinicians of the reference have no `userId` yet.

use bson::{Document, RawBsonRef, RawDocumentBuf, doc, oid::ObjectId};
use mongodb::{
    ClientSession, Collection, Database, IndexModel,
    action::Update,
    error::Result,
    options::{Hint, IndexOptions},
};
use shared_types::{
    ADMINISTERING_NAMES, ClinicId, KnownRelation, KnownRelations, PermissionSet, UserId,
};

use super::{
    duplicates,
    values::{document_of, permissions_in},
};
use crate::domain::permissions::merge;

const PATIENTS: &str = "patient_permissions";
/// The clinicians; the marks in `perms` are made from them (see [`super::Store::open`]).
pub(super) const CLINICIANS: &str = "clinician_permissions";

/// Clinics, their patients and their clinicians.
#[derive(Debug, Clone)]
pub(crate) struct ClinicRelations {
    patients: Collection<RawDocumentBuf>,
    clinicians: Collection<RawDocumentBuf>,
}

impl ClinicRelations {
    /// The collections in a prepared database.
    pub(crate) fn on(database: &Database) -> Self {
        Self {
            patients: database.collection(PATIENTS),
            clinicians: database.collection(CLINICIANS),
        }
    }

    /// Ensures `{userId: 1, clinicId: 1}`, unique, in both collections, which every query of this
    /// file uses. Several documents of the reference for one relation are merged.
    pub(crate) async fn prepare(database: &Database) -> Result<()> {
        let relations = Self::on(database);
        for collection in [&relations.patients, &relations.clinicians] {
            let options = IndexOptions::builder()
                .name("user_clinic".to_owned())
                .unique(true)
                .partial_filter_expression(has_user())
                .build();
            let index = IndexModel::builder()
                .keys(doc! {"userId": 1, "clinicId": 1})
                .options(options)
                .build();
            duplicates::create_unique_index(collection, ["userId", "clinicId"], has_user(), index)
                .await?;
        }
        Ok(())
    }

    /// What each of `grantees` may do on the account of `sharer` through clinics, in one round
    /// trip.
    pub(crate) async fn find_derived<const N: usize>(
        &self,
        sharer: &UserId,
        grantees: [&UserId; N],
    ) -> Result<[PermissionSet; N]> {
        let ids = grantees.map(UserId::as_str);
        let mut cursor = self
            .clinicians
            .aggregate(derivation(sharer, &ids))
            .with_type::<RawDocumentBuf>()
            .await?;
        let mut derived = std::array::from_fn(|_| PermissionSet::default());
        while cursor.advance().await? {
            let document = cursor.current();
            let clinician = document.get_str("userId")?;
            for (set, _) in derived
                .iter_mut()
                .zip(ids)
                .filter(|(_, id)| *id == clinician)
            {
                merge(set, permissions_in(document)?);
            }
        }
        Ok(derived)
    }

    /// What `grantee` may do on the account of `sharer` through clinics, as a transaction sees it.
    pub(crate) async fn find_derived_in(
        &self,
        session: &mut ClientSession,
        sharer: &UserId,
        grantee: &UserId,
    ) -> Result<PermissionSet> {
        let mut cursor = self
            .clinicians
            .aggregate(derivation(sharer, &[grantee.as_str()]))
            .with_type::<RawDocumentBuf>()
            .session(&mut *session)
            .await?;
        let mut derived = PermissionSet::default();
        while cursor.advance(session).await? {
            merge(&mut derived, permissions_in(cursor.current())?);
        }
        Ok(derived)
    }

    /// Which of `accounts` a clinic runs.
    pub(crate) async fn list_run_by_clinics(&self, accounts: &[UserId]) -> Result<Vec<UserId>> {
        let accounts: Vec<&str> = accounts.iter().map(UserId::as_str).collect();
        let mut cursor = self
            .patients
            .find(run_by_clinic(doc! {"$in": accounts}))
            .projection(doc! {"_id": 0, "userId": 1})
            .await?;
        let mut run = Vec::new();
        while cursor.advance().await? {
            run.push(UserId::from(cursor.current().get_str("userId")?));
        }
        Ok(run)
    }

    /// Whether a clinic runs `account`.
    pub(crate) async fn is_run_by_clinic(
        &self,
        session: &mut ClientSession,
        account: &UserId,
    ) -> Result<bool> {
        let found = self
            .patients
            .find_one(run_by_clinic(doc! {"$eq": account.as_str()}))
            .projection(doc! {"_id": 1})
            .session(session)
            .await?;
        Ok(found.is_some())
    }

    /// `user` is a patient of `clinic`, which may do `permissions`; nothing when a change of the
    /// same or a later revision is known.
    pub(crate) async fn update_patient(
        &self,
        session: &mut ClientSession,
        clinic: ClinicId,
        user: &UserId,
        revision: i64,
        permissions: &PermissionSet,
    ) -> Result<()> {
        let state = state_of(permissions);
        upsert(&self.patients, clinic, user, revision, state)
            .session(session)
            .await?;
        Ok(())
    }

    /// The same on its own, for `permissions` with which `clinic` runs the account.
    pub(crate) async fn update_runner(
        &self,
        clinic: ClinicId,
        user: &UserId,
        revision: i64,
        permissions: &PermissionSet,
    ) -> Result<()> {
        upsert(
            &self.patients,
            clinic,
            user,
            revision,
            state_of(permissions),
        )
        .await?;
        Ok(())
    }

    /// `user` is no patient of `clinic` any more, under the same condition.
    pub(crate) async fn delete_patient(
        &self,
        session: &mut ClientSession,
        clinic: ClinicId,
        user: &UserId,
        revision: i64,
    ) -> Result<()> {
        upsert(&self.patients, clinic, user, revision, ended())
            .session(session)
            .await?;
        Ok(())
    }

    /// `user` works for `clinic`, under the same condition.
    pub(crate) async fn update_clinician(
        &self,
        clinic: ClinicId,
        user: &UserId,
        revision: i64,
    ) -> Result<()> {
        upsert(&self.clinicians, clinic, user, revision, doc! {}).await?;
        Ok(())
    }

    /// `user` works for `clinic` no more, under the same condition.
    pub(crate) async fn delete_clinician(
        &self,
        clinic: ClinicId,
        user: &UserId,
        revision: i64,
    ) -> Result<()> {
        upsert(&self.clinicians, clinic, user, revision, ended()).await?;
        Ok(())
    }

    /// Patients of clinics, by account those of `range`; about `limit` documents are looked at.
    pub(crate) async fn list_patients(
        &self,
        range: AccountRange<'_>,
        limit: u16,
    ) -> Result<KnownRelations> {
        list(&self.patients, range, limit).await
    }

    /// The same of clinicians.
    pub(crate) async fn list_clinicians(
        &self,
        range: AccountRange<'_>,
        limit: u16,
    ) -> Result<KnownRelations> {
        list(&self.clinicians, range, limit).await
    }

    /// Removes every relation of a deleted account.
    pub(crate) async fn delete_user(&self, user: &UserId) -> Result<()> {
        for collection in [&self.patients, &self.clinicians] {
            collection
                .delete_many(doc! {"userId": user.as_str()})
                .await?;
        }
        Ok(())
    }
}

/// Accounts from one to another, in the order of their ids.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AccountRange<'a> {
    /// The one before the first; `None`: it begins with the first one.
    pub(crate) after: Option<&'a UserId>,
    /// The last one; `None`: it goes on to the end.
    pub(crate) until: Option<&'a UserId>,
}

impl AccountRange<'_> {
    /// Invited clinicians of the reference have no account.
    fn filter(self) -> Document {
        let mut accounts = doc! {"$gt": self.after.map_or("", UserId::as_str)};
        if let Some(until) = self.until {
            accounts.insert("$lte", until.as_str());
        }
        doc! {"userId": accounts}
    }
}

/// Relations of whole accounts: where the limit cuts one off, it is left for the next list, unless it
/// is the only one.
async fn list(
    collection: &Collection<RawDocumentBuf>,
    range: AccountRange<'_>,
    limit: u16,
) -> Result<KnownRelations> {
    let mut found = read(collection, range.filter(), i64::from(limit) + 1).await?;
    if found.len() <= usize::from(limit) {
        let relations = found.into_iter().filter_map(Found::known).collect();
        return Ok(KnownRelations {
            relations,
            until: None,
        });
    }
    let mut until = found.last().map(|last| last.user_id.clone());
    found.retain(|each| Some(&each.user_id) != until.as_ref());
    if let Some(last) = found.last() {
        until = Some(last.user_id.clone());
    } else if let Some(only) = &until {
        found = read(collection, doc! {"userId": only.as_str()}, 0).await?;
    }
    let relations = found.into_iter().filter_map(Found::known).collect();
    Ok(KnownRelations { relations, until })
}

/// A relation as it is stored, one that ended included.
struct Found {
    user_id: UserId,
    relation: Option<KnownRelation>,
}

impl Found {
    fn known(self) -> Option<KnownRelation> {
        self.relation
    }
}

/// `limit` 0 means all.
async fn read(
    collection: &Collection<RawDocumentBuf>,
    filter: Document,
    limit: i64,
) -> Result<Vec<Found>> {
    let by_account = doc! {"userId": 1, "clinicId": 1};
    let found = collection.find(filter).sort(by_account.clone());
    let mut cursor = found.limit(limit).hint(Hint::Keys(by_account)).await?;
    let mut read = Vec::new();
    while cursor.advance().await? {
        let document = cursor.current();
        let user_id = UserId::from(document.get_str("userId")?);
        let has_ended = matches!(document.get("deleted")?, Some(RawBsonRef::Boolean(true)));
        // The reference wrote no other ids; one that is none relates nobody to a clinic of ours.
        let clinic = document.get_object_id("clinicId").ok();
        let relation = match clinic.filter(|_| !has_ended) {
            Some(clinic) => Some(KnownRelation {
                clinic_id: clinic.bytes().into(),
                user_id: user_id.clone(),
                permissions: permissions_in(document)?,
            }),
            None => None,
        };
        read.push(Found { user_id, relation });
    }
    Ok(read)
}

/// The query for what `grantees` may do on the account of `sharer` through clinics; they may
/// occur several times.
fn derivation(sharer: &UserId, grantees: &[&str]) -> Vec<Document> {
    vec![
        doc! {"$match": {"userId": {"$in": grantees}, "deleted": {"$ne": true}}},
        doc! {"$lookup": {
            "from": PATIENTS,
            "localField": "clinicId",
            "foreignField": "clinicId",
            "pipeline": [
                {"$match": {"userId": sharer.as_str(), "deleted": {"$ne": true}}},
                {"$project": {"_id": 0, "permissions": 1}},
            ],
            "as": "patients",
        }},
        doc! {"$unwind": "$patients"},
        doc! {"$project": {"_id": 0, "userId": 1, "permissions": "$patients.permissions"}},
    ]
}

fn has_user() -> Document {
    doc! {"userId": {"$gt": ""}}
}

fn run_by_clinic(account: Document) -> Document {
    let administering: Vec<Document> = ADMINISTERING_NAMES
        .iter()
        .map(|name| doc! {format!("permissions.{name}"): {"$ne": null}})
        .collect();
    doc! {"userId": account, "deleted": {"$ne": true}, "$or": administering}
}

/// The write of `state` of `revision`; what is known of the same or a later revision stays.
fn upsert<'a>(
    relations: &'a Collection<RawDocumentBuf>,
    clinic: ClinicId,
    user: &UserId,
    revision: i64,
    state: Document,
) -> Update<'a> {
    let relation = doc! {"userId": user.as_str(), "clinicId": ObjectId::from_bytes(clinic.bytes())};
    relations
        .update_one(relation, later_state(revision, state))
        .upsert(true)
}

fn ended() -> Document {
    doc! {"deleted": true}
}

fn state_of(permissions: &PermissionSet) -> Document {
    doc! {"permissions": {"$literal": document_of(permissions)}}
}

/// The update to `state` of `revision`, of a document that is not as new already.
fn later_state(revision: i64, state: Document) -> Vec<Document> {
    let mut document =
        doc! {"_id": "$_id", "userId": "$userId", "clinicId": "$clinicId", "revision": revision};
    document.extend(state);
    // A missing revision compares as less than any number.
    let is_known = doc! {"$gte": ["$revision", revision]};
    vec![doc! {"$replaceWith": {"$cond": [is_known, "$$ROOT", document]}}]
}
