//! Collection `confirmations`: the invitations between clinics and people.

use bson::{Document, doc};
use mongodb::{
    ClientSession,
    error::{Error, Result},
};
use shared_types::{ClinicId, UserId};

use super::{
    answers::moved,
    confirmations::{Confirmations, collect, collect_readable, newest_first, read},
};
use crate::domain::confirmation::{Confirmation, Kind, Status};

/// The member of an invitation that is being made, or that no request has returned.
const MAKING: &str = "making";
const IS_MADE: &str = "making.isUnanswered";

impl Confirmations {
    /// The pending invitations of people to `clinic`, newest first.
    pub(crate) async fn list_to_clinic(&self, clinic: ClinicId) -> Result<Vec<Confirmation>> {
        let filter = pending(Kind::CareTeamInvitation, clinic);
        collect_readable(self.confirmations.find(filter)).await
    }

    /// The newest pending invitation of `creator` to `clinic`, accepted or not, as a transaction
    /// sees it.
    pub(crate) async fn find_to_clinic_in(
        &self,
        session: &mut ClientSession,
        creator: &UserId,
        clinic: ClinicId,
    ) -> Result<Option<Confirmation>> {
        let mut filter = pending(Kind::CareTeamInvitation, clinic);
        filter.insert("creatorId", creator.as_str());
        let found = self.confirmations.find_one(filter).sort(newest_first());
        found.session(session).await?.map(read).transpose()
    }

    /// The invitations of clinics that `user` can answer, newest first.
    pub(crate) async fn list_of_clinician(&self, user: &UserId) -> Result<Vec<Confirmation>> {
        let filter = doc! {
            "userId": user.as_str(),
            "type": Kind::ClinicianInvitation.name(),
            "status": Status::Pending.name(),
        };
        let mut found = collect_readable(self.confirmations.find(filter)).await?;
        found.retain(|invitation| !invitation.is_being_made());
        Ok(found)
    }

    /// The invitations of `clinic` that are being made, or that no request has returned.
    pub(crate) async fn list_making(&self, clinic: ClinicId) -> Result<Vec<Confirmation>> {
        let mut filter = pending(Kind::ClinicianInvitation, clinic);
        filter.insert(MAKING, doc! { "$exists": true });
        collect(self.confirmations.find(filter)).await
    }

    /// Ends the making of an invitation, as part of a transaction; returns whether it was being
    /// made. `is_unanswered` says that no request has returned the invitation.
    pub(crate) async fn finish_making(
        &self,
        session: &mut ClientSession,
        key: &str,
        is_unanswered: bool,
    ) -> Result<bool> {
        let mut update = moved(Status::Pending);
        if is_unanswered {
            let set = update.get_document_mut("$set").map_err(Error::custom)?;
            set.insert(IS_MADE, true);
        } else {
            update.insert("$unset", doc! { MAKING: "" });
        }
        let done = self.confirmations.update_one(being_made(key), update);
        Ok(done.session(session).await?.matched_count == 1)
    }

    /// Removes an invitation that is being made, as part of a transaction; returns whether it was.
    pub(crate) async fn delete_making(
        &self,
        session: &mut ClientSession,
        key: &str,
    ) -> Result<bool> {
        let deleted = self.confirmations.delete_one(being_made(key));
        Ok(deleted.session(session).await?.deleted_count == 1)
    }

    /// Records that a request has returned the invitation; returns whether that was still to be done.
    pub(crate) async fn note_made(&self, key: &str) -> Result<bool> {
        let filter = doc! { "_id": key, IS_MADE: true };
        let update = doc! { "$unset": { MAKING: "" } };
        let done = self.confirmations.update_one(filter, update).await?;
        Ok(done.matched_count == 1)
    }
}

fn pending(kind: Kind, clinic: ClinicId) -> Document {
    doc! {
        "clinicId": clinic.to_string(),
        "type": kind.name(),
        "status": Status::Pending.name(),
    }
}

fn being_made(key: &str) -> Document {
    doc! { "_id": key, "status": Status::Pending.name(), IS_MADE: false }
}
