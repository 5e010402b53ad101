//! Changes of an account are decided anew when another caller changed it meanwhile.

use std::time::Duration;

use anyhow::anyhow;
use rand::RngExt as _;

use crate::error::{Error, Failure};

/// How often a change is decided anew.
pub(crate) const MAX_TRIES: u32 = 8;

/// How long to wait after so many tries: a change that was faster can be read only when a majority
/// of the database's members has it.
pub(crate) fn pause(tries: u32) -> Duration {
    let ceiling = (5_u64 << tries).min(200);
    Duration::from_millis(rand::rng().random_range(1..=ceiling))
}

/// `failure`, because other callers were faster at every try.
pub(crate) fn outrun(failure: Failure) -> Error {
    Error::failed(failure, anyhow!("other changes were always faster"))
}
