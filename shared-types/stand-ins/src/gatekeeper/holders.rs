//! Changes of who runs an account, which are reported to user-api before they are made.

use std::collections::BTreeSet;

use actix_web::http::StatusCode;
use shared_runtime::error::ApiError;
use shared_types::{Grant, HolderNeed, HolderNotice, PermissionSet, ROOT, UserId};

use super::{Known, Permissions};

/// What user-api said at a version of the account.
struct Heard {
    version: i64,
    need: HolderNeed,
}

/// Why a change is not made.
enum Stop {
    /// A report to user-api comes first, or another one.
    Report,
    Refuse(ApiError),
}

impl Permissions {
    /// Replaces what `grantee` was granted on the account of `sharer`; returns what it has then.
    pub(super) async fn replace(
        &self,
        sharer: &UserId,
        grantee: &UserId,
        wanted: PermissionSet,
    ) -> Result<Option<PermissionSet>, ApiError> {
        if sharer == grantee {
            return Ok(Some(PermissionSet::of(&[ROOT])));
        }
        let departure = self
            .change(sharer, grantee, |known, heard| {
                let was_admin = known.direct(sharer, grantee).administers();
                if was_admin == wanted.administers() {
                    known.replace(sharer, grantee, wanted.clone());
                    return Ok(false);
                }
                let need = heard_now(known, sharer, heard)?;
                let leaves = was_admin && need.needs_holder;
                let beside = known.beside(sharer, grantee);
                if leaves && !beside.keeps_an_admin(|admin| need.existing.contains(admin)) {
                    return Err(Stop::Refuse(last_admin()));
                }
                known.move_on(sharer);
                known.replace(sharer, grantee, wanted.clone());
                Ok(leaves)
            })
            .await?;
        if departure {
            // As with the real one, nothing depends on it.
            let _ = self.report_holders(sharer, None).await;
        }
        let set = self.known().effective(sharer, grantee);
        Ok(Some(set).filter(|set| !set.is_empty()))
    }

    /// Adds what `grant` offers, once for each `id`; returns what its grantee has directly then.
    pub(super) async fn apply(&self, id: &str, grant: Grant) -> Result<PermissionSet, ApiError> {
        let (sharer, grantee) = (&grant.sharer_id, &grant.grantee_id);
        if sharer == grantee {
            return Ok(PermissionSet::of(&[ROOT]));
        }
        self.change(sharer, grantee, |known, heard| {
            if known.applied.iter().any(|applied| applied == id) {
                known.move_on(sharer);
                return Ok(grant.permissions.clone().grantable());
            }
            let sender = grant.granted_by.as_ref().unwrap_or(sharer);
            if sender != sharer && !known.effective(sharer, sender).administers() {
                return Err(Stop::Refuse(may_not_share()));
            }
            let set = known.joined(&grant);
            if set.administers() && !known.direct(sharer, grantee).administers() {
                heard_now(known, sharer, heard)?;
            }
            known.move_on(sharer);
            known.replace(sharer, grantee, set.clone());
            known.applied.push(id.to_owned());
            Ok(set)
        })
        .await
    }

    /// Makes `change` of what `grantee` has on `account`, after as many reports to user-api as it
    /// needs.
    async fn change<T>(
        &self,
        account: &UserId,
        grantee: &UserId,
        mut change: impl FnMut(&mut Known, Option<&Heard>) -> Result<T, Stop>,
    ) -> Result<T, ApiError> {
        let mut heard = None;
        loop {
            let outcome = change(&mut self.known(), heard.as_ref());
            match outcome {
                Ok(done) => return Ok(done),
                Err(Stop::Refuse(refusal)) => return Err(refusal),
                Err(Stop::Report) => {
                    heard = Some(self.report_holders(account, Some(grantee)).await?);
                }
            }
        }
    }

    /// Reports to user-api who runs `account`, and that `coming` may be about to.
    async fn report_holders(
        &self,
        account: &UserId,
        coming: Option<&UserId>,
    ) -> Result<Heard, ApiError> {
        let (version, mut holders): (i64, BTreeSet<UserId>) = {
            let known = self.known();
            (known.version(account), known.holders(account))
        };
        holders.extend(coming.cloned());
        let notice = HolderNotice {
            version,
            holders: holders.into_iter().collect(),
        };
        let user_api = self.user_api.lock().unwrap().clone();
        let need = match user_api {
            Some(user_api) => user_api
                .note_holders(account, &notice)
                .await
                .map_err(|_| ApiError::empty(StatusCode::INTERNAL_SERVER_ERROR))?,
            None => HolderNeed {
                needs_holder: false,
                existing: Vec::new(),
            },
        };
        Ok(Heard { version, need })
    }
}

/// What user-api said of the account as it is.
fn heard_now<'a>(
    known: &Known,
    account: &UserId,
    heard: Option<&'a Heard>,
) -> Result<&'a HolderNeed, Stop> {
    let heard = heard.filter(|heard| heard.version == known.version(account));
    heard.map(|heard| &heard.need).ok_or(Stop::Report)
}

fn last_admin() -> ApiError {
    ApiError::reason(
        StatusCode::FORBIDDEN,
        "Cannot remove the last admin of an account that has no login or recovery capability",
    )
}

fn may_not_share() -> ApiError {
    ApiError::reason(
        StatusCode::FORBIDDEN,
        "The sender may no longer share this account",
    )
}
