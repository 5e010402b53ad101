//! The owner of an account puts it back to what it was before a change, with the link in the mail
//! that reported the change.

use chrono::Utc;
use secrecy::{ExposeSecret, SecretString};
use shared_runtime::{
    error::OrFail as _,
    peers::{PeerError, user_api::PutBack},
};
use shared_types::{Restoration, UserId, password::weakness};

use crate::{
    State,
    domain::{
        account_change::{AccountChange, NotRestored},
        confirmation::{Confirmation, Kind, Status},
    },
    error::{Error, Failure, Refusal},
};

/// The change that `key` undoes, with its confirmation.
pub(crate) async fn find(state: &State, key: &str) -> Result<(Confirmation, AccountChange), Error> {
    let now = Utc::now();
    let found = state
        .confirmations
        .find_by_any_key(key)
        .await
        .or_fail(Failure::Finding)?
        .filter(|found| found.kind == Kind::AccountChange && found.is_opened_by(key, now))
        .and_then(|found| {
            let change = AccountChange::read(found.context.as_ref())?;
            Some((found, change))
        });
    match found {
        None => Err(NotRestored::Unknown.into()),
        Some((found, _)) if found.status != Status::Pending => Err(NotRestored::Done.into()),
        Some((found, _)) if found.is_expired(now) => Err(NotRestored::Expired.into()),
        Some(found) => Ok(found),
    }
}

/// Puts the account back to what it was before the change that `key` undoes, with the new
/// `password`. `None` means that the request has a password that is not accepted.
///
/// user-api changes the account first, in one transaction. After a crash before the confirmation is
/// completed, a repeat of the request finds the account changed and completes the confirmation.
pub(crate) async fn undo(
    state: &State,
    key: &str,
    password: Option<&SecretString>,
) -> Result<(), Error> {
    let (confirmation, change) = find(state, key).await?;
    let user = confirmation.user_id.as_ref().ok_or(NotRestored::Unknown)?;
    let password = password.ok_or(NotRestored::BadPassword)?;
    let restoration = Restoration {
        change: change.change,
        email: confirmation.email.clone(),
        password: password.expose_secret().to_owned(),
        idempotency_key: confirmation.idempotency_key(),
    };
    let restored = match state.user_api.restore(user, &restoration).await {
        Ok(PutBack::Done(restored)) => restored,
        Ok(PutBack::Busy { retry_after }) => return Err(Refusal::Busy(retry_after).into()),
        Err(error) => return Err(refused(state, &confirmation, password, error).await),
    };
    Ok(complete(state, user, &restored.void, &confirmation)
        .await
        .or_fail(Failure::Saving)?)
}

/// Completes the confirmation of a change that was undone, and cancels the confirmations that the
/// restoration makes void.
async fn complete(
    state: &State,
    user: &UserId,
    void: &[String],
    confirmation: &Confirmation,
) -> Result<(), mongodb::error::Error> {
    let (key, email) = (&confirmation.key, &confirmation.email);
    let confirmations = &state.confirmations;
    // The other confirmations come first: if the process dies in between, this key still works and
    // a repeat cancels them.
    confirmations.cancel_changes_but(user, void, key).await?;
    confirmations.cancel_resets_but(user, key).await?;
    confirmations.cancel_sign_ups_but(user, email).await?;
    confirmations
        .answer(key, &[Status::Pending], Status::Completed)
        .await?;
    Ok(())
}

/// Why user-api does not put the account back. The confirmation of a void link is canceled, so that
/// its page says so from now on.
async fn refused(
    state: &State,
    confirmation: &Confirmation,
    password: &SecretString,
    error: PeerError,
) -> Error {
    let not_restored = match error {
        PeerError::Refused { status: 400 } => {
            let names = std::iter::once(confirmation.email.as_str());
            let weakness = weakness(password.expose_secret(), names);
            weakness.map_or(NotRestored::BadPassword, NotRestored::WeakPassword)
        }
        PeerError::Refused { status: 404 } => NotRestored::Unknown,
        PeerError::Refused { status: 409 } => NotRestored::NamesTaken,
        PeerError::Refused { status: 410 } => NotRestored::Done,
        error => return Error::failed(Failure::UpdatingUser, error),
    };
    if not_restored == NotRestored::Done {
        let confirmations = &state.confirmations;
        let key = &confirmation.key;
        let answered = confirmations.answer(key, &[Status::Pending], Status::Canceled);
        if let Err(error) = answered.await {
            return Error::failed(Failure::Saving, error);
        }
    }
    not_restored.into()
}
