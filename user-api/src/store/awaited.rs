//! Collection `users`: the accounts that were made for a patient whom a clinic has yet to store. Their
//! member `awaitedBy` is `{clinicId, mark}`; the mark is that of the last request for the account.

use bson::{Document, doc, oid::ObjectId};
use mongodb::{ClientSession, error::Error};
use shared_types::{ClinicId, UserId};

use crate::{
    domain::user::Account,
    store::users::{IGNORING_CASE, Users, as_read, existing},
};

/// A clinic that waits for an account, by one request.
pub(crate) struct Awaited<'a> {
    pub(crate) clinic: ClinicId,
    pub(crate) mark: &'a str,
}

impl Awaited<'_> {
    fn document(&self) -> Document {
        let clinic = ObjectId::from_bytes(self.clinic.bytes());
        doc! { "clinicId": clinic, "mark": self.mark }
    }

    /// The account `id` while it waits for this request.
    fn of(&self, id: &UserId) -> Document {
        existing(doc! { "userid": id.as_str(), "awaitedBy": self.document() })
    }
}

impl Users {
    /// Lets an account wait that was made in the transaction of `session`.
    pub(crate) async fn begin_wait(
        &self,
        session: &mut ClientSession,
        id: &UserId,
        awaited: &Awaited<'_>,
    ) -> Result<(), Error> {
        let wait = doc! { "$set": { "awaitedBy": awaited.document() } };
        self.users
            .update_one(existing(doc! { "userid": id.as_str() }), wait)
            .session(session)
            .await?;
        Ok(())
    }

    /// Lets an account without password that waits for the same clinic wait for another request;
    /// `false`: there is none.
    pub(crate) async fn renew_wait(
        &self,
        session: &mut ClientSession,
        id: &UserId,
        awaited: &Awaited<'_>,
    ) -> Result<bool, Error> {
        let clinic = ObjectId::from_bytes(awaited.clinic.bytes());
        let waiting = existing(doc! {
            "userid": id.as_str(), "awaitedBy.clinicId": clinic, "pwhash": as_read(None),
        });
        let wait = doc! { "$set": { "awaitedBy": awaited.document() } };
        let renewed = self
            .users
            .update_one(waiting, wait)
            .collation(IGNORING_CASE.clone())
            .session(session)
            .await?;
        Ok(renewed.matched_count == 1)
    }

    /// The account `id`, if it waits for this request.
    pub(crate) async fn find_awaited(
        &self,
        id: &UserId,
        awaited: &Awaited<'_>,
    ) -> Result<Option<Account>, Error> {
        Ok(self.list_matching(awaited.of(id), 1).await?.pop())
    }

    /// The account waits no more.
    pub(crate) async fn end_wait(&self, id: &UserId, awaited: &Awaited<'_>) -> Result<(), Error> {
        self.users
            .update_one(awaited.of(id), doc! { "$unset": { "awaitedBy": "" } })
            .collation(IGNORING_CASE.clone())
            .await?;
        Ok(())
    }

    /// Removes an account without password that waits for this request; `false`: there is none.
    pub(crate) async fn delete_awaited(
        &self,
        session: &mut ClientSession,
        id: &UserId,
        awaited: &Awaited<'_>,
    ) -> Result<bool, Error> {
        let mut waiting = awaited.of(id);
        waiting.insert("pwhash", as_read(None));
        self.delete_matching(session, waiting).await
    }
}
