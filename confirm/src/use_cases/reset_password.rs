//! Forgotten passwords.
//!
//! Neither the response nor its delay may show whether an address has an account. So the request
//! only stores a row; the look-up and the mail come later.

use anyhow::anyhow;
use chrono::{DateTime, Utc};
use mongodb::ClientSession;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use shared_runtime::{
    error::OrFail as _,
    mongo::{Aborted, is_duplicate_key, transaction},
    outbox::Effect,
    peers::PeerError,
};
use shared_types::{AccountChanges, AccountCondition, AccountUpdate, Person, address};
use tracing::info;

use super::{
    load_people,
    send_mail::{self, Allowed, QueuedMail},
};
use crate::{
    State,
    domain::{
        claim::weakness_of,
        confirmation::{Confirmation, Kind, Status},
        key,
        quota::{Cause, Quota},
        sign_up,
        template::Template,
    },
    error::{Error, Failure, Refusal},
};

/// Somebody forgot a password. The row looks the address up and queues the mail.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Forgotten {
    /// As it was entered. The row cannot name an account instead: whether there is one is looked up later, so
    /// that the response does not show it, and a mail to an address without an account needs the address. The
    /// row goes with the look-up, within moments, also where the account is deleted meanwhile.
    pub(crate) email: String,
    /// The key that gives the confirmation its id, so that a repeat makes no second confirmation.
    pub(crate) key: String,
    pub(crate) at: bson::DateTime,
}

impl Effect for Forgotten {
    const TOPIC: &'static str = "password.forgotten";

    fn key(&self) -> String {
        format!("forgotten:{}", self.key)
    }
}

/// Records that somebody at `source` forgot the password of the account of `email`, if there is one.
/// A mail that went to this very address a moment ago stands for the next ones.
pub(crate) async fn request(state: &State, source: &str, email: &str) -> Result<(), Error> {
    let key = key::generate();
    transaction(&state.client, async |session| {
        let cause = Cause::Forgotten(source);
        if send_mail::take_quota(state, session, cause, email).await? == Allowed::Stands {
            return Ok(());
        }
        let forgotten = Forgotten {
            email: email.to_owned(),
            key: key.clone(),
            at: bson::DateTime::now(),
        };
        state.outbox.enqueue(session, &forgotten).await?;
        Ok(())
    })
    .await
    .or_fail(Failure::Saving)?;
    state.outbox.wake();
    Ok(())
}

/// Makes the confirmation and queues the mail. A mail that says that there is no account is left
/// out if the address has had enough of these. Repeatable.
pub(crate) async fn send(state: &State, forgotten: &Forgotten) -> anyhow::Result<()> {
    let confirmation = confirmation(state, forgotten).await?;
    let stored = transaction(&state.client, async |session| {
        if confirmation.kind == Kind::NoAccount {
            let (cause, email) = (Cause::NoAccount, &confirmation.email);
            if send_mail::take_quota(state, session, cause, email).await? == Allowed::Stands {
                return Ok(());
            }
        }
        let made = replace_sign_up(state, session, &confirmation).await?;
        state.confirmations.insert(session, &made).await?;
        let mail = QueuedMail::of(&made);
        state.mails.enqueue(session, &mail).await?;
        Ok(())
    })
    .await;
    match stored {
        Ok(()) => state.mails.wake(),
        Err(Aborted::Failed(error)) if is_duplicate_key(&error) => {
            info!("a forgotten password was taken care of before");
        }
        Err(Aborted::Failed(error)) => return Err(error.into()),
        Err(aborted) => return Err(anyhow!("not done: {aborted:?}")),
    }
    Ok(())
}

/// The confirmation that is stored for `made`. If `made` confirms a sign-up, the stored
/// confirmation of that sign-up is removed, and the new one is for the same occasion. The keys of a
/// pending confirmation stay good, since anybody can ask for this.
async fn replace_sign_up(
    state: &State,
    session: &mut ClientSession,
    made: &Confirmation,
) -> Result<Confirmation, mongodb::error::Error> {
    let (Kind::SignUp, Some(user)) = (made.kind, &made.user_id) else {
        return Ok(made.clone());
    };
    let found = state.confirmations.find_sign_up_in(session, user).await?;
    // A repeat finds `made` itself, which is not stored again.
    let Some(old) = found.filter(|old| old.key != made.key) else {
        return Ok(made.clone());
    };
    state.confirmations.delete(session, &old).await?;
    let (key, at) = (made.key.clone(), made.created);
    if old.status == Status::Pending && address::is_same(&old.email, &made.email) {
        return Ok(old.rekeyed(key, at));
    }
    Ok(Confirmation {
        email: made.email.clone(),
        ..old.replaced(key, at)
    })
}

