//! How many patients clinics have, and how many of them each tag and site has.

use std::collections::BTreeMap;

use shared_runtime::error::OrFail as _;
use shared_types::ClinicId;

use crate::{
    State,
    domain::{Refusal, clinic::Clinic, counts::Counts},
    error::{Error, Failure},
};

/// A clinic with how many patients each of its tags and sites has.
#[derive(Debug, Clone)]
pub(crate) struct CountedClinic {
    pub(crate) clinic: Clinic,
    pub(crate) counts: Counts,
}

/// Counts the patients of a clinic by tag and site.
pub(crate) async fn counted(state: &State, clinic: Clinic) -> Result<CountedClinic, Error> {
    let counts = if has_labels(&clinic) {
        state
            .store
            .patients
            .count(clinic.id)
            .await
            .or_fail(Failure)?
    } else {
        Counts::default()
    };
    Ok(CountedClinic { clinic, counts })
}

/// The same of a list of clinics, in as many queries as of one.
pub(crate) async fn all_counted(
    state: &State,
    clinics: Vec<Clinic>,
) -> Result<Vec<CountedClinic>, Error> {
    let labelled = clinics.iter().filter(|clinic| has_labels(clinic));
    let ids: Vec<ClinicId> = labelled.map(|clinic| clinic.id).collect();
    let mut counts = if ids.is_empty() {
        BTreeMap::new()
    } else {
        state
            .store
            .patients
            .count_all(&ids)
            .await
            .or_fail(Failure)?
    };
    let clinics = clinics.into_iter().map(|clinic| {
        let counts = counts.remove(&clinic.id).unwrap_or_default();
        CountedClinic { clinic, counts }
    });
    Ok(clinics.collect())
}

/// Whether there is anything by which its patients are counted.
fn has_labels(clinic: &Clinic) -> bool {
    !clinic.sites.is_empty() || clinic.tags.as_ref().is_some_and(|tags| !tags.is_empty())
}

/// How many patients a clinic has.
pub(crate) async fn count(state: &State, clinic: ClinicId) -> Result<Counts, Error> {
    let clinics = &state.store.clinics;
    if !clinics.contains(clinic).await.or_fail(Failure)? {
        return Err(Refusal::ClinicNotFound.into());
    }
    Ok(state.store.patients.count(clinic).await.or_fail(Failure)?)
}

/// Writes how many patients a clinic has into its document, where programs of the reference read it.
pub(crate) async fn refresh(state: &State, clinic: ClinicId) -> Result<(), Error> {
    state
        .store
        .change(clinic, async |session| {
            let store = &state.store;
            let counts = store.patients.count_in(session, clinic).await?;
            let clinics = &store.clinics;
            if clinics.set_patient_count(session, clinic, &counts).await? {
                Ok(())
            } else {
                Err(Refusal::ClinicNotFound.into())
            }
        })
        .await
        .or_fail(Failure)
}
