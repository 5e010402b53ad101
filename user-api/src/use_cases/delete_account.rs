//! Deletes an account: everything of it here in one transaction, and a row for everybody else who
//! keeps something about it.

use std::{collections::BTreeSet, time::Duration};

use anyhow::{Context, anyhow};
use chrono::Utc;
use mongodb::ClientSession;
use serde::{Deserialize, Serialize};
use shared_runtime::{
    auth::Caller,
    error::OrFail as _,
    mongo::{Aborted, transaction},
    outbox::Effect,
    peers::PeerError,
    source::Source,
};
use shared_types::{AdministeredAccount, PermissionSet, UserId};
use tracing::warn;

use crate::{
    State,
    domain::{deletion::keeps_an_admin, holders::Custody, rights::Rights, user::Account},
    error::{Error, Failure, Refusal},
    guesses::try_password,
    retries::{MAX_TRIES, pause},
    rights::rights_on,
    store::{Awaited, Locks},
    use_cases::keep_custody,
};

/// Every request with a token that another service checked before the deletion has ended after
/// this.
const SWEEP_AFTER: Duration = Duration::from_secs(10);

/// A receiver has to hear that an account is gone.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Gone {
    pub(crate) receiver: Receiver,
    pub(crate) userid: UserId,
}

impl Effect for Gone {
    const TOPIC: &'static str = "users.deleted";

    fn key(&self) -> String {
        format!("{}:{}", self.receiver.name(), self.userid)
    }
}

/// A service that keeps something about accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Receiver {
    Confirm,
    Clinic,
    Gatekeeper,
}

impl Receiver {
    /// In the order in which they get a report: until confirm has it, confirm may have the others
    /// grant what was being accepted, and until clinic has it, clinic may have gatekeeper relate the
    /// account to its clinics.
    const ALL: [Self; 3] = [Self::Confirm, Self::Clinic, Self::Gatekeeper];

    /// Those that this deployment has.
    fn configured(state: &State) -> impl Iterator<Item = Self> {
        let is_there = |receiver: &Self| match receiver {
            Self::Confirm => state.confirm.is_some(),
            Self::Clinic => state.clinic.is_some(),
            Self::Gatekeeper => true,
        };
        Self::ALL.into_iter().filter(is_there)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Confirm => "confirm",
            Self::Clinic => "clinic",
            Self::Gatekeeper => "gatekeeper",
        }
    }

    /// Has it remove what it keeps about a deleted account. Repeatable.
    async fn forget(self, state: &State, userid: &UserId) -> anyhow::Result<()> {
        let forgotten = match self {
            Self::Confirm => {
                let confirm = state.confirm.as_ref().context("confirm.url is not set")?;
                confirm.forget_user(userid).await
            }
            Self::Clinic => {
                let clinic = state.clinic.as_ref().context("clinic.url is not set")?;
                clinic.forget_user(userid).await
            }
            Self::Gatekeeper => state.gatekeeper.forget_user(userid).await,
        };
        forgotten.context(self.name())
    }
}

/// Removes what came to be while the account was deleted.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Sweep {
    pub(crate) userid: UserId,
}

impl Effect for Sweep {
    const TOPIC: &'static str = "users.sweep";

    fn key(&self) -> String {
        format!("user-api:{}", self.userid)
    }

    fn delay(&self) -> Duration {
        SWEEP_AFTER
    }
}

/// Deletes the account `target` if `caller` may: at the wish of a service, whatever depends on it. It
/// may be gone already. Its owner confirms with the `password`; whoever else runs it need not.
pub(crate) async fn delete(
    state: &State,
    source: Source,
    caller: &Caller,
    target: &UserId,
    password: Option<String>,
) -> Result<(), Error> {
    let found = state.users.find(target).await.or_fail(Failure::Silent)?;
    // The id as it is stored, where there is one: rights are given to that.
    let userid = found.as_ref().map_or(target, |account| &account.userid);
    let rights = rights_on(state, caller, userid)
        .await
        .or_fail(Failure::Silent)?;
    if !rights.administer() {
        return Err(Refusal::NotAuthorizedSilently.into());
    }
    let Some(account) = found else {
        return Ok(());
    };
    if !account.may_be_deleted() {
        return Err(Refusal::NotAuthorizedSilently.into());
    }
    match rights {
        Rights::Service => {
            remove(state, &account, Provided::Whatever)
                .await
                .or_fail(Failure::Silent)?;
            Ok(())
        }
        Rights::Owner => {
            check_password(state, source, &account, password).await?;
            delete_if_dispensable(state, &account).await
        }
        Rights::Holder(_) => delete_if_dispensable(state, &account).await,
    }
}

