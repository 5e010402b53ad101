//! Grants that a user offered and the grantee accepted. For admitted services; each may be
//! repeated.

use actix_web::web::{Json, Path};
use shared_runtime::{auth::Peer, body::Body, error::ApiError};
use shared_types::{Grant, PermissionSet};

use super::{State, refusals::InternalRefusals};
use crate::{
    domain::{
        Refusal,
        grants::{check_id, read},
    },
    use_cases::apply_grant,
};

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
/// digits, `-` and `_`. Response: 200, what the grantee has directly then; after a repeat, what was
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
    let applied = apply_grant::apply_grant(&state, &grant_id, &grant).await?;
    Ok(Json(applied))
}
