//! The profile of an account that a clinic made says what the clinic knows of the patient: who claims
//! the account is asked for the birthday in it. The account is made with it; what changes later follows
//! by a row.

use anyhow::Context as _;
use mongodb::{ClientSession, error::Error};
use serde::{Deserialize, Serialize};
use shared_runtime::{
    outbox::{Effect, Outbox},
    peers::{PeerError, user_api::KnownPatient},
};
use shared_types::{ClinicId, UserId};
use tracing::warn;

use crate::{State, domain::patient::Patient, use_cases::find_moved::find_moved};

/// What is known of a patient, whose account the clinic made, is new.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Described {
    pub(crate) clinic_id: ClinicId,
    pub(crate) user_id: UserId,
}

impl Effect for Described {
    const TOPIC: &'static str = "patients.described";

    /// That of the claim, which needs the birthday: it waits for it.
    fn key(&self) -> String {
        format!("claim:{}", self.user_id)
    }
}

/// Writes the row of `patient` in the transaction of the change, if the clinic made the account.
pub(crate) async fn queue(
    outbox: &Outbox,
    session: &mut ClientSession,
    patient: &Patient,
) -> Result<(), Error> {
    if patient.is_custodial() {
        let described = Described {
            clinic_id: patient.clinic_id,
            user_id: patient.user_id.clone(),
        };
        outbox.enqueue(session, &described).await?;
    }
    Ok(())
}

/// Writes into the profile what is known by now, unless the account was claimed meanwhile or the patient
/// has left.
pub(crate) async fn relay(state: &State, described: &Described) -> anyhow::Result<()> {
    let (clinic, user) = (described.clinic_id, &described.user_id);
    let patient = find_moved(state, clinic, user).await?;
    let Some(patient) = patient.filter(Patient::is_custodial) else {
        return Ok(());
    };
    match state
        .user_api
        .describe_patient(user, &known(&patient))
        .await
    {
        // No repeat makes another profile of it. A patient whom the reference stored may have anything.
        Err(PeerError::Refused { status: 400 | 413 }) => {
            warn!(user.id = %user, "a profile cannot hold what the clinic knows of its patient");
            Ok(())
        }
        written => written.context("user-api"),
    }
}

/// What a profile can say of the patient.
pub(crate) fn known(patient: &Patient) -> KnownPatient<'_> {
    KnownPatient {
        full_name: filled(patient.full_name.as_deref()),
        birth_date: filled(patient.birth_date.as_deref()),
        mrn: filled(patient.mrn.as_deref()),
        target_devices: patient.target_devices.as_deref(),
    }
}

fn filled(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.trim().is_empty())
}
