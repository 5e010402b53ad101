//! An invitation of a clinic ends without being accepted: the clinic takes it back, or the invited
//! account declines. The invitation ends in confirm first, so that nobody accepts it any more, with
//! an outbox row that has clinic delete the invited clinician if the request does not.

use std::{convert::Infallible, time::Duration};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use shared_runtime::{
    error::OrFail as _,
    mongo::{Aborted, transaction},
    outbox::{Effect, RowId},
};
use shared_types::{ClinicId, UserId};

use super::{acceptance, join_clinic};
use crate::{
    State,
    domain::confirmation::{Kind, Status},
    error::{Error, Failure, Refusal},
};

/// The invitation with this key has ended. The row has clinic delete the invited clinician.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ClinicianWithdrawn {
    pub(crate) key: String,
    pub(crate) clinic_id: ClinicId,
}

impl Effect for ClinicianWithdrawn {
    const TOPIC: &'static str = "clinic.clinician.withdrawn";

    fn key(&self) -> String {
        format!("invitation:{}", self.key)
    }

    fn delay(&self) -> Duration {
        acceptance::ROW_AFTER
    }
}

/// Takes the invitation of `clinic` with `key` back, again if need be.
pub(crate) async fn withdraw(state: &State, clinic: ClinicId, key: &str) -> Result<(), Error> {
    let row = end(state, clinic, key, Status::Canceled).await?;
    delete_invited(state, clinic, key, row).await
}

/// Declines the invitation with `key` to `user`, if there is a pending one.
pub(crate) async fn decline(state: &State, user: &UserId, key: &str) -> Result<(), Error> {
    state.clinics()?;
    let found = join_clinic::find(state, user, key).await?;
    let pending = found.filter(|(found, _)| found.status == Status::Pending);
    let Some((_, clinic)) = pending else {
        return Ok(());
    };
    let row = end(state, clinic, key, Status::Declined).await?;
    delete_invited(state, clinic, key, row).await
}

/// Has clinic delete the invited clinician where no request did. Repeatable.
pub(crate) async fn resume(state: &State, withdrawn: &ClinicianWithdrawn) -> anyhow::Result<()> {
    let clinics = state.clinics.as_ref().context("no clinic is configured")?;
    let (clinic, key) = (withdrawn.clinic_id, &withdrawn.key);
    Ok(clinics.delete_invited(clinic, key).await?)
}

/// Ends the pending invitation of `clinic` with `key` as `to`; returns the row that reports the
/// end to clinic, or `None` where no such invitation is pending.
async fn end(
    state: &State,
    clinic: ClinicId,
    key: &str,
    to: Status,
) -> Result<Option<RowId>, Error> {
    transaction(&state.client, async |session| {
        let found = state.confirmations.find_in(session, key).await?;
        let pending = found.filter(|found| {
            found.kind == Kind::ClinicianInvitation
                && found.clinic_id == Some(clinic)
                && found.status == Status::Pending
        });
        let Some(pending) = pending else {
            return Ok(None);
        };
        if pending.is_being_made() || !state.confirmations.answer_in(session, key, to).await? {
            // The invitation is being accepted, or is still being made.
            return Err(Aborted::Refused(Refusal::Forbidden));
        }
        let withdrawn = ClinicianWithdrawn {
            key: key.to_owned(),
            clinic_id: clinic,
        };
        Ok(Some(state.outbox.enqueue(session, &withdrawn).await?))
    })
    .await
    .or_fail(Failure::Updating)
}

/// Has clinic delete the invited clinician, and takes the row back.
async fn delete_invited(
    state: &State,
    clinic: ClinicId,
    key: &str,
    row: Option<RowId>,
) -> Result<(), Error> {
    let deleted = state.clinics()?.delete_invited(clinic, key).await;
    if deleted.is_err() {
        state.outbox.wake();
    }
    deleted.or_fail(Failure::Finding)?;
    if let Some(row) = row {
        transaction::<_, Infallible>(&state.client, async |session| {
            Ok(state.outbox.withdraw(session, row).await?)
        })
        .await
        .map_err(mongodb::error::Error::from)
        .or_fail(Failure::Updating)?;
    }
    Ok(())
}
