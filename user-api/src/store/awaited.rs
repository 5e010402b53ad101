//! Collection `users`: the accounts that were made for a patient whom a clinic has yet to store. Their
//! member `awaitedBy` is `{clinicId, mark, since}`; the mark is that of the last request for the account.
//! Rows of earlier releases bring a mark without `since`.

use bson::{DateTime, Document, doc, oid::ObjectId};
use futures_util::TryStreamExt;
use mongodb::{ClientSession, IndexModel, error::Error, options::IndexOptions};
use serde::Deserialize;
use shared_types::{ClinicId, UserId};

use crate::{
    domain::user::Account,
    store::{
        user_document::{self, UserDocument, members},
        users::{IGNORING_CASE, Users, as_read, existing},
    },
};

/// A clinic that waits for an account, by one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Awaited {
    pub(crate) clinic: ClinicId,
    pub(crate) mark: String,
    pub(crate) since: DateTime,
}

/// An account that waits.
pub(crate) struct Waiting {
    pub(crate) account: Account,
    pub(crate) awaited: Awaited,
}

#[derive(Deserialize)]
struct WaitingDocument {
    #[serde(rename = "awaitedBy")]
    awaited: AwaitedDocument,
    #[serde(flatten)]
    account: UserDocument,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AwaitedDocument {
    clinic_id: ObjectId,
    mark: String,
    since: DateTime,
}

impl Awaited {
    fn document(&self) -> Document {
        doc! { "clinicId": id_of(self.clinic), "mark": &self.mark, "since": self.since }
    }
}

impl From<WaitingDocument> for Waiting {
    fn from(document: WaitingDocument) -> Self {
        let WaitingDocument { awaited, account } = document;
        Self {
            account: account.into(),
            awaited: Awaited {
                clinic: awaited.clinic_id.bytes().into(),
                mark: awaited.mark,
                since: awaited.since,
            },
        }
    }
}

/// Serves [`Users::list_waiting`].
pub(super) fn index() -> IndexModel {
    IndexModel::builder()
        .keys(doc! { "awaitedBy.since": 1 })
        .options(IndexOptions::builder().sparse(true).build())
        .build()
}

/// The document of a new account, which waits if `awaited` says so.
pub(super) fn document(account: &Account, by: &str, awaited: Option<&Awaited>) -> Document {
    let mut document = user_document::document(account, by);
    document.extend(awaited.map(|awaited| ("awaitedBy".to_owned(), awaited.document().into())));
    document
}

impl Users {
    /// Some of the accounts that have waited since a time between `after` and `before`, those that have
    /// waited longest first.
    pub(crate) async fn list_waiting(
        &self,
        after: DateTime,
        before: DateTime,
        limit: u32,
    ) -> Result<Vec<Waiting>, Error> {
        let mut with_wait = members();
        with_wait.insert("awaitedBy", 1);
        let waiting = self
            .users
            .find(existing(
                doc! { "awaitedBy.since": { "$gt": after, "$lt": before } },
            ))
            .projection(with_wait)
            .sort(doc! { "awaitedBy.since": 1 })
            .limit(limit.into())
            .batch_size(limit)
            .await?;
        let waiting = waiting.with_type::<WaitingDocument>();
        waiting.map_ok(Into::into).try_collect().await
    }

    /// Lets an account without password that waits for the same clinic wait for another request;
    /// `false`: there is none.
    pub(crate) async fn renew_wait(&self, id: &UserId, awaited: &Awaited) -> Result<bool, Error> {
        let waiting = existing(doc! {
            "userid": id.as_str(),
            "awaitedBy.clinicId": id_of(awaited.clinic),
            "pwhash": as_read(None),
        });
        let wait = doc! { "$set": { "awaitedBy": awaited.document() } };
        let renewed = self
            .users
            .update_one(waiting, wait)
            .collation(IGNORING_CASE.clone())
            .await?;
        Ok(renewed.matched_count == 1)
    }

    /// Lets an account that a row of an earlier release looks after wait since the beginning of time.
    pub(crate) async fn date_wait(&self, id: &UserId, mark: &str) -> Result<(), Error> {
        let undated = doc! {
            "userid": id.as_str(), "awaitedBy.mark": mark, "awaitedBy.since": null,
        };
        let dated = doc! { "$set": { "awaitedBy.since": DateTime::from_millis(0) } };
        self.users
            .update_one(existing(undated), dated)
            .collation(IGNORING_CASE.clone())
            .await?;
        Ok(())
    }

    /// Accounts wait no more, unless another request was made for them.
    pub(crate) async fn end_waits(&self, of: &[&Waiting]) -> Result<(), Error> {
        if of.is_empty() {
            return Ok(());
        }
        let ids: Vec<&str> = of.iter().map(|one| one.account.userid.as_str()).collect();
        let marks: Vec<&str> = of.iter().map(|one| one.awaited.mark.as_str()).collect();
        let waiting = doc! { "userid": { "$in": ids }, "awaitedBy.mark": { "$in": marks } };
        self.users
            .update_many(existing(waiting), doc! { "$unset": { "awaitedBy": "" } })
            .await?;
        Ok(())
    }

    /// Removes an account without password that waits for this request; `false`: there is none.
    pub(crate) async fn delete_awaited(
        &self,
        session: &mut ClientSession,
        id: &UserId,
        awaited: &Awaited,
    ) -> Result<bool, Error> {
        let waiting = existing(doc! {
            "userid": id.as_str(), "awaitedBy.mark": &awaited.mark, "pwhash": as_read(None),
        });
        self.delete_matching(session, waiting).await
    }
}

fn id_of(clinic: ClinicId) -> ObjectId {
    ObjectId::from_bytes(clinic.bytes())
}
