//! `/metadata/users`: the people with whom a user shares.

use actix_web::{
    HttpResponse,
    web::{Data, Path},
};
use shared_runtime::{
    auth::Caller,
    error::{ApiError, OrFail as _},
    query::Query,
};

use super::refusals;
use crate::{
    State,
    domain::{associate_filter::Filter, associates::Associate, metadata::MetadataRefusal},
    error::Failure,
    rights::rights_on,
    routes::metadata::UserPath,
    use_cases::list_associates,
};

/// `GET /metadata/users/:userid/users`: the users who share with a user, or with whom the user
/// shares, ascending by id. For services, the user, and holders of `custodian` or `admin`.
///
/// Users who no longer exist are left out. Of those who neither accepted what the user granted nor
/// granted anything back, people see the id and the granted permissions alone, whether such a user
/// exists or not. Filters apply to what the response shows.
///
/// Body: none. Response: 200, a JSON array of accounts with `trustorPermissions` (what they granted
/// to the user), `trusteePermissions` (what the user granted to them), `profile`, `settings` and
/// `preferences`, as far as these permissions show them; `passwordExists` for services.
/// Errors: 400 a filter cannot be read; 401 `"Unauthorized"` no valid token, or not allowed; 500
/// the permissions, the accounts or the collections cannot be read.
/// Source: Metadata API, `GET /metadata/users/:userid/users`.
#[utoipa::path(
    get, path = "/metadata/users/{user_id}/users", tag = "metadata",
    params(("user_id" = String, Path, description = "The user")),
    responses(
        (status = 200, description = "The users", body = [Associate]),
        (status = 400, description = "A filter cannot be read"),
        refusals::Metadata,
        (status = 500, description = "Permissions, accounts or collections cannot be read"),
    ),
)]
pub(crate) async fn list_associates(
    caller: Caller,
    path: Path<UserPath>,
    filter: Query<Filter>,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let user_id = &path.user_id;
    let rights = rights_on(&state, &caller, user_id)
        .await
        .or_fail(Failure::FindingUser)?;
    if !rights.administer() {
        return Err(MetadataRefusal::Unauthorized.into());
    }
    let filter = filter.read()?;
    let associates = list_associates::list_associates(&state, &caller, user_id, &filter).await?;
    Ok(HttpResponse::Ok().json(associates))
}
