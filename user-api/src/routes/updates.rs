//! Changes to accounts.

use actix_web::{
    HttpResponse,
    web::{Data, Path},
};
use bson::oid::ObjectId;
use shared_runtime::{
    auth::Caller,
    body::Body,
    error::ApiError,
    mongo::{Aborted, is_duplicate_key, transaction},
    source::Source,
};
use shared_types::{ChangedPart, UserId, UserRecord};

use crate::{
    State,
    domain::{
        account_change::AccountChange,
        past::told_parts,
        proof::Proof,
        update::{UpdateRefusal, Updates},
        user::Account,
    },
    error::{Failure, Refusal},
    guesses::{TAKEN, limited},
    retries::{MAX_TRIES, pause},
    rights::rights_on,
    routes::callers::Member,
    store::AppliedUpdate,
    strength,
    use_cases::{
        end_custody,
        keep_custody::Removal,
        notify_owner,
        prove_address::{NotProven, Takeover},
    },
};

/// `PUT /user`: changes the caller's own account.
///
/// Body: `updates`, an object with `username`, `emails`, `password`, `termsAccepted`; other members
/// are ignored. A new password ends all other sessions. Answer: 200, the account.
/// Errors: 400 the body breaks a rule; 401 no valid token, no right, or the account is gone; 409 a
/// name is taken; 429 too many changes this week; 500 the store or gatekeeper failed; 503 too many passwords at once.
/// Source: public user API `UpdateUser`.
#[utoipa::path(
    put, path = "/auth/user", tag = "accounts", request_body = Object,
    responses(
        (status = 200, description = "The account", body = UserRecord),
        (status = 400, description = "Invalid user details were given"),
        (status = 401, description = "Not authorized for requested operation"),
        (status = 409, description = "User already exists"),
        (status = 429, description = "Too many requests; try again later"),
        (status = 429, description = "Too many changes of this account"),
        (status = 500, description = "Error finding user, or Error updating user"),
    ),
)]
pub(crate) async fn update_own_user(
    Member(caller): Member,
    source: Source,
    body: Body,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let answer = answer_update(&state, source, &caller, &caller.user_id, &body);
    limited(&state, source, &caller, TAKEN, answer).await
}

/// `PUT /user/:userid`: changes an account.
///
/// For services, the user, and who runs the account (`custodian` or `admin`; not the password, the
/// terms nor, where there is a password, the names). Only services change `roles` and `emailVerified`. A password set by a service ends
/// all sessions; the first password of an account takes `custodian` from everybody.
/// Body: `updates`, an object with `username`, `emails`, `password`, `roles`, `termsAccepted`,
/// `emailVerified`; other members are ignored. Beside it a service may give
/// `"onlyIf": {"email": <address>, "passwordExists"?: false}`: the account is changed only if it has
/// that address, in any case, at this moment, and no password if that is said; and `"idempotencyKey": <text>`, 1 to 128 bytes: a repeat under the same
/// key changes nothing, but finishes what gatekeeper's failure left undone. Answer: 200, the
/// account.
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
        (status = 400, description = "Invalid user details were given"),
        (status = 401, description = "Not authorized for requested operation"),
        (status = 409, description = "User already exists, or The account does not have this address"),
        (status = 429, description = "Too many requests; try again later"),
        (status = 429, description = "Too many changes of this account"),
        (status = 500, description = "Error finding user, or Error updating user"),
    ),
)]
pub(crate) async fn update_user(
    Member(caller): Member,
    source: Source,
    target: Path<UserId>,
    body: Body,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let answer = answer_update(&state, source, &caller, &target, &body);
    limited(&state, source, &caller, TAKEN, answer).await
}

