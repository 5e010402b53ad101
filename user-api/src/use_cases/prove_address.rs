//! An account proves an address: it leaves the others that have it. Of two accounts that prove one
//! address at the same moment, one does.
//!
//! The account in which the address stands loses it in the transaction that proves it. Those that
//! only noted it, of which strangers make any number, lose it afterwards, some at a time: it counts
//! for nothing there, and cannot once it stands elsewhere.

use anyhow::{Context, ensure};
use mongodb::ClientSession;
use serde::{Deserialize, Serialize};
use shared_runtime::{
    mongo::{Aborted, is_duplicate_key, transaction},
    outbox::Effect,
};
use shared_types::{UserId, address};

use crate::{
    State,
    domain::{
        account_change::AccountChange, names::Names, proof::Proof, standing::Yielding,
        user::Account,
    },
    use_cases::{keep_custody::Removal, report_address},
};

/// As many accounts lose an address before another row has its turn.
const BATCH: usize = 100;

/// An address was proven that other accounts note; those that `prover` has proven leave some of
/// them. Rows of earlier releases name the address besides.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Proven {
    pub(crate) prover: UserId,
    /// The user or service that proved it.
    pub(crate) by: String,
}

impl Effect for Proven {
    const TOPIC: &'static str = "users.address-proven";

    fn key(&self) -> String {
        format!("proven:{}", self.prover)
    }
}

/// An address that an account is about to prove.
pub(crate) struct Takeover<'a> {
    prover: &'a UserId,
    address: &'a str,
    /// Whether other accounts have it though it does not stand there.
    is_noted: bool,
    /// Of the accounts without password that have no other address.
    removals: Vec<(UserId, Removal)>,
}

/// Another account has proven the address, or could be reached by nobody without it.
pub(crate) struct NotProven;

impl<'a> Takeover<'a> {
    /// Prepares what `proof` does to other accounts than `prover`; `None`: it proves nothing that
    /// was not proven before.
    pub(crate) async fn begin(
        state: &State,
        prover: &'a Account,
        proof: &'a Proof,
    ) -> anyhow::Result<Option<Self>> {
        let Proof::Is(address) = proof else {
            return Ok(None);
        };
        let mut known = prover.proven_emails().into_iter();
        if address.is_empty() || known.any(|known| address::is_same(known, address)) {
            return Ok(None);
        }
        let mut removals = Vec::new();
        let others = state.users.list_standing(address).await;
        for other in others.context("who has an address")? {
            if other.userid != prover.userid
                && let Yielding::Gives(names) = other.yields(address)
                && other.loses_last_address(&names.emails)
            {
                let removal = Removal::begin(state, &other.userid).await?;
                removals.push((other.userid, removal));
            }
        }
        let noting = state.users.list_noting(address, &prover.userid, 1).await;
        Ok(Some(Self {
            prover: &prover.userid,
            address,
            is_noted: !noting.context("who notes an address")?.is_empty(),
            removals,
        }))
    }

    /// Takes the address from the other accounts in the transaction of `session`, which proves it.
    pub(crate) async fn run(
        &self,
        state: &State,
        session: &mut ClientSession,
        by: &str,
    ) -> Result<(), Aborted<NotProven>> {
        let others = state.users.list_standing_in(session, self.address);
        for other in others.await? {
            if other.userid == *self.prover {
                continue;
            }
            match other.yields(self.address) {
                Yielding::Untouched => {}
                Yielding::Refused => return Err(Aborted::Refused(NotProven)),
                Yielding::Gives(names) => self.take(state, session, &other, names, by).await?,
            }
        }
        if self.is_noted {
            let proven = Proven {
                prover: self.prover.clone(),
                by: by.to_owned(),
            };
            state.outbox.enqueue(session, &proven).await?;
        }
        Ok(())
    }

    /// Leaves `other` with `names`.
    async fn take(
        &self,
        state: &State,
        session: &mut ClientSession,
        other: &Account,
        names: Names,
        by: &str,
    ) -> Result<(), Aborted<NotProven>> {
        let is_removal = other.loses_last_address(&names.emails);
        let mut prepared = self.removals.iter().filter(|(id, _)| *id == other.userid);
        let removal = prepared.next().map(|(_, removal)| removal);
        if is_removal && removal.is_none_or(Removal::is_late) {
            return Err(Aborted::Outrun);
        }
        let change = AccountChange {
            names: Some(names),
            ..AccountChange::default()
        };
        if !state.users.update(session, other, &change, by).await? {
            return Err(Aborted::Outrun);
        }
        report_address::note(state, session, other, &change).await?;
        if is_removal
            && let Some(removal) = removal
            && !removal
                .leaves_somebody(state, session, &other.userid)
                .await?
        {
            return Err(Aborted::Refused(NotProven));
        }
        Ok(())
    }
}

/// Takes the proven addresses from some of the accounts that noted them; another row goes on with
/// the next. Repeatable.
pub(crate) async fn take_from_noting(state: &State, proven: &Proven) -> anyhow::Result<()> {
    let Proven { prover, by } = proven;
    let Some(account) = state.users.find(prover).await? else {
        return Ok(());
    };
    let mut is_more = false;
    for address in account.proven_emails() {
        is_more |= take_from_some(state, prover, address, by).await?;
    }
    if is_more {
        state.outbox.enqueue_alone(proven).await?;
    }
    Ok(())
}

/// Takes `address` from some of the accounts that noted it; returns whether there may be more.
async fn take_from_some(
    state: &State,
    prover: &UserId,
    address: &str,
    by: &str,
) -> anyhow::Result<bool> {
    let noting = state.users.list_noting(address, prover, BATCH).await?;
    let mut taken = 0;
    for account in &noting {
        taken += usize::from(take_from(state, account, address, by).await?);
    }
    let is_more = noting.len() == BATCH;
    ensure!(taken > 0 || !is_more, "no account gives up an address");
    Ok(is_more)
}

/// Takes `address` from an account that noted it; returns whether it was as it was read and could do
/// without.
async fn take_from(
    state: &State,
    account: &Account,
    address: &str,
    by: &str,
) -> anyhow::Result<bool> {
    let Yielding::Gives(names) = account.yields(address) else {
        return Ok(false);
    };
    let change = AccountChange {
        names: Some(names),
        ..AccountChange::default()
    };
    let updated: Result<(), Aborted> = transaction(&state.client, async |session| {
        if !state.users.update(session, account, &change, by).await? {
            return Err(Aborted::Outrun);
        }
        report_address::note(state, session, account, &change).await?;
        Ok(())
    })
    .await;
    match updated {
        Ok(()) => {
            state.outbox.wake();
            Ok(true)
        }
        Err(Aborted::Outrun) => Ok(false),
        // An account of the reference that has a name in common with another one keeps its names.
        Err(Aborted::Failed(error)) if is_duplicate_key(&error) => Ok(false),
        Err(aborted) => Err(mongodb::error::Error::from(aborted).into()),
    }
}
