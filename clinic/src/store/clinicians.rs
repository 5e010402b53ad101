//! Collection `clinicians`, which the reference wrote as well.

mod invited;

use bson::{DateTime, Document, doc, oid::ObjectId};
use futures_util::TryStreamExt;
use mongodb::{
    ClientSession, Collection, Database, IndexModel,
    error::Result,
    options::{IndexOptions, ReturnDocument},
};
use serde::Deserialize;
use shared_runtime::mongo::{ONE_BATCH, ensure_indexes};
use shared_types::{ClinicId, UserId};

use super::{
    ids::{self, of_user},
    roles::Roles,
};
use crate::domain::clinician::Clinician;

/// Clinicians.
#[derive(Debug, Clone)]
pub(crate) struct Clinicians {
    pub(super) clinicians: Collection<Document>,
    roles: Roles,
}

/// What `UpdateClinician` changes.
pub(crate) struct ClinicianChange<'a> {
    pub(crate) name: Option<&'a str>,
    pub(crate) roles: &'a [String],
    /// Who changes the roles; `None`: they stay.
    pub(crate) roles_changed_by: Option<&'a str>,
}

/// Which clinicians of a clinic a list shows; all of it holds for each.
#[derive(Debug, Default)]
pub(crate) struct ClinicianFilter {
    /// A part of the name or the address, in whatever case.
    pub(crate) search: Option<String>,
    pub(crate) email: Option<String>,
    pub(crate) role: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ClinicianDocument {
    clinic_id: ObjectId,
    user_id: Option<UserId>,
    invite_id: Option<String>,
    email: Option<String>,
    name: Option<String>,
    roles: Option<Vec<String>>,
    is_service_account: Option<bool>,
    created_time: Option<DateTime>,
    updated_time: Option<DateTime>,
}

impl From<ClinicianDocument> for Clinician {
    fn from(document: ClinicianDocument) -> Self {
        let time = |time: Option<DateTime>| time.map(DateTime::to_chrono).unwrap_or_default();
        Self {
            clinic_id: document.clinic_id.bytes().into(),
            user_id: document.user_id,
            invite_id: document.invite_id,
            email: document.email,
            name: document.name,
            roles: document.roles.unwrap_or_default(),
            is_service_account: document.is_service_account.unwrap_or_default(),
            created_time: time(document.created_time),
            updated_time: time(document.updated_time),
        }
    }
}

impl Clinicians {
    pub(super) fn on(database: &Database) -> Self {
        let clinicians = database.collection("clinicians");
        Self {
            roles: Roles::on(&clinicians),
            clinicians,
        }
    }

    /// Ensures the indexes of the queries below. The first four are the reference's, with its names;
    /// it has others, which no query of ours needs.
    pub(super) async fn prepare(&self) -> anyhow::Result<()> {
        let unique = |name: &str, member: &str| {
            let options = IndexOptions::builder()
                .name(name.to_owned())
                .unique(true)
                .partial_filter_expression(doc! { member: { "$exists": true } })
                .build();
            IndexModel::builder()
                .keys(doc! { "clinicId": 1, member: 1 })
                .options(options)
                .build()
        };
        let by_created = IndexOptions::builder()
            .name("CliniciansByCreatedTime".to_owned())
            .build();
        let indexes = vec![
            unique("UniqueClinicianUserId", "userId"),
            unique("UniqueInviteId", "inviteId"),
            unique("UniqueClinicMemberEmail", "email"),
            IndexModel::builder()
                .keys(doc! { "createdTime": 1 })
                .options(by_created)
                .build(),
            IndexModel::builder()
                .keys(doc! { "clinicId": 1, "createdTime": -1, "_id": -1 })
                .build(),
            IndexModel::builder()
                .keys(doc! { "userId": 1, "createdTime": -1, "_id": -1 })
                .build(),
        ];
        ensure_indexes(&self.clinicians, indexes).await
    }

    /// The roles of a user in a clinic; `None`: none, an invitation at most.
    pub(crate) async fn find_roles(
        &self,
        clinic: ClinicId,
        user: &str,
    ) -> Result<Option<Vec<String>>> {
        self.roles.find(clinic, user).await
    }