async fn answer_update(
    state: &State,
    source: Source,
    caller: &Caller,
    target: &UserId,
    body: &Body,
) -> Result<HttpResponse, ApiError> {
    let updates = Updates::read(&body.0)?;
    let mut account = find_target(state, target, &updates).await?;
    let rights = rights_on(state, caller, &account.userid)
        .await
        .map_err(Failure::FindingUser.because())?;
    let mut tries = 0;
    loop {
        updates.check_rights(&account, rights, caller.is_server)?;
        if change(state, source, caller, &account, &updates).await? {
            break;
        }
        tries += 1;
        if tries == MAX_TRIES {
            return Err(Failure::UpdatingUser.because()(anyhow::anyhow!(
                "other changes were always faster"
            )));
        }
        tokio::time::sleep(pause(tries)).await;
        account = find_target(state, target, &updates).await?;
    }
    let changed = state
        .users
        .find(&account.userid)
        .await
        .map_err(Failure::UpdatingUser.because())?
        .ok_or(Refusal::NotAuthorized)?;
    Ok(HttpResponse::Ok().json(changed.record(caller.is_server)))
}

/// The account to change, which may be changed here.
async fn find_target(
    state: &State,
    target: &UserId,
    updates: &Updates,
) -> Result<Account, ApiError> {
    let found = state
        .users
        .find(target)
        .await
        .map_err(Failure::FindingUser.because())?;
    if !updates.username_suits(found.as_ref()) {
        return Err(Refusal::InvalidDetails.into());
    }
    found
        .filter(|account| !account.is_brokered())
        .ok_or(Refusal::NotAuthorized.into())
}

/// Changes the account that was read as `account`; `false` when somebody else was faster.
async fn change(
    state: &State,
    source: Source,
    caller: &Caller,
    account: &Account,
    updates: &Updates,
) -> Result<bool, ApiError> {
    updates.check_condition(account)?;
    if let Some(applied) = find_applied(state, source, account, updates).await? {
        if let Some(row) = applied.row {
            let finished = end_custody::finish_if_pending(state, &account.userid, row).await;
            finished.map_err(Failure::UpdatingUser.because())?;
        }
        return Ok(true);
    }
    updates.check_first(account)?;
    let names = updates.names_of(account)?;
    if let Some(names) = &names {
        let is_taken = state
            .users
            .is_taken(names.iter(), Some(&account.userid))
            .await;
        if is_taken.map_err(Failure::UpdatingUser.because())? {
            return Err(Refusal::UserExists.into());
        }
    }
    strength::check_change(state, account, names.as_ref(), updates).await?;
    let told = told_parts(account, updates, names.as_ref());
    if !caller.is_server && notify_owner::is_limited(&told) {
        notify_owner::check_limit(state, account).await?;
    }
    let password_hash = match &updates.password {
        Some(password) => Some(
            state
                .hasher
                .hash(source, password, Failure::UpdatingUser)
                .await?,
        ),
        None => None,
    };
    let removal = match &names {
        Some(names) if password_hash.is_none() && account.loses_last_address(&names.emails) => {
            let begun = Removal::begin(state, &account.userid).await;
            Some(begun.map_err(Failure::UpdatingUser.because())?)
        }
        _ => None,
    };
    let proof = updates.proof_of(account, names.as_ref());
    let takeover = Takeover::begin(state, account, &proof).await;
    let takeover = takeover.map_err(Failure::UpdatingUser.because())?;
    let change = AccountChange {
        names,
        roles: updates.roles.clone(),
        terms_accepted: updates.terms_accepted.clone(),
        email_verified: updates.email_verified,
        password_hash,
        relies_on_emails: updates.only_if.is_some() || matches!(proof, Proof::Is(_)),
        proof: proof.clone(),
    };
    if change.is_empty() {
        return Ok(true);
    }
    let losses = Losses {
        removal: removal.as_ref(),
        takeover: takeover.as_ref(),
    };
    let written = write(state, caller, account, updates, &change, &losses, &told);
    let row = match written.await {
        Ok(row) => row,
        Err(Aborted::Refused(Unwritten::Outrun)) => return Ok(false),
        Err(Aborted::Refused(Unwritten::SessionEnded)) => {
            return Err(Refusal::NotAuthorized.into());
        }
        Err(Aborted::Refused(Unwritten::NobodyRunsIt)) => {
            return Err(Refusal::InvalidDetails.into());
        }
        Err(Aborted::Refused(Unwritten::Taken)) => return Err(Refusal::UserExists.into()),
        Err(Aborted::Failed(error)) if is_duplicate_key(&error) => {
            return Err(Refusal::UserExists.into());
        }
        Err(Aborted::Failed(error)) => return Err(Failure::UpdatingUser.because()(error)),
    };
    state.outbox.wake();
    if let Some(row) = row {
        let finished = end_custody::finish(state, &account.userid, row).await;
        finished.map_err(Failure::UpdatingUser.because())?;
    }
    Ok(true)
}

