//! What user-api asks and reports about accounts. For admitted services.

use std::collections::BTreeMap;

use actix_web::{
    HttpResponse,
    web::{Json, Path},
};
use shared_runtime::{
    auth::Peer,
    error::{ApiError, OrFail as _},
    query::{Query, Until},
};
use shared_types::{AdministeredAccount, LockedAccount, UserId};

use super::{State, refusals::InternalRefusals};
use crate::{
    domain::{Refusal, content::InvalidContent},
    error::Failure,
    use_cases::{delete_account, end_custody, hand_over_account, list_administered, lock_account},
};

/// `GET /internal/users/{user_id}/administered`: the accounts that a user runs by a direct `admin`
/// or `custodian`, and who else runs them.
///
/// Response: 200, an array ascending by account id; empty when there is none.
/// Errors: 401 not an admitted service; 500 (empty) the database failed; 503 (empty) the token
/// cannot be checked.
/// Source: our own; user-api asks before it deletes an account.
#[utoipa::path(
    get,
    path = "/internal/users/{user_id}/administered",
    tag = "internal",
    params(("user_id" = UserId, Path, description = "Who runs the accounts.")),
    responses(
        (status = 200, description = "The accounts.", body = Vec<AdministeredAccount>),
        InternalRefusals,
    ),
    security(("session_token" = [])),
)]
pub(crate) async fn list_administered(
    _: Peer,
    user: Path<UserId>,
    state: State,
) -> Result<Json<Vec<AdministeredAccount>>, ApiError> {
    let accounts = list_administered::list_administered(&state, &user).await?;
    Ok(Json(accounts))
}

/// `GET /internal/users/{user_id}/grantees`: to whom a user gave something on its account directly,
/// and whether the grantee accepted it or gave up a part of it since.
///
/// A grant that a service made, or that is older than the mark, counts as accepted. What the
/// grantee gave the user in return is not looked at. Who has a grant and who accepted it comes from
/// one query, so that no change in between passes for an acceptance.
///
/// Response: 200, an object: each id with `true` or `false`.
/// Errors: as [`list_administered()`].
/// Source: our own; user-api asks before it shows the user who the grantees are.
#[utoipa::path(
    get,
    path = "/internal/users/{user_id}/grantees",
    tag = "internal",
    params(("user_id" = UserId, Path, description = "Whose account is shared.")),
    responses(
        (status = 200, description = "The grantees, and whether they accepted.", body = BTreeMap<UserId, bool>, example = json!({"bob": true, "carol": false})),
        InternalRefusals,
    ),
    security(("session_token" = [])),
)]
pub(crate) async fn list_grantees(
    _: Peer,
    user: Path<UserId>,
    state: State,
) -> Result<Json<BTreeMap<UserId, bool>>, ApiError> {
    Ok(Json(
        state
            .store
            .permissions
            .list_agreements(&user)
            .await
            .or_fail(Failure)?,
    ))
}

/// `PUT /internal/users/{user_id}/lock`: who runs an account from this moment on. Whatever is being
/// decided about that is decided anew: user-api is asked again.
///
/// Body: ignored. Response: 200, [`LockedAccount`].
/// Errors: as [`list_administered()`].
/// Source: our own; user-api asks before it removes the last address of an account without
/// password.
#[utoipa::path(
    put,
    path = "/internal/users/{user_id}/lock",
    tag = "internal",
    params(("user_id" = UserId, Path, description = "The account.")),
    responses(
        (status = 200, description = "Who runs it.", body = LockedAccount),
        InternalRefusals,
    ),
    security(("session_token" = [])),
)]
pub(crate) async fn lock_account(
    _: Peer,
    user: Path<UserId>,
    state: State,
) -> Result<Json<LockedAccount>, ApiError> {
    let locked = lock_account::lock_account(&state, &user).await?;
    Ok(Json(locked))
}

/// `DELETE /internal/users/{user_id}/custodians`: an account got its first password; `custodian` is
/// taken from everybody who was granted it directly. What else they have stays.
///
/// Body: none. Response: 204, also when there was no custodian. The last-admin rule does not apply,
/// since the account can be logged into.
/// Errors: as [`list_administered()`].
/// Source: our own; user-api asks for it when an account is claimed. One operation instead of a
/// list and a replacement of each set, which could put back what is revoked meanwhile.
#[utoipa::path(
    delete,
    path = "/internal/users/{user_id}/custodians",
    tag = "internal",
    params(("user_id" = UserId, Path, description = "The claimed account.")),
    responses(
        (status = 204, description = "Nobody holds `custodian` directly."),
        InternalRefusals,
    ),
    security(("session_token" = [])),
)]
pub(crate) async fn delete_custodians(
    _: Peer,
    user: Path<UserId>,
    state: State,
) -> Result<HttpResponse, ApiError> {
    end_custody::end_custody(&state, &user).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// `DELETE /internal/users/{user_id}/grantees?until=`: an account has another owner from now on;
/// what was granted on it directly is removed. What was granted to it stays, and so do the
/// relations to clinics, which are not ours.
///
/// Only grants that were made until the second of that time are removed: a late repeat takes
/// nothing that the new owner gave. A grant is made when its pair had none, and not when its set is
/// replaced.
///
/// Body: none. Response: 204, also when there was none. The last-admin rule does not apply, since
/// the account can be logged into.
/// Errors: 400 no such time; otherwise as [`list_administered()`].
/// Source: our own; user-api asks for it when the first address of an account is proven together
/// with a new password, because whoever made the account may be somebody else.
#[utoipa::path(
    delete,
    path = "/internal/users/{user_id}/grantees",
    tag = "internal",
    params(
        ("user_id" = UserId, Path, description = "Whose account was shared."),
        Until,
    ),
    responses(
        (status = 204, description = "None of these grants is left."),
        (status = 400, description = "No time.", body = Object, example = json!({"code": "InvalidContent", "message": "Invalid until: expected a time in milliseconds since 1970"})),
        InternalRefusals,
    ),
    security(("session_token" = [])),
)]
pub(crate) async fn delete_grants(
    _: Peer,
    user: Path<UserId>,
    query: Query<Until>,
    state: State,
) -> Result<HttpResponse, ApiError> {
    let query = query.read();
    let Until { until } = query.map_err(|_| Refusal::from(InvalidContent::Until))?;
    hand_over_account::hand_over_account(&state, &user, until).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// `DELETE /internal/users/{user_id}`: an account was deleted; everything about it is removed, as
/// sharer, as grantee, as patient and as clinician.
///
/// Body: none. Response: 204, also when there was nothing.
/// Errors: as [`list_administered()`].
/// Source: event `users:delete` of the reference, sent by user-api through its outbox.
#[utoipa::path(
    delete,
    path = "/internal/users/{user_id}",
    tag = "internal",
    params(("user_id" = UserId, Path, description = "The deleted account.")),
    responses(
        (status = 204, description = "Nothing about the account is left."),
        InternalRefusals,
    ),
    security(("session_token" = [])),
)]
pub(crate) async fn delete_user(
    _: Peer,
    user: Path<UserId>,
    state: State,
) -> Result<HttpResponse, ApiError> {
    delete_account::delete_account(&state, &user).await?;
    Ok(HttpResponse::NoContent().finish())
}
