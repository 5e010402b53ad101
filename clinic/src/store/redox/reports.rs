//! Collection `redox_orders`: what was done with each order.
//!
//! Document: `{_id: id of the message, source, sequence, action, outcome, reason, clinicId, userId,
//! processedTime}`. It is written in the transaction of what was done, so an order that is worked off twice
//! does nothing the second time.

use bson::{DateTime, Document, doc, oid::ObjectId};
use futures_util::TryStreamExt;
use mongodb::{
    ClientSession, Collection, Database, IndexModel,
    error::{Error, Result},
};
use serde::{Deserialize, Serialize};
use shared_runtime::mongo::{ONE_BATCH, ensure_indexes, is_duplicate_key};
use shared_types::{ClinicId, MessageId, UserId};
use utoipa::ToSchema;

use super::super::ids;

/// What was done with orders.
#[derive(Debug, Clone)]
pub(crate) struct Reports {
    reports: Collection<Document>,
}

/// What was done with an order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OrderReport {
    pub(crate) id: MessageId,
    pub(crate) source: String,
    pub(crate) sequence: i64,
    /// What it asked for; `None`: nothing in the codes of a clinic.
    pub(crate) action: Option<String>,
    pub(crate) outcome: OrderOutcome,
    /// Why nothing was done.
    pub(crate) reason: Option<String>,
    pub(crate) clinic: Option<ClinicId>,
    pub(crate) user: Option<UserId>,
    pub(crate) processed_time: DateTime,
}

/// How an order ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum OrderOutcome {
    /// Reports go out from then on.
    Enabled,
    /// They do not.
    Disabled,
    /// The patient had been changed by this order before.
    Unchanged,
    /// The patient has an account.
    Created,
    /// The same, and reports go out.
    CreatedAndEnabled,
    /// It is a test, or asks for nothing that the clinic knows.
    Ignored,
    /// A rule forbids it.
    Refused,
    /// Something that should work did not, however often it was tried.
    Failed,
}

impl OrderOutcome {
    const ALL: [Self; 8] = [
        Self::Enabled,
        Self::Disabled,
        Self::Unchanged,
        Self::Created,
        Self::CreatedAndEnabled,
        Self::Ignored,
        Self::Refused,
        Self::Failed,
    ];

    /// The name, as it is stored and shown.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Enabled => "enabled",
            Self::Disabled => "disabled",
            Self::Unchanged => "unchanged",
            Self::Created => "created",
            Self::CreatedAndEnabled => "createdAndEnabled",
            Self::Ignored => "ignored",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }

    /// Whether it may be tried again: nothing was done.
    pub(crate) fn did_nothing(self) -> bool {
        matches!(self, Self::Ignored | Self::Refused | Self::Failed)
    }
}

/// Which reports a list shows; all of it holds for each.
#[derive(Debug, Default)]
pub(crate) struct ReportFilter {
    pub(crate) clinic: Option<ClinicId>,
    pub(crate) outcome: Option<OrderOutcome>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReportDocument {
    #[serde(rename = "_id")]
    id: ObjectId,
    source: String,
    sequence: i64,
    action: Option<String>,
    outcome: OrderOutcome,
    reason: Option<String>,
    clinic_id: Option<ObjectId>,
    user_id: Option<UserId>,
    processed_time: DateTime,
}

impl From<ReportDocument> for OrderReport {
    fn from(document: ReportDocument) -> Self {
        Self {
            id: document.id.bytes().into(),
            source: document.source,
            sequence: document.sequence,
            action: document.action,
            outcome: document.outcome,
            reason: document.reason,
            clinic: document.clinic_id.map(|id| id.bytes().into()),
            user: document.user_id,
            processed_time: document.processed_time,
        }
    }
}

impl Reports {
    pub(super) fn on(database: &Database) -> Self {
        Self {
            reports: database.collection("redox_orders"),
        }
    }

