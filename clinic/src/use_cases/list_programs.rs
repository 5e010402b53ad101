//! Xealth asks what is ordered for a patient, to show it to somebody in a hospital.

use serde_json::Value;
use shared_runtime::error::OrFail as _;

use super::match_xealth::Question;
use crate::{
    State,
    domain::{
        Refusal,
        subscription::XEALTH_REPORTS,
        xealth::{
            asked::{Asked, Unmatched},
            program,
        },
    },
    error::{Error, Failure},
};

/// What is ordered for the patient of a message.
pub(crate) async fn list_programs(state: &State, body: &[u8]) -> Result<Value, Error> {
    let (question, patient) = match Question::read(state, Asked::Programs, body).await {
        Err(Error::Refused(Refusal::Unmatched(_, Unmatched::Clinic))) => {
            return Ok(program::none());
        }
        read => read?,
    };
    let Some(patient) = patient else {
        return Ok(program::none());
    };
    let reports = patient.subscriptions.get(XEALTH_REPORTS);
    let last = reports.filter(|reports| reports.is_active);
    let Some(last) = last.and_then(|reports| reports.orders.last()) else {
        return Ok(program::none());
    };
    let xealth = &state.store.xealth;
    let Some(ordered) = xealth.orders.find(last.id).await.or_fail(Failure)? else {
        return Ok(program::none());
    };
    let program_id = ordered.program_id.as_deref();
    let last_view = match program_id.and_then(|id| question.view(id, &patient.user_id)) {
        Some(view) => xealth.views.find_last(&view).await.or_fail(Failure)?,
        None => None,
    };
    Ok(program::one(&patient, &ordered, last_view))
}
