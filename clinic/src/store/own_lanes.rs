//! Lanes that are kept by one enrolment at a time. Two transactions that count in the same lane exclude
//! each other: the second one fails and begins anew. Those of one process wait for each other instead.

use tokio::sync::{Mutex, MutexGuard};

use super::Lane;

/// The lanes of a clinic.
#[derive(Debug, Default)]
pub(super) struct OwnLanes([Mutex<()>; Lane::ALL.len()]);

/// A lane that is kept until this is dropped.
pub(crate) struct OwnLane<'a> {
    pub(crate) lane: Lane,
    _kept: MutexGuard<'a, ()>,
}

impl OwnLanes {
    /// Waits for `lane`.
    pub(super) async fn keep(&self, lane: Lane) -> OwnLane<'_> {
        OwnLane {
            lane,
            _kept: self.0[lane.place()].lock().await,
        }
    }

    /// Waits for any lane, if none is free.
    pub(super) async fn keep_any(&self) -> OwnLane<'_> {
        let first = Lane::random();
        let all = Lane::all().cycle().skip(first.place());
        for lane in all.take(Lane::ALL.len()) {
            if let Ok(kept) = self.0[lane.place()].try_lock() {
                return OwnLane { lane, _kept: kept };
            }
        }
        self.keep(first).await
    }
}
