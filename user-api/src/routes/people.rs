//! What other services ask about people.

use actix_web::{HttpResponse, web::Data};
use shared_runtime::{auth::Peer, error::ApiError, query::Query};
use shared_types::People;

use super::refusals;
use crate::{
    State,
    domain::people::{self, PeopleParameters},
    use_cases::list_people,
};

/// `GET /internal/people`: accounts with what their profiles say, and what those of other accounts
/// say, in two queries. For admitted services.
///
/// Query: `ids`, whose case counts, or `email`, an address of the account, in any case. Unlike a
/// log-in it takes no user name, and no address that differs by an accent. And `profiles`, the ids
/// of accounts of which nothing else is wanted; up to 200 ids each, separated by commas.
/// Response: 200, an object: `people`, the accounts as services see them, in no order, each with
/// its profile or `null`, and with `provenEmail` where the owner has verified an address that the
/// account still has; unknown ones are missing, and by address there may be several where old
/// accounts share it. `profiles`, by id; who has none is missing.
/// Errors: 400 none of the three, `ids` together with `email`, or too many ids; 401 not an admitted
/// service;
/// 500 the store failed, or an account cannot be read; a profile that cannot is missing.
/// Source: Tidegate, internal.
#[utoipa::path(
    get, path = "/internal/people", tag = "accounts",
    responses(
        (status = 200, description = "The accounts and the profiles", body = People),
        (status = 400, description = "The query cannot be answered"),
        refusals::Internal,
        (status = 500, description = "Error finding user"),
    ),
)]
pub(crate) async fn list_people(
    _: Peer,
    parameters: Query<PeopleParameters>,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let people = list_people::list_people(&state, people::read(parameters.read()?)?).await?;
    Ok(HttpResponse::Ok().json(people))
}
