//! A user, or a service for a user, creates the data account of a person whom the user cares for.

use anyhow::anyhow;
use rand::RngExt as _;
use shared_runtime::{auth::Caller, error::OrFail as _, source::Source};
use shared_types::{PermissionSet, UserId};

use crate::{
    State,
    domain::{
        details::Child,
        profile::child_metadata,
        user::{Account, CUSTODIAL_ROLE, DEFAULT_ROLE},
    },
    error::{Error, Failure, Refusal},
    guesses::{TAKEN, limited},
    strength,
    use_cases::create_account::{FirstGrant, NewAccount, check_free, create_with_grant, draft},
};

/// Letters of a generated user name.
const GENERATED_ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// Length of a generated user name: 82 random bits.
const GENERATED_LENGTH: usize = 16;

/// How often a generated user name may turn out to be taken.
const GENERATED_TRIES: usize = 5;

/// A person creates children of their own; a service those of any account that exists.
pub(crate) async fn check_parent(
    state: &State,
    caller: &Caller,
    parent: &UserId,
) -> Result<(), Error> {
    if caller.is(parent) {
        return Ok(());
    }
    if !caller.is_service() {
        return Err(Refusal::NotAuthorized.into());
    }
    let found = state
        .users
        .find(parent)
        .await
        .or_fail(Failure::CreatingUser)?;
    found.map(drop).ok_or(Refusal::UserNotFound.into())
}

/// Creates the account together with all rights of `parent` on it; returns its id and its user name,
/// which is made up where `child` has none.
pub(crate) async fn create_child(
    state: &State,
    source: Source,
    caller: &Caller,
    parent: UserId,
    child: &Child,
) -> Result<(UserId, String), Error> {
    let username = match &child.username {
        Some(username) => username.clone(),
        None => free_username(state).await?,
    };
    let custodial = child.password.is_none().then_some(CUSTODIAL_ROLE);
    let roles = custodial.into_iter().chain([DEFAULT_ROLE]);
    let mut account = draft(
        Some(username.clone()),
        child.emails.clone(),
        roles.map(str::to_owned).collect(),
    );
    let free = check_free(state, account.names(), Refusal::ChildExists);
    limited(state, source, caller, TAKEN, free).await?;
    state.limits.take_dependant(source, caller)?;
    if let Some(password) = &child.password {
        let names = account.names().chain([child.full_name.as_str()]);
        strength::check(state, password, names)?;
        let hasher = &state.hasher;
        let hash = hasher.hash(source, password, Failure::CreatingUser);
        account.password_hash = Some(hash.await?);
    }
    insert(state, caller, &account, parent, &child.full_name).await?;
    Ok((account.userid, username))
}

async fn insert(
    state: &State,
    caller: &Caller,
    account: &Account,
    parent: UserId,
    full_name: &str,
) -> Result<(), Error> {
    let grant = FirstGrant {
        sharer: account.userid.clone(),
        grantee: parent,
        permissions: PermissionSet::of(&["view", "edit", "note", "admin", "upload"]),
    };
    let new = NewAccount {
        account,
        metadata: Some(child_metadata(full_name)),
        by: caller.name(),
        needs: Some(&grant.grantee),
    };
    create_with_grant(state, &new, &grant)
        .await
        .map_err(|error| match error {
            Error::Refused(Refusal::UserExists) => Refusal::ChildExists.into(),
            Error::Refused(Refusal::NotAuthorized) if caller.is_service() => {
                Refusal::UserNotFound.into()
            }
            error => error,
        })
}

/// A random user name that nobody has.
async fn free_username(state: &State) -> Result<String, Error> {
    for _ in 0..GENERATED_TRIES {
        let name = generated_username();
        let is_taken = state
            .users
            .is_taken([name.as_str()].into_iter(), None)
            .await
            .or_fail(Failure::CreatingUser)?;
        if !is_taken {
            return Ok(name);
        }
    }
    Err(Error::failed(
        Failure::CreatingUser,
        anyhow!("every generated user name is taken"),
    ))
}

fn generated_username() -> String {
    let mut random = rand::rng();
    (0..GENERATED_LENGTH)
        .map(|_| char::from(GENERATED_ALPHABET[random.random_range(0..GENERATED_ALPHABET.len())]))
        .collect()
}
