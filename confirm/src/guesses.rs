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
    let limit = &state.key_limit;
    limit.check(source).map_err(Refusal::TooMany)?;
    let result = opened.await;
    if result.as_ref().is_err_and(|error| error.status() == 404) {
        limit.count(source);
    }
    result
}
