//! Confirmations of sign-ups as they are made and sent, over the API or on a page.

use chrono::{DateTime, Utc};
use shared_runtime::{
    auth::Caller,
    error::OrFail as _,
    mongo::{Aborted, transaction},
};
use shared_types::{Person, UserId};

use super::{
    load_people,
    send_mail::{self, Allowed, QueuedMail},
};
use crate::{
    State,
    domain::{
        confirmation::{Confirmation, Kind},
        key,
        quota::Cause,
        sign_up::{self, Next, Occasion, Requester},
    },
    error::{Error, Failure, Refusal},
};

/// Whether the key is mailed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mail {
    Queued,
    None,
}

/// Makes the confirmation of the sign-up of `user`; returns `None` where the account has no address.
pub(crate) async fn request(
    state: &State,
    requester: Requester<'_>,
    user: &UserId,
    mail: Mail,
) -> Result<Option<Confirmation>, Error> {
    let account = load(state, user).await?;
    request_for(state, requester, &account, mail).await
}

/// Does what [`request`] does for an account that is loaded.
pub(crate) async fn request_for(
    state: &State,
    requester: Requester<'_>,
    account: &Person,
    mail: Mail,
) -> Result<Option<Confirmation>, Error> {
    let user = &account.user.userid;
    let email = account.user.emails.iter().flatten().next();
    let occasion = occasion(state, requester, account).await?;
    let made = transaction(&state.client, async |session| {
        let Some(email) = email else {
            let old = state.confirmations.find_sign_up_in(session, user).await?;
            if let Some(old) = &old {
                state.confirmations.delete(session, old).await?;
            }
            return Ok(None);
        };
        // The quota comes first: it keeps out another request for the same address.
        let cause = match requester {
            Requester::Service {
                clinic_id: Some(clinic),
                ..
            } => Cause::Claimable(clinic),
            Requester::Service { .. } => Cause::Verified(None),
            Requester::Person(sender) => Cause::Verified(Some(sender)),
        };
        send_mail::take_quota(state, session, cause, email).await?;
        let old = state.confirmations.find_sign_up_in(session, user).await?;
        let now = Utc::now();
        let new = match &old {
            None => first(&occasion, user, email, now),
            Some(old) => match sign_up::next(old, email, now) {
                Next::Keep => return Err(Aborted::Refused(Refusal::SignUpExists)),
                Next::Replace => {
                    state.confirmations.delete(session, old).await?;
                    next(old, &occasion, email, now)
                }
            },
        };
        state.confirmations.insert(session, &new).await?;
        if mail == Mail::Queued {
            let mail = QueuedMail::of(&new);
            state.mails.enqueue(session, &mail).await?;
        }
        Ok(Some(new))
    })
    .await
    .or_fail(Failure::Saving)?;
    state.mails.wake();
    Ok(made)
}

/// Mails another key for the pending sign-up of the account with this address or id, unless a mail
/// that went to this very address a moment ago stands for it. `caller` is the owner of the token that
/// the request has, if it has one.
pub(crate) async fn resend(
    state: &State,
    source: &str,
    caller: Option<&Caller>,
    name: &str,
) -> Result<(), Error> {
    let name = name.trim();
    let found = if UserId::has_id_form(name) {
        let user = UserId::from(name);
        state.confirmations.find_pending_sign_up(&user).await
    } else {
        state.confirmations.find_pending_sign_up_at(name).await
    }
    .or_fail(Failure::Finding)?;
    let recipient = found.as_ref().map_or(name, |found| found.email.as_str());
    let owner = found.as_ref().and_then(|found| found.user_id.as_ref());
    let is_owner = |caller: &&Caller| owner.is_some_and(|owner| caller.is(owner));
    // Strangers cannot use up the mails that the owner may ask for.
    let cause = match caller.filter(is_owner) {
        Some(caller) => Cause::Verified(caller.user_id()),
        None if found.is_some() => Cause::SentAgain(source),
        None => Cause::SentAgainInVain(source),
    };
    let stored = transaction(&state.client, async |session| {
        // Unknown addresses are counted as well, so that they end in the same refusal.
        let allowed = send_mail::take_quota(state, session, cause, recipient).await?;
        let Some(found) = &found else {
            return Ok(false);
        };
        if allowed == Allowed::Stands {
            return Ok(true);
        }
        let taken = state.confirmations.take(session, &found.key, Kind::SignUp);
        let Some(old) = taken.await? else {
            return Ok(false);
        };
        let new = old.rekeyed(key::generate(), Utc::now());
        state.confirmations.insert(session, &new).await?;
        let mail = QueuedMail::of(&new);
        state.mails.enqueue(session, &mail).await?;
        Ok(true)
    })
    .await
    .or_fail(Failure::Renewing)?;
    if !stored {
        return Err(Refusal::NoSignUp.into());
    }
    state.mails.wake();
    Ok(())
}

/// Does what [`resend`] does for a request without a token. An account whose owner signed up
/// elsewhere and never asked for the mail gets its first one. An account that others made gets the
/// mail when its makers ask for it.
pub(crate) async fn resend_or_send(state: &State, source: &str, email: &str) -> Result<(), Error> {
    match resend(state, source, None, email).await {
        Err(Error::Refused(Refusal::NoSignUp)) => {}
        sent => return sent,
    }
    let account = load_people::find_account(&state.user_api, email)
        .await
        .or_fail(Failure::FindingUser)?
        .filter(|account| {
            !sign_up::is_custodial(&account.user) && account.user.email_verified != Some(true)
        });
    let Some(account) = account else {
        return Ok(());
    };
    match request(state, Requester::NOBODY, &account.user.userid, Mail::Queued).await {
        // The confirmation stands already: another address of the account was verified with it.
        Err(Error::Refused(Refusal::SignUpExists)) => Ok(()),
        made => made.map(drop),
    }
}

async fn load(state: &State, user: &UserId) -> Result<Person, Error> {
    let found = state
        .user_api
        .person(user)
        .await
        .or_fail(Failure::LoadingUser)?;
    found.ok_or(Refusal::UserNotFound.into())
}

async fn occasion(
    state: &State,
    requester: Requester<'_>,
    account: &Person,
) -> Result<Occasion, Error> {
    let is_by_clinic = match requester {
        Requester::Service { .. } => false,
        Requester::Person(person) if *person == account.user.userid => {
            sign_up::is_clinic(&account.user)
        }
        Requester::Person(person) => sign_up::is_clinic(&load(state, person).await?.user),
    };
    Ok(Occasion::of(&account.user, requester, is_by_clinic))
}

fn first(occasion: &Occasion, user: &UserId, email: &str, now: DateTime<Utc>) -> Confirmation {
    let made = Confirmation::new(key::generate(), Kind::SignUp, occasion.template, now);
    Confirmation {
        email: email.to_owned(),
        user_id: Some(user.clone()),
        creator_id: occasion.creator_id.clone(),
        clinic_id: occasion.clinic_id,
        ..made
    }
}

/// The confirmation that takes the place of `old`: with the same mail, and with the clinic that
/// asks for the mail, if one does.
fn next(old: &Confirmation, occasion: &Occasion, email: &str, now: DateTime<Utc>) -> Confirmation {
    let next = Confirmation {
        email: email.to_owned(),
        ..old.clone().replaced(key::generate(), now)
    };
    match occasion.clinic_id {
        None => next,
        Some(clinic_id) => Confirmation {
            clinic_id: Some(clinic_id),
            creator_id: occasion.creator_id.clone(),
            ..next
        },
    }
}
