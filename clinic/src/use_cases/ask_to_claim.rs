//! A patient whose account a clinic made is asked by mail to claim it. confirm writes and sends the
//! mail.

use anyhow::Context as _;
use mongodb::{ClientSession, error::Error};
use serde::{Deserialize, Serialize};
use shared_runtime::outbox::{Effect, Outbox};
use shared_types::{ClinicId, UserId};

use crate::{State, domain::patient::Patient, use_cases::find_moved::find_moved};

/// Somebody can claim the account that a clinic made for them.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Claimable {
    pub(crate) clinic_id: ClinicId,
    pub(crate) user_id: UserId,
}

impl Effect for Claimable {
    const TOPIC: &'static str = "patients.claimable";

    fn key(&self) -> String {
        format!("claim:{}", self.user_id)
    }
}

/// Writes the row of `patient` in the transaction of the change, if the account can be claimed.
pub(crate) async fn queue(
    outbox: &Outbox,
    session: &mut ClientSession,
    patient: &Patient,
) -> Result<(), Error> {
    if patient.is_claimable() {
        let claimable = Claimable {
            clinic_id: patient.clinic_id,
            user_id: patient.user_id.clone(),
        };
        outbox.enqueue(session, &claimable).await?;
    }
    Ok(())
}

/// Has the mail sent to the address that the account has by now, unless it was claimed meanwhile or
/// the patient has left.
pub(crate) async fn relay(state: &State, claimable: &Claimable) -> anyhow::Result<()> {
    let (clinic, user) = (claimable.clinic_id, &claimable.user_id);
    let patient = find_moved(state, clinic, user).await?;
    let Some(patient) = patient.filter(Patient::is_claimable) else {
        return Ok(());
    };
    let invited_by = patient.invited_by.as_ref();
    let clinic = patient.clinic_id;
    let asked = state.confirm.ask_to_claim(user, clinic, invited_by).await;
    asked.context("confirm")
}
