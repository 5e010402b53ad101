//! Reports are to go out to hospital records: of one patient, or of all patients of a clinic for whom they
//! are ordered. The first patients are scheduled by the request, which is the whole of most clinics, and the
//! rest by rows of the outbox. What is cut off goes on, and what is repeated is there once.

use bson::{DateTime, oid::ObjectId};
use mongodb::error::Error as DatabaseError;
use serde::{Deserialize, Serialize};
use shared_runtime::{error::OrFail as _, outbox::Effect};
use shared_types::{ClinicId, UserId};

use crate::{
    State,
    domain::Refusal,
    error::{Error, Failure},
    store::Scheduling,
};

/// Patients whose reports are scheduled at once.
const BATCH: u32 = 100;
/// Batches that a request writes.
const PROMPT_BATCHES: u32 = 10;

/// The rest of a clinic's patients are to be scheduled.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SchedulingRest {
    pub(crate) clinic_id: ClinicId,
    /// Which run it is part of.
    pub(crate) run: String,
    /// Those behind this place.
    pub(crate) after: String,
    /// The time of the run, in milliseconds since 1970.
    pub(crate) time_ms: i64,
}

impl Effect for SchedulingRest {
    const TOPIC: &'static str = "reports.scheduling";

    fn key(&self) -> String {
        format!("reports:{}", self.run)
    }
}

/// Schedules the reports of all patients of a clinic for whom they are ordered.
pub(crate) async fn schedule_clinic(state: &State, clinic: ClinicId) -> Result<(), Error> {
    let is_connected = state
        .store
        .clinics
        .is_connected(clinic)
        .await
        .or_fail(Failure)?;
    if !is_connected {
        return Err(Refusal::NoMatchingClinic.into());
    }
    let (run, now) = (ObjectId::new().to_hex(), DateTime::now());
    let mut after = None;
    for _ in 0..PROMPT_BATCHES {
        after = schedule_some(state, clinic, &run, after, now)
            .await
            .or_fail(Failure)?;
        if after.is_none() {
            return Ok(());
        }
    }
    if let Some(after) = after {
        let rest = rest(clinic, run, after, now);
        state.outbox.enqueue_alone(&rest).await.or_fail(Failure)?;
    }
    Ok(())
}

/// Schedules the reports of a patient in every clinic that gets them upon an upload.
pub(crate) async fn schedule_patient(state: &State, user: &UserId) -> Result<(), Error> {
    let store = &state.store;
    let mut reports: Vec<Scheduling> = store
        .patients
        .list_reports_of_user(user)
        .await
        .or_fail(Failure)?;
    if reports.is_empty() {
        return Ok(());
    }
    let clinics: Vec<ClinicId> = reports.iter().map(|report| report.clinic).collect();
    let reported_to = store
        .clinics
        .list_reported_to(&clinics)
        .await
        .or_fail(Failure)?;
    reports.retain(|report| reported_to.contains(&report.clinic));
    let (run, now) = (ObjectId::new().to_hex(), DateTime::now());
    let scheduled = &store.redox.scheduled;
    Ok(scheduled
        .insert(&run, &reports, now)
        .await
        .or_fail(Failure)?)
}

/// Schedules some more. Repeatable.
pub(crate) async fn relay(state: &State, row: &SchedulingRest) -> anyhow::Result<()> {
    let (clinic, now) = (row.clinic_id, DateTime::from_millis(row.time_ms));
    let after = ObjectId::parse_str(&row.after)?;
    let after = schedule_some(state, clinic, &row.run, Some(after), now).await?;
    if let Some(after) = after {
        let rest = rest(clinic, row.run.clone(), after, now);
        state.outbox.enqueue_alone(&rest).await?;
    }
    Ok(())
}

/// Schedules the reports of some patients; returns where the rest begins, or `None`: there is no more.
async fn schedule_some(
    state: &State,
    clinic: ClinicId,
    run: &str,
    after: Option<ObjectId>,
    now: DateTime,
) -> Result<Option<ObjectId>, DatabaseError> {
    let patients = &state.store.patients;
    let found = patients.list_subscribed(clinic, after, BATCH).await?;
    let is_more = found.len() == usize::try_from(BATCH).unwrap_or(usize::MAX);
    let last = found.last().map(|patient| patient.place);
    let reports = found.into_iter().filter_map(|patient| patient.report);
    let reports: Vec<Scheduling> = reports.collect();
    let scheduled = &state.store.redox.scheduled;
    scheduled.insert(run, &reports, now).await?;
    Ok(last.filter(|_| is_more))
}

fn rest(clinic_id: ClinicId, run: String, after: ObjectId, now: DateTime) -> SchedulingRest {
    SchedulingRest {
        clinic_id,
        run,
        after: after.to_hex(),
        time_ms: now.timestamp_millis(),
    }
}
