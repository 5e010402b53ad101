//! Permissions: who can reach an account, which accounts a user can reach, and the set of a pair.

use actix_web::web::{Json, Path};
use serde::{Serialize, Serializer, ser::SerializeMap};
use shared_runtime::{auth::Caller, body::Body, error::ApiError};
use shared_types::{PermissionSet, UserId};

use super::{State, replacement::Replacement};
use crate::domain::{
    Refusal,
    access::{self, Standing},
    permissions::{self, Held},
};

/// `GET /access/groups/{user_id}`: the accounts that a user can reach, itself included.
///
/// Answer: 200, an object from account id to the permissions granted there directly: the user
/// itself first, with `root`, then the others ascending by id. Access through clinics is not in it.
/// Errors: 401 no valid token, or neither the user, nor an `admin` or `custodian` of it, nor a
/// service; 500 (empty) the database failed; 503 (empty) the token cannot be checked.
/// Source: access API, "groups for user"; sharing document, "list the accounts shared with me".
#[utoipa::path(
    get,
    path = "/access/groups/{user_id}",
    tag = "access",
    params(("user_id" = UserId, Path, description = "Whose groups.")),
    responses(
        (status = 200, description = "Account id to permission set.", body = std::collections::BTreeMap<String, PermissionSet>, example = json!({"bob": {"root": {}}, "alice": {"view": {}}})),
        (status = 401, description = "No valid token, or not allowed.", body = String, content_type = "application/json", example = json!("Unauthorized")),
        (status = 500, description = "The database failed; no body."),
        (status = 503, description = "The token cannot be checked; no body."),
    ),
    security(("session_token" = [])),
)]
pub(crate) async fn list_groups(
    caller: Caller,
    user: Path<UserId>,
    state: State,
) -> Result<Json<AccountFirst>, ApiError> {
    let user = user.into_inner();
    may_see_all(&caller, &user, &state).await?;
    let others = state.store.permissions.list_groups(&user).await?;
    Ok(Json(AccountFirst {
        account: user,
        others,
    }))
}

/// `GET /access/{sharer_id}`: who can reach an account, its owner included.
///
/// Answer: 200, an object from account id to the permissions granted directly: the owner first,
/// with `root`, then the others ascending by id. Access through clinics is not in it.
/// Errors: as [`list_groups`].
/// Source: access API, "users in group"; sharing document, "list who can see my data".
#[utoipa::path(
    get,
    path = "/access/{sharer_id}",
    tag = "access",
    params(("sharer_id" = UserId, Path, description = "The account that is shared.")),
    responses(
        (status = 200, description = "Account id to permission set.", body = std::collections::BTreeMap<String, PermissionSet>, example = json!({"alice": {"root": {}}, "bob": {"view": {}}})),
        (status = 401, description = "No valid token, or not allowed.", body = String, content_type = "application/json", example = json!("Unauthorized")),
        (status = 500, description = "The database failed; no body."),
        (status = 503, description = "The token cannot be checked; no body."),
    ),
    security(("session_token" = [])),
)]
pub(crate) async fn list_members(
    caller: Caller,
    sharer: Path<UserId>,
    state: State,
) -> Result<Json<AccountFirst>, ApiError> {
    let sharer = sharer.into_inner();
    may_see_all(&caller, &sharer, &state).await?;
    let others = state.store.permissions.list_members(&sharer).await?;
    Ok(Json(AccountFirst {
        account: sharer,
        others,
    }))
}

/// `GET /access/{sharer_id}/{user_id}`: what a user may do on an account.
///
/// Answer: 200, the permission set: `{"root":{}}` of an account on itself, otherwise what was
/// granted directly and what clinics that the user works for were granted, added up.
/// Errors: 401 no valid token, or neither of the two accounts, nor an `admin` or `custodian` of the
/// shared one, nor a service; 404 no permission (only told to those who may ask); 500 (empty) the
/// database failed; 503 (empty) the token cannot be checked.
/// Source: access API, "user in group".
#[utoipa::path(
    get,
    path = "/access/{sharer_id}/{user_id}",
    tag = "access",
    params(
        ("sharer_id" = UserId, Path, description = "The account that is shared."),
        ("user_id" = UserId, Path, description = "Whose permissions."),
    ),
    responses(
        (status = 200, description = "What the user may do.", body = PermissionSet),
        (status = 401, description = "No valid token, or not allowed.", body = String, content_type = "application/json", example = json!("Unauthorized")),
        (status = 404, description = "No permission.", body = Object, example = json!({"code": "NotFound", "message": ""})),
        (status = 500, description = "The database failed; no body."),
        (status = 503, description = "The token cannot be checked; no body."),
    ),
    security(("session_token" = [])),
)]
pub(crate) async fn find_permissions(
    caller: Caller,
    pair: Path<(UserId, UserId)>,
    state: State,
) -> Result<Json<PermissionSet>, ApiError> {
    let (sharer, grantee) = pair.into_inner();
    let permissions = if standing(&caller, &sharer)? == Standing::Other && !caller.is(&grantee) {
        // Both look-ups in one round trip.
        let pairs = [&caller.user_id, &grantee];
        let [callers, asked] = state.store.held(&sharer, pairs).await?;
        access::may_see_all(&callers.effective())?;
        own_or(&sharer, &grantee, asked)
    } else {
        effective(&state, &sharer, &grantee).await?
    };
    Ok(Json(permissions.ok_or(Refusal::NoPermissions)?))
}

