//! The owner of an account puts it back to what it was before a change, with the link that was
//! mailed to the address that was proven then.

use shared_runtime::{
    error::OrFail as _,
    mongo::{Aborted, is_duplicate_key, transaction},
    source::Source,
};
use shared_types::{Restoration, Restored, UserId};

use crate::{
    State,
    domain::{
        account_change::AccountChange,
        past::{Past, RestoredState, void_with},
        proof::Proof,
        user::Account,
    },
    error::{Error, Failure, Refusal},
    retries::{MAX_TRIES, outrun, pause},
    strength,
    use_cases::{
        notify_owner,
        prove_address::{NotProven, Takeover},
        report_address,
    },
};

/// Puts the account of `user` back: its names, and which of its addresses are proven. It gets the new
/// password, all its sessions end, and neither this change nor a later one can be undone any more.
/// Repeatable under the same key with the same password.
pub(crate) async fn restore(
    state: &State,
    source: Source,
    user: &UserId,
    asked: &Restoration,
) -> Result<Restored, Error> {
    let mut hash = None;
    for tries in 1..=MAX_TRIES {
        let account = state
            .users
            .find(user)
            .await
            .or_fail(Failure::FindingUser)?
            .filter(|account| account.has_password() && !account.is_brokered())
            .ok_or(Refusal::NoSuchChange)?;
        let list = state
            .past_accounts
            .list(user)
            .await
            .or_fail(Failure::FindingUser)?;
        let past = find(&list, asked)?;
        if past.is_void {
            check_repeat(state, source, &account, past, asked).await?;
            let void = still_void(&list, past);
            return Ok(Restored { void });
        }
        if hash.is_none() {
            let names = account.names().chain(past.names.iter());
            strength::check(state, &asked.password, names)?;
            let made = state
                .hasher
                .hash(source, &asked.password, Failure::UpdatingUser);
            hash = Some(made.await?);
        }
        if let Some(void) = change(state, &account, past, hash.as_deref(), asked).await? {
            return Ok(Restored { void });
        }
        tokio::time::sleep(pause(tries)).await;
    }
    Err(outrun(Failure::UpdatingUser))
}

fn find<'a>(list: &'a [Past], asked: &Restoration) -> Result<&'a Past, Refusal> {
    list.iter()
        .find(|past| past.change == asked.change && past.was_told_to(&asked.email))
        .ok_or(Refusal::NoSuchChange)
}

/// What became void with `past`. What came after it was put back is not.
fn still_void(list: &[Past], past: &Past) -> Vec<String> {
    let is_void = |id: &String| list.iter().any(|past| past.is_void && past.change == *id);
    let mut void = void_with(list, past);
    void.retain(is_void);
    void
}

/// Lets a repeat of what has been done through, and nothing else.
async fn check_repeat(
    state: &State,
    source: Source,
    account: &Account,
    past: &Past,
    asked: &Restoration,
) -> Result<(), Error> {
    if past.restored_under.as_ref() != Some(&asked.idempotency_key) {
        return Err(Refusal::ChangeIsVoid.into());
    }
    let turn = state.hasher.turn(source).await?;
    match turn.matches(Some(account), &asked.password).await? {
        Some(_) => Ok(()),
        None => Err(Refusal::ChangeIsVoid.into()),
    }
}

/// Changes the account that was read as `account` to `past`; returns what can be undone no more, or
/// `None` when somebody else was faster.
async fn change(
    state: &State,
    account: &Account,
    past: &Past,
    hash: Option<&str>,
    asked: &Restoration,
) -> Result<Option<Vec<String>>, Error> {
    // What others have by now stays with them, or they could keep the owner out with it.
    let taken = find_taken(state, account, past, asked)
        .await
        .or_fail(Failure::FindingUser)?;
    let restored = past.restored(&asked.email, &taken);
    let restored = restored.ok_or(Refusal::NoSuchChange)?;
    // Whoever has the address of the link without having proven it loses it.
    let proof = Proof::Is(restored.proven[0].clone());
    let takeover = Takeover::begin(state, account, &proof)
        .await
        .or_fail(Failure::UpdatingUser)?;
    let change = AccountChange {
        names: Some(restored.names.clone()),
        email_verified: Some(true),
        proof: Proof::Are(restored.proven.clone()),
        password_hash: hash.map(str::to_owned),
        relies_on_emails: true,
        ..AccountChange::default()
    };
    match write(state, account, &change, &restored, takeover.as_ref(), asked).await {
        Ok(void) => {
            state.outbox.wake();
            Ok(Some(void))
        }
        Err(Aborted::Outrun) => Ok(None),
        Err(Aborted::Refused(NotProven)) => Err(Refusal::NamesTaken.into()),
        Err(Aborted::Failed(error)) if is_duplicate_key(&error) => Err(Refusal::NamesTaken.into()),
        Err(Aborted::Failed(error)) => Err(Error::failed(Failure::UpdatingUser, error)),
    }
}

/// The names of `past`, but for the address of the link, that another account has by now.
async fn find_taken<'a>(
    state: &State,
    account: &Account,
    past: &'a Past,
    asked: &Restoration,
) -> Result<Vec<&'a str>, mongodb::error::Error> {
    let mut taken = Vec::new();
    for name in past.names_beside(&asked.email) {
        let names = [name].into_iter();
        if state.users.is_taken(names, Some(&account.userid)).await? {
            taken.push(name);
        }
    }
    Ok(taken)
}

/// Writes it in one transaction, which others that change the account conflict with; returns what
/// can be undone no more.
async fn write(
    state: &State,
    account: &Account,
    change: &AccountChange,
    restored: &RestoredState,
    takeover: Option<&Takeover<'_>>,
    asked: &Restoration,
) -> Result<Vec<String>, Aborted<NotProven>> {
    let userid = &account.userid;
    transaction(&state.client, async |session| {
        let by = userid.as_str();
        if let Some(takeover) = takeover {
            takeover.run(state, session, by).await?;
        }
        if !state.users.update(session, account, change, by).await? {
            return Err(Aborted::Outrun);
        }
        report_address::note(state, session, account, change).await?;
        let mut list = state.past_accounts.list_in(session, userid).await?;
        let past = find(&list, asked).ok().filter(|past| !past.is_void);
        let past = past.ok_or(Aborted::Outrun)?;
        state
            .past_accounts
            .set_restored(session, userid, past, &asked.idempotency_key)
            .await?;
        state
            .sessions
            .tokens()
            .delete_all_but_in(session, userid, None)
            .await?;
        let (void, since) = (void_with(&list, past), past.sequence);
        for past in &mut list {
            past.is_void |= past.sequence >= since;
        }
        notify_owner::queue_notices_of_restoration(state, session, userid, list, restored).await?;
        Ok(void)
    })
    .await
}
