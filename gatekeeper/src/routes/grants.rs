//! Grants that somebody offered and the grantee accepted. For admitted services; each may be repeated.

use actix_web::web::{Json, Path};
use bson::DateTime;
use mongodb::ClientSession;
use shared_runtime::{auth::Peer, body::Body, error::ApiError, mongo::Aborted};
use shared_types::{Grant, PermissionSet};

use super::{State, refusals::InternalRefusals};
use crate::domain::{
    Refusal,
    grants::{check_id, joined, may_share, read, sender},
    permissions::{Held, root},
};
use crate::store::permissions::Consent;
use crate::use_cases::change_holders::{Halt, Locked, with_lock};

/// `PUT /internal/grants/{grant_id}`: a grantee gets what it was offered, in addition to what it
/// has.
///
/// The names of the offer are added to those that the grantee has directly, which keep their
/// values; nothing is taken away. Each id has its effect once, for 400 days: a repeat changes
/// nothing, also where the permissions were taken away since. An account on itself has `root`
/// whatever it is offered.
///
/// Body: [`Grant`]; what it offers under other names than those of permissions is passed over, for
/// older invitations have such names. `grantedBy`, unless it is absent or the sharer, must run the
/// sharer's account at this moment, directly or through a clinic. `grant_id` has 1 to 64 letters,
/// digits, `-` and `_`. Answer: 200, what the grantee has directly then; after a repeat, what was
/// offered.
/// Errors: 400 no such body or id; 401 not an admitted service; 403
/// `grantedBy` does not run the account, and nothing changes; 500 (empty) the database or
/// user-api failed; 503 (empty) the token cannot be checked.
/// Source: our own; confirm asks for it when an invitation is accepted, which in the reference
/// replaces the pair's set.
#[utoipa::path(
    put,
    path = "/internal/grants/{grant_id}",
    tag = "internal",
    params(("grant_id" = String, Path, description = "1 to 64 letters, digits, `-` and `_`.")),
    request_body = Grant,
    responses(
        (status = 200, description = "What the grantee has directly, or what was offered before.", body = PermissionSet),
        (status = 400, description = "No grant.", body = Object, example = json!({"code": "InvalidContent", "message": "Invalid grant id: expected 1 to 64 letters, digits, - or _"})),
        (status = 403, description = "Who offered it does not run the account.", body = Object, example = json!({"code": 403, "reason": "The sender may no longer share this account"})),
        InternalRefusals,
    ),
    security(("session_token" = [])),
)]
pub(crate) async fn apply_grant(
    _: Peer,
    grant_id: Path<String>,
    body: Body,
    state: State,
) -> Result<Json<PermissionSet>, ApiError> {
    check_id(&grant_id).map_err(Refusal::from)?;
    let grant = read(&body.0).map_err(Refusal::from)?;
    if grant.sharer_id == grant.grantee_id {
        return Ok(Json(root()));
    }
    let store = &state.store;
    let (sharer, grantee) = (&grant.sharer_id, &grant.grantee_id);
    let applied = with_lock(&state, sharer, grantee, async |session, locked| {
        if store.applied_grants.contains(session, &grant_id).await? {
            return Ok(grant.permissions.clone());
        }
        let set = add(&state, session, locked, &grant).await?;
        store
            .applied_grants
            .insert(session, &grant_id, DateTime::now())
            .await?;
        Ok(set)
    })
    .await?;
    Ok(Json(applied))
}

/// Adds what is offered in the transaction of `session`, which holds the lock of the account;
/// answers what the grantee has then.
async fn add(
    state: &State,
    session: &mut ClientSession,
    locked: &Locked<'_>,
    grant: &Grant,
) -> Result<PermissionSet, Aborted<Halt>> {
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
        locked.told()?;
    }
    store
        .permissions
        .update_in(session, sharer, grantee, &set, Consent::Given)
        .await?;
    Ok(set)
}