/// Refuses a `password` that is not that of `account`.
async fn check_password(
    state: &State,
    source: Source,
    account: &Account,
    password: Option<String>,
) -> Result<(), Error> {
    let password = password.ok_or(Refusal::NotConfirmed)?;
    let name = account.userid.as_str();
    let matches = try_password(state, source, Some(account), name, &password).await?;
    matches.map(drop).ok_or(Refusal::NotConfirmed.into())
}

/// Deletes the account of a patient whom no clinic has, if it is still `awaited`.
pub(crate) async fn delete_awaited(
    state: &State,
    account: &Account,
    awaited: &Awaited,
) -> anyhow::Result<()> {
    remove(state, account, Provided::Awaited(awaited)).await?;
    Ok(())
}

/// Deletes `account` at the wish of a person, unless it is the last that runs another account
/// without password and address.
///
/// First it gives up its rights on such accounts, in gatekeeper, whose locked last-admin rule
/// decides, also when somebody else leaves at the same moment. If the deletion then fails, the
/// account lives on without these rights, and a repeat finishes.
///
/// To decide, gatekeeper says here who runs such an account, which locks the account that leaves as
/// well (see [`keep_custody::note_holders`]): the locks that were read before would not admit the
/// deletion. So it looks again, and finds nothing to give up. An account that it creates meanwhile
/// makes it look again, too.
async fn delete_if_dispensable(state: &State, account: &Account) -> Result<(), Error> {
    for tries in 1..=MAX_TRIES {
        let Some(locks) = state
            .users
            .find_locks(&account.userid)
            .await
            .or_fail(Failure::Silent)?
        else {
            return Ok(());
        };
        if leave(state, &account.userid).await? {
            continue;
        }
        let removed = remove(state, account, Provided::Unlocked(locks))
            .await
            .or_fail(Failure::Silent)?;
        if removed {
            return Ok(());
        }
        tokio::time::sleep(pause(tries)).await;
    }
    Err(Error::failed(
        Failure::Silent,
        anyhow!("accounts that depend on it were created all the time"),
    ))
}

/// Gives up the rights of `leaving` on those accounts that need somebody to run them; returns
/// whether there were any.
///
/// When gatekeeper cannot say which accounts it runs, the deletion goes on all the same if it is
/// known here that none of them needs it; otherwise it has to wait.
async fn leave(state: &State, leaving: &UserId) -> Result<bool, Error> {
    let administered = match state.gatekeeper.administered(leaving).await {
        Ok(administered) => administered,
        Err(error) => {
            let may_be_needed = keep_custody::may_be_needed(state, leaving)
                .await
                .or_fail(Failure::Silent)?;
            if may_be_needed {
                return Err(Error::failed(Failure::Silent, error));
            }
            warn!(cause = %error, "an account is deleted without asking what it runs");
            return Ok(false);
        }
    };
    if administered.is_empty() {
        return Ok(false);
    }
    let children = find_in_need(state, leaving, &administered).await?;
    let nothing = PermissionSet::default();
    for child in &children {
        state
            .gatekeeper
            .set_permissions(&child.userid, leaving, &nothing)
            .await
            .map_err(|error| match error {
                PeerError::Refused { status: 403 } => Refusal::LastAdmin.into(),
                error => Error::failed(Failure::Silent, error),
            })?;
    }
    Ok(!children.is_empty())
}

