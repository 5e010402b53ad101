//! Collection `patients`: changes of several patients at once.

use std::collections::BTreeMap;

use bson::{Bson, Document, deserialize_from_document, doc};
use mongodb::{
    ClientSession,
    error::{Error, Result},
};
use shared_types::{ClinicId, UserId};

use super::{Lane, Patients, Stored, ids, patient_document::PatientDocument, patients::uncounted};
use crate::domain::{
    counts::Counts,
    patient::{Patient, PatientChange},
};

/// As many patients change in one transaction, which others wait for.
const BATCH: u16 = 200;

impl Patients {
    /// Removes some of the patients whose accounts the clinic did not make, by account those after
    /// `after`; returns what they were, in that order, for the archive.
    pub(crate) async fn delete_shared(
        &self,
        session: &mut ClientSession,
        clinic: ClinicId,
        after: Option<&UserId>,
    ) -> Result<Vec<Document>> {
        let mut shared = doc! { "clinicId": ids::clinic(clinic), "permissions.custodian": null };
        if let Some(after) = after {
            shared.insert("userId", doc! { "$gt": after.as_str() });
        }
        let found = self.documents.find(shared).sort(doc! { "userId": 1 });
        let mut found = found.limit(BATCH.into()).session(&mut *session).await?;
        let mut documents = Vec::new();
        while let Some(document) = found.next(session).await {
            documents.push(document?);
        }
        self.count_out(session, clinic, &mut documents).await?;
        let gone: Vec<Bson> = documents.iter().filter_map(id_of).collect();
        self.documents
            .delete_many(doc! { "_id": { "$in": gone } })
            .session(session)
            .await?;
        Ok(documents)
    }

    /// The first clinic with patients after `after`.
    pub(crate) async fn next_clinic(&self, after: Option<ClinicId>) -> Result<Option<ClinicId>> {
        let rest = after.map(|after| doc! { "clinicId": { "$gt": ids::clinic(after) } });
        let first = self.documents.find_one(rest.unwrap_or_default());
        let first = first.sort(doc! { "clinicId": 1, "userId": 1 });
        let found = first.projection(doc! { "_id": 0, "clinicId": 1 }).await?;
        let clinic = found.and_then(|patient| patient.get_object_id("clinicId").ok());
        Ok(clinic.map(|clinic| clinic.bytes().into()))
    }

    /// Counts some of the patients of a clinic that are not counted yet, in all lanes alike; returns
    /// whether there may be more, and how many it were.
    pub(crate) async fn count_some(
        &self,
        session: &mut ClientSession,
        clinic: ClinicId,
    ) -> Result<(bool, usize)> {
        let patients = self.documents.clone_with_type::<PatientDocument>();
        let found = patients.find(uncounted(clinic)).limit(BATCH.into());
        let mut found = found.session(&mut *session).await?;
        let mut batch = Vec::<Stored>::new();
        while let Some(patient) = found.next(session).await {
            batch.push(patient?.into());
        }
        let counted = |_: &Patient| Some(PatientChange::default());
        self.update_all(session, clinic, &batch, counted).await?;
        Ok((batch.len() >= usize::from(BATCH), batch.len()))
    }

    /// About how many patients of all clinics are yet to be counted.
    pub(crate) async fn estimate_uncounted(&self) -> Result<i64> {
        let all = self.documents.estimated_document_count().await?;
        let all = i64::try_from(all).unwrap_or(i64::MAX);
        Ok((all - self.tallies.total().await?).max(0))
    }

    /// Counts patients that are removed no longer, and notes in them the version at which they go.
    async fn count_out(
        &self,
        session: &mut ClientSession,
        clinic: ClinicId,
        documents: &mut [Document],
    ) -> Result<()> {
        let elsewhere = Lane::random();
        let mut lanes = BTreeMap::<Lane, (Counts, Vec<&mut Document>)>::new();
        for document in documents {
            let read: PatientDocument =
                deserialize_from_document(document.clone()).map_err(Error::custom)?;
            let stored = Stored::from(read);
            let (counts, of_lane) = lanes.entry(stored.lane.unwrap_or(elsewhere)).or_default();
            if stored.lane.is_some() {
                counts.add(&self.contribution(&stored.patient));
            }
            of_lane.push(document);
        }
        for (lane, (counts, of_lane)) in lanes {
            let difference = Counts::default().since(&counts);
            let version = self.tallies.add(session, clinic, lane, &difference).await?;
            for document in of_lane {
                document.extend(doc! { "_lane": lane.0, "_version": version });
            }
        }
        Ok(())
    }
}

fn id_of(document: &Document) -> Option<Bson> {
    document.get("_id").cloned()
}
