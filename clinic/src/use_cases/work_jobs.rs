//! Changes of every patient of a clinic are written in batches: the first few by the request that
//! makes the change, which is done with a small clinic before it answers, and the rest by a worker.
//! Whatever is cut off is taken up by another worker once the lease has run out.

use mongodb::error::Error as DatabaseError;
use shared_runtime::mongo::Aborted;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    State,
    domain::patient::{Patient, PatientChange},
    store::{Job, now},
    use_cases::workers,
};

/// Patients of a batch, which is one transaction.
pub(crate) const BATCH: usize = 200;
/// Batches that a request writes.
const PROMPT_BATCHES: u32 = 5;

/// Writes the first batches of a job that `owner` has, and leaves the others to the worker. The change
/// is made, so nothing that fails here is of interest to whoever asked for it.
pub(crate) async fn begin(state: &State, job: Job, owner: &str) {
    let begun = async {
        let write = async |job: &Job| write_batch(state, job, owner).await;
        if let Some(rest) = workers::work_on(job, PROMPT_BATCHES, write).await? {
            state.store.jobs.release(&rest, owner).await?;
            state.job_wake.notify_one();
        }
        Ok(())
    };
    let begun: Result<(), DatabaseError> = begun.await;
    if let Err(error) = begun {
        warn!(cause = %error, "a job was not begun, and is left to the worker");
    }
}

/// Works off the jobs that nobody else works on, until `stop`. Every replica runs it.
pub(crate) async fn work(state: &State, stop: &CancellationToken) {
    let work_once = async |owner: &str| work_once(state, owner, stop).await;
    workers::work(
        "jobs cannot be worked off",
        &state.job_wake,
        stop,
        work_once,
    )
    .await;
}

/// Works off one job, until `stop`; `false`: there was none.
async fn work_once(
    state: &State,
    owner: &str,
    stop: &CancellationToken,
) -> Result<bool, DatabaseError> {
    let Some(job) = state.store.jobs.lease(owner).await? else {
        return Ok(false);
    };
    let write = async |job: &Job| write_batch(state, job, owner).await;
    if let Some(rest) = workers::work_until(job, stop, write).await? {
        state.store.jobs.release(&rest, owner).await?;
    }
    Ok(true)
}

/// Writes one batch; returns what is left.
async fn write_batch(state: &State, job: &Job, owner: &str) -> Result<Option<Job>, Aborted> {
    let rest = state
        .store
        .change(job.clinic(), async |session| {
            let (patients, clinic) = (&state.store.patients, job.clinic());
            let batch = patients.list_of_job(session, job, BATCH).await?;
            let change = |_: &Patient| {
                Some(PatientChange {
                    updated_time: Some(now()),
                    ..PatientChange::default()
                })
            };
            let written = patients.update_all(session, clinic, &batch.patients, change);
            let written = written.await?;
            let jobs = &state.store.jobs;
            if jobs.note(session, job, owner, written, batch.next).await? {
                Ok(batch.next.map(|next| job.clone().at(next)))
            } else {
                Err(Aborted::Outrun)
            }
        })
        .await?;
    if rest.is_none() {
        info!(clinic.id = %job.clinic(), "a job is done");
    }
    Ok(rest)
}
