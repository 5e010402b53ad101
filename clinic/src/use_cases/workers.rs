//! Workers, which every replica runs beside its requests: a worker looks for work that nobody else does,
//! does it, and looks again.

use std::{fmt::Display, time::Duration};

use mongodb::error::Error as DatabaseError;
use shared_runtime::mongo::Aborted;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use tracing::warn;
use uuid::Uuid;

/// How long a worker waits when nothing is to be done, or something failed, and nobody wakes it.
const IDLE: Duration = Duration::from_secs(1);

/// A name of whoever works on something.
pub(crate) fn new_owner() -> String {
    Uuid::new_v4().to_string()
}

/// Calls `work_once`, with the name of the worker, until `stop`; it returns whether there was something to
/// do. `trouble`: what the log says where it fails.
pub(crate) async fn work<E: Display>(
    trouble: &'static str,
    wake: &Notify,
    stop: &CancellationToken,
    work_once: impl AsyncFn(&str) -> Result<bool, E>,
) {
    let owner = new_owner();
    while !stop.is_cancelled() {
        let found = work_once(&owner).await.unwrap_or_else(|error| {
            warn!(cause = format!("{error:#}"), "{trouble}");
            false
        });
        if !found {
            tokio::select! {
                () = stop.cancelled() => {}
                () = wake.notified() => {}
                () = tokio::time::sleep(IDLE) => {}
            }
        }
    }
}

/// Writes up to `batches` of some work; `write` writes one, and returns what is left. Returns what is left
/// in the end, or `None` when it is done or somebody else has it.
pub(crate) async fn work_on<W>(
    mut work: W,
    batches: u32,
    write: impl AsyncFn(&W) -> Result<Option<W>, Aborted>,
) -> Result<Option<W>, DatabaseError> {
    for _ in 0..batches {
        match write(&work).await {
            Ok(Some(rest)) => work = rest,
            Ok(None) | Err(Aborted::Outrun) => return Ok(None),
            Err(aborted) => return Err(aborted.into()),
        }
    }
    Ok(Some(work))
}

/// The same until `stop`, however many batches it takes.
pub(crate) async fn work_until<W>(
    mut work: W,
    stop: &CancellationToken,
    write: impl AsyncFn(&W) -> Result<Option<W>, Aborted>,
) -> Result<Option<W>, DatabaseError> {
    while !stop.is_cancelled() {
        match work_on(work, 1, &write).await? {
            Some(rest) => work = rest,
            None => return Ok(None),
        }
    }
    Ok(Some(work))
}
