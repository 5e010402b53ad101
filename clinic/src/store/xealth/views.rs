//! Collection `xealth_report_view`, which the reference writes: who in a hospital looked at reports of whom.
//!
//! Document: `{_id, userId, deployment, systemLogin?, patientUserId, programId, clinicId, createdTime}`.

use bson::{Document, doc};
use chrono::{DateTime, Utc};
use mongodb::{Collection, Database, IndexModel, error::Result};
use shared_runtime::mongo::ensure_indexes;
use shared_types::{ClinicId, UserId};

use super::super::ids;

/// Looks at reports.
#[derive(Debug, Clone)]
pub(crate) struct Views {
    views: Collection<Document>,
}

/// Who looks at reports of whom.
#[derive(Debug)]
pub(crate) struct View<'a> {
    /// In the hospital.
    pub(crate) viewer: &'a str,
    pub(crate) deployment: &'a str,
    pub(crate) program_id: &'a str,
    pub(crate) clinic: ClinicId,
    pub(crate) patient: &'a UserId,
}

impl Views {
    pub(super) fn on(database: &Database) -> Self {
        Self {
            views: database.collection("xealth_report_view"),
        }
    }

    /// Ensures the index of the query below. The reference has one with a name of its own, on a member that
    /// no document has.
    pub(super) async fn prepare(&self) -> anyhow::Result<()> {
        let keys = doc! {
            "userId": 1, "deployment": 1, "programId": 1, "clinicId": 1, "patientUserId": 1,
            "createdTime": -1,
        };
        ensure_indexes(&self.views, vec![IndexModel::builder().keys(keys).build()]).await
    }

    /// When somebody looked last.
    pub(crate) async fn find_last(&self, view: &View<'_>) -> Result<Option<DateTime<Utc>>> {
        let same = doc! {
            "userId": view.viewer, "deployment": view.deployment, "programId": view.program_id,
            "clinicId": ids::clinic(view.clinic), "patientUserId": view.patient.as_str(),
        };
        let last = self.views.find_one(same).sort(doc! { "createdTime": -1 });
        let last = last.await?;
        let time = last.and_then(|view| view.get_datetime("createdTime").ok().copied());
        Ok(time.map(bson::DateTime::to_chrono))
    }
}
