//! `/metadata/users`: the people with whom a user shares.

use actix_web::{
    HttpResponse,
    web::{Data, Path, Query},
};
use shared_runtime::{
    auth::Caller,
    error::{ApiError, OrFail as _},
};
use utoipa::IntoParams;

use super::refusals;
use crate::{
    State,
    domain::{associate_filter::Filter, associates::Associate, metadata::MetadataRefusal},
    error::Failure,
    rights::rights_on,
    routes::metadata::UserPath,
    use_cases::list_associates,
};

/// The filters of the list of users. All given ones must hold.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "only documents what `Filter` reads")]
pub(crate) struct FilterParameters {
    /// What the user granted: `any`, `none` or a comma-separated list, all of which are held.
    /// `admin` and `custodian` are one.
    #[param(rename = "trustorPermissions")]
    trustor_permissions: Option<String>,
    /// What was granted to the user, in the same form.
    #[param(rename = "trusteePermissions")]
    trustee_permissions: Option<String>,
    /// Part of the user name or of an e-mail address, in any case; plain text, not a pattern.
    email: Option<String>,
    /// `true`, `yes`, `y`, `1` or `false`, `no`, `n`, `0`.
    #[param(rename = "emailVerified")]
    email_verified: Option<String>,
    /// Part of the time when the terms were accepted.
    #[param(rename = "termsAccepted")]
    terms_accepted: Option<String>,
    /// Part of the full name, in any case.
    name: Option<String>,
    /// The date of birth, or a part of it; of those whose `patient` is shown.
    birthday: Option<String>,
    /// The date of diagnosis, or a part of it; of those whose `patient` is shown.
    #[param(rename = "diagnosisDate")]
    diagnosis_date: Option<String>,
}

/// `GET /metadata/users/:userid/users`: the users who share with a user, or with whom the user
/// shares, ascending by id. For services, the user, and holders of `custodian` or `admin`.
///
/// Users who no longer exist are left out. Of those who neither accepted what the user granted nor
/// granted anything back, people see the id and the granted permissions alone, whether such a user
/// exists or not. Filters apply to what the answer shows.
///
/// Body: none. Answer: 200, a JSON array of accounts with `trustorPermissions` (what they granted
/// to the user), `trusteePermissions` (what the user granted to them), `profile`, `settings` and
/// `preferences`, as far as these permissions show them; `passwordExists` for services.
/// Errors: 400 a filter cannot be read; 401 `"Unauthorized"` no valid token, or not allowed; 500
/// the permissions, the accounts or the collections cannot be read.
/// Source: Metadata API, `GET /metadata/users/:userid/users`.
#[utoipa::path(
    get, path = "/metadata/users/{user_id}/users", tag = "metadata",
    params(("user_id" = String, Path, description = "The user"), FilterParameters),
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
    parameters: Query<Vec<(String, String)>>,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let user_id = &path.user_id;
    let rights = rights_on(&state, &caller, user_id)
        .await
        .or_fail(Failure::FindingUser)?;
    if !rights.administer() {
        return Err(MetadataRefusal::Unauthorized.into());
    }
    let filter = Filter::read(&parameters)?;
    let associates = list_associates::list_associates(&state, &caller, user_id, &filter).await?;
    Ok(HttpResponse::Ok().json(associates))
}
