//! Accounts that are created for somebody else.

use actix_web::{
    HttpResponse,
    web::{Data, Path},
};
use rand::RngExt as _;
use serde::Serialize;
use shared_runtime::{auth::Caller, body::Body, error::ApiError, source::Source};
use shared_types::{PermissionSet, UserId, UserRecord};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    State,
    domain::{
        details::{Child, Custodial},
        profile::child_metadata,
        user::{Account, CUSTODIAL_ROLE, DEFAULT_ROLE},
    },
    error::{Failure, Refusal},
    guesses::{TAKEN, limited},
    routes::callers::Member,
    strength,
    use_cases::create_account::{CreationError, Grant, NewAccount, create, create_with_grant},
};

/// Letters of a generated user name.
const GENERATED_ALPHABET: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";

/// Length of a generated user name: 82 random bits.
const GENERATED_LENGTH: usize = 16;

/// How often a generated user name may turn out to be taken.
const GENERATED_TRIES: usize = 5;

/// A child account that was created.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CreatedChild {
    username: String,
    emails: Vec<String>,
    full_name: String,
    userid: UserId,
}

/// `POST /user/:userid/user`: creates an account without a password, run by `:userid`.
///
/// For services and `:userid`. Body: `username` and `emails`, both addresses and optional; the
/// account gets the first of the addresses, else the user name. Answer: 201, the account.
/// Errors: 400 the body breaks a rule; 401 no valid token or somebody else's; 409 the address is
/// taken; 500 the store or gatekeeper failed.
/// Source: public user API `CreateCustodialUser`.
#[utoipa::path(
    post, path = "/auth/user/{userid}/user", tag = "accounts", request_body = Object,
    params(("userid" = String, Path, description = "Who runs the new account")),
    responses(
        (status = 201, description = "The account", body = UserRecord),
        (status = 400, description = "Invalid user details were given"),
        (status = 401, description = "Not authorized for requested operation"),
        (status = 409, description = "User already exists"),
        (status = 429, description = "Too many requests; try again later"),
        (status = 500, description = "Error creating the user"),
    ),
)]
pub(crate) async fn create_custodial_user(
    Member(caller): Member,
    source: Source,
    custodian: Path<UserId>,
    body: Body,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    if !caller.is_server && !caller.is(&custodian) {
        return Err(Refusal::NotAuthorized.into());
    }
    let account = custodial_account(&state, &body);
    let account = limited(&state, source, &caller, TAKEN, account).await?;
    let grant = Grant {
        sharer: account.userid.clone(),
        grantee: custodian.into_inner(),
        permissions: PermissionSet::of(&["custodian", "view", "upload"]),
    };
    let new = NewAccount {
        account: &account,
        metadata: None,
        by: caller.user_id.as_str(),
        // Services are trusted to know.
        needs: (!caller.is_server).then_some(&grant.grantee),
    };
    create_with_grant(&state, &new, &grant).await?;
    Ok(HttpResponse::Created().json(account.record(caller.is_server)))
}

/// `POST /v1/clinics/:clinicid/users`: creates an account without a password for a clinic, which
/// keeps the relation to it itself. For services.
///
/// Body: as for a custodial account. Answer: 201, the account with `passwordExists`.
/// Errors: 400 the body breaks a rule; 401 the caller is no service; 409 the address is taken; 500
/// the store failed.
/// Source: public user API `CreateClinicCustodialUser`.
#[utoipa::path(
    post, path = "/v1/clinics/{clinicid}/users", tag = "accounts", request_body = Object,
    params(("clinicid" = String, Path, description = "The clinic")),
    responses(
        (status = 201, description = "The account", body = UserRecord),
        (status = 400, description = "Invalid user details were given"),
        (status = 401, description = "Not authorized for requested operation"),
        (status = 409, description = "User already exists"),
        (status = 500, description = "Error creating the user"),
    ),
)]
pub(crate) async fn create_clinic_user(
    Member(caller): Member,
    body: Body,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    if !caller.is_server {
        return Err(Refusal::NotAuthorized.into());
    }
    let account = custodial_account(&state, &body).await?;
    let new = NewAccount {
        account: &account,
        metadata: None,
        by: caller.user_id.as_str(),
        needs: None,
    };
    create(&state, &new).await?;
    Ok(HttpResponse::Created().json(account.record(true)))
}

/// The account that `body` describes, whose address is free.
async fn custodial_account(state: &State, body: &Body) -> Result<Account, ApiError> {
    let email = Custodial::read(&body.0)?.email;
    let is_taken = state
        .users
        .is_taken(email.as_deref().into_iter(), None)
        .await;
    if is_taken.map_err(Failure::CreatingUser.because())? {
        return Err(Refusal::UserExists.into());
    }
    Ok(Account {
        userid: Uuid::new_v4().to_string().into(),
        username: email.clone(),
        emails: email.into_iter().collect(),
        roles: vec![CUSTODIAL_ROLE.to_owned(), DEFAULT_ROLE.to_owned()],
        terms_accepted: None,
        email_verified: false,
        proven_email: None,
        also_proven: Vec::new(),
        password_hash: None,
    })
}

