//! Permissions: who can reach an account, which accounts a user can reach, and the set of a pair.

use actix_web::{HttpRequest, HttpResponse, web::Path};
use serde::{Serialize, Serializer, ser::SerializeMap};
use shared_runtime::{
    auth::Caller,
    body::Body,
    error::{ApiError, OrFail as _},
};
use shared_types::{PermissionSet, UserId};

use super::{
    State,
    refusals::Refusals,
    tagged::{ConditionalRead, Conditions, preconditions, show_list, show_pair, show_replaced},
};
use crate::{
    domain::{Refusal, permissions},
    error::Failure,
    rights::may_see_all,
    use_cases::{find_permissions, replace_permissions},
};

/// `GET /access/groups/{user_id}`: the accounts that a user can reach, itself included.
///
/// Response: 200, an object from account id to the permissions granted there directly: the user
/// itself first, with `root`, then the others ascending by id. Access through clinics is not in it.
/// With `ETag`; 304 where `If-None-Match` has it.
/// Errors: 400 conditions that are none; 401 no valid token, or neither the user, nor an `admin` or
/// `custodian` of it, nor a service; 500 (empty) the database failed; 503 (empty) the token cannot
/// be checked.
/// Source: access API, "groups for user"; sharing document, "list the accounts shared with me".
#[utoipa::path(
    get,
    path = "/access/groups/{user_id}",
    tag = "access",
    params(
        ("user_id" = UserId, Path, description = "Whose groups."),
        Conditions,
    ),
    responses(
        (status = 200, description = "Account id to permission set.", body = std::collections::BTreeMap<String, PermissionSet>, headers(("ETag" = String, description = "Changes with the content.")), example = json!({"bob": {"root": {}}, "alice": {"view": {}}})),
        ConditionalRead,
        Refusals,
    ),
    security(("session_token" = [])),
)]
pub(crate) async fn list_groups(
    caller: Caller,
    user: Path<UserId>,
    request: HttpRequest,
    state: State,
) -> Result<HttpResponse, ApiError> {
    let user = user.into_inner();
    let preconditions = preconditions(&request)?;
    may_see_all(&state, &caller, &user).await?;
    let others = state
        .store
        .permissions
        .list_groups(&user)
        .await
        .or_fail(Failure)?;
    let groups = AccountFirst {
        account: user,
        others,
    };
    show_list(&groups, &preconditions)
}

/// `GET /access/{sharer_id}`: who can reach an account, its owner included.
///
/// Response: 200, an object from account id to the permissions granted directly: the owner first,
/// with `root`, then the others ascending by id. Access through clinics is not in it. With `ETag`;
/// 304 where `If-None-Match` has it.
/// Errors: as [`list_groups`].
/// Source: access API, "users in group"; sharing document, "list who can see my data".
#[utoipa::path(
    get,
    path = "/access/{sharer_id}",
    tag = "access",
    params(
        ("sharer_id" = UserId, Path, description = "The account that is shared."),
        Conditions,
    ),
    responses(
        (status = 200, description = "Account id to permission set.", body = std::collections::BTreeMap<String, PermissionSet>, headers(("ETag" = String, description = "Changes with the content.")), example = json!({"alice": {"root": {}}, "bob": {"view": {}}})),
        ConditionalRead,
        Refusals,
    ),
    security(("session_token" = [])),
)]
pub(crate) async fn list_members(
    caller: Caller,
    sharer: Path<UserId>,
    request: HttpRequest,
    state: State,
) -> Result<HttpResponse, ApiError> {
    let sharer = sharer.into_inner();
    let preconditions = preconditions(&request)?;
    may_see_all(&state, &caller, &sharer).await?;
    let others = state
        .store
        .permissions
        .list_members(&sharer)
        .await
        .or_fail(Failure)?;
    let members = AccountFirst {
        account: sharer,
        others,
    };
    show_list(&members, &preconditions)
}

