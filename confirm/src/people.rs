//! People and what their profiles say, loaded from user-api.

use std::collections::{BTreeMap, BTreeSet};

use shared_runtime::peers::PeerError;
use shared_types::{Person, PersonAmongOthers, PersonProfile, UserId};

use crate::State;

/// Ids that one question takes.
const MAX_IDS: usize = 200;

/// Profiles by the ids of their accounts.
pub(crate) type Profiles = BTreeMap<UserId, PersonProfile>;

/// The profiles of those of these accounts that have one.
pub(crate) async fn load_profiles(
    state: &State,
    ids: impl IntoIterator<Item = &UserId>,
) -> Result<Profiles, PeerError> {
    let mut profiles = Profiles::new();
    for ids in questions(ids) {
        profiles.extend(state.user_api.profiles(&ids).await?);
    }
    Ok(profiles)
}

/// The account of `id`, if there is one, and the profiles of those of `others` that have one: one
/// call.
pub(crate) async fn load_among(
    state: &State,
    id: &UserId,
    others: impl IntoIterator<Item = &UserId>,
) -> Result<(Option<Person>, Profiles), PeerError> {
    let mut questions = questions(others).into_iter();
    let first = questions.next().unwrap_or_default();
    let PersonAmongOthers { person, others } = state.user_api.person_among(id, &first).await?;
    let mut profiles = others;
    for ids in questions {
        profiles.extend(state.user_api.profiles(&ids).await?);
    }
    Ok((person, profiles))
}

/// Each id once, in as many questions as it takes.
fn questions<'a>(ids: impl IntoIterator<Item = &'a UserId>) -> Vec<Vec<UserId>> {
    let ids: BTreeSet<&UserId> = ids.into_iter().collect();
    let ids: Vec<UserId> = ids.into_iter().cloned().collect();
    ids.chunks(MAX_IDS).map(<[UserId]>::to_vec).collect()
}
