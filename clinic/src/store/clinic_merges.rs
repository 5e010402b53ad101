//! What a merge changes about the documents of the two clinics and of those who work for them.

use bson::{Bson, DateTime, Document, doc, oid::ObjectId};
use mongodb::{ClientSession, error::Result};
use shared_types::{ClinicId, UserId};

use super::{
    Clinicians, Clinics, Patients,
    ids::{self, of_user},
};
use crate::domain::{
    clinic::{Site, Tag},
    restrictions::MembershipRestrictions,
};

impl Clinics {
    /// From where clinicians of a clinic must come, in the transaction of `session`.
    pub(crate) async fn find_restrictions_in(
        &self,
        session: &mut ClientSession,
        id: ClinicId,
    ) -> Result<MembershipRestrictions> {
        let found = self.documents.find_one(doc! { "_id": ids::clinic(id) });
        let found = found.projection(doc! { "membershipRestrictions": 1 });
        let clinic = found.session(session).await?;
        Self::restrictions(&clinic.unwrap_or_default())
    }

    /// Gives a clinic the tags, sites and administrators of another one, beside its own.
    pub(crate) async fn take_over(
        &self,
        session: &mut ClientSession,
        id: ClinicId,
        (tags, sites): (&[Tag], &[Site]),
        admins: &[UserId],
    ) -> Result<()> {
        for tag in tags {
            self.add_tag(session, id, tag).await?;
        }
        for site in sites {
            self.add_site(session, id, site).await?;
        }
        let admins: Vec<&str> = admins.iter().map(UserId::as_str).collect();
        let update = doc! {
            "$addToSet": { "admins": { "$each": admins } },
            "$set": { "updatedTime": DateTime::now() },
        };
        let clinic = doc! { "_id": ids::clinic(id) };
        self.update_in(session, clinic, update).await
    }

    /// Lets the share codes of `gone`, a clinic that is deleted in the same transaction, lead to the
    /// clinic, beside its own.
    pub(crate) async fn take_codes(
        &self,
        session: &mut ClientSession,
        id: ClinicId,
        gone: &Document,
    ) -> Result<()> {
        let mut codes: Vec<Bson> = gone.get_array("shareCodes").cloned().unwrap_or_default();
        codes.extend(gone.get("canonicalShareCode").cloned());
        codes.retain(|code| code.as_str().is_some());
        let update = doc! {
            "$addToSet": { "shareCodes": { "$each": codes } },
            "$set": { "updatedTime": DateTime::now() },
        };
        let clinic = doc! { "_id": ids::clinic(id) };
        self.update_in(session, clinic, update).await
    }
}

impl Clinicians {
    /// Lets `users`, who work for `source`, work for `target` as well, in the same roles.
    pub(crate) async fn copy(
        &self,
        session: &mut ClientSession,
        (source, target): (ClinicId, ClinicId),
        users: &[UserId],
    ) -> Result<()> {
        if users.is_empty() {
            return Ok(());
        }
        let users: Vec<&str> = users.iter().map(UserId::as_str).collect();
        let of_source = doc! { "clinicId": ids::clinic(source), "userId": { "$in": users } };
        let found = self.clinicians.find(of_source);
        let mut found = found.session(&mut *session).await?;
        let mut copies = Vec::new();
        while let Some(clinician) = found.next(session).await {
            let mut copy = clinician?;
            copy.insert("_id", ObjectId::new());
            copy.insert("clinicId", ids::clinic(target));
            copy.insert("updatedTime", DateTime::now());
            copies.push(copy);
        }
        self.clinicians.insert_many(copies).session(session).await?;
        Ok(())
    }
}

impl Patients {
    /// Locks the patients of two clinics in the transaction of `session`: whoever changes one waits.
    /// Those of `source` are not searched in memory from the commit on, as they become the other
    /// clinic's.
    pub(crate) async fn lock_for_merge(
        &self,
        session: &mut ClientSession,
        (source, target): (ClinicId, ClinicId),
    ) -> Result<()> {
        self.tallies.leave(session, source).await?;
        self.tallies.move_on(session, target).await?;
        Ok(())
    }

    /// Whether an account is a patient of the clinic, in the transaction of `session`.
    pub(crate) async fn contains_in(
        &self,
        session: &mut ClientSession,
        clinic: ClinicId,
        user: &UserId,
    ) -> Result<bool> {
        let found = self.documents.find_one(of_user(clinic, user));
        let found = found.projection(doc! { "_id": 1 }).session(session).await?;
        Ok(found.is_some())
    }
}
