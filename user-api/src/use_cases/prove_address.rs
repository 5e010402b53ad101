//! An account proves an address: it leaves the others that have it, in the same transaction. Of two
//! accounts that prove one address at the same moment, one does.

use anyhow::Context;
use mongodb::ClientSession;
use shared_runtime::mongo::Aborted;
use shared_types::{UserId, address};

use crate::{
    State,
    domain::{
        account_change::AccountChange, names::Names, proof::Proof, standing::Yielding,
        user::Account,
    },
    use_cases::keep_custody::Removal,
};

/// An address that an account is about to prove.
pub(crate) struct Takeover<'a> {
    prover: &'a UserId,
    address: &'a str,
    /// Of the accounts without password that have no other address.
    removals: Vec<(UserId, Removal)>,
}

/// Why an address is not proven.
pub(crate) enum NotProven {
    /// Another account has proven it, or could be reached by nobody without it.
    Kept,
    /// Another account changed meanwhile.
    Outrun,
}

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
        let others = state.users.list_with_address(address).await;
        for other in others.context("who has an address")? {
            if other.userid != prover.userid
                && let Yielding::Gives(names) = other.yields(address)
                && other.loses_last_address(&names.emails)
            {
                let removal = Removal::begin(state, &other.userid).await?;
                removals.push((other.userid, removal));
            }
        }
        Ok(Some(Self {
            prover: &prover.userid,
            address,
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
        let others = state.users.list_with_address_in(session, self.address);
        for other in others.await? {
            if other.userid == *self.prover {
                continue;
            }
            match other.yields(self.address) {
                Yielding::Untouched => {}
                Yielding::Refused => return Err(Aborted::Refused(NotProven::Kept)),
                Yielding::Gives(names) => self.take(state, session, &other, names, by).await?,
            }
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
            return Err(Aborted::Refused(NotProven::Outrun));
        }
        let change = AccountChange {
            names: Some(names),
            ..AccountChange::default()
        };
        if !state.users.update(session, other, &change, by).await? {
            return Err(Aborted::Refused(NotProven::Outrun));
        }
        if is_removal
            && let Some(removal) = removal
            && !removal
                .leaves_somebody(state, session, &other.userid)
                .await?
        {
            return Err(Aborted::Refused(NotProven::Kept));
        }
        Ok(())
    }
}
