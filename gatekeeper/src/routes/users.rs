//! What user-api asks and tells about accounts. For admitted services.

use std::collections::{BTreeMap, BTreeSet};

use actix_web::{
    HttpResponse,
    web::{Json, Path},
};
use shared_runtime::{auth::Peer, error::ApiError, mongo};
use shared_types::{AdministeredAccount, LockedAccount, UserId};

use super::{State, refusals::InternalRefusals};
use crate::error::aborted;

/// `GET /internal/users/{user_id}/administered`: the accounts that a user runs by a direct `admin`
/// or `custodian`, and who else runs them.
///
/// Answer: 200, an array ascending by account id; empty when there is none.
/// Errors: 401 not an admitted service; 500 (empty) the database failed; 503 (empty) the token cannot
/// be checked.
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
    let accounts = state.store.permissions.list_run_by(&user).await?;
    if accounts.is_empty() {
        return Ok(Json(Vec::new()));
    }
    let mut others: BTreeMap<UserId, Vec<UserId>> = BTreeMap::new();
    for (account, holder) in state.store.permissions.list_holders(&accounts).await? {
        if holder != *user {
            others.entry(account).or_default().push(holder);
        }
    }
    let by_clinics: BTreeSet<UserId> = state
        .store
        .clinic_relations
        .list_run_by_clinics(&accounts)
        .await?
        .into_iter()
        .collect();
    let administered = accounts
        .into_iter()
        .map(|account| AdministeredAccount {
            other_admins: others.remove(&account).unwrap_or_default(),
            clinic_custodian: by_clinics.contains(&account),
            userid: account,
        })
        .collect();
    Ok(Json(administered))
}

/// `GET /internal/users/{user_id}/grantees`: to whom a user gave something on its account directly,
/// and whether the grantee accepted it or gave up a part of it since.
///
/// A grant that a service made, or that is older than the mark, counts as accepted. What the
/// grantee gave the user in return is not looked at. Who has a grant and who accepted it comes from
/// one query, so that no change in between passes for an acceptance.
///
/// Answer: 200, an object: each id with `true` or `false`.
/// Errors: as [`list_administered`].
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
    Ok(Json(state.store.permissions.list_agreements(&user).await?))
}

/// `PUT /internal/users/{user_id}/lock`: who runs an account from this moment on. Whatever is being
/// decided about that is decided anew: user-api is asked again.
///
/// Body: ignored. Answer: 200, [`LockedAccount`].
/// Errors: as [`list_administered`].
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
    let store = &state.store;
    let locked = mongo::transaction(&store.client, async |session| {
        let version = store.account_locks.lock(session, &user).await?;
        let holders = store.permissions.list_holders_in(session, &user).await?;
        let clinic_custodian = store
            .clinic_relations
            .is_run_by_clinic(session, &user)
            .await?;
        Ok(LockedAccount {
            version,
            holders: holders.into_iter().collect(),
            clinic_custodian,
        })
    })
    .await;
    Ok(Json(locked.map_err(aborted)?))
}

/// `DELETE /internal/users/{user_id}/custodians`: an account got its first password; `custodian` is
/// taken from everybody who was granted it directly. What else they have stays.
///
/// Body: none. Answer: 204, also when there was no custodian. The last-admin rule does not apply,
/// since the account can be logged into.
/// Errors: as [`list_administered`].
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
    let store = &state.store;
    let removed = mongo::transaction(&store.client, async |session| {
        store.account_locks.lock(session, &user).await?;
        store.permissions.remove_custodians(session, &user).await?;
        Ok(())
    })
    .await;
    removed.map_err(aborted)?;
    Ok(HttpResponse::NoContent().finish())
}

/// `DELETE /internal/users/{user_id}`: an account was deleted; everything about it is removed, as
/// sharer, as grantee, as patient and as clinician.
///
/// Body: none. Answer: 204, also when there was nothing.
/// Errors: as [`list_administered`].
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
    state.store.permissions.delete_user(&user).await?;
    state.store.clinic_relations.delete_user(&user).await?;
    state.store.account_locks.delete(&user).await?;
    Ok(HttpResponse::NoContent().finish())
}
