//! People get mails about what happens in a clinic. confirm writes and sends them.

use anyhow::Context as _;
use bson::oid::ObjectId;
use mongodb::{ClientSession, error::Error};
use serde::{Deserialize, Serialize};
use shared_runtime::outbox::Effect;
use shared_types::{ClinicEvent, ClinicId, ClinicNotice, UserId};

use crate::State;

/// Something happened about which the owner of an account gets a mail.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Happened {
    /// A repeat of the notice has the same.
    pub(crate) id: String,
    pub(crate) notice: ClinicNotice,
}

impl Effect for Happened {
    const TOPIC: &'static str = "clinics.notices";

    /// Mails need not wait for each other.
    fn key(&self) -> String {
        format!("notice:{}", self.id)
    }
}

/// Writes the row from which the owner of `user` gets a mail about `event`, in the transaction of the change.
pub(crate) async fn queue(
    state: &State,
    session: &mut ClientSession,
    event: ClinicEvent,
    clinic_id: ClinicId,
    user: &UserId,
) -> Result<(), Error> {
    let happened = Happened {
        id: ObjectId::new().to_hex(),
        notice: ClinicNotice {
            event,
            clinic_id,
            user_id: user.clone(),
        },
    };
    state.outbox.enqueue(session, &happened).await?;
    Ok(())
}

/// Has the mail sent, unless the account has left the clinic meanwhile.
pub(crate) async fn relay(state: &State, happened: &Happened) -> anyhow::Result<()> {
    let ClinicNotice {
        event,
        clinic_id,
        ref user_id,
    } = happened.notice;
    let is_there = match event {
        ClinicEvent::Created
        | ClinicEvent::RolesChanged
        | ClinicEvent::MigrationStarted
        | ClinicEvent::MigrationCompleted => {
            state.store.clinicians.contains(clinic_id, user_id).await?
        }
        ClinicEvent::UploadReminder | ClinicEvent::ConnectionRequest => {
            let patient = state.store.patients.find(clinic_id, user_id).await?;
            patient.is_some()
        }
    };
    // The demo patient is nobody, and a patient of every clinic.
    if !is_there || state.demo_patient.as_ref() == Some(user_id) {
        return Ok(());
    }
    let reported = state
        .confirm
        .report_clinic_event(&happened.id, &happened.notice);
    reported.await.context("confirm")
}
