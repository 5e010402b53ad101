//! What the data of patients says changes in all of their clinics at once. Neither the numbers of
//! patients nor the texts in memory depend on it, so no lane moves on, and no document is read. A mark
//! tells those who keep summaries in memory which have changed.

use bson::{Bson, DateTime, Document, doc, oid::ObjectId};
use chrono::Utc;
use mongodb::error::{Error, ErrorKind, Result, WriteFailure};
use shared_types::UserId;

use super::{super::summary_document, Patients};
use crate::domain::{patient_summary::Summary, summary::Kind, summary_details::SummaryId};

/// When the summary changed last, by the clock of the database: each change has a later mark than those
/// before it, also after another server has become the primary.
pub(super) const MARK: &str = "_summarized";

/// What the database says of a path that leads through something else than a document.
const PATH_NOT_VIABLE: i32 = 28;

impl Patients {
    /// Writes the parts that `summary` has wherever `user` is a patient; returns whether it is one.
    pub(crate) async fn set_summary(
        &self,
        user: &UserId,
        summary: &Summary,
        now: chrono::DateTime<Utc>,
    ) -> Result<bool> {
        let mut members = doc! { "updatedTime": DateTime::from_chrono(now) };
        for (kind, stats) in [(Kind::Cgm, &summary.cgm), (Kind::Bgm, &summary.bgm)] {
            if let Some(stats) = stats {
                members.insert(path(kind), summary_document::document(stats));
            }
        }
        let update = doc! { "$set": members };
        match self.update_everywhere(user, update.clone()).await {
            Err(error) if is_not_viable(&error) => {
                // No release wrote such a thing, and it says nothing.
                let is_other =
                    doc! { "userId": user.as_str(), "summary": { "$not": { "$type": "object" } } };
                let removal = doc! { "$unset": { "summary": "" } };
                self.documents.update_many(is_other, removal).await?;
                self.update_everywhere(user, update).await
            }
            updated => updated,
        }
    }

    /// Removes the whole summary wherever `user` is a patient; returns whether it is one.
    pub(crate) async fn remove_summary(
        &self,
        user: &UserId,
        now: chrono::DateTime<Utc>,
    ) -> Result<bool> {
        let updated = doc! { "updatedTime": DateTime::from_chrono(now) };
        let update = doc! { "$unset": { "summary": "" }, "$set": updated };
        self.update_everywhere(user, update).await
    }

    async fn update_everywhere(&self, user: &UserId, update: Document) -> Result<bool> {
        self.mark_and_update(doc! { "userId": user.as_str() }, update)
            .await
    }

    async fn mark_and_update(&self, filter: Document, mut update: Document) -> Result<bool> {
        update.insert("$currentDate", doc! { MARK: { "$type": "timestamp" } });
        let updated = self.documents.update_many(filter, update).await?;
        Ok(updated.matched_count > 0)
    }

    /// Removes the parts of summaries with this id; returns whether there was one.
    pub(crate) async fn remove_stats(&self, id: &SummaryId) -> Result<bool> {
        let mut ids = vec![Bson::from(id.as_str())];
        ids.extend(ObjectId::parse_str(id.as_str()).ok().map(Bson::from));
        let mut was_there = false;
        for kind in Kind::ALL {
            let path = path(kind);
            let with_id = doc! { format!("{path}.id"): { "$in": &ids } };
            let removal = doc! { "$unset": { path: "" } };
            was_there |= self.mark_and_update(with_id, removal).await?;
        }
        Ok(was_there)
    }
}

fn path(kind: Kind) -> String {
    format!("summary.{}Stats", kind.name())
}

fn is_not_viable(error: &Error) -> bool {
    let ErrorKind::Write(WriteFailure::WriteError(error)) = error.kind.as_ref() else {
        return false;
    };
    error.code == PATH_NOT_VIABLE
}
