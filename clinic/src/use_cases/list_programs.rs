//! Xealth asks what is ordered for a patient, to show it to somebody in a hospital.

use serde_json::Value;
use shared_runtime::error::OrFail as _;

use super::match_order::{find_alike, only_clinic};
use crate::{
    State,
    domain::{
        Refusal,
        redox::{limited, matching::Criterion},
        subscription::XEALTH_REPORTS,
        xealth::{demographics::Demographics, program},
    },
    error::{Error, Failure},
    store::View,
};

/// What is ordered for the patient of a message.
pub(crate) async fn list_programs(state: &State, body: &[u8]) -> Result<Value, Error> {
    let message = limited::read(body).map_err(Refusal::InvalidBody)?;
    let text = |pointer: &str| message.pointer(pointer).and_then(Value::as_str);
    let deployment = text("/deployment").unwrap_or_default();
    if deployment.is_empty() {
        return Ok(program::none());
    }
    let clinics = &state.store.clinics;
    let connected = clinics.list_connected_to_xealth(deployment).await;
    let (clinic, settings) = match only_clinic(connected.or_fail(Failure)?) {
        Err(Refusal::NoMatchingClinic) => return Ok(program::none()),
        connected => connected?,
    };
    let who = Demographics::read(&message, &settings.mrn_id_type)?;
    let mut alike = find_alike(state, clinic.id, &who.sought, &[Criterion::MrnDob]).await?;
    let Some(patient) = alike.pop() else {
        return Ok(program::none());
    };
    if !alike.is_empty() {
        return Err(Refusal::ManyMatchingPatients.into());
    }
    let reports = patient.subscriptions.get(XEALTH_REPORTS);
    let last = reports.filter(|reports| reports.is_active);
    let Some(last) = last.and_then(|reports| reports.orders.last()) else {
        return Ok(program::none());
    };
    let xealth = &state.store.xealth;
    let ordered = xealth.orders.find(last.id).await.or_fail(Failure)?;
    let Some(ordered) = ordered else {
        return Ok(program::none());
    };
    let viewer = text("/datasets/ehrUserV1/userId").filter(|viewer| !viewer.is_empty());
    let last_view = match (viewer, &ordered.program_id) {
        (Some(viewer), Some(program_id)) => {
            let view = View {
                viewer,
                deployment,
                program_id,
                clinic: clinic.id,
                patient: &patient.user_id,
            };
            xealth.views.find_last(&view).await.or_fail(Failure)?
        }
        _ => None,
    };
    Ok(program::one(&patient, &ordered, last_view))
}