/// `GET /access/{sharer_id}/{user_id}`: what a user may do on an account.
///
/// Response: 200, the permission set: `{"root":{}}` of an account on itself, otherwise what was
/// granted directly and what clinics that the user works for were granted, added up. With `ETag`,
/// which changes with either of the two; 304 where `If-None-Match` has it.
/// Errors: 400 conditions that are none; 401 no valid token, or neither of the two accounts, nor an
/// `admin` or `custodian` of the shared one, nor a service; 404 no permission (only told to those
/// who may ask); 412 `If-Match` does not hold; 500 (empty) the
/// database failed; 503 (empty) the token cannot be checked.
/// Source: access API, "user in group".
#[utoipa::path(
    get,
    path = "/access/{sharer_id}/{user_id}",
    tag = "access",
    params(
        ("sharer_id" = UserId, Path, description = "The account that is shared."),
        ("user_id" = UserId, Path, description = "Whose permissions."),
        Conditions,
    ),
    responses(
        (status = 200, description = "What the user may do.", body = PermissionSet, headers(("ETag" = String, description = "Changes with the content."))),
        (status = 404, description = "No permission.", body = Object, example = json!({"code": "NotFound", "message": ""})),
        ConditionalRead,
        Refusals,
    ),
    security(("session_token" = [])),
)]
pub(crate) async fn find_permissions(
    caller: Caller,
    pair: Path<(UserId, UserId)>,
    request: HttpRequest,
    state: State,
) -> Result<HttpResponse, ApiError> {
    let (sharer, grantee) = pair.into_inner();
    let preconditions = preconditions(&request)?;
    let held = find_permissions::find_permissions(&state, &caller, &sharer, &grantee).await?;
    show_pair(held, &preconditions)
}

/// `POST /access/{sharer_id}/{user_id}`: replaces what was granted to a user directly.
///
/// Body: the permission set, an object whose values are objects; `root` is dropped and `notes`
/// stored as `note`. `{}`, `null` and no body remove the grant. Of an account on itself nothing is
/// written. A user who does not run the account may give up what it was granted, all or part.
/// With `If-Match` or `If-None-Match` only a set is replaced whose tag they admit: of several who
/// saw the same one, the first does; `If-None-Match: *` makes the first grant of a pair.
/// Response: 200, the set that the user has then, as `GET` shows it, with its `ETag`, or `null`
/// when there is none.
/// Errors: 400 conditions that are none, no permission set, a permission that there is not, a name
/// that is empty, starts with `$` or holds `.` or NUL, a number that would not come back as it is,
/// more than 64 names or 16 levels; 401 no valid token or not allowed; 403 the grantee is the last
/// one to run an account without password and e-mail; 412 a condition does not hold, with the
/// `ETag` of what is there, if anything is, and nothing changes; 413 the body is too large; 500
/// (empty) the database or user-api failed; 503 (empty) the token cannot be checked.
/// Source: access API, "set permissions"; sharing document, "the last admin cannot be removed".
#[utoipa::path(
    post,
    path = "/access/{sharer_id}/{user_id}",
    tag = "access",
    params(
        ("sharer_id" = UserId, Path, description = "The account that is shared."),
        ("user_id" = UserId, Path, description = "Whose permissions."),
        Conditions,
    ),
    request_body(content = Option<PermissionSet>, description = "The whole set; none to remove it."),
    responses(
        (status = 200, description = "What the user may do then, or `null`.", body = Option<PermissionSet>, headers(("ETag" = String, description = "Of what the user may do then; absent with `null`."))),
        (status = 400, description = "No permission set, or one with a name that is no permission.", body = Object, example = json!({"code": "InvalidContent", "message": "Invalid permissions: unknown names veiw; the names are admin, custodian, edit, follow, note, upload, view"})),
        (status = 403, description = "The last admin stays.", body = Object, example = json!({"code": 403, "reason": "Cannot remove the last admin of an account that has no login or recovery capability"})),
        (status = 412, description = "`If-Match` or `If-None-Match` does not hold; nothing has changed.", body = Object, headers(("ETag" = String, description = "Of what is there; absent where nothing is.")), example = json!({"code": "PreconditionFailed", "message": "The permissions are not those that the request expects"})),
        (status = 413, description = "The body is too large.", body = Object, example = json!({"code": "RequestEntityTooLarge", "message": "The body is too large"})),
        Refusals,
        (status = 500, description = "The database or user-api failed; no body."),
    ),
    security(("session_token" = [])),
)]
pub(crate) async fn replace_permissions(
    caller: Caller,
    pair: Path<(UserId, UserId)>,
    request: HttpRequest,
    body: Body,
    state: State,
) -> Result<HttpResponse, ApiError> {
    let (sharer, grantee) = pair.into_inner();
    let preconditions = preconditions(&request)?;
    let wanted = permissions::requested(&body.0).map_err(Refusal::from)?;
    let held = replace_permissions::replace_permissions(
        &state,
        &caller,
        &sharer,
        &grantee,
        &wanted,
        &preconditions,
    )
    .await?;
    Ok(show_replaced(held))
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
