//! A caller changes an account: its names, password, roles, terms, and what is verified.

use mongodb::ClientSession;
use shared_runtime::{
    auth::Caller,
    error::OrFail as _,
    mongo::{Aborted, is_duplicate_key, transaction},
    outbox::RowId,
    source::Source,
};
use shared_types::{ChangedPart, UserId};

use crate::{
    State,
    domain::{
        account_change::AccountChange,
        names::Names,
        past::changed_parts,
        proof::Proof,
        update::{UpdateRefusal, Updates},
        user::Account,
    },
    error::{Error, Failure, Refusal},
    retries::{MAX_TRIES, outrun, pause},
    rights::rights_on,
    store::AppliedUpdate,
    strength,
    use_cases::{
        end_custody::{self, Claimed},
        hand_over_account::{HandedOver, try_to_end_gifts},
        keep_custody::Removal,
        notify_owner,
        prove_address::{NotProven, Takeover},
        report_address,
    },
};

/// What the caller asks for.
pub(crate) struct Update<'a> {
    pub(crate) state: &'a State,
    pub(crate) source: Source,
    pub(crate) caller: &'a Caller,
    pub(crate) updates: &'a Updates,
}

/// Who loses an address by a change.
struct Losses<'a> {
    /// The account itself its last one, where that is so.
    removal: Option<Removal>,
    /// Others the one that the account proves, where it does.
    takeover: Option<Takeover<'a>>,
}

/// What a new password makes us owe to other services.
#[derive(Default)]
struct Owed {
    /// The row that takes the custodians' right; `None`: the account is not claimed.
    claim: Option<RowId>,
    /// `None`: the account has the owner that it had.
    handover: Option<HandedOver>,
}

