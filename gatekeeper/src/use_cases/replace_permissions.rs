//! The replacement of a grant, which has to hold under concurrency: an account without login or
//! recovery keeps somebody who runs it, and a grantee who gives up part of its set gets nothing back
//! that was revoked at that moment.

use std::collections::BTreeSet;

use mongodb::ClientSession;
use shared_runtime::{auth::Caller, error::OrFail as _, mongo::Aborted};
use shared_types::{AdministeredAccount, PermissionSet, UserId};

use super::{
    change_holders::{Locked, report_who_stayed, with_lock},
    find_permissions::held_on,
};
use crate::{
    State,
    domain::{
        Refusal,
        access::{may_change_another, may_change_own},
        last_admin,
        permissions::Held,
        precondition::{Preconditions, Tag},
    },
    error::{Error, Failure},
    rights::Standing,
    store::permissions::{Consent, PairLookup, PairReplacement},
};

/// Replaces what was granted to `grantee` on the account of `sharer` directly by `wanted`, as far as
/// `caller` may; returns what the grantee has then. Of an account on itself nothing is written.
pub(crate) async fn replace_permissions(
    state: &State,
    caller: &Caller,
    sharer: &UserId,
    grantee: &UserId,
    wanted: &PermissionSet,
    preconditions: &Preconditions,
) -> Result<Held, Error> {
    let mut replacement = Replacement {
        state,
        sharer,
        grantee,
        wanted,
        preconditions,
        consent: Consent::Unknown,
        by_grantee: None,
    };
    match Standing::of(caller, sharer) {
        Standing::Service => replacement.consent = Consent::Given,
        Standing::Owner => {}
        Standing::Other(user) => {
            let [held] = state.store.held(sharer, [user]).await.or_fail(Failure)?;
            if user == grantee {
                replacement.consent = Consent::Given;
                replacement.by_grantee = Some(held.by_clinics.clone());
                may_change_own(held, wanted)?;
            } else {
                may_change_another(held)?;
            }
        }
    }
    if sharer == grantee {
        check_own(preconditions)?;
    } else {
        replacement.run().await?;
    }
    held_on(state, sharer, grantee).await
}

/// Whether a replacement of what an account has on itself, which changes nothing, is expected.
fn check_own(preconditions: &Preconditions) -> Result<(), Refusal> {
    let current = Tag::of_pair(&Held::by_owner());
    let checked = preconditions.check(current.as_ref());
    checked.map_err(|_| Refusal::PreconditionFailed(current))
}

/// One replacement of one pair's direct set.
struct Replacement<'a> {
    state: &'a State,
    sharer: &'a UserId,
    grantee: &'a UserId,
    wanted: &'a PermissionSet,
    preconditions: &'a Preconditions,
    consent: Consent,
    /// What the grantee has through clinics, when it is the grantee who replaces its own set,
    /// without any other right than to give up what it has.
    by_grantee: Option<PermissionSet>,
}

/// A user ceased to run an account that needs an admin.
struct Departure {
    /// The version of the account's lock since.
    version: i64,
    /// Who still runs it.
    stayed: BTreeSet<UserId>,
}

