//! The write behind `POST /access/{sharer_id}/{user_id}`, which has to hold under concurrency:
//! an account without login or recovery keeps somebody who runs it, and a grantee who gives up
//! part of its set gets nothing back that was revoked at that moment.

use std::collections::BTreeSet;

use shared_runtime::{
    error::ApiError,
    mongo::{self, Aborted},
};
use shared_types::{PermissionSet, UserId};

use super::State;
use crate::{
    domain::{
        Refusal,
        access::may_change_own,
        last_admin::{self, OtherHolders},
        permissions::Held,
    },
    error::{aborted, peer_failure},
};

/// How often a replacement that met another one starts anew.
const MAX_TRIES: u32 = 10;

/// Ids that one question to user-api takes, the account itself included.
const MAX_IDS: usize = 200;

/// One replacement of one pair's direct set.
pub(super) struct Replacement<'a> {
    state: &'a State,
    sharer: &'a UserId,
    grantee: &'a UserId,
    wanted: &'a PermissionSet,
    /// What the grantee has through clinics, when it is the grantee who replaces its own set.
    by_grantee: Option<PermissionSet>,
}

/// What user-api knows about an account and those who run it.
enum Protection {
    /// Somebody can log into the account or recover it, or user-api does not know it.
    NotNeeded,
    /// The rule holds. Of `asked`, `existing` are accounts.
    Needed {
        asked: BTreeSet<UserId>,
        existing: BTreeSet<UserId>,
    },
}

/// How a transaction ended that wrote if it could.
enum Outcome {
    Written,
    /// It takes an administrator away, and not all about that is known.
    AskUserApi {
        others: BTreeSet<UserId>,
    },
}

impl<'a> Replacement<'a> {
    pub(super) fn new(
        state: &'a State,
        sharer: &'a UserId,
        grantee: &'a UserId,
        wanted: &'a PermissionSet,
    ) -> Self {
        Self {
            state,
            sharer,
            grantee,
            wanted,
            by_grantee: None,
        }
    }

    /// The same, asked for by a grantee without any other right than to give up what it has.
    pub(super) fn by_grantee(self, by_clinics: PermissionSet) -> Self {
        Self {
            by_grantee: Some(by_clinics),
            ..self
        }
    }

    /// Writes.
    pub(super) async fn run(&self) -> Result<(), ApiError> {
        // To give up everything is always right, so it needs no second look at what is stored.
        let needs_second_look = self.by_grantee.is_some() && !self.wanted.is_empty();
        if !needs_second_look && self.run_in_one_write().await? {
            return Ok(());
        }
        let mut protection = None;
        for _ in 0..MAX_TRIES {
            match self.run_in_transaction(protection.as_ref()).await? {
                Outcome::Written => return Ok(()),
                Outcome::AskUserApi { others } => {
                    protection = Some(self.ask_user_api(others).await?);
                }
            }
        }
        Err(Refusal::LastAdmin.into())
    }

    /// Replaces the set if that takes no administrator away; answers whether it did.
    async fn run_in_one_write(&self) -> Result<bool, ApiError> {
        let permissions = &self.state.store.permissions;
        if self.wanted.administers() {
            permissions
                .update(self.sharer, self.grantee, self.wanted)
                .await?;
            return Ok(true);
        }
        let (sharer, grantee) = (self.sharer, self.grantee);
        if permissions
            .update_unless_administering(sharer, grantee, self.wanted)
            .await?
        {
            return Ok(true);
        }
        if !self.wanted.is_empty() {
            return Ok(false);
        }
        // Nothing was removed because there was nothing, or because it needs a closer look.
        Ok(!permissions
            .find(sharer, [grantee])
            .await?
            .iter()
            .any(|pair| pair.direct.administers()))
    }

    async fn run_in_transaction(
        &self,
        protection: Option<&Protection>,
    ) -> Result<Outcome, ApiError> {
        let store = &self.state.store;
        let outcome = mongo::transaction(&store.client, async |session| {
            store.account_locks.lock(session, self.sharer).await?;
            let direct = store
                .permissions
                .find_in(session, self.sharer, self.grantee)
                .await?;
            let takes_admin = direct.administers() && !self.wanted.administers();
            if let Some(by_clinics) = &self.by_grantee {
                let held = Held {
                    direct,
                    by_clinics: by_clinics.clone(),
                };
                may_change_own(held, self.wanted).map_err(Aborted::Refused)?;
            }
            if takes_admin && !matches!(protection, Some(Protection::NotNeeded)) {
                let others = OtherHolders {
                    accounts: store
                        .permissions
                        .list_other_holders(session, self.sharer, self.grantee)
                        .await?,
                    clinic: store
                        .clinic_relations
                        .is_run_by_clinic(session, self.sharer)
                        .await?,
                };
                let Some(Protection::Needed { asked, existing }) = protection else {
                    return Ok(Outcome::AskUserApi {
                        others: others.accounts,
                    });
                };
                if let Err(refusal) = last_admin::may_go(&others, existing) {
                    if others.accounts.is_subset(asked) {
                        return Err(Aborted::Refused(refusal));
                    }
                    return Ok(Outcome::AskUserApi {
                        others: others.accounts,
                    });
                }
            }
            store
                .permissions
                .update_in(session, self.sharer, self.grantee, self.wanted)
                .await?;
            Ok(Outcome::Written)
        })
        .await;
        outcome.map_err(aborted)
    }

    /// Asks in one call whether the account needs somebody to run it, and who of `others` exists.
    async fn ask_user_api(&self, others: BTreeSet<UserId>) -> Result<Protection, ApiError> {
        // Commas separate the ids of the question, so what holds one is no account. More holders
        // than a question takes need not be asked about: one of so many that exists is enough.
        let ids: Vec<UserId> = std::iter::once(self.sharer)
            .chain(&others)
            .filter(|id| !id.as_str().contains(','))
            .take(MAX_IDS)
            .cloned()
            .collect();
        let accounts = self
            .state
            .user_api
            .users(&ids)
            .await
            .map_err(peer_failure)?;
        let sharer = accounts
            .iter()
            .find(|account| account.userid == *self.sharer);
        if sharer.is_none_or(last_admin::has_login_or_recovery) {
            return Ok(Protection::NotNeeded);
        }
        let existing = accounts.into_iter().map(|account| account.userid).collect();
        Ok(Protection::Needed {
            asked: others,
            existing,
        })
    }
}