/// The change as it was made before, under the same key. A password must then be the one that the
/// account has: somebody else may have been faster with another one.
async fn find_applied(
    state: &State,
    source: Source,
    account: &Account,
    updates: &Updates,
) -> Result<Option<AppliedUpdate>, ApiError> {
    let Some(key) = &updates.idempotency_key else {
        return Ok(None);
    };
    let found = state.applied_updates.find(&account.userid, key).await;
    let Some(applied) = found.map_err(Failure::UpdatingUser.because())? else {
        return Ok(None);
    };
    if let Some(password) = &updates.password {
        let turn = state.hasher.turn(source).await?;
        if turn.matches(Some(account), password).await?.is_none() {
            return Err(UpdateRefusal::AppliedOtherwise.into());
        }
    }
    Ok(Some(applied))
}

/// The session of the person who asks, which goes on after a change of password.
fn kept_session(caller: &Caller) -> Option<&str> {
    (!caller.is_server).then(|| caller.token.expose())
}

/// Why a change is not written.
enum Unwritten {
    /// The account is no longer as it was read, or what was asked about it is out of date.
    Outrun,
    /// Nobody could reach the account any more.
    NobodyRunsIt,
    /// The address that it would prove belongs to another account.
    Taken,
    /// The session of who asks has ended since the request began: whoever ended it wants no more
    /// changes by it.
    SessionEnded,
}

impl From<NotProven> for Unwritten {
    fn from(refusal: NotProven) -> Self {
        match refusal {
            NotProven::Kept => Self::Taken,
            NotProven::Outrun => Self::Outrun,
        }
    }
}

/// Who loses an address by a change.
struct Losses<'a> {
    /// The account itself its last one, where that is so.
    removal: Option<&'a Removal>,
    /// Others the one that the account proves, where it does.
    takeover: Option<&'a Takeover<'a>>,
}

/// Writes the change, the notices to the owner of which parts were changed (`told`), and what goes
/// with a new password: the end of sessions and, for the first password, the row that takes the
/// custodians' right, whose id is answered.
async fn write(
    state: &State,
    caller: &Caller,
    account: &Account,
    updates: &Updates,
    change: &AccountChange,
    losses: &Losses<'_>,
    told: &[ChangedPart],
) -> Result<Option<ObjectId>, Aborted<Unwritten>> {
    let userid = &account.userid;
    let claims = change.password_hash.is_some() && !account.has_password();
    let by = caller.user_id.as_str();
    transaction(&state.client, async |session| {
        if let Some(takeover) = losses.takeover {
            let taken = takeover.run(state, session, by).await;
            taken.map_err(|aborted| match aborted {
                Aborted::Refused(refusal) => Aborted::Refused(refusal.into()),
                Aborted::Failed(error) => Aborted::Failed(error),
            })?;
        }
        if !state.users.update(session, account, change, by).await? {
            return Err(Aborted::Refused(Unwritten::Outrun));
        }
        if let Some(token) = kept_session(caller)
            && !state.sessions.tokens().hold(session, token).await?
        {
            return Err(Aborted::Refused(Unwritten::SessionEnded));
        }
        if let Some(removal) = losses.removal {
            if removal.is_late() {
                return Err(Aborted::Refused(Unwritten::Outrun));
            }
            if !removal.leaves_somebody(state, session, userid).await? {
                return Err(Aborted::Refused(Unwritten::NobodyRunsIt));
            }
        }
        if change.password_hash.is_some() {
            state
                .sessions
                .tokens()
                .delete_all_but_in(session, userid, kept_session(caller))
                .await?;
        }
        notify_owner::note(state, session, account, change, updates, told).await?;
        let row = if claims {
            Some(
                state
                    .outbox
                    .enqueue(session, end_custody::entry(userid))
                    .await?,
            )
        } else {
            None
        };
        if let Some(key) = &updates.idempotency_key {
            state
                .applied_updates
                .note(session, userid, key, row)
                .await?;
        }
        Ok(row)
    })
    .await
}
