//! What other services ask about people: accounts together with their profiles, or these alone.

use std::collections::{BTreeMap, HashMap};

use actix_web::{
    HttpResponse,
    web::{Data, Path, Query},
};
use shared_runtime::error::ApiError;
use shared_types::{Person, PersonAmongOthers, PersonProfile, UserId};

use crate::{
    State,
    domain::{
        metadata::Collections,
        people::{ids, parameter},
        profile::profile_of,
        query::InvalidQuery,
        user::Account,
    },
    error::Failure,
    routes::callers::Service,
};

/// `GET /internal/people`: who has an address, and what their profiles say, in two queries. For
/// services.
///
/// Query: `email`, an address of the account, in any case. Unlike a log-in it takes no user name,
/// and no address that differs by an accent. Answer: 200, an array of accounts as services see
/// them, each with its profile or `null`, and with `provenEmail` where the owner has verified an
/// address that the account still has; empty, one, or several where old accounts share the address.
/// Errors: 400 no `email`; 401 not a service; 500 the store failed.
/// Source: Tidegate, internal.
#[utoipa::path(
    get, path = "/internal/people", tag = "accounts",
    params(("email" = String, Query, description = "An address")),
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
    let email = parameter(&parameters, "email").filter(|email| !email.is_empty());
    let email = email.ok_or(InvalidQuery::Missing)?;
    let found = state.users.list_by_email(email).await;
    let mut accounts = found.map_err(Failure::FindingUser.because())?;
    accounts.retain(|account| account.has_address(email));
    let ids: Vec<UserId> = accounts
        .iter()
        .map(|account| account.userid.clone())
        .collect();
    let found = state.metadata.find_many(&ids).await;
    let metadata = found.map_err(Failure::FindingUser.because())?;
    let people: Vec<Person> = accounts
        .iter()
        .map(|account| person(&state, account, &metadata))
        .collect();
    Ok(HttpResponse::Ok().json(people))
}

/// `GET /internal/people/:userid`: an account and what its profile says, and on request what those
/// of others say, in two queries. For services.
///
/// The case of ids counts. Query: `others`, up to 200 ids, separated by commas. Answer: 200, an
/// object: `person`, as in `GET /internal/people`, or `null` when there is no such account, and
/// `others`, the profiles by the ids of their accounts; who has none is missing.
/// Errors: 400 too many ids; 401 not a service; 500 the store failed.
/// Source: Tidegate, internal.
#[utoipa::path(
    get, path = "/internal/people/{userid}", tag = "accounts",
    params(
        ("userid" = String, Path, description = "The account"),
        ("others" = Option<String>, Query, description = "Up to 200 ids, separated by commas"),
    ),
    responses(
        (status = 200, description = "The account and the profiles", body = PersonAmongOthers),
        (status = 400, description = "The query cannot be answered"),
        (status = 401, description = "No x-tidepool-session-token was found"),
        (status = 500, description = "Error finding user"),
    ),
)]
pub(crate) async fn find_person(
    _: Service,
    userid: Path<UserId>,
    parameters: Query<Vec<(String, String)>>,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let others = ids(
        parameter(&parameters, "others").unwrap_or_default(),
        "others",
    )?;
    let mut everybody = others.clone();
    everybody.push(userid.clone());
    let (account, metadata) = tokio::try_join!(
        state.users.find_exactly(&userid),
        state.metadata.find_many(&everybody)
    )
    .map_err(Failure::FindingUser.because())?;
    Ok(HttpResponse::Ok().json(PersonAmongOthers {
        person: account.map(|account| person(&state, &account, &metadata)),
        others: profiles(others, &metadata),
    }))
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
    let asked = parameter(&parameters, "ids").ok_or(InvalidQuery::Missing)?;
    let asked = ids(asked, "ids")?;
    let found = state.metadata.find_many(&asked).await;
    let metadata = found.map_err(Failure::FindingUser.because())?;
    Ok(HttpResponse::Ok().json(profiles(asked, &metadata)))
}

fn person(state: &State, account: &Account, metadata: &HashMap<UserId, Collections>) -> Person {
    let secret = state.verification_secret();
    Person {
        user: account.record(true),
        profile: metadata.get(&account.userid).and_then(profile_of),
        proven_email: account.proven_email(secret).map(str::to_owned),
    }
}

fn profiles(
    ids: Vec<UserId>,
    metadata: &HashMap<UserId, Collections>,
) -> BTreeMap<UserId, PersonProfile> {
    let profile = |id: UserId| {
        let profile = profile_of(metadata.get(&id)?)?;
        Some((id, profile))
    };
    ids.into_iter().filter_map(profile).collect()
}
