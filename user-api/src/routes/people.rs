//! What other services ask about people: accounts together with their profiles, or these alone.

use std::collections::BTreeMap;

use actix_web::{
    HttpResponse,
    web::{Data, Query},
};
use shared_runtime::error::ApiError;
use shared_types::{Person, PersonProfile, UserId};

use crate::{
    State,
    domain::{
        people::{self, PeopleQuery},
        profile::profile_of,
        query::InvalidQuery,
    },
    error::Failure,
    routes::callers::Service,
};

/// `GET /internal/people`: accounts and what their profiles say, in two queries. For services.
///
/// Query: `ids`, up to 200, separated by commas, whose case counts; or `email`, an address of the account, in any case.
/// Unlike a log-in it takes no user name, and no address that differs by an accent. Answer: 200, an
/// array of accounts as services see them, each with its profile or `null`, and with `provenEmail`
/// where the owner has verified an address that the account still has; by id in the order asked,
/// unknown ones missing; by address empty, one, or several where old accounts share it.
/// Errors: 400 neither `ids` nor `email`, both, or too many ids; 401 not a service; 500 the store
/// failed.
/// Source: Tidegate, internal.
#[utoipa::path(
    get, path = "/internal/people", tag = "accounts",
    params(
        ("ids" = Option<String>, Query, description = "Up to 200 ids, separated by commas"),
        ("email" = Option<String>, Query, description = "An address"),
    ),
    responses(
        (status = 200, description = "The accounts and their profiles", body = Vec<Person>),
        (status = 400, description = "The query cannot be answered"),
        (status = 401, description = "No x-tidepool-session-token was found"),
        (status = 500, description = "Error finding user"),
    ),
)]
pub(crate) async fn list_people(
    _: Service,
    parameters: Query<Vec<(String, String)>>,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let accounts = match people::read(&parameters)? {
        PeopleQuery::Ids(ids) => {
            let found = state.users.list_exactly(&ids).await;
            found.map(|mut found| {
                found.sort_by_cached_key(|account| ids.iter().position(|id| *id == account.userid));
                found
            })
        }
        PeopleQuery::Email(email) => {
            let found = state.users.list_by_email(&email).await;
            found.map(|mut found| {
                found.retain(|account| account.has_address(&email));
                found
            })
        }
    }
    .map_err(Failure::FindingUser.because())?;
    let ids: Vec<UserId> = accounts
        .iter()
        .map(|account| account.userid.clone())
        .collect();
    let mut metadata = state
        .metadata
        .find_many(&ids)
        .await
        .map_err(Failure::FindingUser.because())?;
    let people: Vec<Person> = accounts
        .iter()
        .map(|account| Person {
            user: account.record(true),
            profile: metadata
                .remove(&account.userid)
                .as_ref()
                .and_then(profile_of),
            proven_email: account
                .proven_email(state.verification_secret())
                .map(str::to_owned),
        })
        .collect();
    Ok(HttpResponse::Ok().json(people))
}

/// `GET /internal/profiles`: what the profiles of accounts say, in one query. For services.
///
/// Query: `ids`, up to 200, separated by commas. Answer: 200, an object with the profiles by the
/// ids of their accounts; who has none is missing.
/// Errors: 400 no `ids`, or too many; 401 not a service; 500 the store failed.
/// Source: Tidegate, internal.
#[utoipa::path(
    get, path = "/internal/profiles", tag = "accounts",
    params(("ids" = String, Query, description = "Up to 200 ids, separated by commas")),
    responses(
        (status = 200, description = "The profiles", body = BTreeMap<String, PersonProfile>),
        (status = 400, description = "The query cannot be answered"),
        (status = 401, description = "No x-tidepool-session-token was found"),
        (status = 500, description = "Error finding user"),
    ),
)]
pub(crate) async fn list_profiles(
    _: Service,
    parameters: Query<Vec<(String, String)>>,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let ids = parameters.iter().find(|(name, _)| name == "ids");
    let (_, ids) = ids.ok_or(InvalidQuery::Missing)?;
    let metadata = state
        .metadata
        .find_many(&people::split(ids)?)
        .await
        .map_err(Failure::FindingUser.because())?;
    let profiles: BTreeMap<&UserId, PersonProfile> = metadata
        .iter()
        .filter_map(|(id, collections)| Some((id, profile_of(collections)?)))
        .collect();
    Ok(HttpResponse::Ok().json(profiles))
}
