//! A person logs in with a name and a password.

use shared_runtime::{error::OrFail as _, source::Source};
use tracing::warn;

use crate::{
    State,
    domain::{credentials::Credentials, password::Match, user::Account},
    error::{Error, Failure, Refusal},
    guesses::try_password,
    retries::{MAX_TRIES, outrun, pause},
    sessions::Length,
};

/// Opens a session of the account that the credentials belong to; returns the account and the token.
pub(crate) async fn log_in(
    state: &State,
    source: Source,
    credentials: &Credentials,
    length: Length,
) -> Result<(Account, String), Error> {
    let mut account = authenticate(state, source, credentials).await?;
    for tries in 1..=MAX_TRIES {
        if !account.is_verified(state.verification_secret()) {
            return Err(Refusal::NotVerified.into());
        }
        let opened = state
            .sessions
            .open(&account, length)
            .await
            .or_fail(Failure::UpdatingToken)?;
        if let Some(token) = opened {
            return Ok((account, token));
        }
        tokio::time::sleep(pause(tries)).await;
        account = still_theirs(state, source, &account, &credentials.password).await?;
    }
    Err(outrun(Failure::UpdatingToken))
}

/// The account that the credentials belong to, its password hash of the kind we make.
async fn authenticate(
    state: &State,
    source: Source,
    credentials: &Credentials,
) -> Result<Account, Error> {
    let Credentials { name, password } = credentials;
    let mut found = state
        .users
        .list_by_login(name)
        .await
        .or_fail(Failure::FindingUser)?;
    let account = if found.len() == 1 { found.pop() } else { None };
    let matches = try_password(state, source, account.as_ref(), name, password).await?;
    let (Some(mut account), Some(matches)) = (account, matches) else {
        return Err(Refusal::NoMatch.into());
    };
    if matches == Match::Outdated {
        upgrade_hash(state, source, &mut account, password).await?;
    }
    Ok(account)
}

/// Replaces a hash that is not of the kind we make.
async fn upgrade_hash(
    state: &State,
    source: Source,
    account: &mut Account,
    password: &str,
) -> Result<(), Error> {
    let Some(old) = account.password_hash.clone() else {
        return Ok(());
    };
    let hash = state
        .hasher
        .hash(source, password, Failure::FindingUser)
        .await?;
    match state.users.upgrade_hash(&account.userid, &old, &hash).await {
        Ok(true) => account.password_hash = Some(hash),
        Ok(false) => {}
        // The old hash is still there and the next log-in replaces it.
        Err(error) => warn!(cause = %error, "an old password hash was not replaced"),
    }
    Ok(())
}

/// The account as it is by now, whose stored hash is no longer the one that was read: the password
/// may be the same, since another log-in replaces a legacy hash.
async fn still_theirs(
    state: &State,
    source: Source,
    account: &Account,
    password: &str,
) -> Result<Account, Error> {
    let current = state
        .users
        .find(&account.userid)
        .await
        .or_fail(Failure::FindingUser)?;
    let turn = state.hasher.turn(source).await?;
    let matches = turn.matches(current.as_ref(), password).await?;
    current
        .filter(|_| matches.is_some())
        .ok_or(Refusal::NoMatch.into())
}
