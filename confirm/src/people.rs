//! People, loaded from user-api.

use std::collections::{BTreeMap, BTreeSet};

use shared_runtime::peers::PeerError;
use shared_types::{Person, UserId};

use crate::State;

/// Ids that one question takes.
const MAX_IDS: usize = 200;

/// Accounts by their ids, with their profiles.
pub(crate) type People = BTreeMap<UserId, Person>;

/// The accounts with these ids; unknown ones are missing.
pub(crate) async fn load(
    state: &State,
    ids: impl IntoIterator<Item = &UserId>,
) -> Result<People, PeerError> {
    // Commas separate the ids of the question, so what holds one is no account.
    let ids: BTreeSet<&UserId> = ids
        .into_iter()
        .filter(|id| !id.as_str().contains(','))
        .collect();
    let ids: Vec<UserId> = ids.into_iter().cloned().collect();
    let mut people = People::new();
    for ids in ids.chunks(MAX_IDS) {
        for person in state.user_api.people(ids).await? {
            people.insert(person.user.userid.clone(), person);
        }
    }
    Ok(people)
}