    /// Whether `user` works for the clinic.
    pub(crate) async fn contains(&self, clinic: ClinicId, user: &UserId) -> Result<bool> {
        Ok(self.find_roles(clinic, user.as_str()).await?.is_some())
    }

    /// Stores a clinician in the transaction of `session`.
    pub(crate) async fn insert(
        &self,
        session: &mut ClientSession,
        clinician: &Clinician,
    ) -> Result<()> {
        let mut document = doc! {
            "_id": ObjectId::new(),
            "clinicId": ids::clinic(clinician.clinic_id),
            "name": clinician.name.as_deref(),
            "roles": &clinician.roles,
            "createdTime": DateTime::from_chrono(clinician.created_time),
            "updatedTime": DateTime::from_chrono(clinician.updated_time),
        };
        // Absent, not null: the unique indexes hold what is there.
        for (member, value) in [
            ("userId", clinician.user_id.as_ref().map(UserId::as_str)),
            ("inviteId", clinician.invite_id.as_deref()),
            ("email", clinician.email.as_deref()),
        ] {
            if let Some(value) = value {
                document.insert(member, value);
            }
        }
        if clinician.is_service_account {
            document.insert("isServiceAccount", true);
        }
        self.clinicians
            .insert_one(document)
            .session(session)
            .await?;
        Ok(())
    }

    /// Whether somebody in the clinic has the account, the invitation or the address of `clinician`.
    pub(crate) async fn has_like(
        &self,
        session: &mut ClientSession,
        clinician: &Clinician,
    ) -> Result<bool> {
        let mut same = Vec::new();
        for (member, value) in [
            ("userId", clinician.user_id.as_ref().map(UserId::as_str)),
            ("inviteId", clinician.invite_id.as_deref()),
            ("email", clinician.email.as_deref()),
        ] {
            if let Some(value) = value {
                let clinic = ids::clinic(clinician.clinic_id);
                same.push(doc! { "clinicId": clinic, member: { "$eq": value } });
            }
        }
        let found = self.clinicians.find_one(doc! { "$or": same });
        let found = found.projection(doc! { "_id": 1 }).session(session).await?;
        Ok(found.is_some())
    }

    /// The clinician with this account.
    pub(crate) async fn find(&self, clinic: ClinicId, user: &UserId) -> Result<Option<Clinician>> {
        self.find_by(of_user(clinic, user)).await
    }

    async fn find_by(&self, filter: Document) -> Result<Option<Clinician>> {
        let clinicians = self.clinicians.clone_with_type::<ClinicianDocument>();
        Ok(clinicians.find_one(filter).await?.map(Into::into))
    }

    /// The same as [`Self::find`] in the transaction of `session`.
    pub(crate) async fn find_in(
        &self,
        session: &mut ClientSession,
        clinic: ClinicId,
        user: &UserId,
    ) -> Result<Option<Clinician>> {
        let clinicians = self.clinicians.clone_with_type::<ClinicianDocument>();
        let found = clinicians.find_one(of_user(clinic, user));
        Ok(found.session(session).await?.map(Into::into))
    }

    /// Some of the clinicians of a clinic, the newest first, those who are invited included.
    pub(crate) async fn list(
        &self,
        clinic: ClinicId,
        filter: &ClinicianFilter,
        offset: u32,
        limit: u32,
    ) -> Result<Vec<Clinician>> {
        let mut query = doc! { "clinicId": ids::clinic(clinic) };
        if let Some(email) = &filter.email {
            query.insert("email", email);
        }
        if let Some(role) = &filter.role {
            query.insert("roles", role);
        }
        if let Some(search) = &filter.search {
            // No stored text has this character, which patterns must not have either.
            if search.contains('\0') {
                return Ok(Vec::new());
            }
            let part = doc! { "$regex": regex_lite::escape(search), "$options": "i" };
            query.insert("$or", vec![doc! { "name": &part }, doc! { "email": &part }]);
        }
        self.list_by(query, offset, limit).await
    }

