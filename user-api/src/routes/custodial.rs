//! Accounts that are created for other people.

use actix_web::{
    HttpResponse,
    web::{Data, Path},
};
use serde::Serialize;
use shared_runtime::{
    auth::{Caller, Service},
    body::Body,
    error::ApiError,
    source::Source,
};
use shared_types::{UserId, UserRecord};
use utoipa::ToSchema;

use super::refusals;
use crate::{
    State,
    domain::details::{Child, Custodial, read_profile},
    error::Refusal,
    guesses::{TAKEN, limited},
    use_cases::{
        create_child,
        create_custodial_account::{create_for_clinic, create_for_custodian, prepare},
    },
};

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
/// account gets the first of the addresses, else the user name. Response: 201, the account.
/// Errors: 400 the body breaks a rule; 401 no valid token or somebody else's; 409 the address is
/// taken; 429 too many of these; 500 the store or gatekeeper failed.
/// Source: public user API `CreateCustodialUser`.
#[utoipa::path(
    post, path = "/auth/user/{userid}/user", tag = "accounts", request_body = Object,
    params(("userid" = String, Path, description = "Who runs the new account")),
    responses(
        (status = 201, description = "The account", body = UserRecord),
        refusals::InvalidDetails,
        refusals::Accounts,
        (status = 409, description = "User already exists"),
        refusals::Limited,
        (status = 500, description = "Error creating the user"),
    ),
)]
pub(crate) async fn create_custodial_user(
    caller: Caller,
    source: Source,
    custodian: Path<UserId>,
    body: Body,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    if !caller.is_service() && !caller.is(&custodian) {
        return Err(Refusal::NotAuthorized.into());
    }
    let account = async { prepare(&state, Custodial::read(&body.0)?).await };
    let account = limited(&state, source, &caller, TAKEN, account).await?;
    state.limits.take_dependant(source, &caller)?;
    create_for_custodian(&state, &caller, &account, custodian.into_inner()).await?;
    Ok(HttpResponse::Created().json(account.record(caller.is_service())))
}

/// `POST /v1/clinics/:clinicid/users`: creates an account without a password for a clinic, which
/// keeps the relation to it itself. For services.
///
/// Body: as for a custodial account, and optionally `profile`, what the clinic knows of the patient,
/// which becomes the profile of the account. Response: 201, the account with `passwordExists`; the
/// same one where the clinic asks again for an address, as long as it has not stored the patient. An
/// account whose patient it does not store goes after a minute. (Both where `clinic.url` is set.)
/// Errors: 400 the body breaks a rule; 401 the caller is no service; 409 the address is taken; 500
/// the store failed.
/// Source: public user API `CreateClinicCustodialUser`.
#[utoipa::path(
    post, path = "/v1/clinics/{clinicid}/users", tag = "accounts", request_body = Object,
    params(("clinicid" = String, Path, description = "The clinic")),
    responses(
        (status = 201, description = "The account", body = UserRecord),
        refusals::InvalidDetails,
        refusals::Accounts,
        (status = 409, description = "User already exists"),
        (status = 500, description = "Error creating the user"),
    ),
)]
pub(crate) async fn create_clinic_user(
    service: Service,
    clinic: Path<String>,
    body: Body,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let (details, profile) = (Custodial::read(&body.0)?, read_profile(&body.0)?);
    let account = create_for_clinic(&state, &service, &clinic, details, profile).await?;
    Ok(HttpResponse::Created().json(account.record(true)))
}

/// `POST /user/createChild/:userid`: creates the data account of a person whom `:userid` cares for
/// and gives `:userid` all rights on it.
///
/// For `:userid` and services. Body: `fullName`, and optionally `username`, `password` and
/// `emails`; without a user name one is made up. Response: 201, the new account.
/// Errors: 400 the body breaks a rule, or a name is taken; 401 no valid token or somebody else's;
/// 404 a service names an unknown `:userid`; 429 too many of these; 500 the store or gatekeeper
/// failed.
/// Source: sharing document, "Create a child account".
#[utoipa::path(
    post, path = "/user/createChild/{userid}", tag = "accounts", request_body = Object,
    params(("userid" = String, Path, description = "Who runs the new account")),
    responses(
        (status = 201, description = "The account", body = CreatedChild),
        (status = 400, description = "What is wrong with the body"),
        refusals::Accounts,
        (status = 404, description = "User not found"),
        refusals::Limited,
        (status = 500, description = "Error creating the user"),
    ),
)]
pub(crate) async fn create_child(
    caller: Caller,
    source: Source,
    parent: Path<UserId>,
    body: Body,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    create_child::check_parent(&state, &caller, &parent).await?;
    let child = Child::read(&body.0)?;
    let parent = parent.into_inner();
    let (userid, username) =
        create_child::create_child(&state, source, &caller, parent, &child).await?;
    Ok(HttpResponse::Created().json(CreatedChild {
        username,
        emails: child.emails,
        full_name: child.full_name,
        userid,
    }))
}
