//! An account is made for a patient of a clinic, which stores the patient a moment later: unless it
//! does, the account goes again, for nobody could ever reach or want it.
//!
//! The account holds a mark, and when it is a minute old, clinic is asked for its patient. A clinic that
//! asks again for the same address meanwhile gets the same account with a new mark: so one repeat
//! finishes what was cut off between the two services.

use std::time::Duration;

use anyhow::Context as _;
use bson::DateTime;
use chrono::Utc;
use futures_util::{StreamExt as _, stream};
use serde::{Deserialize, Serialize};
use shared_runtime::{error::OrFail as _, outbox::Effect, peers::clinic::Clinic};
use shared_types::{ClinicId, UserId, address};
use tokio_util::sync::CancellationToken;
use tracing::warn;
use uuid::Uuid;

use crate::{
    State,
    domain::user::Account,
    error::{Error, Failure},
    store::{Awaited, Waiting},
    use_cases::delete_account,
};

/// How old a mark gets: far longer than a clinic takes from the account to the patient.
const LOOK_AFTER: Duration = Duration::from_mins(1);
/// How often accounts are looked for that have waited so long.
const PAUSE: Duration = Duration::from_secs(2);
/// The same after a failure.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(10);
/// Accounts that are read at once.
const BATCH: u32 = 200;
/// Patients that clinic is asked for at once.
const CONCURRENT_QUESTIONS: usize = 8;

/// The mark of an account that is made, or given once more, for a patient of `clinic`.
pub(crate) fn begin(clinic: ClinicId) -> Awaited {
    Awaited {
        clinic,
        mark: Uuid::new_v4().to_string(),
        since: DateTime::now(),
    }
}

/// The account with `email` that was made for a patient whom `clinic` does not have yet, for another
/// try; `None`: there is none.
pub(crate) async fn find_awaited(
    state: &State,
    clinic: ClinicId,
    email: &str,
) -> Result<Option<Account>, Error> {
    let found = state
        .users
        .list_by_name(email)
        .await
        .or_fail(Failure::CreatingUser)?;
    for account in found {
        let has_it_alone =
            matches!(account.emails.as_slice(), [own] if address::is_same(own, email));
        if !has_it_alone || account.has_password() {
            continue;
        }
        let awaited = begin(clinic);
        let renewed = state
            .users
            .renew_wait(&account.userid, &awaited)
            .await
            .or_fail(Failure::CreatingUser)?;
        if renewed {
            return Ok(Some(account));
        }
    }
    Ok(None)
}

/// Ends the waits that are over, until `stop`. Every replica runs it, as it may be done twice.
pub(crate) async fn run(state: &State, stop: &CancellationToken) {
    let Some(clinic) = &state.clinic else {
        return;
    };
    while !stop.is_cancelled() {
        let pause = match end_waits(state, clinic).await {
            Ok(()) => PAUSE,
            Err(error) => {
                let cause = format!("{error:#}");
                warn!(
                    cause,
                    "accounts that were made for patients wait longer than a minute"
                );
                PAUSE_AFTER_FAILURE
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Ends the waits that are over: for patients whom clinic has, and with the account for those whom it
/// has not. What fails leaves the others alone and is the error.
async fn end_waits(state: &State, clinic: &Clinic) -> anyhow::Result<()> {
    let before = DateTime::from_chrono(Utc::now() - LOOK_AFTER);
    let mut after = DateTime::MIN;
    let mut failure = None;
    // This ends: each batch begins behind the one before it, and whoever begins to wait now is no older than
    // `before`, which stays.
    loop {
        let waiting = state.users.list_waiting(after, before, BATCH).await?;
        let outcomes = stream::iter(&waiting)
            .map(async |one| (one, end_wait(state, clinic, one).await))
            .buffer_unordered(CONCURRENT_QUESTIONS);
        let outcomes: Vec<_> = outcomes.collect().await;
        let mut kept = Vec::new();
        for (one, outcome) in outcomes {
            match outcome {
                Ok(true) => kept.push(one),
                Ok(false) => {}
                Err(error) => failure = Some(error),
            }
        }
        state.users.end_waits(&kept).await?;
        match waiting.last() {
            Some(last) if waiting.len() == BATCH as usize => after = last.awaited.since,
            _ => return failure.map_or(Ok(()), Err),
        }
    }
}

/// Returns whether the account is to stay; deletes it otherwise.
async fn end_wait(state: &State, clinic: &Clinic, one: &Waiting) -> anyhow::Result<bool> {
    let Waiting { account, awaited } = one;
    if account.has_password() {
        return Ok(true);
    }
    let enrolled = clinic.has_patient(awaited.clinic, &account.userid).await;
    if enrolled.context("clinic")? {
        return Ok(true);
    }
    delete_account::delete_awaited(state, account, awaited).await?;
    Ok(false)
}

/// Whether clinic has the patient of an account is to be looked at: a row of earlier releases, whose
/// marks did not say since when.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Enrolling {
    pub(crate) userid: UserId,
    pub(crate) clinic_id: ClinicId,
    pub(crate) mark: String,
}

impl Effect for Enrolling {
    const TOPIC: &'static str = "users.enrolling";

    fn key(&self) -> String {
        format!("enrolling:{}", self.userid)
    }
}

/// Lets the account of the row be one that has waited long enough.
pub(crate) async fn relay(state: &State, enrolling: &Enrolling) -> anyhow::Result<()> {
    let users = &state.users;
    users.date_wait(&enrolling.userid, &enrolling.mark).await?;
    Ok(())
}