    /// Some of the clinics that `user` works for, the newest first, as clinicians.
    pub(crate) async fn list_of_user(
        &self,
        user: &UserId,
        offset: u32,
        limit: u32,
    ) -> Result<Vec<Clinician>> {
        let query = doc! { "userId": user.as_str() };
        self.list_by(query, offset, limit).await
    }

    async fn list_by(&self, query: Document, offset: u32, limit: u32) -> Result<Vec<Clinician>> {
        let clinicians = self.clinicians.clone_with_type::<ClinicianDocument>();
        let newest_first = doc! { "createdTime": -1, "_id": -1 };
        let found = clinicians.find(query).sort(newest_first);
        let found = found.skip(offset.into()).limit(limit.into());
        let found = found.batch_size(limit.min(ONE_BATCH)).await?;
        found.map_ok(Into::into).try_collect().await
    }

    /// Changes a clinician; returns it since, or `None` where there is none.
    pub(crate) async fn update(
        &self,
        session: &mut ClientSession,
        clinic: ClinicId,
        user: &UserId,
        change: &ClinicianChange<'_>,
        now: DateTime,
    ) -> Result<Option<Clinician>> {
        let mut update = doc! { "$set": {
            "name": change.name, "roles": change.roles, "updatedTime": now,
        } };
        if let Some(by) = change.roles_changed_by {
            let entry = doc! { "roles": change.roles, "updatedBy": by };
            update.insert("$push", doc! { "rolesUpdates": entry });
        }
        self.update_by(session, of_user(clinic, user), update).await
    }

    async fn update_by(
        &self,
        session: &mut ClientSession,
        filter: Document,
        update: Document,
    ) -> Result<Option<Clinician>> {
        let clinicians = self.clinicians.clone_with_type::<ClinicianDocument>();
        let updated = clinicians.find_one_and_update(filter, update);
        let updated = updated.return_document(ReturnDocument::After);
        Ok(updated.session(session).await?.map(Into::into))
    }

    /// Everybody else than `user` in a clinic, those who are invited included.
    pub(crate) async fn list_others_in(
        &self,
        session: &mut ClientSession,
        clinic: ClinicId,
        user: &UserId,
    ) -> Result<Vec<Clinician>> {
        let clinicians = self.clinicians.clone_with_type::<ClinicianDocument>();
        let others = doc! { "clinicId": ids::clinic(clinic), "userId": { "$ne": user.as_str() } };
        let mut found = clinicians.find(others).session(&mut *session).await?;
        let mut everybody = Vec::new();
        while let Some(clinician) = found.next(session).await {
            everybody.push(clinician?.into());
        }
        Ok(everybody)
    }

    /// Sets the address wherever `user` works. One that somebody else in a clinic has is a duplicate
    /// key.
    pub(crate) async fn set_email(
        &self,
        session: &mut ClientSession,
        user: &UserId,
        email: &str,
        now: DateTime,
    ) -> Result<()> {
        let set = doc! { "$set": { "email": email, "updatedTime": now } };
        self.clinicians
            .update_many(doc! { "userId": user.as_str() }, set)
            .session(session)
            .await?;
        Ok(())
    }

    /// Removes a clinician; returns what it was, for the archive.
    pub(crate) async fn delete(
        &self,
        session: &mut ClientSession,
        clinic: ClinicId,
        user: &UserId,
    ) -> Result<Option<Document>> {
        let clinician = of_user(clinic, user);
        self.clinicians
            .find_one_and_delete(clinician)
            .session(session)
            .await
    }

    /// Removes everybody of a clinic; returns what they were, for the archive.
    pub(crate) async fn delete_all(
        &self,
        session: &mut ClientSession,
        clinic: ClinicId,
    ) -> Result<Vec<Document>> {
        let of_clinic = doc! { "clinicId": ids::clinic(clinic) };
        let mut found = self
            .clinicians
            .find(of_clinic.clone())
            .session(&mut *session)
            .await?;
        let everybody = found.stream(session).try_collect().await?;
        self.clinicians
            .delete_many(of_clinic)
            .session(session)
            .await?;
        Ok(everybody)
    }
}
