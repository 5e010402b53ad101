//! Whom Xealth means: the one clinic that is connected to a deployment, and the one of its patients.

use shared_runtime::error::OrFail as _;
use shared_types::ClinicId;

use super::match_order::{find_alike, only_clinic};
use crate::{
    State,
    domain::{
        Refusal,
        clinic::Clinic,
        ehr_settings::EhrSettings,
        matching::Criterion,
        patient::Patient,
        xealth::{
            asked::{Asked, Unmatched},
            demographics::Demographics,
        },
    },
    error::{Error, Failure},
};

/// The clinic that takes what Xealth sends from a deployment.
pub(crate) async fn connected_clinic(
    state: &State,
    asked: Asked,
    deployment: &str,
) -> Result<(Clinic, EhrSettings), Error> {
    let none = asked.refused(Unmatched::Clinic);
    if deployment.is_empty() {
        return Err(none.into());
    }
    let clinics = &state.store.clinics;
    let connected = clinics.list_connected_to_xealth(deployment).await;
    match only_clinic(connected.or_fail(Failure)?) {
        Err(Refusal::NoMatchingClinic) => Err(none.into()),
        connected => Ok(connected?),
    }
}

/// The patient of a clinic who is meant; `None`: it has nobody like that.
pub(crate) async fn find_patient(
    state: &State,
    clinic: ClinicId,
    who: &Demographics,
    criterion: Criterion,
) -> Result<Option<Patient>, Error> {
    let mut alike = find_alike(state, clinic, &who.sought, &[criterion]).await?;
    let patient = alike.pop();
    if !alike.is_empty() {
        return Err(Refusal::ManyMatchingPatients.into());
    }
    Ok(patient)
}