impl Replacement<'_> {
    /// Writes.
    async fn run(&self) -> Result<(), Error> {
        // To give up everything is always right, so it needs no second look at what is stored.
        let gives_up_a_part = self.by_grantee.is_some() && !self.wanted.is_empty();
        let needs_second_look = gives_up_a_part || !self.preconditions.is_empty();
        if !needs_second_look && self.run_in_one_write().await? {
            return Ok(());
        }
        let (state, sharer) = (self.state, self.sharer);
        let departure = with_lock(state, sharer, self.grantee, async |session, locked| {
            self.run_in_transaction(session, locked).await
        })
        .await?;
        if let Some(Departure { version, stayed }) = departure {
            report_who_stayed(state, sharer, version, stayed).await;
        }
        Ok(())
    }

    /// Replaces the set if that does not change who runs the account; returns whether it did.
    async fn run_in_one_write(&self) -> Result<bool, Error> {
        let permissions = &self.state.store.permissions;
        let (sharer, grantee) = (self.sharer, self.grantee);
        if self.wanted.administers() {
            return Ok(permissions
                .update_if_administering(sharer, grantee, self.wanted, self.consent)
                .await
                .or_fail(Failure)?);
        }
        if !self.wanted.is_empty() {
            let replacement = PairReplacement {
                sharer: sharer.clone(),
                grantee: grantee.clone(),
                set: self.wanted.clone(),
                consent: self.consent,
            };
            return Ok(self
                .state
                .store
                .batches
                .upsert_unless_administering(replacement)
                .await
                .or_fail(Failure)?);
        }
        if permissions
            .delete_unless_administering(sharer, grantee)
            .await
            .or_fail(Failure)?
        {
            return Ok(true);
        }
        // Nothing was removed because there was nothing, or because it needs a closer look: what is
        // there is a grant that makes the grantee run the account, or took the place of one.
        let lookup = PairLookup {
            sharer: sharer.clone(),
            grantees: vec![grantee.clone()],
        };
        let stored = self
            .state
            .store
            .batches
            .find(lookup)
            .await
            .or_fail(Failure)?;
        Ok(stored.iter().all(|pair| pair.direct.is_empty()))
    }

    async fn run_in_transaction(
        &self,
        session: &mut ClientSession,
        locked: &Locked<'_>,
    ) -> Result<Option<Departure>, Aborted<Refusal>> {
        let permissions = &self.state.store.permissions;
        let (sharer, grantee) = (self.sharer, self.grantee);
        let direct = permissions.find_in(session, sharer, grantee).await?;
        let was_admin = direct.administers();
        if let Some(by_clinics) = &self.by_grantee {
            let held = Held {
                direct: direct.clone(),
                by_clinics: by_clinics.clone(),
            };
            may_change_own(held, self.wanted)?;
        }
        let mut departure = None;
        if was_admin != self.wanted.administers() {
            let heard = locked.heard()?;
            if was_admin && heard.needs_holder {
                let account = self.without_grantee(session).await?;
                last_admin::may_go(&account, &heard.existing)?;
                departure = Some(Departure {
                    version: locked.version,
                    stayed: account.other_admins.into_iter().collect(),
                });
            }
        }
        // What is refused without preconditions is refused with them.
        self.check_preconditions(session, direct).await?;
        permissions
            .update_in(session, sharer, grantee, self.wanted, self.consent)
            .await?;
        Ok(departure)
    }

    /// Whether what is there as the transaction sees it is what the request expects. If others
    /// replace it before the commit, the transaction runs anew.
    async fn check_preconditions(
        &self,
        session: &mut ClientSession,
        direct: PermissionSet,
    ) -> Result<(), Aborted<Refusal>> {
        if self.preconditions.is_empty() {
            return Ok(());
        }
        let by_clinics = self
            .state
            .store
            .clinic_relations
            .find_derived_in(session, self.sharer, self.grantee)
            .await?;
        let current = Tag::of_pair(&Held { direct, by_clinics });
        let checked = self.preconditions.check(current.as_ref());
        Ok(checked.map_err(|_| Refusal::PreconditionFailed(current))?)
    }

    /// The account, which others run beside the grantee.
    async fn without_grantee(
        &self,
        session: &mut ClientSession,
    ) -> Result<AdministeredAccount, mongodb::error::Error> {
        let store = &self.state.store;
        let mut holders = store
            .permissions
            .list_holders_in(session, self.sharer)
            .await?;
        holders.remove(self.grantee);
        let clinic_custodian = store
            .clinic_relations
            .is_run_by_clinic(session, self.sharer)
            .await?;
        Ok(AdministeredAccount {
            userid: self.sharer.clone(),
            other_admins: holders.into_iter().collect(),
            clinic_custodian,
        })
    }
}