/// Those of `administered`, which `leaving` runs, that need somebody. Each of them keeps somebody
/// else, or `leaving` may not go.
async fn find_in_need<'a>(
    state: &State,
    leaving: &UserId,
    administered: &'a [AdministeredAccount],
) -> Result<Vec<&'a AdministeredAccount>, Error> {
    let ids: BTreeSet<&UserId> = administered
        .iter()
        .flat_map(|child| std::iter::once(&child.userid).chain(&child.other_admins))
        .collect();
    let ids: Vec<&str> = ids.into_iter().map(UserId::as_str).collect();
    let known = state.holders.list(&ids).await.or_fail(Failure::Silent)?;
    let now = Utc::now();
    let existing: BTreeSet<&UserId> = known.iter().map(Custody::userid).collect();
    let in_need: BTreeSet<&UserId> = known
        .iter()
        .filter(|custody| custody.needs_holder(now))
        .map(Custody::userid)
        .collect();
    let children: Vec<&AdministeredAccount> = administered
        .iter()
        .filter(|child| in_need.contains(&child.userid))
        .collect();
    // What is clear before takes nothing away: the rights on the other children stay.
    let may_leave = |child: &&AdministeredAccount| keeps_an_admin(child, leaving, &existing);
    if !children.iter().all(may_leave) {
        return Err(Refusal::LastAdmin.into());
    }
    Ok(children)
}

/// What must hold for an account to be removed.
enum Provided<'a> {
    Whatever,
    /// Nobody has locked it since it had these locks.
    Unlocked(Locks),
    /// It has no password and is awaited by this request.
    Awaited(&'a Awaited),
}

impl Provided<'_> {
    /// Removes the account in the transaction of `session`; `false`: it is gone, or this does not
    /// hold.
    async fn delete(
        &self,
        state: &State,
        session: &mut ClientSession,
        userid: &UserId,
    ) -> Result<bool, mongodb::error::Error> {
        let users = &state.users;
        match self {
            Self::Whatever => users.delete(session, userid).await,
            Self::Unlocked(locks) => {
                let locks = locks.clone();
                users.delete_unless_locked(session, userid, locks).await
            }
            Self::Awaited(awaited) => users.delete_awaited(session, userid, awaited).await,
        }
    }
}

/// Removes the account, if what it is provided holds; returns whether it is gone.
async fn remove(
    state: &State,
    account: &Account,
    provided: Provided<'_>,
) -> Result<bool, mongodb::error::Error> {
    let userid = &account.userid;
    let deleted: Result<(), Aborted> = transaction(&state.client, async |session| {
        if !provided.delete(state, session, userid).await? {
            // It is gone, rows and all, or what it is provided does not hold.
            return Err(Aborted::Outrun);
        }
        state
            .sessions
            .tokens()
            .delete_all_but_in(session, userid, None)
            .await?;
        state.metadata.delete(session, userid).await?;
        state.past_accounts.delete(session, userid).await?;
        enqueue_notices(state, session, userid).await?;
        Ok(())
    })
    .await;
    match deleted {
        Ok(()) => {}
        Err(Aborted::Outrun) => return Ok(matches!(provided, Provided::Whatever)),
        Err(aborted) => return Err(aborted.into()),
    }
    state.outbox.wake();
    Ok(true)
}

async fn enqueue_notices(
    state: &State,
    session: &mut ClientSession,
    userid: &UserId,
) -> Result<(), mongodb::error::Error> {
    for receiver in Receiver::configured(state) {
        let gone = Gone {
            receiver,
            userid: userid.clone(),
        };
        state.outbox.enqueue(session, &gone).await?;
    }
    let sweep = Sweep {
        userid: userid.clone(),
    };
    state.outbox.enqueue(session, &sweep).await?;
    Ok(())
}

/// Reports to a receiver that an account is gone. Repeatable.
pub(crate) async fn notify(state: &State, gone: &Gone) -> anyhow::Result<()> {
    gone.receiver.forget(state, &gone.userid).await
}

/// Has the receivers remove what a deleted account asked for or granted with a token that they had
/// checked a moment before, and closes sessions that an instance of an earlier version opened at
/// that moment, while both run. Repeatable.
pub(crate) async fn sweep(state: &State, sweep: &Sweep) -> anyhow::Result<()> {
    let userid = &sweep.userid;
    state.sessions.tokens().delete_all(userid).await?;
    for receiver in Receiver::configured(state) {
        receiver.forget(state, userid).await?;
    }
    Ok(())
}
