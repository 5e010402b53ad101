//! The verification of an address, and with it the claim of an account that others made.
//!
//! user-api changes the account first, in one write; a repeat of the request, which a crash before
//! the confirmation is completed needs, changes it to the same.

use chrono::Utc;
use secrecy::ExposeSecret;
use serde_json::json;
use shared_runtime::{
    error::ApiError,
    mongo::{Aborted, transaction},
    peers::PeerError,
};
use shared_types::{Person, UserId};

use crate::{
    State,
    domain::{
        address,
        claim::Claim,
        confirmation::{Confirmation, Kind, Status},
        key as keys, signup,
    },
    error::{Failure, Refusal, aborted},
    store::Quota,
};

/// Verifies the address to which `key` was sent; `user`: only for this account.
pub(crate) async fn accept(
    state: &State,
    key: &str,
    user: Option<&UserId>,
    body: &[u8],
) -> Result<(), ApiError> {
    let (confirmation, account) = find(state, key, user).await?;
    let mut updates = json!({ "emailVerified": true });
    if signup::is_custodial(&account.user) {
        let claim = Claim::read(body)?;
        take_attempt(state, &account.user.userid).await?;
        claim.matches(account.profile.as_ref())?;
        updates["password"] = claim.password.expose_secret().into();
    }
    let update = json!({
        "updates": updates,
        "onlyIf": { "email": confirmation.email },
        "idempotencyKey": keys::digest(key),
    });
    match state
        .user_api
        .update_user(&account.user.userid, &update)
        .await
    {
        Ok(()) => {}
        // The account has another address, or another password was set with this key.
        Err(PeerError::Refused { status: 409 }) => return Err(Refusal::NoSignUp.into()),
        Err(error) => return Err(Failure::UpdatingUser.because()(error)),
    }
    state
        .confirmations
        .answer(key, &[Status::Pending], Status::Completed)
        .await
        .map_err(Failure::Saving.because())?;
    Ok(())
}

/// The confirmation that `key` opens, and the account whose address it verifies.
pub(crate) async fn find(
    state: &State,
    key: &str,
    user: Option<&UserId>,
) -> Result<(Confirmation, Person), ApiError> {
    let found = state.confirmations.find(key).await;
    let found = found.map_err(Failure::Finding.because())?.filter(|found| {
        found.kind == Kind::SignUp && matches!(found.status, Status::Pending | Status::Completed)
    });
    let confirmation = found.ok_or(Refusal::NoSignUp)?;
    let Some(owner) = confirmation.user_id.clone() else {
        return Err(Refusal::NoSignUp.into());
    };
    if user.is_some_and(|user| *user != owner) {
        return Err(Refusal::NoSignUp.into());
    }
    if confirmation.is_expired(Utc::now()) {
        return Err(Refusal::SignUpExpired.into());
    }
    let account = state.user_api.person(&owner).await;
    let account = account
        .map_err(Failure::FindingUser.because())?
        .ok_or(Failure::FindingUser)?;
    let has_address = |email: &String| address::same(email, &confirmation.email);
    if !account.user.emails.iter().flatten().any(has_address) {
        return Err(Refusal::NoSignUp.into());
    }
    Ok((confirmation, account))
}

/// Counts a birthday that is about to be compared.
async fn take_attempt(state: &State, account: &UserId) -> Result<(), ApiError> {
    let quota = Quota::new(
        "claim",
        account.as_str(),
        state.limits.claim_attempts_per_hour,
    );
    let taken = transaction(&state.client, async |session| {
        let taken = state.quotas.take(session, &quota).await?;
        taken.map_err(|wait| Aborted::Refused(Refusal::TooMany(wait)))
    })
    .await;
    taken.map_err(aborted(Failure::Saving))
}
