//! Gatekeeper hears who works for a clinic and who its patients are, so that clinicians see what
//! patients share with it.
//!
//! A row says that a relation changed, not how: what holds is read when the row is delivered, and
//! goes out under the number of the row. So no row carries anything stale, and of two deliveries the
//! one that knows less has the smaller number, which gatekeeper ignores after the greater one.

use anyhow::Context as _;
use mongodb::{ClientSession, error::Error};
use serde::{Deserialize, Serialize};
use shared_runtime::outbox::{Effect, Outbox};
use shared_types::{ClinicId, ClinicianRelation, PatientRelation, UserId};

use crate::{State, domain::patient::Patient};

/// Somebody works for a clinic, or does so no more.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ClinicianChanged {
    pub(crate) clinic_id: ClinicId,
    pub(crate) user_id: UserId,
}

/// Writes the row of a clinician in the transaction of the change.
pub(crate) async fn clinician(
    state: &State,
    session: &mut ClientSession,
    clinic_id: ClinicId,
    user: &UserId,
) -> Result<(), Error> {
    let user_id = user.clone();
    let changed = ClinicianChanged { clinic_id, user_id };
    state.outbox.enqueue(session, &changed).await?;
    Ok(())
}

impl Effect for ClinicianChanged {
    const TOPIC: &'static str = "clinicians.changed";

    fn key(&self) -> String {
        format!("clinician:{}:{}", self.clinic_id, self.user_id)
    }
}

/// Says whether the clinician works for the clinic.
pub(crate) async fn relay_clinician(
    state: &State,
    changed: &ClinicianChanged,
    revision: i64,
) -> anyhow::Result<()> {
    let (clinic, user) = (changed.clinic_id, &changed.user_id);
    let gatekeeper = &state.gatekeeper;
    if state.store.clinicians.contains(clinic, user).await? {
        let relation = ClinicianRelation { revision };
        gatekeeper.set_clinician(clinic, user, &relation).await
    } else {
        gatekeeper.remove_clinician(clinic, user, revision).await
    }
    .context("gatekeeper")
}

/// Somebody is a patient of a clinic, gives it other permissions, or is its patient no more.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PatientChanged {
    pub(crate) clinic_id: ClinicId,
    pub(crate) user_id: UserId,
}

/// Writes the row of a patient in the transaction of the change.
pub(crate) async fn patient(
    state: &State,
    session: &mut ClientSession,
    patient: &Patient,
) -> Result<(), Error> {
    patients(&state.outbox, session, std::slice::from_ref(patient)).await
}

/// The same of several patients.
pub(crate) async fn patients(
    outbox: &Outbox,
    session: &mut ClientSession,
    patients: &[Patient],
) -> Result<(), Error> {
    let changed = patients.iter().map(|patient| PatientChanged {
        clinic_id: patient.clinic_id,
        user_id: patient.user_id.clone(),
    });
    outbox.enqueue_all(session, changed).await
}

impl Effect for PatientChanged {
    const TOPIC: &'static str = "patients.changed";

    fn key(&self) -> String {
        format!("patient:{}:{}", self.clinic_id, self.user_id)
    }
}

/// Says what the clinic may do on the account of its patient.
pub(crate) async fn relay_patient(
    state: &State,
    changed: &PatientChanged,
    revision: i64,
) -> anyhow::Result<()> {
    let (clinic, user) = (changed.clinic_id, &changed.user_id);
    let gatekeeper = &state.gatekeeper;
    let patient = state.store.patients.find(clinic, user).await?;
    let permissions = patient.and_then(|patient| patient.permissions);
    match permissions.filter(|permissions| !permissions.is_empty()) {
        Some(permissions) => {
            let relation = PatientRelation {
                revision,
                permissions,
            };
            gatekeeper.set_patient(clinic, user, &relation).await
        }
        None => gatekeeper.remove_patient(clinic, user, revision).await,
    }
    .context("gatekeeper")
}
