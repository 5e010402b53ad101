//! Changes to accounts.

use actix_web::{
    HttpResponse,
    web::{Data, Path},
};
use shared_runtime::{
    auth::{Caller, User},
    body::Body,
    error::ApiError,
    source::Source,
};
use shared_types::{UserId, UserRecord};

use super::refusals;
use crate::{
    State,
    domain::update::Updates,
    guesses::{TAKEN, limited},
    use_cases::update_account::Update,
};

/// `PUT /user`: changes the caller's own account.
///
/// Body: `updates`, an object with `username`, `emails`, `password`, `termsAccepted`; other members
/// are ignored. A new password ends all other sessions. Response: 200, the account.
/// Errors: 400 the body breaks a rule; 401 no valid token, no right, or the account is gone; 409 a
/// name is taken; 429 too many changes this week; 500 the store or gatekeeper failed; 503 too many
/// passwords at once.
/// Source: public user API `UpdateUser`.
#[utoipa::path(
    put, path = "/auth/user", tag = "accounts", request_body = Object,
    responses(
        (status = 200, description = "The account", body = UserRecord),
        refusals::InvalidDetails,
        refusals::Accounts,
        (status = 409, description = "User already exists"),
        refusals::Limited,
        (status = 429, description = "Too many changes of this account"),
        (status = 500, description = "Error finding user, or Error updating user"),
    ),
)]
pub(crate) async fn update_own_user(
    user: User,
    source: Source,
    body: Body,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let target = user.id.clone();
    answer_update(&state, source, &Caller::User(user), &target, &body).await
}

/// `PUT /user/:userid`: changes an account.
///
/// For services, the user, and who runs the account (`custodian` or `admin`; not the password, the
/// terms nor, where there is a password, the names). Only services change `roles` and
/// `emailVerified`. A password set by a service ends all sessions; the first password of an account
/// takes `custodian` from everybody. A password that is set together with the first proof of an
/// address hands the account over: the other addresses leave it, and what was granted on it and the
/// invitations that it sent end.
/// Body: `updates`, an object with `username`, `emails`, `password`, `roles`, `termsAccepted`,
/// `emailVerified`; other members are ignored. Beside it a service may give
/// `"onlyIf": {"email": <address>, "passwordExists"?: false}`: the account is changed only if it
/// has that address, in any case, at this moment, and no password if that is said; and
/// `"idempotencyKey": <text>`, 1 to 128 bytes: a repeat under the same key changes nothing, but
/// finishes what gatekeeper's failure left undone. Response: 200, the account.
/// Errors: 400 the body breaks a rule, takes the last address of an account that has neither a
/// password nor anybody who runs it, or has `onlyIf` or `idempotencyKey` of somebody who is no
/// service; 401 no valid token, no right, or no such account; 409 a name is taken, or the account
/// is not as `onlyIf` has it, or another password was set under the key; 429 too many changes by
/// people this week; 500 the store or gatekeeper failed; 503 too many passwords at once.
/// Source: public user API `UpdateUser`.
#[utoipa::path(
    put, path = "/auth/user/{userid}", tag = "accounts", request_body = Object,
    params(("userid" = String, Path, description = "The account")),
    responses(
        (status = 200, description = "The account", body = UserRecord),
        refusals::InvalidDetails,
        refusals::Accounts,
        (status = 409, description = "User already exists, or The account does not have this address"),
        refusals::Limited,
        (status = 429, description = "Too many changes of this account"),
        (status = 500, description = "Error finding user, or Error updating user"),
    ),
)]
pub(crate) async fn update_user(
    caller: Caller,
    source: Source,
    target: Path<UserId>,
    body: Body,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    answer_update(&state, source, &caller, &target, &body).await
}

async fn answer_update(
    state: &State,
    source: Source,
    caller: &Caller,
    target: &UserId,
    body: &Body,
) -> Result<HttpResponse, ApiError> {
    let changed = async {
        let update = Update {
            state,
            source,
            caller,
            updates: &Updates::read(&body.0)?,
        };
        update.run(target).await
    };
    let changed = limited(state, source, caller, TAKEN, changed).await?;
    Ok(HttpResponse::Ok().json(changed.record(caller.is_service())))
}