impl Update<'_> {
    /// Changes the account `target`; returns it as it is then.
    pub(crate) async fn run(&self, target: &UserId) -> Result<Account, Error> {
        let mut account = self.find(target).await?;
        let rights = rights_on(self.state, self.caller, &account.userid)
            .await
            .or_fail(Failure::FindingUser)?;
        for tries in 1..=MAX_TRIES {
            self.updates.check_rights(&account, &rights)?;
            if self.change(&account).await? {
                return self
                    .state
                    .users
                    .find(&account.userid)
                    .await
                    .or_fail(Failure::UpdatingUser)?
                    .ok_or(Refusal::NotAuthorized.into());
            }
            tokio::time::sleep(pause(tries)).await;
            account = self.find(target).await?;
        }
        Err(outrun(Failure::UpdatingUser))
    }

    /// The account to change, which may be changed here.
    async fn find(&self, target: &UserId) -> Result<Account, Error> {
        let found = self
            .state
            .users
            .find(target)
            .await
            .or_fail(Failure::FindingUser)?;
        if !self.updates.username_suits(found.as_ref()) {
            return Err(Refusal::InvalidDetails.into());
        }
        found
            .filter(|account| !account.is_brokered())
            .ok_or(Refusal::NotAuthorized.into())
    }

    /// Changes the account that was read as `account`; `false` when somebody else was faster.
    async fn change(&self, account: &Account) -> Result<bool, Error> {
        let (state, updates) = (self.state, self.updates);
        updates.check_condition(account)?;
        if let Some(applied) = self.find_applied(account).await? {
            if let Some(row) = applied.row {
                end_custody::finish_if_pending(state, &account.userid, row)
                    .await
                    .or_fail(Failure::UpdatingUser)?;
            }
            return Ok(true);
        }
        updates.check_first(account)?;
        let names = updates.names_of(account)?;
        self.check_free(account, names.as_ref()).await?;
        strength::check_change(state, account, names.as_ref(), updates).await?;
        let parts = changed_parts(account, updates, names.as_ref());
        if !self.caller.is_service() && notify_owner::is_limited(&parts) {
            notify_owner::check_limit(state, account).await?;
        }
        let proof = updates.proof_of(account, names.as_ref());
        let change = AccountChange {
            names,
            roles: updates.roles.clone(),
            terms_accepted: updates.terms_accepted.clone(),
            email_verified: updates.email_verified,
            password_hash: self.hash_password().await?,
            relies_on_emails: updates.only_if.is_some() || matches!(proof, Proof::Is(_)),
            proof,
        };
        if change.is_empty() {
            return Ok(true);
        }
        self.make(account, &change, &parts).await
    }

    /// The change as it was made before, under the same key. A password must then be the one that
    /// the account has: somebody else may have been faster with another one.
    async fn find_applied(&self, account: &Account) -> Result<Option<AppliedUpdate>, Error> {
        let Some(key) = &self.updates.idempotency_key else {
            return Ok(None);
        };
        let Some(applied) = self
            .state
            .applied_updates
            .find(&account.userid, key)
            .await
            .or_fail(Failure::UpdatingUser)?
        else {
            return Ok(None);
        };
        if let Some(password) = &self.updates.password {
            let turn = self.state.hasher.turn(self.source).await?;
            if turn.matches(Some(account), password).await?.is_none() {
                return Err(UpdateRefusal::AppliedOtherwise.into());
            }
        }
        Ok(Some(applied))
    }

    /// Refuses `names`, where they change, that another account has.
    async fn check_free(&self, account: &Account, names: Option<&Names>) -> Result<(), Error> {
        let Some(names) = names else {
            return Ok(());
        };
        let users = &self.state.users;
        let is_taken = users
            .is_taken(names.iter(), Some(&account.userid))
            .await
            .or_fail(Failure::UpdatingUser)?;
        if is_taken {
            return Err(Refusal::UserExists.into());
        }
        Ok(())
    }

    /// The hash of the new password, if there is one.
    async fn hash_password(&self) -> Result<Option<String>, Error> {
        let Some(password) = &self.updates.password else {
            return Ok(None);
        };
        let hasher = &self.state.hasher;
        let hash = hasher.hash(self.source, password, Failure::UpdatingUser);
        Ok(Some(hash.await?))
    }

    /// Makes `change` and what follows from it; `false` when somebody else was faster.
    async fn make(
        &self,
        account: &Account,
        change: &AccountChange,
        parts: &[ChangedPart],
    ) -> Result<bool, Error> {
        let (state, userid) = (self.state, &account.userid);
        let losses = self
            .expect_losses(account, change)
            .await
            .or_fail(Failure::UpdatingUser)?;
        let owed = match self.write(account, change, &losses, parts).await {
            Ok(owed) => owed,
            Err(Aborted::Outrun) => return Ok(false),
            Err(Aborted::Failed(error)) if is_duplicate_key(&error) => {
                return Err(Refusal::UserExists.into());
            }
            Err(aborted) => return Err(aborted).or_fail(Failure::UpdatingUser),
        };
        state.outbox.wake();
        if let Some(handed_over) = &owed.handover {
            try_to_end_gifts(state, handed_over).await;
        }
        if let Some(row) = owed.claim {
            end_custody::finish(state, userid, row)
                .await
                .or_fail(Failure::UpdatingUser)?;
        }
        Ok(true)
    }

    async fn expect_losses<'a>(
        &self,
        account: &'a Account,
        change: &'a AccountChange,
    ) -> anyhow::Result<Losses<'a>> {
        let removal = match &change.names {
            Some(names)
                if change.password_hash.is_none() && account.loses_last_address(&names.emails) =>
            {
                Some(Removal::begin(self.state, &account.userid).await?)
            }
            _ => None,
        };
        Ok(Losses {
            removal,
            takeover: Takeover::begin(self.state, account, &change.proof).await?,
        })
    }

    /// Writes the change, the notices to the owner of which `parts` were changed, and what
    /// goes with a new password; returns what is owed because of that.
    async fn write(
        &self,
        account: &Account,
        change: &AccountChange,
        losses: &Losses<'_>,
        parts: &[ChangedPart],
    ) -> Result<Owed, Aborted<Refusal>> {
        let (state, userid) = (self.state, &account.userid);
        let by = self.caller.name();
        transaction(&state.client, async |session| {
            if let Some(takeover) = &losses.takeover {
                let taken = takeover.run(state, session, by).await;
                taken.map_err(|aborted| match aborted {
                    Aborted::Refused(NotProven) => Aborted::Refused(Refusal::UserExists),
                    Aborted::Outrun => Aborted::Outrun,
                    Aborted::Failed(error) => Aborted::Failed(error),
                })?;
            }
            if !state.users.update(session, account, change, by).await? {
                return Err(Aborted::Outrun);
            }
            report_address::note(state, session, account, change).await?;
            self.check_session(session).await?;
            if let Some(removal) = &losses.removal {
                self.check_removal(session, removal, userid).await?;
            }
            notify_owner::queue_notices(state, session, account, change, self.updates, parts)
                .await?;
            let owed = if change.password_hash.is_some() {
                self.follow_password(session, account).await?
            } else {
                Owed::default()
            };
            if let Some(key) = &self.updates.idempotency_key {
                state
                    .applied_updates
                    .insert(session, userid, key, owed.claim)
                    .await?;
            }
            Ok(owed)
        })
        .await
    }

    /// Refuses where nobody could reach the account any more.
    async fn check_removal(
        &self,
        session: &mut ClientSession,
        removal: &Removal,
        userid: &UserId,
    ) -> Result<(), Aborted<Refusal>> {
        if removal.is_late() {
            return Err(Aborted::Outrun);
        }
        if removal.leaves_somebody(self.state, session, userid).await? {
            Ok(())
        } else {
            Err(Aborted::Refused(Refusal::InvalidDetails))
        }
    }

    /// Refuses where the session of the person who asks has ended since the request began: whoever
    /// ended it wants no more changes by it.
    async fn check_session(&self, session: &mut ClientSession) -> Result<(), Aborted<Refusal>> {
        if let Some(token) = self.kept_session()
            && !self.state.sessions.tokens().hold(session, token).await?
        {
            return Err(Aborted::Refused(Refusal::NotAuthorized));
        }
        Ok(())
    }

    /// Ends the other sessions of the account and, if the password is its first or another owner's,
    /// queues the row that takes rights away.
    async fn follow_password(
        &self,
        session: &mut ClientSession,
        account: &Account,
    ) -> Result<Owed, mongodb::error::Error> {
        let userid = &account.userid;
        let tokens = self.state.sessions.tokens();
        let ended = tokens.delete_all_but_in(session, userid, self.kept_session());
        ended.await?;
        let mut owed = Owed::default();
        if !account.has_password() {
            let claimed = Claimed {
                userid: userid.clone(),
            };
            owed.claim = Some(self.state.outbox.enqueue(session, &claimed).await?);
        } else if self.updates.hands_over(account).is_some() {
            let handed_over = HandedOver::now(userid);
            self.state.outbox.enqueue(session, &handed_over).await?;
            owed.handover = Some(handed_over);
        }
        Ok(owed)
    }

    /// The session of the person who asks, which goes on after a change of password.
    fn kept_session(&self) -> Option<&str> {
        (!self.caller.is_service()).then(|| self.caller.token().expose())
    }
}