/// `POST /user/createChild/:userid`: creates the data account of somebody whom `:userid` cares for
/// and gives `:userid` all rights on it.
///
/// For `:userid` and services. Body: `fullName`, and optionally `username`, `password` and
/// `emails`; without a user name one is made up. Answer: 201, the new account.
/// Errors: 400 the body breaks a rule, or a name is taken; 401 no valid token or somebody else's;
/// 404 a service names an unknown `:userid`; 500 the store or gatekeeper failed.
/// Source: sharing document, "Create a child account".
#[utoipa::path(
    post, path = "/user/createChild/{userid}", tag = "accounts", request_body = Object,
    params(("userid" = String, Path, description = "Who runs the new account")),
    responses(
        (status = 201, description = "The account", body = CreatedChild),
        (status = 400, description = "What is wrong with the body"),
        (status = 401, description = "Not authorized for requested operation"),
        (status = 404, description = "User not found"),
        (status = 429, description = "Too many requests; try again later"),
        (status = 500, description = "Error creating the user"),
    ),
)]
pub(crate) async fn create_child(
    Member(caller): Member,
    source: Source,
    parent: Path<UserId>,
    body: Body,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    check_parent(&state, &caller, &parent).await?;
    let child = Child::read(&body.0)?;
    let username = match child.username {
        Some(username) => username,
        None => free_username(&state).await?,
    };
    let role = child.password.is_none().then_some(CUSTODIAL_ROLE);
    let mut account = Account {
        userid: Uuid::new_v4().to_string().into(),
        username: Some(username.clone()),
        emails: child.emails.clone(),
        roles: role
            .into_iter()
            .chain([DEFAULT_ROLE])
            .map(str::to_owned)
            .collect(),
        terms_accepted: None,
        email_verified: false,
        proven_email: None,
        also_proven: Vec::new(),
        password_hash: None,
    };
    let free = async {
        let is_taken = state.users.is_taken(account.names(), None).await;
        if is_taken.map_err(Failure::CreatingUser.because())? {
            return Err(ApiError::from(Refusal::ChildExists));
        }
        Ok(())
    };
    limited(&state, source, &caller, TAKEN, free).await?;
    if let Some(password) = &child.password {
        let names = account.names().chain([child.full_name.as_str()]);
        strength::check(&state, password, names)?;
        let hash = state
            .hasher
            .hash(source, password, Failure::CreatingUser)
            .await?;
        account.password_hash = Some(hash);
    }
    let grant = Grant {
        sharer: account.userid.clone(),
        grantee: parent.into_inner(),
        permissions: PermissionSet::of(&["view", "edit", "note", "admin", "upload"]),
    };
    let new = NewAccount {
        account: &account,
        metadata: Some(child_metadata(&child.full_name)),
        by: caller.user_id.as_str(),
        needs: Some(&grant.grantee),
    };
    create_with_grant(&state, &new, &grant)
        .await
        .map_err(|error| match error {
            CreationError::Duplicate => Refusal::ChildExists.into(),
            CreationError::Orphaned if caller.is_server => Refusal::UserNotFound.into(),
            error => ApiError::from(error),
        })?;
    Ok(HttpResponse::Created().json(CreatedChild {
        username,
        emails: child.emails,
        full_name: child.full_name,
        userid: account.userid,
    }))
}

/// A person creates children of their own; a service those of any account that exists.
async fn check_parent(state: &State, caller: &Caller, parent: &UserId) -> Result<(), ApiError> {
    if caller.is(parent) {
        return Ok(());
    }
    if !caller.is_server {
        return Err(Refusal::NotAuthorized.into());
    }
    let found = state
        .users
        .find(parent)
        .await
        .map_err(Failure::CreatingUser.because())?;
    found.map(drop).ok_or(Refusal::UserNotFound.into())
}

/// A random user name that nobody has.
async fn free_username(state: &State) -> Result<String, ApiError> {
    for _ in 0..GENERATED_TRIES {
        let name = generated_username();
        let is_taken = state
            .users
            .is_taken([name.as_str()].into_iter(), None)
            .await;
        if !is_taken.map_err(Failure::CreatingUser.because())? {
            return Ok(name);
        }
    }
    Err(Failure::CreatingUser.because()(anyhow::anyhow!(
        "every generated user name is taken"
    )))
}

fn generated_username() -> String {
    let mut random = rand::rng();
    (0..GENERATED_LENGTH)
        .map(|_| char::from(GENERATED_ALPHABET[random.random_range(0..GENERATED_ALPHABET.len())]))
        .collect()
}
