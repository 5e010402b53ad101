//! Patients of all clinics that somebody works for.

use shared_runtime::error::OrFail as _;
use shared_types::{ClinicId, UserId};

use super::{count_patients::CountedClinic, list_clinics::with_clinics};
use crate::{
    State,
    domain::patient::Patient,
    error::{Error, Failure},
    store::PatientIdentity,
};

/// How many clinics of a clinician are looked at.
const MAX_CLINICS: u32 = 1_000;

/// Which of the clinics are looked at.
#[derive(Debug)]
pub(crate) enum Workspace {
    /// The one with this id.
    Clinic(String),
    /// Those that hospital records know under this id.
    Source(String),
}

/// Some of the patients who are called so, each with its clinic, by name.
pub(crate) async fn find_patients(
    state: &State,
    clinician: &UserId,
    workspace: Option<&Workspace>,
    identity: &PatientIdentity,
    (offset, limit): (u32, u32),
) -> Result<Vec<(CountedClinic, Patient)>, Error> {
    let clinics = clinics_of(state, clinician, workspace).await?;
    if clinics.is_empty() {
        return Ok(Vec::new());
    }
    let patients = &state.store.patients;
    let found = patients
        .list_called(&clinics, identity, offset, limit)
        .await
        .or_fail(Failure)?;
    with_clinics(state, found, |patient| patient.clinic_id).await
}

async fn clinics_of(
    state: &State,
    clinician: &UserId,
    workspace: Option<&Workspace>,
) -> Result<Vec<ClinicId>, Error> {
    let clinicians = &state.store.clinicians;
    let records = clinicians
        .list_of_user(clinician, 0, MAX_CLINICS)
        .await
        .or_fail(Failure)?
        .into_iter();
    let mut clinics: Vec<ClinicId> = records.map(|record| record.clinic_id).collect();
    match workspace {
        None => {}
        Some(Workspace::Clinic(id)) => {
            let id: Option<ClinicId> = id.parse().ok();
            clinics.retain(|clinic| Some(*clinic) == id);
        }
        Some(Workspace::Source(source)) => {
            clinics = state
                .store
                .clinics
                .list_of_source(&clinics, source)
                .await
                .or_fail(Failure)?;
        }
    }
    Ok(clinics)
}
