//! How many patients clinics have.

use std::{collections::BTreeMap, convert::Infallible};

use bson::{doc, oid::ObjectId};
use futures_util::TryStreamExt;
use mongodb::{ClientSession, error::Result};
use shared_runtime::mongo::transaction;
use shared_types::ClinicId;

use super::{
    super::{ids, patient_document::PatientDocument},
    Patients, Stored, uncounted,
};
use crate::domain::{counts::Counts, patient::Patient};

impl Patients {
    /// How many patients a clinic has: those that are counted, and those that are not yet.
    pub(crate) async fn count(&self, clinic: ClinicId) -> Result<Counts> {
        if self.are_all_counted(clinic).await? {
            return self.tallies.find(clinic).await;
        }
        // Of a patient who is being counted, both must be read at one moment.
        let counted = transaction::<_, Infallible>(self.documents.client(), async |session| {
            Ok(self.count_in(session, clinic).await?)
        });
        Ok(counted.await?)
    }

    /// Whether all patients of a clinic are counted. Whoever is stays so: the numbers that are read next
    /// hold all of them.
    pub(super) async fn are_all_counted(&self, clinic: ClinicId) -> Result<bool> {
        let uncounted = self.documents.find_one(uncounted(clinic));
        let uncounted = uncounted.projection(doc! { "_id": 1 });
        Ok(uncounted.await?.is_none())
    }

    /// The same as [`Self::count`] of several clinics, in two queries; those without a patient are missing.
    pub(crate) async fn count_all(
        &self,
        clinics: &[ClinicId],
    ) -> Result<BTreeMap<ClinicId, Counts>> {
        let mut all = self.tallies.find_all(clinics).await?;
        let patients = self.documents.clone_with_type::<PatientDocument>();
        let ids: Vec<ObjectId> = clinics.iter().copied().map(ids::clinic).collect();
        let mut uncounted = patients
            .find(doc! { "clinicId": { "$in": ids }, "_lane": null })
            .await?;
        while let Some(patient) = uncounted.try_next().await? {
            let patient = Patient::from(patient);
            let counts = all.entry(patient.clinic_id).or_default();
            counts.add(&self.contribution(&patient));
        }
        Ok(all)
    }

    /// The same in the transaction of `session`. Without one, a patient who is counted meanwhile may be
    /// missing.
    pub(crate) async fn count_in(
        &self,
        session: &mut ClientSession,
        clinic: ClinicId,
    ) -> Result<Counts> {
        let mut counts = self.tallies.find_in(session, clinic).await?;
        let patients = self.documents.clone_with_type::<PatientDocument>();
        let uncounted = patients.find(uncounted(clinic)).session(&mut *session);
        let mut uncounted = uncounted.await?;
        while let Some(patient) = uncounted.next(session).await {
            counts.add(&self.contribution(&patient?.into()));
        }
        Ok(counts)
    }

    /// Forgets the numbers of a clinic that is gone.
    pub(crate) async fn forget_counts(
        &self,
        session: &mut ClientSession,
        clinic: ClinicId,
    ) -> Result<()> {
        self.tallies.delete(session, clinic).await
    }

    /// Some patients of the clinic, two at most, to see whether there are others than one.
    pub(crate) async fn find_two_in(
        &self,
        session: &mut ClientSession,
        clinic: ClinicId,
    ) -> Result<Vec<Stored>> {
        let patients = self.documents.clone_with_type::<PatientDocument>();
        let of_clinic = doc! { "clinicId": ids::clinic(clinic) };
        let found = patients.find(of_clinic).limit(2).session(&mut *session);
        let mut found = found.await?;
        let mut two = Vec::new();
        while let Some(patient) = found.next(session).await {
            two.push(patient?.into());
        }
        Ok(two)
    }
}
