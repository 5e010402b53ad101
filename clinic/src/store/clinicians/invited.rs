//! Clinicians who are invited into a clinic and have no account there yet, by the keys of their
//! invitations.

use bson::{DateTime, Document, doc};
use mongodb::{ClientSession, error::Result};
use shared_types::{ClinicId, UserId};

use super::{Clinicians, ids};
use crate::domain::clinician::Clinician;

impl Clinicians {
    /// The clinician who was invited under this key.
    pub(crate) async fn find_invited(
        &self,
        clinic: ClinicId,
        invite: &str,
    ) -> Result<Option<Clinician>> {
        self.find_by(invited(clinic, invite)).await
    }

    /// Whether somebody is invited under this key, in the transaction of `session`.
    pub(crate) async fn has_invited_in(
        &self,
        session: &mut ClientSession,
        (clinic, invite): (ClinicId, &str),
    ) -> Result<bool> {
        let found = self.clinicians.find_one(invited(clinic, invite));
        let found = found.projection(doc! { "_id": 1 }).session(session).await?;
        Ok(found.is_some())
    }

    /// Makes whoever was invited a member with an account; `name`: what is known of it. Returns the
    /// clinician since, or `None` where nobody is invited under this key.
    pub(crate) async fn associate(
        &self,
        session: &mut ClientSession,
        (clinic, invite): (ClinicId, &str),
        user: &UserId,
        name: Option<&str>,
        now: DateTime,
    ) -> Result<Option<Clinician>> {
        let mut set = doc! { "userId": user.as_str(), "updatedTime": now };
        if let Some(name) = name {
            set.insert("name", name);
        }
        let update = doc! { "$set": set, "$unset": { "inviteId": "" } };
        self.update_by(session, invited(clinic, invite), update)
            .await
    }

    /// Removes whoever was invited under this key; returns whether somebody was.
    pub(crate) async fn delete_invited(
        &self,
        session: &mut ClientSession,
        clinic: ClinicId,
        invite: &str,
    ) -> Result<bool> {
        let deleted = self.clinicians.delete_one(invited(clinic, invite));
        Ok(deleted.session(session).await?.deleted_count > 0)
    }
}

fn invited(clinic: ClinicId, invite: &str) -> Document {
    doc! { "clinicId": ids::clinic(clinic), "inviteId": invite }
}
