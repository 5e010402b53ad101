//! A clinic that has to be there.

use shared_runtime::error::OrFail as _;
use shared_types::ClinicId;

use crate::{
    State,
    domain::{Refusal, clinic::Clinic},
    error::{Error, Failure},
};

/// The clinic with this id.
pub(crate) async fn find_clinic(state: &State, id: ClinicId) -> Result<Clinic, Error> {
    let clinic = state.store.clinics.find(id).await.or_fail(Failure)?;
    Ok(clinic.ok_or(Refusal::ClinicNotFound)?)
}
