//! Clinics that hospital records are connected to.

use bson::{Document, deserialize_from_document, doc};
use futures_util::TryStreamExt;
use mongodb::error::{Error, Result};
use shared_types::ClinicId;

use super::{
    Clinics,
    clinic_document::ClinicDocument,
    ehr_document,
    ids::{self, with_ids},
};
use crate::domain::{clinic::Clinic, ehr_settings::EhrSettings};

/// As many clinics of one source are looked at.
const MAX_CLINICS: i64 = 20;

impl Clinics {
    /// The clinics that take what Redox sends from `source`; two at most, to see whether there are others
    /// than one.
    pub(crate) async fn list_connected(&self, source: &str) -> Result<Vec<(Clinic, EhrSettings)>> {
        let mut connected = of_redox();
        connected.insert("ehrSettings.sourceId", source);
        self.list_with_settings(connected, 2).await
    }

    /// The same of the clinics that take what Xealth sends from `deployment`.
    pub(crate) async fn list_connected_to_xealth(
        &self,
        deployment: &str,
    ) -> Result<Vec<(Clinic, EhrSettings)>> {
        let connected = doc! {
            "ehrSettings.provider": "xealth",
            "ehrSettings.enabled": true,
            "ehrSettings.sourceId": deployment,
        };
        self.list_with_settings(connected, 2).await
    }

    /// The clinics that say that they are connected to `source`, whether or not they take what it sends;
    /// twenty at most.
    pub(crate) async fn list_of_any_source(
        &self,
        source: &str,
    ) -> Result<Vec<(Clinic, EhrSettings)>> {
        let of_source = doc! { "ehrSettings.sourceId": source };
        self.list_with_settings(of_source, MAX_CLINICS).await
    }

    /// Whether a clinic takes what Redox sends.
    pub(crate) async fn is_connected(&self, id: ClinicId) -> Result<bool> {
        let mut connected = of_redox();
        connected.insert("_id", ids::clinic(id));
        let found = self.documents.find_one(connected);
        Ok(found.projection(doc! { "_id": 1 }).await?.is_some())
    }

    /// Those of the clinics with these ids to which reports go upon an upload.
    pub(crate) async fn list_reported_to(&self, ids: &[ClinicId]) -> Result<Vec<ClinicId>> {
        let mut reported_to = of_redox();
        reported_to.extend(with_ids(ids.iter().copied()));
        reported_to.insert("ehrSettings.scheduledReports.onUploadEnabled", true);
        let found = self.documents.find(reported_to);
        let found = found.projection(doc! { "_id": 1 }).await?;
        let id = |clinic: Document| {
            let id = clinic.get_object_id("_id").map_err(Error::custom);
            std::future::ready(id.map(|id| ClinicId::from(id.bytes())))
        };
        found.and_then(id).try_collect().await
    }

    async fn list_with_settings(
        &self,
        filter: Document,
        limit: i64,
    ) -> Result<Vec<(Clinic, EhrSettings)>> {
        let found = self.documents.find(filter).sort(doc! { "_id": 1 });
        let found: Vec<Document> = found.limit(limit).await?.try_collect().await?;
        let clinic = |document: Document| {
            let settings = document.get_document("ehrSettings");
            let settings = ehr_document::read(settings.unwrap_or(&Document::new()));
            let clinic: ClinicDocument =
                deserialize_from_document(document).map_err(Error::custom)?;
            Ok((clinic.into(), settings))
        };
        found.into_iter().map(clinic).collect()
    }
}

fn of_redox() -> Document {
    doc! { "ehrSettings.provider": "redox", "ehrSettings.enabled": true }
}
