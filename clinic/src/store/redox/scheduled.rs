//! Collection `scheduledSummaryAndReportsOrders`, which the reference wrote as well: reports that are to go
//! out, each with the order that asked for it.
//!
//! Document: `{_id, userId, clinicId, createdTime, lastMatchedOrder: <message>, precedingDocument?: {_id,
//! createdTime}}`. Whoever sends the reports watches the collection; documents go after 90 days.

use std::{collections::BTreeMap, time::Duration};

use bson::{DateTime, Document, doc, oid::ObjectId};
use futures_util::TryStreamExt;
use mongodb::{
    Collection, Database, IndexModel,
    error::{Error, ErrorKind, Result},
    options::IndexOptions,
};
use sha2::{Digest as _, Sha256};
use shared_runtime::mongo::ensure_indexes;
use shared_types::{ClinicId, MessageId, UserId};

use super::super::ids;

const NAME: &str = "scheduledSummaryAndReportsOrders";
/// How long they stay.
const KEPT: Duration = Duration::from_hours(90 * 24);
/// Bytes of documents that are written at once.
const PORTION: usize = 4 << 20;

/// Reports that are to go out.
#[derive(Debug, Clone)]
pub(crate) struct ScheduledReports {
    scheduled: Collection<Document>,
    messages: Collection<Document>,
}

/// A report of a patient that is to go out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Scheduling {
    pub(crate) clinic: ClinicId,
    pub(crate) user: UserId,
    /// The last order.
    pub(crate) order: MessageId,
}

impl ScheduledReports {
    pub(super) fn on(database: &Database) -> Self {
        Self {
            scheduled: database.collection(NAME),
            messages: database.collection("redox"),
        }
    }

    /// Ensures the indexes, which are the reference's, with its names.
    pub(super) async fn prepare(&self) -> anyhow::Result<()> {
        let named = |name: &str| IndexOptions::builder().name(name.to_owned());
        let by_order = doc! { "lastMatchedOrder._id": 1, "createdTime": -1 };
        let indexes = vec![
            IndexModel::builder()
                .keys(by_order)
                .options(named("LastMatchedOrderByID").build())
                .build(),
            IndexModel::builder()
                .keys(doc! { "createdTime": 1 })
                .options(
                    named("CleanupExpiredRescheduledOrdersAfter90d")
                        .expire_after(KEPT)
                        .build(),
                )
                .build(),
        ];
        ensure_indexes(&self.scheduled, indexes).await
    }

    /// Schedules reports at the time `now`, in the run called `run`: what is written of it already stays
    /// as it is. Without the message there is no report.
    pub(crate) async fn insert(
        &self,
        run: &str,
        reports: &[Scheduling],
        now: DateTime,
    ) -> Result<()> {
        let mut by_order: BTreeMap<ObjectId, Vec<&Scheduling>> = BTreeMap::new();
        for report in reports {
            let order = ObjectId::from_bytes(report.order.bytes());
            by_order.entry(order).or_default().push(report);
        }
        let orders: Vec<ObjectId> = by_order.keys().copied().collect();
        let preceding = vec![
            doc! { "$match": { "createdTime": { "$lt": now } } },
            doc! { "$sort": { "createdTime": -1 } },
            doc! { "$limit": 1 },
            doc! { "$project": { "createdTime": 1 } },
        ];
        let pipeline = [
            doc! { "$match": { "_id": { "$in": orders } } },
            doc! { "$unset": ["_source", "_key", "_sequence"] },
            doc! { "$lookup": {
                "from": NAME, "localField": "_id", "foreignField": "lastMatchedOrder._id",
                "pipeline": preceding, "as": "_preceding",
            } },
        ];
        let mut found = self.messages.aggregate(pipeline).await?;
        let mut portion = Vec::new();
        let mut bytes = 0;
        while let Some(mut message) = found.try_next().await? {
            let preceding = message.remove("_preceding");
            let preceding = preceding
                .as_ref()
                .and_then(|found| found.as_array()?.first()?.as_document().cloned());
            let order = message.get_object_id("_id").map_err(Error::custom)?;
            let size = bson::serialize_to_vec(&message)
                .map_err(Error::custom)?
                .len();
            for report in by_order.remove(&order).unwrap_or_default() {
                let mut document = doc! {
                    "_id": id_of(run, report, now),
                    "userId": report.user.as_str(),
                    "clinicId": ids::clinic(report.clinic),
                    "createdTime": now,
                    "lastMatchedOrder": message.clone(),
                };
                if let Some(preceding) = &preceding {
                    document.insert("precedingDocument", preceding.clone());
                }
                portion.push(document);
                bytes += size;
                if bytes >= PORTION {
                    self.write(std::mem::take(&mut portion)).await?;
                    bytes = 0;
                }
            }
        }
        self.write(portion).await
    }

    /// Writes what is not there.
    async fn write(&self, portion: Vec<Document>) -> Result<()> {
        if portion.is_empty() {
            return Ok(());
        }
        match self.scheduled.insert_many(portion).ordered(false).await {
            Err(error) if is_there(&error) => Ok(()),
            written => written.map(drop),
        }
    }
}

/// Whether nothing failed but that some documents are there already.
fn is_there(error: &Error) -> bool {
    const DUPLICATE_KEY: i32 = 11000;
    match error.kind.as_ref() {
        ErrorKind::InsertMany(failed) => {
            let failures = failed.write_errors.iter().flatten();
            let mut codes = failures.map(|failure| failure.code);
            failed.write_concern_error.is_none() && codes.all(|code| code == DUPLICATE_KEY)
        }
        _ => false,
    }
}

/// The id of a document: that of the same report of the same run.
fn id_of(run: &str, report: &Scheduling, now: DateTime) -> ObjectId {
    let of_report = format!("{run} {} {}", report.clinic, report.user);
    let digest = Sha256::digest(of_report.as_bytes());
    let seconds = u32::try_from(now.timestamp_millis() / 1_000).unwrap_or_default();
    let mut bytes = [0; 12];
    bytes[..4].copy_from_slice(&seconds.to_be_bytes());
    bytes[4..].copy_from_slice(&digest[..8]);
    ObjectId::from_bytes(bytes)
}

#[cfg(test)]
mod tests {
    use bson::DateTime;

    use super::{Scheduling, id_of};

    #[test]
    fn a_report_of_a_run_has_one_id() {
        let report = |user: &str| Scheduling {
            clinic: [1; 12].into(),
            user: user.into(),
            order: [2; 12].into(),
        };
        let now = DateTime::from_millis(1_000_000);
        let id = id_of("a", &report("alice"), now);
        assert_eq!(id, id_of("a", &report("alice"), now));
        assert_eq!(id.timestamp(), now);
        for other in [
            id_of("b", &report("alice"), now),
            id_of("a", &report("bob"), now),
        ] {
            assert_ne!(id, other);
        }
    }
}
