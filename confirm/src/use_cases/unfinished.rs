//! An act in which clinic takes part was begun and did not end. Its outbox row goes on with it.

use shared_runtime::peers::PeerError;

use crate::{
    State,
    error::{Error, Failure},
};

/// Why an act did not end; its outbox row goes on with it later.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unfinished {
    #[error("clinic")]
    Clinic(#[from] PeerError),
    #[error(transparent)]
    Store(#[from] mongodb::error::Error),
}

impl Unfinished {
    /// Has the relay look at the row; returns the error of the request, `failure` where clinic
    /// failed.
    pub(super) fn leave_to_relay(self, state: &State, failure: Failure) -> Error {
        state.outbox.wake();
        match self {
            Self::Clinic(error) => Error::failed(failure, error),
            Self::Store(error) => Error::failed(Failure::Saving, error),
        }
    }
}
