//! The patients of a database that the reference wrote are counted, some at a time, clinic by clinic.
//! Whoever asks meanwhile gets the numbers of those that are counted and of the others together.
//!
//! Each start begins with a row of the outbox, whose relay is the only one at work; a row counts some and
//! leaves the rest to the next one. So what is cut off goes on, and where all are counted a row or two
//! find nothing.

use serde::{Deserialize, Serialize};
use shared_runtime::{mongo::Aborted, outbox::Effect};
use shared_types::ClinicId;
use tracing::{info, warn};

use crate::State;

/// As many patients are counted before another row has its turn; relations must not wait for long.
const PATIENTS: usize = 1_000;

/// As many clinics are looked at.
const CLINICS: usize = 100;

/// The clinics after one are to be counted.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Counting {
    /// `None`: from the first on.
    pub(crate) after: Option<ClinicId>,
    /// How many patients were counted before.
    pub(crate) counted: i64,
}

impl Effect for Counting {
    const TOPIC: &'static str = "patients.counting";

    fn key(&self) -> String {
        "counting".to_owned()
    }
}

/// Begins with the first clinic. If that fails, the next start does it.
pub(crate) async fn begin(state: &State) {
    let first = Counting {
        after: None,
        counted: 0,
    };
    if let Err(error) = state.outbox.enqueue_alone(&first).await {
        warn!(cause = %error, "patients are not counted until the next start");
    }
}

/// Counts some. Repeatable.
pub(crate) async fn relay(state: &State, counting: &Counting) -> anyhow::Result<()> {
    let patients = &state.store.patients;
    let mut after = counting.after;
    let mut counted = 0;
    let mut clinics = 0;
    while clinics < CLINICS && counted < PATIENTS {
        let Some(clinic) = patients.next_clinic(after).await? else {
            finish(counting.counted, counted);
            return Ok(());
        };
        let counted_some = state.store.change(clinic, async |session| {
            Ok::<_, Aborted>(patients.count_some(session, clinic).await?)
        });
        let counted_some = counted_some.await.map_err(mongodb::error::Error::from);
        let (is_more, count) = counted_some?;
        counted += count;
        if !is_more {
            after = Some(clinic);
            clinics += 1;
        }
    }
    let next = Counting {
        after,
        counted: sum(counting.counted, counted),
    };
    if counted > 0 {
        let left = patients.estimate_uncounted().await?;
        show(left);
        info!(
            patients.counted = next.counted,
            patients.left = left,
            "patients are being counted"
        );
    }
    state.outbox.enqueue_alone(&next).await?;
    Ok(())
}

fn finish(before: i64, counted: usize) {
    show(0);
    let counted = sum(before, counted);
    if counted > 0 {
        info!(patients.counted = counted, "all patients are counted");
    }
}

fn sum(before: i64, counted: usize) -> i64 {
    before.saturating_add(i64::try_from(counted).unwrap_or(i64::MAX))
}

fn show(left: i64) {
    #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
    metrics::gauge!("patients_uncounted").set(left as f64);
}
