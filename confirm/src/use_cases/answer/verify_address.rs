//! The verification of an address, and with it the claim of an account that others made.
//!
//! user-api changes the account first, in one write. After a crash before the confirmation is
//! completed, a repeat of the request changes the account to the same.

use anyhow::Context;
use chrono::Utc;
use secrecy::{ExposeSecret, SecretString};
use shared_runtime::{
    error::OrFail as _,
    mongo::{Aborted, transaction},
    peers::PeerError,
};
use shared_types::{AccountChanges, AccountCondition, AccountUpdate, Person, UserId, address};

use crate::{
    State,
    domain::{
        claim::{self, Claim, InvalidClaim, weakness_of},
        confirmation::{Confirmation, Kind, Status},
        quota::Quota,
        sign_up,
    },
    error::{Error, Failure, Refusal},
};

/// How often a confirmation may be sent again while it is being completed.
const MAX_TRIES: usize = 5;

/// Verifies the address to which `key` was sent. Where the request names a `user`, `key` has to be
/// for this account.
pub(crate) async fn accept(
    state: &State,
    key: &str,
    user: Option<&UserId>,
    body: &[u8],
) -> Result<(), Error> {
    let (confirmation, account) = find(state, key, user).await?;
    let account_id = &account.user.userid;
    let password = if sign_up::is_custodial(&account.user) {
        let claim = Claim::read(body)?;
        take_attempt(state, account_id).await?;
        claim.matches(account.profile.as_ref())?;
        Some(claim.password)
    } else if sign_up::may_have_claimed(&confirmation) {
        // A client that sends a password again relies on this password being the one that is set.
        let repeated = claim::password_in(body);
        if repeated.is_some() {
            take_attempt(state, account_id).await?;
        }
        repeated
    } else {
        None
    };
    let update = update(&confirmation, password.as_ref());
    match state.user_api.update_user(account_id, &update).await {
        Ok(()) => complete(state, &confirmation.key).await,
        Err(PeerError::Refused { status: 409 }) if password.is_some() => {
            // The account had the address a moment ago. If it still has the address, it has another
            // password.
            find(state, key, user).await?;
            Err(InvalidClaim::OtherPassword.into())
        }
        Err(PeerError::Refused { status: 409 }) => Err(Refusal::NoSignUp.into()),
        Err(error) => Err(unchanged(error, password.as_ref(), &account)),
    }
}

/// Why the account was not changed: the `password` that it should get is weak, or user-api failed.
fn unchanged(error: PeerError, password: Option<&SecretString>, account: &Person) -> Error {
    let is_refused = matches!(error, PeerError::Refused { status: 400 });
    let weakness = password
        .filter(|_| is_refused)
        .and_then(|password| weakness_of(password.expose_secret(), account));
    match weakness {
        Some(weakness) => Refusal::WeakClaim(weakness).into(),
        None => Error::failed(Failure::UpdatingUser, error),
    }
}

/// The change of the account. A password is set only where the account has none, or got it by this
/// very change.
fn update(confirmation: &Confirmation, password: Option<&SecretString>) -> AccountUpdate {
    AccountUpdate {
        updates: AccountChanges {
            password: password.map(|password| password.expose_secret().to_owned()),
            email_verified: Some(true),
        },
        only_if: AccountCondition {
            email: confirmation.email.clone(),
            password_exists: password.map(|_| false),
        },
        idempotency_key: confirmation.idempotency_key(),
    }
}

/// Completes the confirmation that had the id `key` a moment ago, and that may have been sent again
/// since.
async fn complete(state: &State, key: &str) -> Result<(), Error> {
    let (from, to) = (&[Status::Pending], Status::Completed);
    let mut key = key.to_owned();
    for _ in 0..MAX_TRIES {
        let is_completed = state
            .confirmations
            .answer(&key, from, to)
            .await
            .or_fail(Failure::Saving)?;
        if is_completed {
            return Ok(());
        }
        let found = state
            .confirmations
            .find_by_any_key(&key)
            .await
            .or_fail(Failure::Saving)?;
        match found.filter(|found| found.status == Status::Pending) {
            Some(found) => key = found.key,
            None => return Ok(()),
        }
    }
    let cause = anyhow::anyhow!("its mail was always sent again meanwhile");
    Err(Error::failed(Failure::Saving, cause))
}

/// The confirmation that `key` opens, and the account whose address it verifies.
pub(crate) async fn find(
    state: &State,
    key: &str,
    user: Option<&UserId>,
) -> Result<(Confirmation, Person), Error> {
    let confirmation = state
        .confirmations
        .find_by_any_key(key)
        .await
        .or_fail(Failure::Finding)?
        .filter(|found| {
            found.kind == Kind::SignUp
                && matches!(found.status, Status::Pending | Status::Completed)
                && found.is_opened_by(key, Utc::now())
        })
        .ok_or(Refusal::NoSignUp)?;
    let Some(owner) = confirmation.user_id.clone() else {
        return Err(Refusal::NoSignUp.into());
    };
    if user.is_some_and(|user| *user != owner) {
        return Err(Refusal::NoSignUp.into());
    }
    if confirmation.is_expired(Utc::now()) {
        return Err(Refusal::SignUpExpired.into());
    }
    let account = state
        .user_api
        .person(&owner)
        .await
        .or_fail(Failure::FindingUser)?
        .context("the account of a sign-up is gone")
        .or_fail(Failure::FindingUser)?;
    let has_address = |email: &String| address::is_same(email, &confirmation.email);
    if !account.user.emails.iter().flatten().any(has_address) {
        return Err(Refusal::NoSignUp.into());
    }
    Ok((confirmation, account))
}

/// Counts a birthday that is about to be compared.
async fn take_attempt(state: &State, account: &UserId) -> Result<(), Error> {
    let limit = state.limits.claim_attempts_per_hour;
    let quota = Quota::hourly("claim", account.as_str(), limit);
    transaction(&state.client, async |session| {
        let taken = state.quotas.take(session, &quota).await?;
        taken.map_err(|wait| Aborted::Refused(Refusal::TooMany(wait)))
    })
    .await
    .or_fail(Failure::Saving)
}
