//! Keeps accounts that nobody can log into from being left without anybody who runs them, together
//! with gatekeeper: neither knows alone who can reach an account.
//!
//! gatekeeper reports who runs an account before it changes that ([`note_holders`]), and notices
//! when what it reported has changed since: each account has a lock there, with a version. user-api
//! moves that version on before it removes a last address ([`Removal`]).

use std::{
    convert::Infallible,
    time::{Duration, Instant},
};

use anyhow::Context;
use chrono::Utc;
use mongodb::{ClientSession, error::Error};
use shared_runtime::mongo::transaction;
use shared_types::{HolderNeed, HolderNotice, LockedAccount, UserId};

use crate::{
    State,
    domain::holders::{Custody, KnownHolders},
};

/// How long an account counts as if its last address were gone once a caller asked for that.
const LOSS_EXPECTED_FOR: Duration = Duration::from_mins(1);

/// A removal that took this long starts anew, far enough before the other processes, whatever their
/// clocks say, cease to expect it.
const REMOVE_WITHIN: Duration = Duration::from_secs(15);

/// Notes who runs an account or is about to. If the account needs an admin, returns who of them
/// exists; a deletion of one of these that is under way decides anew. Repeatable.
pub(crate) async fn note_holders(
    state: &State,
    userid: &UserId,
    notice: &HolderNotice,
) -> Result<HolderNeed, Error> {
    let not_needed = || HolderNeed {
        needs_holder: false,
        existing: Vec::new(),
    };
    transaction::<_, Infallible>(&state.client, async |session| {
        let needed = state
            .holders
            .find(session, userid)
            .await?
            .filter(|custody| custody.needs_holder(Utc::now()));
        let Some(custody) = needed else {
            return Ok(not_needed());
        };
        let existing = record(state, session, custody, notice.version, &notice.holders).await?;
        Ok(HolderNeed {
            needs_holder: true,
            existing,
        })
    })
    .await
    .map_err(Error::from)
}

/// Locks those of `holders` that exist, keeps them beside the account and returns them.
async fn record(
    state: &State,
    session: &mut ClientSession,
    custody: Custody,
    version: i64,
    holders: &[UserId],
) -> Result<Vec<UserId>, Error> {
    let existing = state.holders.lock_existing(session, holders).await?;
    let known = KnownHolders::updated(custody.holders, version, &existing);
    let userid = &custody.account.userid;
    state.holders.update(session, userid, &known).await?;
    Ok(existing)
}

/// Whether an account may need `leaving`, as far as it is known here.
pub(crate) async fn may_be_needed(state: &State, leaving: &UserId) -> Result<bool, Error> {
    if !state.holders.is_named_by_all(leaving).await? {
        return Ok(true);
    }
    let now = Utc::now();
    let named = state.holders.list_named(leaving).await?;
    Ok(named.iter().any(|custody| custody.needs_holder(now)))
}

/// The removal of the last address of an account without password, which takes effect only if
/// somebody runs the account.
///
/// First the account counts as if the address were gone: of the admins whom gatekeeper lets go from
/// then on, none is the last. Then the version of its lock is moved on: gatekeeper asks again
/// before it lets go somebody about whom it asked earlier. So those who run the account at that
/// moment, unless they are deleted, leave somebody behind. Whatever dies in between, the address is
/// still there.
pub(crate) struct Removal {
    started: Instant,
    locked: LockedAccount,
}

impl Removal {
    pub(crate) async fn begin(state: &State, userid: &UserId) -> anyhow::Result<Self> {
        let started = Instant::now();
        let until = Utc::now() + LOSS_EXPECTED_FOR;
        state.holders.expect_loss(userid, until).await?;
        let locked = state.gatekeeper.lock_account(userid).await;
        Ok(Self {
            started,
            locked: locked.context("who runs an account")?,
        })
    }

    /// Whether so much time has gone by that the removal has to begin anew.
    pub(crate) fn is_late(&self) -> bool {
        self.started.elapsed() > REMOVE_WITHIN
    }

    /// Whether somebody runs the account, which the transaction of `session` has just changed, and
    /// will still exist when that one is committed.
    pub(crate) async fn leaves_somebody(
        &self,
        state: &State,
        session: &mut ClientSession,
        userid: &UserId,
    ) -> Result<bool, Error> {
        let Some(custody) = state.holders.find(session, userid).await? else {
            return Ok(false);
        };
        let LockedAccount {
            version,
            holders,
            clinic_custodian,
        } = &self.locked;
        let existing = record(state, session, custody, *version, holders).await?;
        Ok(*clinic_custodian || !existing.is_empty())
    }
}