async fn confirmation(state: &State, forgotten: &Forgotten) -> anyhow::Result<Confirmation> {
    let (key, at): (String, DateTime<Utc>) = (forgotten.key.clone(), forgotten.at.to_chrono());
    let account = load_people::find_account(&state.user_api, &forgotten.email).await?;
    let Some(account) = account else {
        let made = Confirmation::new(key, Kind::NoAccount, Template::NoAccount, at);
        return Ok(Confirmation {
            email: forgotten.email.clone(),
            ..made
        });
    };
    let (kind, template, key) = if sign_up::is_custodial(&account.user) {
        // The reader of the mail still has to know the birthday.
        (Kind::SignUp, Template::SignUpCustodial, key)
    } else {
        let id = key::keyless_id(&key);
        (Kind::PasswordReset, Template::PasswordReset, id)
    };
    // The mail goes to the address as the account has it, not as somebody typed it.
    let mut emails = account.user.emails.into_iter().flatten();
    let email = emails.find(|known| address::is_same(known, &forgotten.email));
    let made = Confirmation::new(key, kind, template, at);
    Ok(Confirmation {
        email: email.unwrap_or_else(|| forgotten.email.clone()),
        user_id: Some(account.user.userid),
        ..made
    })
}

/// The reset that `key` opens, also where it has expired.
pub(crate) async fn find(state: &State, key: &str) -> Result<Option<Confirmation>, Error> {
    let found = state
        .confirmations
        .find_by_any_key(key)
        .await
        .or_fail(Failure::Finding)?;
    let is_open =
        |found: &Confirmation| found.kind == Kind::PasswordReset && found.status == Status::Pending;
    Ok(found.filter(|found| is_open(found) && found.is_opened_by(key, Utc::now())))
}

/// Sets the password with the key from the mail. `None` means that the request has a password that
/// is not accepted.
pub(crate) async fn reset(
    state: &State,
    key: &str,
    email: &str,
    password: Option<&SecretString>,
) -> Result<(), Error> {
    let reset = find(state, key)
        .await?
        .filter(|reset| address::is_same(&reset.email, email))
        .ok_or(Refusal::NoReset)?;
    if reset.is_expired(Utc::now()) {
        return Err(Refusal::ResetExpired.into());
    }
    let account = find_account(state, &reset).await?.ok_or(Refusal::NoReset)?;
    let user = account.user.userid.clone();
    let password = password.ok_or(Refusal::ResetRefused)?;
    let update = AccountUpdate {
        updates: AccountChanges {
            password: Some(password.expose_secret().to_owned()),
            // The mail was read, so the address is proven.
            email_verified: Some(true),
        },
        // The account has to have the address still.
        only_if: AccountCondition {
            email: reset.email.clone(),
            password_exists: None,
        },
        idempotency_key: reset.idempotency_key(),
    };
    match state.user_api.update_user(&user, &update).await {
        Ok(()) => {}
        Err(PeerError::Refused {
            status: 401 | 404 | 409,
        }) => return Err(Refusal::NoReset.into()),
        Err(error) => return Err(unset(error, password, &account)),
    }
    // The other resets come first: if the process dies in between, this key still works and a
    // repeat cancels them.
    state
        .confirmations
        .cancel_resets_but(&user, &reset.key)
        .await
        .or_fail(Failure::Saving)?;
    // An owner who forgets this password as well needs another mail.
    let asked = Quota::forgotten(&state.limits, &reset.email);
    state.quotas.clear(&asked).await.or_fail(Failure::Saving)?;
    state
        .confirmations
        .answer(&reset.key, &[Status::Pending], Status::Completed)
        .await
        .or_fail(Failure::Saving)?;
    Ok(())
}

/// Why the `password` was not set: it is weak, or user-api failed.
fn unset(error: PeerError, password: &SecretString, account: &Person) -> Error {
    let is_refused = matches!(error, PeerError::Refused { status: 400 });
    let weakness = weakness_of(password.expose_secret(), account);
    match weakness.filter(|_| is_refused) {
        Some(weakness) => Refusal::WeakReset(weakness).into(),
        None => Error::failed(Failure::ResettingPassword, error),
    }
}

/// The account whose password is reset. An account without a password is claimed, not reset.
/// Documents of the reference need not name the account.
async fn find_account(state: &State, reset: &Confirmation) -> Result<Option<Person>, Error> {
    let user_api = &state.user_api;
    let account = match &reset.user_id {
        Some(user) => user_api.person(user).await,
        None => load_people::find_account(user_api, &reset.email).await,
    }
    .or_fail(Failure::FindingUser)?;
    Ok(account.filter(|account| !sign_up::is_custodial(&account.user)))
}
