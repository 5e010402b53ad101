//! Guesses at keys, limited by where they come from. Each replica counts for itself.

use shared_runtime::{error::ApiError, source::Source};

use crate::{State, error::Refusal};

/// What `opened`, which needs a key, comes to; a key that opens nothing (404) counts against the
/// `source`, and one that guessed too often is refused whatever key it has.
pub(crate) async fn limited<T>(
    state: &State,
    source: Source,
    opened: impl Future<Output = Result<T, ApiError>>,
) -> Result<T, ApiError> {
    let is_wrong = |error: &ApiError| error.status() == 404;
    let counts = |result: &Result<T, ApiError>| result.as_ref().is_err_and(is_wrong);
    let charged = state.key_limit.charge(source, opened, counts);
    charged.await.map_err(Refusal::TooMany)?
}