    /// Ensures the indexes of the lists below.
    pub(super) async fn prepare(&self) -> anyhow::Result<()> {
        let newest = |mut keys: Document| {
            keys.extend(doc! { "processedTime": -1, "_id": -1 });
            IndexModel::builder().keys(keys).build()
        };
        let indexes = vec![
            newest(doc! {}),
            newest(doc! { "clinicId": 1 }),
            newest(doc! { "outcome": 1 }),
            newest(doc! { "clinicId": 1, "outcome": 1 }),
        ];
        ensure_indexes(&self.reports, indexes).await
    }

    /// What was done with an order; `None`: nothing yet.
    pub(crate) async fn find(&self, id: MessageId) -> Result<Option<OrderReport>> {
        let reports = self.reports.clone_with_type::<ReportDocument>();
        Ok(reports.find_one(with_id(id)).await?.map(Into::into))
    }

    /// Whether something was done with an order, in the transaction of `session`.
    pub(crate) async fn is_done_in(
        &self,
        session: &mut ClientSession,
        id: MessageId,
    ) -> Result<bool> {
        let reports = self.reports.clone_with_type::<ReportDocument>();
        let found = reports.find_one(with_id(id)).session(session).await?;
        Ok(found.is_some_and(|report| !report.outcome.did_nothing()))
    }

    /// Some of them, the newest first.
    pub(crate) async fn list(
        &self,
        filter: &ReportFilter,
        offset: u32,
        limit: u32,
    ) -> Result<Vec<OrderReport>> {
        let reports = self.reports.clone_with_type::<ReportDocument>();
        let mut query = Document::new();
        if let Some(clinic) = filter.clinic {
            query.insert("clinicId", ids::clinic(clinic));
        }
        if let Some(outcome) = filter.outcome {
            query.insert("outcome", outcome.name());
        }
        let found = reports.find(query);
        let found = found.sort(doc! { "processedTime": -1, "_id": -1 });
        let found = found.skip(offset.into()).limit(limit.into());
        let found = found.batch_size(limit.min(ONE_BATCH)).await?;
        found.map_ok(Into::into).try_collect().await
    }

    /// Notes what was done, in the transaction of `session`.
    pub(crate) async fn set_in(
        &self,
        session: &mut ClientSession,
        report: &OrderReport,
    ) -> Result<()> {
        self.reports
            .replace_one(with_id(report.id), document(report)?)
            .upsert(true)
            .session(session)
            .await?;
        Ok(())
    }

    /// Notes that nothing was done, unless something was.
    pub(crate) async fn set_undone(&self, report: &OrderReport) -> Result<()> {
        let nothing = OrderOutcome::ALL
            .into_iter()
            .filter(|outcome| outcome.did_nothing());
        let nothing: Vec<&str> = nothing.map(OrderOutcome::name).collect();
        let mut undone = with_id(report.id);
        undone.insert("outcome", doc! { "$in": nothing });
        let set = self.reports.replace_one(undone, document(report)?);
        match set.upsert(true).await {
            // It is there with something that was done.
            Err(error) if is_duplicate_key(&error) => Ok(()),
            set => set.map(drop),
        }
    }
}

fn with_id(id: MessageId) -> Document {
    doc! { "_id": ObjectId::from_bytes(id.bytes()) }
}

fn document(report: &OrderReport) -> Result<Document> {
    let mut document = doc! {
        "_id": ObjectId::from_bytes(report.id.bytes()),
        "source": &report.source,
        "sequence": report.sequence,
        "action": report.action.as_deref(),
        "outcome": report.outcome.name(),
        "reason": report.reason.as_deref(),
        "clinicId": report.clinic.map(ids::clinic),
    };
    let user = bson::serialize_to_bson(&report.user).map_err(Error::custom)?;
    document.insert("userId", user);
    document.insert("processedTime", report.processed_time);
    Ok(document)
}
