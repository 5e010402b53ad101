//! People and their profiles, loaded from user-api.

use std::collections::{BTreeMap, BTreeSet};

use shared_runtime::peers::{PeerError, user_api::UserApi};
use shared_types::{People, Person, PersonProfile, UserId, address};
use tracing::warn;

/// Ids of each kind that one call takes.
const MAX_IDS: usize = 200;

/// Profiles by the ids of their accounts.
pub(crate) type Profiles = BTreeMap<UserId, PersonProfile>;

/// The profiles of the accounts with these `ids`, as far as they have one.
pub(crate) async fn load_profiles(
    user_api: &UserApi,
    ids: impl IntoIterator<Item = &UserId>,
) -> Result<Profiles, PeerError> {
    Ok(load(user_api, &[], ids).await?.profiles)
}

/// Does what [`load_profiles`] does for responses that are useful without names: it returns no
/// profiles if user-api cannot be asked.
pub(crate) async fn load_profiles_if_possible(
    user_api: &UserApi,
    ids: impl IntoIterator<Item = &UserId>,
) -> Profiles {
    let profiles = load_profiles(user_api, ids).await;
    profiles.unwrap_or_else(|cause| {
        warn!(%cause, "confirmations are shown without profiles");
        Profiles::new()
    })
}

/// The accounts with these `ids`, at most 200, and the profiles of those of `others` that have one:
/// one call, unless the others are many.
pub(crate) async fn load(
    user_api: &UserApi,
    ids: &[UserId],
    others: impl IntoIterator<Item = &UserId>,
) -> Result<People, PeerError> {
    let others: BTreeSet<&UserId> = others.into_iter().collect();
    let others: Vec<UserId> = others.into_iter().cloned().collect();
    let mut questions = others.chunks(MAX_IDS);
    let mut loaded = user_api
        .people(ids, questions.next().unwrap_or_default())
        .await?;
    for others in questions {
        loaded
            .profiles
            .extend(user_api.people(&[], others).await?.profiles);
    }
    Ok(loaded)
}

/// The account with the address `email`, compared as all services compare addresses and not only as
/// the database does.
pub(crate) async fn find_account(
    user_api: &UserApi,
    email: &str,
) -> Result<Option<Person>, PeerError> {
    let found = user_api.person_by_email(email).await?;
    let is_same = |person: &Person| {
        let mut emails = person.user.emails.iter().flatten();
        emails.any(|known| address::is_same(known, email))
    };
    if found.as_ref().is_some_and(|person| !is_same(person)) {
        warn!("an account was found by an address that is spelt differently");
    }
    Ok(found.filter(is_same))
}

/// The name of the person whose data the account holds.
pub(crate) fn care_team_name(profile: &PersonProfile) -> Option<String> {
    match &profile.patient {
        Some(patient) if patient.is_other_person => patient.full_name.clone(),
        _ => profile.full_name.clone(),
    }
}
