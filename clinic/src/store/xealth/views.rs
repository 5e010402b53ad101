//! Collection `xealth_report_view`, which the reference wrote as well: who in a hospital looked at reports of whom.
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

impl View<'_> {
    fn document(&self) -> Document {
        doc! {
            "userId": self.viewer, "deployment": self.deployment, "programId": self.program_id,
            "clinicId": ids::clinic(self.clinic), "patientUserId": self.patient.as_str(),
        }
    }
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
        let last = self
            .views
            .find_one(view.document())
            .sort(doc! { "createdTime": -1 });
        let last = last.await?;
        let time = last.and_then(|view| view.get_datetime("createdTime").ok().copied());
        Ok(time.map(bson::DateTime::to_chrono))
    }
    /// Keeps that somebody looked at the time `now`; `login`: the name by which the hospital knows them.
    pub(crate) async fn insert(
        &self,
        view: &View<'_>,
        login: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<()> {
        let mut document = view.document();
        if let Some(login) = login {
            document.insert("systemLogin", login);
        }
        document.insert("createdTime", bson::DateTime::from_chrono(now));
        self.views.insert_one(document).await?;
        Ok(())
    }
}
