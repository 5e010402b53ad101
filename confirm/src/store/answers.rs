//! Collection `confirmations`: the changes of state, each guarded by the states from which it may
//! happen.

use bson::{DateTime, Document, doc};
use chrono::Utc;
use mongodb::{
    ClientSession,
    error::{Error, Result},
};
use shared_runtime::outbox::RowId;
use shared_types::{ClinicId, UserId, address};

use super::{
    confirmation_document::stored,
    confirmations::{ACCEPTANCE, Confirmations, not_under_way},
};
use crate::domain::{
    confirmation::{Kind, Status},
    invitation::CANCELABLE,
};

/// Who is asked.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Invited<'a> {
    Person(&'a UserId),
    Clinic(ClinicId),
}

impl Confirmations {
    /// Moves a confirmation that nobody has accepted from one of `from` to `to`; returns whether
    /// that happened.
    pub(crate) async fn answer(&self, key: &str, from: &[Status], to: Status) -> Result<bool> {
        let done = self
            .confirmations
            .update_one(not_under_way(key, from), moved(to))
            .await?;
        Ok(done.matched_count == 1)
    }

    /// Moves a pending confirmation that nobody has accepted to `to`, as part of a transaction;
    /// returns whether that happened.
    pub(crate) async fn answer_in(
        &self,
        session: &mut ClientSession,
        key: &str,
        to: Status,
    ) -> Result<bool> {
        let done = self
            .confirmations
            .update_one(not_under_way(key, &[Status::Pending]), moved(to))
            .session(session)
            .await?;
        Ok(done.matched_count == 1)
    }

    /// Cancels the pending password resets of `user` but the one with `key`.
    pub(crate) async fn cancel_resets_but(&self, user: &UserId, key: &str) -> Result<()> {
        let filter = doc! {
            "_id": { "$ne": key },
            "userId": user.as_str(),
            "type": Kind::PasswordReset.name(),
            "status": Status::Pending.name(),
        };
        self.confirmations
            .update_many(filter, moved(Status::Canceled))
            .await?;
        Ok(())
    }

    /// Cancels the confirmations of the sign-up of `user`, completed ones as well, but those of
    /// `email`: their keys prove other addresses.
    pub(crate) async fn cancel_sign_ups_but(&self, user: &UserId, email: &str) -> Result<()> {
        for sign_up in self.list_sign_ups(user).await? {
            if !address::is_same(&sign_up.email, email) {
                let from = [Status::Pending, Status::Completed];
                self.answer(&sign_up.key, &from, Status::Canceled).await?;
            }
        }
        Ok(())
    }

    /// Cancels the invitations that `creator` sent until `until`, accepted ones as long as the
    /// acceptance is under way; returns how many there were.
    pub(crate) async fn cancel_invitations(
        &self,
        creator: &UserId,
        until: chrono::DateTime<Utc>,
    ) -> Result<u64> {
        let filter = doc! {
            "creatorId": creator.as_str(),
            "type": Kind::CareTeamInvitation.name(),
            "status": { "$in": CANCELABLE.iter().map(|status| status.name()).collect::<Vec<_>>() },
            "created": { "$not": { "$gt": stored(until) } },
        };
        let mut update = moved(Status::Canceled);
        update.insert("$unset", doc! { ACCEPTANCE: "" });
        let canceled = self.confirmations.update_many(filter, update).await?;
        Ok(canceled.matched_count)
    }

    /// Cancels the pending confirmations of `user` that would undo one of `changes`, but the one
    /// with `key`.
    pub(crate) async fn cancel_changes_but(
        &self,
        user: &UserId,
        changes: &[String],
        key: &str,
    ) -> Result<()> {
        let filter = doc! {
            "_id": { "$ne": key },
            "userId": user.as_str(),
            "type": Kind::AccountChange.name(),
            "status": Status::Pending.name(),
            "context.change": { "$in": changes },
        };
        self.confirmations
            .update_many(filter, moved(Status::Canceled))
            .await?;
        Ok(())
    }

    /// Begins the acceptance of a pending invitation for who is `invited`, which the outbox row
    /// `row` finishes, as part of a transaction; returns whether it was still to be had.
    pub(crate) async fn begin_acceptance(
        &self,
        session: &mut ClientSession,
        key: &str,
        invited: &Invited<'_>,
        row: RowId,
    ) -> Result<bool> {
        let mut filter = not_under_way(key, &[Status::Pending]);
        match invited {
            Invited::Person(user) => filter.insert("userId", user.as_str()),
            Invited::Clinic(clinic) => filter.insert("clinicId", clinic.to_string()),
        };
        filter.insert(
            "$or",
            [
                doc! { "expiresAt": null },
                doc! { "expiresAt": { "$gt": stored(Utc::now()) } },
            ],
        );
        let update = doc! { "$set": { ACCEPTANCE: { "row": row, "isUnanswered": false } } };
        let done = self
            .confirmations
            .update_one(filter, update)
            .session(session)
            .await?;
        Ok(done.matched_count == 1)
    }

    /// Releases the acceptance that `row` would finish, as part of a transaction: the invitation is
    /// pending again.
    pub(crate) async fn release(
        &self,
        session: &mut ClientSession,
        key: &str,
        row: RowId,
    ) -> Result<bool> {
        let filter = doc! {
            "_id": key,
            "status": Status::Pending.name(),
            "acceptance.row": row,
        };
        let update = doc! { "$unset": { ACCEPTANCE: "" } };
        let done = self.confirmations.update_one(filter, update);
        Ok(done.session(session).await?.matched_count == 1)
    }

    /// Ends an acceptance under way as `to`, as part of a transaction; returns whether it was
    /// under way. `is_unanswered` says that no request has returned the outcome.
    pub(crate) async fn finish(
        &self,
        session: &mut ClientSession,
        key: &str,
        to: Status,
        is_unanswered: bool,
    ) -> Result<bool> {
        let filter = doc! {
            "_id": key,
            "status": Status::Pending.name(),
            ACCEPTANCE: { "$exists": true },
        };
        let mut update = moved(to);
        if is_unanswered {
            let set = update.get_document_mut("$set").map_err(Error::custom)?;
            set.insert("acceptance.isUnanswered", true);
        } else {
            update.insert("$unset", doc! { ACCEPTANCE: "" });
        }
        let done = self
            .confirmations
            .update_one(filter, update)
            .session(session)
            .await?;
        Ok(done.matched_count == 1)
    }

    /// Records that a request has returned the outcome of an acceptance; returns whether that was
    /// still to be done.
    pub(crate) async fn note_answered(&self, key: &str) -> Result<bool> {
        let filter = doc! { "_id": key, "acceptance.isUnanswered": true };
        let update = doc! { "$unset": { ACCEPTANCE: "" } };
        let done = self.confirmations.update_one(filter, update).await?;
        Ok(done.matched_count == 1)
    }
}

pub(super) fn moved(to: Status) -> Document {
    doc! { "$set": { "status": to.name(), "modified": DateTime::now() } }
}
