//! A caller looks at the people with whom a user shares.

use std::collections::BTreeSet;

use shared_runtime::{auth::Caller, error::OrFail as _};
use shared_types::{PermissionsByUser, UserId};

use crate::{
    State,
    domain::{associate_filter::Filter, associates::Associate},
    error::{Error, Failure},
};

/// The people who share with `user_id`, or with whom `user_id` shares, whom `filter` admits,
/// ascending by id, as `caller` may see them.
pub(crate) async fn list_associates(
    state: &State,
    caller: &Caller,
    user_id: &UserId,
    filter: &Filter,
) -> Result<Vec<Associate>, Error> {
    let (mut trustors, mut trustees) = tokio::try_join!(
        state.gatekeeper.groups(user_id),
        state.gatekeeper.members(user_id)
    )
    .or_fail(Failure::FindingUser)?;
    let ids: BTreeSet<&UserId> = trustors.keys().chain(trustees.keys()).collect();
    let ids: Vec<UserId> = ids
        .into_iter()
        .filter(|id| *id != user_id)
        .filter(|id| filter.admits_permissions(trustors.get(*id), trustees.get(*id)))
        .cloned()
        .collect();
    let strangers = strangers(state, caller, user_id, &trustors, &trustees).await?;
    let (strangers, ids): (Vec<UserId>, Vec<UserId>) =
        ids.into_iter().partition(|id| strangers.contains(id));
    let mut associates = load(state, caller, &ids, &mut trustors, &mut trustees).await?;
    for id in strangers {
        let given = trustees.remove(&id);
        associates.push(Associate::unaccepted(id, given));
    }
    associates.retain(|associate| filter.admits(associate));
    associates.sort_unstable_by(|one, other| one.userid().cmp(other.userid()));
    Ok(associates)
}

/// Those of `ids` who exist, with what they give and are given.
async fn load(
    state: &State,
    caller: &Caller,
    ids: &[UserId],
    trustors: &mut PermissionsByUser,
    trustees: &mut PermissionsByUser,
) -> Result<Vec<Associate>, Error> {
    let texts: Vec<String> = ids.iter().map(UserId::to_string).collect();
    let (accounts, mut metadata) =
        tokio::try_join!(state.users.list(&texts), state.metadata.find_many(ids))
            .or_fail(Failure::FindingUser)?;
    let associates = accounts.into_iter().map(|account| {
        let id = &account.userid;
        Associate::new(
            account.record(caller.is_service()),
            trustors.remove(id),
            trustees.remove(id),
            metadata.remove(id).flatten().unwrap_or_default(),
        )
    });
    Ok(associates.collect())
}

/// Those of `trustees` who are strangers to `user_id`: they neither accepted what they were given
/// nor gave anything back.
async fn strangers(
    state: &State,
    caller: &Caller,
    user_id: &UserId,
    trustors: &PermissionsByUser,
    trustees: &PermissionsByUser,
) -> Result<BTreeSet<UserId>, Error> {
    let gives_nothing = |id: &UserId| id != user_id && !trustors.contains_key(id);
    if caller.is_service() || !trustees.keys().any(gives_nothing) {
        return Ok(BTreeSet::new());
    }
    let agreements = state
        .gatekeeper
        .agreements(user_id)
        .await
        .or_fail(Failure::FindingUser)?;
    // A grant that is gone by now was agreed to by nobody.
    let others = trustees
        .keys()
        .filter(|id| agreements.get(*id) != Some(&true));
    Ok(others.filter(|id| gives_nothing(id)).cloned().collect())
}
