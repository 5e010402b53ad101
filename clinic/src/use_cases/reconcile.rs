//! gatekeeper is brought in line with the patients and clinicians that there are: after the reference
//! wrote the database, or gatekeeper lost a part of what it knew.
//!
//! All accounts of both sides are walked in the order of their ids, some at a time, by rows of the
//! outbox. What differs gets the row that it gets when it changes, which says what holds once it is
//! delivered: so a change meanwhile does no harm, and what is cut off goes on.

use serde::{Deserialize, Serialize};
use shared_runtime::{
    error::OrFail as _,
    mongo::{Aborted, transaction},
    outbox::Effect,
};
use shared_types::UserId;
use tracing::info;
use uuid::Uuid;

use crate::{
    State,
    domain::relations::{Accounts, Kind, differing},
    error::{Error, Failure},
    store::{Run, Step},
    use_cases::relate::{ClinicianChanged, PatientChanged},
};

/// Some of the accounts are to be compared.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Reconciling {
    pub(crate) kind: Kind,
    /// Which run it is part of.
    pub(crate) run: String,
    /// Those after this one; `None`: from the first on.
    pub(crate) after: Option<UserId>,
}

impl Effect for Reconciling {
    const TOPIC: &'static str = "relations.reconciling";

    fn key(&self) -> String {
        format!("reconciling:{}", self.kind.name())
    }
}

/// Starts to compare, or goes on with what was begun.
pub(crate) async fn start(state: &State) -> Result<Option<Run>, Error> {
    let runs = &state.store.reconciliations;
    let started: Result<(), Aborted> = transaction(&state.store.client, async |session| {
        let current = runs.find_in(session).await?;
        let current = current.filter(|run| run.finished_time.is_none());
        let rows: Vec<Reconciling> = if let Some(run) = current {
            rows_of(&run)
        } else {
            let run = Uuid::new_v4().to_string();
            runs.begin(session, &run).await?;
            first_rows(&run)
        };
        state.outbox.enqueue_all(session, rows).await?;
        Ok(())
    })
    .await;
    started
        .map_err(mongodb::error::Error::from)
        .or_fail(Failure)?;
    state.outbox.wake();
    Ok(runs.find().await.or_fail(Failure)?)
}

/// What a run has yet to do.
fn rows_of(run: &Run) -> Vec<Reconciling> {
    let open = Kind::ALL
        .into_iter()
        .filter(|kind| !run.progress(*kind).is_done);
    open.map(|kind| Reconciling {
        kind,
        run: run.id.clone(),
        after: run.progress(kind).after.clone(),
    })
    .collect()
}

fn first_rows(run: &str) -> Vec<Reconciling> {
    let first = |kind| Reconciling {
        kind,
        run: run.to_owned(),
        after: None,
    };
    Kind::ALL.map(first).into()
}

/// Compares some. Repeatable.
pub(crate) async fn relay(state: &State, row: &Reconciling) -> anyhow::Result<()> {
    let after = row.after.as_ref();
    let ours = list(state, row.kind, after).await?;
    let (gatekeeper, until) = (&state.gatekeeper, ours.until.as_ref());
    let theirs = match row.kind {
        Kind::Patients => gatekeeper.known_patients(after, until).await?,
        Kind::Clinicians => gatekeeper.known_clinicians(after, until).await?,
    };
    let ours = ours.limited(theirs.until);
    let differing = differing(&ours.relations, &theirs.relations);
    let step = Step {
        kind: row.kind,
        after,
        until: ours.until.as_ref(),
        compared: count(ours.relations.len().max(theirs.relations.len())),
        differing: count(differing.len()),
    };
    let store = &state.store;
    let advanced: Result<(), Aborted> = transaction(&store.client, async |session| {
        if !store
            .reconciliations
            .advance(session, &row.run, &step)
            .await?
        {
            return Err(Aborted::Outrun);
        }
        let pairs = differing.iter().cloned();
        match row.kind {
            Kind::Patients => {
                let rows = pairs.map(|(user_id, clinic_id)| PatientChanged { clinic_id, user_id });
                state.outbox.enqueue_all(session, rows).await?;
            }
            Kind::Clinicians => {
                let rows =
                    pairs.map(|(user_id, clinic_id)| ClinicianChanged { clinic_id, user_id });
                state.outbox.enqueue_all(session, rows).await?;
            }
        }
        if let Some(until) = step.until {
            let next = Reconciling {
                kind: row.kind,
                run: row.run.clone(),
                after: Some(until.clone()),
            };
            state.outbox.enqueue(session, &next).await?;
        }
        Ok(())
    })
    .await;
    match advanced {
        Ok(()) => info!(
            relations.kind = row.kind.name(),
            relations.compared = step.compared,
            relations.differing = step.differing,
            "relations are being compared"
        ),
        // It was done before, or the run is over.
        Err(Aborted::Outrun) => {}
        Err(aborted) => return Err(mongodb::error::Error::from(aborted).into()),
    }
    Ok(())
}

/// Records of ours after an account.
async fn list(
    state: &State,
    kind: Kind,
    after: Option<&UserId>,
) -> Result<Accounts, mongodb::error::Error> {
    match kind {
        Kind::Patients => state.store.patients.list_relations(after).await,
        Kind::Clinicians => state.store.clinicians.list_relations(after).await,
    }
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
