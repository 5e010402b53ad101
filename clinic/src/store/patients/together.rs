//! Look-ups that share round trips: of patients, and of what every list of a clinic's patients asks.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use bson::{Document, doc};
use futures_util::{TryStreamExt, future::try_join_all};
use mongodb::{
    Collection,
    error::{Error, Result},
};
use shared_runtime::{batches::Batcher, mongo::ONE_BATCH};
use shared_types::{ClinicId, UserId};

use super::{Stored, patient_document::PatientDocument, uncounted};
use crate::domain::patient::Patient;
use crate::store::{Job, Jobs, Tallies, ids::of_users, tallies::Standing};

/// The batches of one worker thread.
#[derive(Debug, Clone)]
pub(super) struct Together {
    patients: Batcher<(ClinicId, UserId), Option<Arc<Patient>>, Error>,
    standings: Batcher<ClinicId, Option<Standing>, Error>,
    jobs: Batcher<ClinicId, Arc<Vec<Job>>, Error>,
}

impl Together {
    /// Starts the tasks that gather; they end with the last clone.
    pub(super) fn on(documents: &Collection<Document>, tallies: &Tallies, jobs: &Jobs) -> Self {
        let patients: Collection<PatientDocument> = documents.clone_with_type();
        let (documents, tallies, jobs) = (documents.clone(), tallies.clone(), jobs.clone());
        let jobs_of_patients = jobs.clone();
        Self {
            patients: Batcher::start("patients", move |asked| {
                let (patients, jobs) = (patients.clone(), jobs_of_patients.clone());
                async move { find_all(&patients, &jobs, asked).await }
            }),
            standings: Batcher::start("standings", move |clinics| {
                let (documents, tallies) = (documents.clone(), tallies.clone());
                async move { standings(&documents, &tallies, clinics).await }
            }),
            jobs: Batcher::start("jobs", move |clinics| {
                let jobs = jobs.clone();
                async move { jobs_of(&jobs, clinics).await }
            }),
        }
    }

    /// The patient of a clinic, after the jobs that hold for it.
    pub(super) async fn find(&self, clinic: ClinicId, user: &UserId) -> Result<Option<Patient>> {
        let found = self.patients.add_repeatable((clinic, user.clone()));
        Ok(found.await?.map(Arc::unwrap_or_clone))
    }

    /// How far a clinic is; `None`: it has patients that are not counted yet, or that become another
    /// clinic's.
    pub(super) async fn find_standing(&self, clinic: ClinicId) -> Result<Option<Standing>> {
        let standing = self.standings.add_repeatable(clinic);
        Ok(standing.await?)
    }

    /// The jobs of a clinic, in the order in which they were made, done ones perhaps.
    pub(super) async fn list_jobs(&self, clinic: ClinicId) -> Result<Arc<Vec<Job>>> {
        let jobs = self.jobs.add_repeatable(clinic);
        Ok(jobs.await?)
    }
}

async fn find_all(
    patients: &Collection<PatientDocument>,
    jobs: &Jobs,
    asked: Vec<(ClinicId, UserId)>,
) -> Result<Vec<Option<Arc<Patient>>>> {
    let any = of_users(asked.iter().map(|(clinic, user)| (*clinic, user.as_str())));
    let found = patients.find(any).batch_size(ONE_BATCH).await?;
    let found: Vec<Stored> = found.map_ok(Into::into).try_collect().await?;
    let labelled = found.iter().filter(|stored| stored.has_labels());
    let clinics: Vec<ClinicId> = labelled.map(|stored| stored.patient.clinic_id).collect();
    // After the patients: whatever job was done in between is known a minute longer.
    let jobs = if clinics.is_empty() {
        Vec::new()
    } else {
        jobs.list_all(&distinct(&clinics)).await?
    };
    let found = found.into_iter().map(|stored| {
        let whose = (stored.patient.clinic_id, stored.patient.user_id.clone());
        (whose, Arc::new(stored.after(&jobs)))
    });
    let found: HashMap<_, Arc<Patient>> = found.collect();
    Ok(asked
        .iter()
        .map(|whose| found.get(whose).cloned())
        .collect())
}

/// Whoever is counted stays so: the numbers that are read last hold all patients of a clinic without
/// others.
async fn standings(
    documents: &Collection<Document>,
    tallies: &Tallies,
    clinics: Vec<ClinicId>,
) -> Result<Vec<Option<Standing>>> {
    let each = distinct(&clinics);
    let are_counted = each.iter().map(async |clinic| {
        let found = documents.find_one(uncounted(*clinic));
        let found = found.projection(doc! { "_id": 1 }).await?;
        Ok::<_, Error>((*clinic, found.is_none()))
    });
    let are_counted: BTreeMap<ClinicId, bool> =
        try_join_all(are_counted).await?.into_iter().collect();
    let standings = tallies.find_standings(&each).await?;
    let standing = |clinic: &ClinicId| {
        let standing = standings.get(clinic).copied().unwrap_or_default();
        (are_counted[clinic] && !standing.is_leaving).then_some(standing)
    };
    Ok(clinics.iter().map(standing).collect())
}

async fn jobs_of(jobs: &Jobs, clinics: Vec<ClinicId>) -> Result<Vec<Arc<Vec<Job>>>> {
    let mut of_clinics: BTreeMap<ClinicId, Vec<Job>> = BTreeMap::new();
    for job in jobs.list_all(&distinct(&clinics)).await? {
        of_clinics.entry(job.clinic()).or_default().push(job);
    }
    let of_clinics: BTreeMap<ClinicId, Arc<Vec<Job>>> = of_clinics
        .into_iter()
        .map(|(clinic, jobs)| (clinic, Arc::new(jobs)))
        .collect();
    let of_clinic = |clinic| of_clinics.get(clinic).cloned().unwrap_or_default();
    Ok(clinics.iter().map(of_clinic).collect())
}

fn distinct(clinics: &[ClinicId]) -> Vec<ClinicId> {
    let mut each = clinics.to_vec();
    each.sort_unstable();
    each.dedup();
    each
}
