//! The clinics that somebody works for, or is a patient of.

use std::collections::HashMap;

use anyhow::anyhow;
use shared_runtime::error::OrFail as _;
use shared_types::{ClinicId, UserId};

use crate::{
    State,
    domain::{clinician::Clinician, patient::Patient},
    error::{Error, Failure},
    use_cases::count_patients::{CountedClinic, all_counted},
};

/// Some of the clinics that `user` works for, each with its clinician, the newest first.
pub(crate) async fn list_of_clinician(
    state: &State,
    user: &UserId,
    offset: u32,
    limit: u32,
) -> Result<Vec<(CountedClinic, Clinician)>, Error> {
    let clinicians = &state.store.clinicians;
    let found = clinicians
        .list_of_user(user, offset, limit)
        .await
        .or_fail(Failure)?;
    with_clinics(state, found, |clinician| clinician.clinic_id).await
}

/// Some of the clinics in which `user` is a patient, each with its patient, by name.
pub(crate) async fn list_of_patient(
    state: &State,
    user: &UserId,
    offset: u32,
    limit: u32,
) -> Result<Vec<(CountedClinic, Patient)>, Error> {
    let patients = &state.store.patients;
    let found = patients
        .list_of_user(user, offset, limit)
        .await
        .or_fail(Failure)?;
    with_clinics(state, found, |patient| patient.clinic_id).await
}

/// Each of `records` with its clinic.
pub(super) async fn with_clinics<R>(
    state: &State,
    records: Vec<R>,
    clinic_of: impl Fn(&R) -> ClinicId,
) -> Result<Vec<(CountedClinic, R)>, Error> {
    let ids: Vec<ClinicId> = records.iter().map(&clinic_of).collect();
    let clinics = state.store.clinics.find_all(&ids).await.or_fail(Failure)?;
    let clinics: HashMap<ClinicId, CountedClinic> = all_counted(state, clinics)
        .await?
        .into_iter()
        .map(|counted| (counted.clinic.id, counted))
        .collect();
    let with_clinic = |record: R| {
        let clinic = clinics.get(&clinic_of(&record)).cloned();
        let clinic = clinic
            .ok_or_else(|| anyhow!("the clinic of a record is gone"))
            .or_fail(Failure)?;
        Ok((clinic, record))
    };
    records.into_iter().map(with_clinic).collect()
}
