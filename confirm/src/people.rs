//! People and what their profiles say, loaded from user-api.

use std::collections::{BTreeMap, BTreeSet};

use shared_runtime::peers::PeerError;
use shared_types::{Person, PersonProfile, UserId};

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

/// The account of `id`, if there is one, and the profiles of `others`: one call.
pub(crate) async fn load_with_profiles<'a>(
    state: &State,
    id: &'a UserId,
    others: impl Iterator<Item = &'a UserId>,
) -> Result<(Option<Person>, Profiles), PeerError> {
    let mut found = None;
    let mut profiles = Profiles::new();
    for ids in questions(others.chain([id])) {
        for mut person in state.user_api.people(&ids).await? {
            let profile = person.profile.take();
            profiles.extend(profile.map(|profile| (person.user.userid.clone(), profile)));
            if person.user.userid == *id {
                found = Some(person);
            }
        }
    }
    Ok((found, profiles))
}

/// Each id once, in as many questions as it takes.
fn questions<'a>(ids: impl IntoIterator<Item = &'a UserId>) -> Vec<Vec<UserId>> {
    let ids: BTreeSet<&UserId> = ids.into_iter().collect();
    let ids: Vec<UserId> = ids.into_iter().cloned().collect();
    ids.chunks(MAX_IDS).map(<[UserId]>::to_vec).collect()
}
