//! Another service asks about people.

use std::collections::HashMap;

use anyhow::anyhow;
use shared_runtime::error::OrFail as _;
use shared_types::{People, Person, UserId};

use crate::{
    State,
    domain::{
        metadata::Collections,
        people::{Accounts, PeopleQuery},
        profile::profile_of,
        user::Account,
    },
    error::{Error, Failure},
};

/// The metadata of users; `None`: it cannot be read.
type Metadata = HashMap<UserId, Option<Collections>>;

/// The accounts with what their profiles say, and the profiles that are asked for besides. An
/// account whose profile cannot be read is a failure, a profile alone that cannot is missing.
pub(crate) async fn list_people(state: &State, query: PeopleQuery) -> Result<People, Error> {
    let PeopleQuery { accounts, profiles } = query;
    let (accounts, metadata) = find(state, accounts, &profiles)
        .await
        .or_fail(Failure::FindingUser)?;
    let is_unreadable = |account: &Account| matches!(metadata.get(&account.userid), Some(None));
    if accounts.iter().any(is_unreadable) {
        let cause = anyhow!("a profile cannot be read");
        return Err(Error::failed(Failure::FindingUser, cause));
    }
    let profile = |id: &UserId| metadata.get(id)?.as_ref().and_then(profile_of);
    let people = accounts.into_iter().map(|account| Person {
        user: account.record(true),
        profile: profile(&account.userid),
        proven_email: account
            .proven_email(state.verification_secret())
            .map(str::to_owned),
    });
    let people = people.collect();
    let profiles = profiles.into_iter().filter_map(|id| {
        let profile = profile(&id)?;
        Some((id, profile))
    });
    Ok(People {
        people,
        profiles: profiles.collect(),
    })
}

/// The accounts, and the metadata of these and of those whose `profiles` are asked for.
async fn find(
    state: &State,
    accounts: Accounts,
    profiles: &[UserId],
) -> Result<(Vec<Account>, Metadata), mongodb::error::Error> {
    match accounts {
        Accounts::Ids(ids) => {
            let everybody = [ids.as_slice(), profiles].concat();
            tokio::try_join!(
                state.users.list_exactly(&ids),
                state.metadata.find_many(&everybody)
            )
        }
        Accounts::Email(email) => {
            let accounts = state.users.list_by_email(&email).await?;
            let ids = accounts.iter().map(|account| account.userid.clone());
            let everybody: Vec<UserId> = ids.chain(profiles.iter().cloned()).collect();
            let metadata = state.metadata.find_many(&everybody).await?;
            Ok((accounts, metadata))
        }
    }
}