/// `POST /access/{sharer_id}/{user_id}`: replaces what was granted to a user directly.
///
/// Body: the permission set, an object whose values are objects; `root` is dropped and `notes`
/// stored as `note`. `{}`, `null` and no body remove the grant. Of an account on itself nothing is
/// written. A user who does not run the account may give up what it was granted, all or part.
/// Answer: 200, the set that the user has then, as `GET` shows it, or `null` when there is none.
/// Errors: 400 no permission set, a permission that there is not, a name that is empty, starts with
/// `$` or holds `.` or NUL, a number that would not come back as it is, more than 64 names or 16
/// levels; 401 no valid token or not allowed; 403 the grantee is the last one
/// to run an account without password and e-mail; 413 the body is too large; 500 (empty) the
/// database or user-api failed; 503 (empty) the token cannot be checked.
/// Source: access API, "set permissions"; sharing document, "the last admin cannot be removed".
#[utoipa::path(
    post,
    path = "/access/{sharer_id}/{user_id}",
    tag = "access",
    params(
        ("sharer_id" = UserId, Path, description = "The account that is shared."),
        ("user_id" = UserId, Path, description = "Whose permissions."),
    ),
    request_body(content = Option<PermissionSet>, description = "The whole set; none to remove it."),
    responses(
        (status = 200, description = "What the user may do then, or `null`.", body = Option<PermissionSet>),
        (status = 400, description = "No permission set, or one with a name that is no permission.", body = Object, example = json!({"code": "InvalidContent", "message": "Invalid permissions: unknown names veiw; the names are admin, custodian, edit, follow, note, upload, view"})),
        (status = 401, description = "No valid token, or not allowed.", body = String, content_type = "application/json", example = json!("Unauthorized")),
        (status = 403, description = "The last admin stays.", body = Object, example = json!({"code": 403, "reason": "Cannot remove the last admin of an account that has no login or recovery capability"})),
        (status = 413, description = "The body is too large.", body = Object, example = json!({"code": "RequestEntityTooLarge", "message": "The body is too large"})),
        (status = 500, description = "The database or user-api failed; no body."),
        (status = 503, description = "The token cannot be checked; no body."),
    ),
    security(("session_token" = [])),
)]
pub(crate) async fn replace_permissions(
    caller: Caller,
    pair: Path<(UserId, UserId)>,
    body: Body,
    state: State,
) -> Result<Json<Option<PermissionSet>>, ApiError> {
    let (sharer, grantee) = pair.into_inner();
    let wanted = permissions::requested(&body.0).map_err(Refusal::from)?;
    let mut replacement = Replacement::new(&state, &sharer, &grantee, &wanted);
    if standing(&caller, &sharer)? == Standing::Other {
        let [held] = state.store.held(&sharer, [&caller.user_id]).await?;
        if caller.is(&grantee) {
            replacement = replacement.by_grantee(held.by_clinics.clone());
            access::may_change_own(held, &wanted)?;
        } else {
            access::may_change_another(held)?;
        }
    }
    if sharer != grantee {
        replacement.run().await?;
    }
    Ok(Json(effective(&state, &sharer, &grantee).await?))
}

/// The body of both lists: the account itself, then the others in their order.
#[derive(Debug)]
pub(crate) struct AccountFirst {
    account: UserId,
    others: Vec<(UserId, PermissionSet)>,
}

impl Serialize for AccountFirst {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut members = serializer.serialize_map(None)?;
        members.serialize_entry(&self.account, &permissions::root())?;
        for (user, set) in self.others.iter().filter(|(user, _)| *user != self.account) {
            members.serialize_entry(user, set)?;
        }
        members.end()
    }
}

fn standing(caller: &Caller, account: &UserId) -> Result<Standing, Refusal> {
    if caller.is_server {
        Ok(Standing::Service)
    } else {
        Standing::of_user(&caller.user_id, account)
    }
}

/// Refuses a caller who may not see everything about `account`.
async fn may_see_all(caller: &Caller, account: &UserId, state: &State) -> Result<(), ApiError> {
    if standing(caller, account)? == Standing::Other {
        let [held] = state.store.held(account, [&caller.user_id]).await?;
        access::may_see_all(&held.effective())?;
    }
    Ok(())
}

/// What `grantee` may do on the account of `sharer`; `None` for nothing.
async fn effective(
    state: &State,
    sharer: &UserId,
    grantee: &UserId,
) -> Result<Option<PermissionSet>, ApiError> {
    if sharer == grantee {
        return Ok(Some(permissions::root()));
    }
    let [held] = state.store.held(sharer, [grantee]).await?;
    Ok(own_or(sharer, grantee, held))
}

/// The set of a pair: `root` of an account on itself, otherwise what is held, `None` for nothing.
fn own_or(sharer: &UserId, grantee: &UserId, held: Held) -> Option<PermissionSet> {
    let set = if sharer == grantee {
        permissions::root()
    } else {
        held.effective()
    };
    Some(set).filter(|set| !set.is_empty())
}
