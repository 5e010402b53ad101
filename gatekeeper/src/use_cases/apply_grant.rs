//! A grantee gets what it was offered, in addition to what it has.

use bson::DateTime;
use mongodb::ClientSession;
use shared_runtime::mongo::Aborted;
use shared_types::{Grant, PermissionSet};

use super::change_holders::{Locked, with_lock};
use crate::{
    State,
    domain::{
        Refusal,
        grants::{joined, may_share, sender},
        permissions::{Held, root},
    },
    error::Error,
    store::permissions::Consent,
};

/// Grants what is offered, once for each `grant_id`; returns what the grantee has directly then or,
/// of a grant that had its effect before, what was offered.
pub(crate) async fn apply_grant(
    state: &State,
    grant_id: &str,
    grant: &Grant,
) -> Result<PermissionSet, Error> {
    if grant.sharer_id == grant.grantee_id {
        return Ok(root());
    }
    let applied_grants = &state.store.applied_grants;
    let (sharer, grantee) = (&grant.sharer_id, &grant.grantee_id);
    with_lock(state, sharer, grantee, async |session, locked| {
        if applied_grants.contains(session, grant_id).await? {
            return Ok(grant.permissions.clone());
        }
        let set = add(state, session, locked, grant).await?;
        applied_grants
            .insert(session, grant_id, DateTime::now())
            .await?;
        Ok(set)
    })
    .await
}

/// Adds what is offered in the transaction of `session`, which holds the lock of the account;
/// returns what the grantee has then.
async fn add(
    state: &State,
    session: &mut ClientSession,
    locked: &Locked<'_>,
    grant: &Grant,
) -> Result<PermissionSet, Aborted<Refusal>> {
    let (sharer, grantee) = (&grant.sharer_id, &grant.grantee_id);
    let store = &state.store;
    if let Some(sender) = sender(grant) {
        let held = Held {
            direct: store.permissions.find_in(session, sharer, sender).await?,
            by_clinics: store
                .clinic_relations
                .find_derived_in(session, sharer, sender)
                .await?,
        };
        may_share(held)?;
    }
    let direct = store.permissions.find_in(session, sharer, grantee).await?;
    let was_admin = direct.administers();
    let set = joined(direct, &grant.permissions);
    if set.administers() && !was_admin {
        locked.heard()?;
    }
    store
        .permissions
        .update_in(session, sharer, grantee, &set, Consent::Given)
        .await?;
    Ok(set)
}
