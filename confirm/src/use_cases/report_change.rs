//! Owners of accounts are told what somebody changed, and put the account back with the link in the
//! mail.

use chrono::Utc;
use secrecy::{ExposeSecret, SecretString};
use shared_runtime::{
    error::{ApiError, OrFail as _},
    mongo::{Aborted, is_duplicate_key, transaction},
    peers::{PeerError, user_api::PutBack},
};
use shared_types::{AccountNotice, Person, Restoration, UserId, password::weakness};
use tracing::info;

use super::{
    send_mail::QueuedMail,
    send_sign_up::{self, Mail, Requester},
};
use crate::{
    State,
    domain::{
        account_change::{AccountChange, NotRestored},
        confirmation::{Confirmation, Kind, Status},
        key,
        template::Template,
    },
    error::{Failure, Refusal},
};

/// Queues a mail to each recipient of `notice`, whatever else is mailed to them: no quota keeps
/// these away. Of an account that is gone nobody is told. Repeatable under the same `id`.
pub(crate) async fn tell(state: &State, id: &str, notice: &AccountNotice) -> Result<(), ApiError> {
    let Some(account) = state
        .user_api
        .person(&notice.userid)
        .await
        .or_fail(Failure::FindingUser)?
    else {
        return Ok(());
    };
    if notice.needs_proof {
        ask_for_proof(state, &account).await?;
    }
    let made: Vec<Confirmation> = (0..notice.recipients.len())
        .map(|number| confirmation(id, notice, number))
        .collect();
    let stored: Result<(), Aborted> = transaction(&state.client, async |session| {
        for confirmation in &made {
            state.confirmations.insert(session, confirmation).await?;
            let mail = QueuedMail::of(confirmation);
            state.mails.enqueue(session, &mail).await?;
        }
        Ok(())
    })
    .await;
    match stored {
        Err(Aborted::Failed(error)) if is_duplicate_key(&error) => {
            info!("a notice was queued before");
        }
        stored => {
            stored.or_fail(Failure::Saving)?;
            state.mails.wake();
        }
    }
    Ok(())
}

/// The confirmation of the mail to one of the recipients. Its key is in the mail alone.
fn confirmation(id: &str, notice: &AccountNotice, number: usize) -> Confirmation {
    let recipient = &notice.recipients[number];
    let change = AccountChange {
        change: recipient.change.clone(),
        changed: notice.changed.clone(),
        changed_at: notice.changed_at,
    };
    let key = key::keyless_id(&format!("{id}.{number}"));
    let made = Confirmation::new(
        key,
        Kind::AccountChange,
        Template::AccountChange,
        Utc::now(),
    );
    Confirmation {
        email: recipient.email.clone(),
        user_id: Some(notice.userid.clone()),
        context: Some(change.to_context()),
        ..made
    }
}

/// Mails the key that proves the new address of an account, which says that it is not verified
/// until then. What is refused, such as a mail too many, the owner may ask for later.
async fn ask_for_proof(state: &State, account: &Person) -> Result<(), ApiError> {
    match send_sign_up::request_for(state, Requester::NOBODY, account, Mail::Queued).await {
        Err(error) if error.status().is_server_error() => Err(error),
        _ => Ok(()),
    }
}

/// The change that `key` undoes, with its confirmation.
pub(crate) async fn find(
    state: &State,
    key: &str,
) -> Result<Result<(Confirmation, AccountChange), NotRestored>, ApiError> {
    let now = Utc::now();
    let found = state
        .confirmations
        .find_by_any_key(key)
        .await
        .or_fail(Failure::Finding)?;
    let found = found
        .filter(|found| found.kind == Kind::AccountChange && found.is_opened_by(key, now))
        .and_then(|found| {
            let change = AccountChange::read(found.context.as_ref())?;
            Some((found, change))
        });
    Ok(match found {
        None => Err(NotRestored::Unknown),
        Some((found, _)) if found.status != Status::Pending => Err(NotRestored::Done),
        Some((found, _)) if found.is_expired(now) => Err(NotRestored::Expired),
        Some(found) => Ok(found),
    })
}

/// Puts the account back to what it was before the change that `key` undoes; `password`: the new
/// one, `None` where it is not accepted.
///
/// user-api changes the account first, in one transaction; a repeat of the request, which a crash
/// before the confirmation is completed needs, finds it done.
pub(crate) async fn restore(
    state: &State,
    key: &str,
    password: Option<&SecretString>,
) -> Result<(), ApiError> {
    let (confirmation, change) = find(state, key).await??;
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
    complete(state, user, &restored.void, &confirmation)
        .await
        .or_fail(Failure::Saving)
}

/// Completes the confirmation of a change that was undone, and cancels what could undo more.
async fn complete(
    state: &State,
    user: &UserId,
    void: &[String],
    confirmation: &Confirmation,
) -> Result<(), mongodb::error::Error> {
    let (key, email) = (&confirmation.key, &confirmation.email);
    let confirmations = &state.confirmations;
    // The others first: what dies in between leaves this key to be used for it.
    confirmations.cancel_changes_but(user, void, key).await?;
    confirmations.cancel_resets_but(user, key).await?;
    confirmations.cancel_sign_ups_but(user, email).await?;
    confirmations
        .answer(key, &[Status::Pending], Status::Completed)
        .await?;
    Ok(())
}

/// Why user-api does not put the account back. A link that is void says so from here on.
async fn refused(
    state: &State,
    confirmation: &Confirmation,
    password: &SecretString,
    error: PeerError,
) -> ApiError {
    let not_restored = match error {
        PeerError::Refused { status: 400 } => {
            let names = std::iter::once(confirmation.email.as_str());
            let weakness = weakness(password.expose_secret(), names);
            weakness.map_or(NotRestored::BadPassword, NotRestored::WeakPassword)
        }
        PeerError::Refused { status: 404 } => NotRestored::Unknown,
        PeerError::Refused { status: 409 } => NotRestored::NamesTaken,
        PeerError::Refused { status: 410 } => NotRestored::Done,
        error => return Failure::UpdatingUser.because(error),
    };
    if not_restored == NotRestored::Done {
        let confirmations = &state.confirmations;
        let key = &confirmation.key;
        let answered = confirmations.answer(key, &[Status::Pending], Status::Canceled);
        if let Err(error) = answered.await {
            return Failure::Saving.because(error);
        }
    }
    not_restored.into()
}
