//! Guesses at keys, limited by where they come from. Each replica counts for itself.

use shared_runtime::source::Source;

use crate::{
    State,
    error::{Error, Refusal},
};

/// What `opened`, which needs a key, comes to; a key that opens nothing counts against the `source`,
/// and one that guessed too often is refused whatever key it has.
pub(crate) async fn limited<T>(
    state: &State,
    source: Source,
    opened: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    let counts = |opened: &Result<T, Error>| match opened {
        Err(Error::Refused(refusal)) => refusal.is_wrong_key(),
        _ => false,
    };
    let charged = state.key_limit.charge(source, opened, counts);
    charged.await.map_err(Refusal::TooMany)?
}
