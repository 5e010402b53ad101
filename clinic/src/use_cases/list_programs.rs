//! Xealth asks what is ordered for a patient, to show it to somebody in a hospital.

use serde_json::Value;
use shared_runtime::error::OrFail as _;

use super::match_xealth::{connected_clinic, find_patient};
use crate::{
    State,
    domain::{
        Refusal, limited,
        matching::Criterion,
        subscription::XEALTH_REPORTS,
        xealth::{
            asked::{Asked, Unmatched},
            demographics::Demographics,
            program,
        },
    },
    error::{Error, Failure},
    store::View,
};

/// What is ordered for the patient of a message.
pub(crate) async fn list_programs(state: &State, body: &[u8]) -> Result<Value, Error> {
    let message = limited::read(body).map_err(Refusal::InvalidBody)?;
    let text = |pointer: &str| message.pointer(pointer).and_then(Value::as_str);
    let deployment = text("/deployment").unwrap_or_default();
    let asked = Asked::Programs;
    let (clinic, settings) = match connected_clinic(state, asked, deployment).await {
        Err(Error::Refused(Refusal::Unmatched(_, Unmatched::Clinic))) => {
            return Ok(program::none());
        }
        connected => connected?,
    };
    let who = Demographics::read(&message, &settings.mrn_id_type);
    let who = who.map_err(|why| asked.refused(why))?;
    let patient = find_patient(state, clinic.id, &who, Criterion::MrnDob).await?;
    let Some(patient) = patient else {
        return Ok(program::none());
    };
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
