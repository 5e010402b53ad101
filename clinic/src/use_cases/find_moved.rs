//! A row of the outbox names a patient and a clinic, which has become another one when it is delivered.

use mongodb::error::Error as DatabaseError;
use shared_types::{ClinicId, UserId};

use crate::{State, domain::patient::Patient};

/// As many merges one after the other are followed.
const MAX_MERGES: u32 = 10;

/// The patient of a clinic, or of the one that it was merged into since.
pub(crate) async fn find_moved(
    state: &State,
    clinic: ClinicId,
    user: &UserId,
) -> Result<Option<Patient>, DatabaseError> {
    let (store, mut clinic) = (&state.store, clinic);
    for _ in 0..MAX_MERGES {
        let patient = store.patients.find(clinic, user).await?;
        if patient.is_some() {
            return Ok(patient);
        }
        match store.merges.find_target(clinic).await? {
            Some(target) => clinic = target,
            None => break,
        }
    }
    Ok(None)
}
