//! The route table. The first line that has the path wins, so fixed segments stand above ids.

mod associates;
mod callers;
mod custodial;
mod deletions;
mod holders;
mod metadata;
mod outbox;
mod people;
mod restorations;
mod sessions;
mod tokens;
mod updates;
mod users;

use shared_runtime::{openapi::document, routes::RouteTable};
use utoipa::OpenApi;

use crate::error::envelope;

/// The collections of a user's metadata. Services leave out `/metadata`; an alias with the name of
/// the collection left open would swallow every path of two segments.
const COLLECTION_PATHS: &[&str] = &[
    "/metadata/{user_id}/{collection}",
    "/{user_id}/profile",
    "/{user_id}/preferences",
    "/{user_id}/settings",
    "/{user_id}/private",
    "/{user_id}/groups",
];

/// Every operation. Public paths start with `/auth`, services call the same without it.
pub fn table() -> RouteTable {
    RouteTable::new(envelope)
        .get(&["/status", "/auth/status"], tokens::find_status)
        .get(&["/.well-known/jwks.json"], tokens::list_keys)
        .post(&["/auth/login", "/login"], sessions::log_in)
        .get(&["/auth/login", "/login"], sessions::refresh_session)
        .post(
            &["/auth/login/{longtermkey}", "/login/{longtermkey}"],
            sessions::log_in_for_long,
        )
        .post(&["/auth/logout", "/logout"], sessions::log_out)
        .post(
            &["/auth/serverlogin", "/serverlogin"],
            tokens::log_in_server,
        )
        .get(&["/auth/token", "/token"], tokens::find_own_token)
        .get(
            &["/auth/token/{token}", "/token/{token}"],
            tokens::find_token,
        )
        .get(&["/auth/private", "/private"], tokens::make_pair)
        .get(&["/auth/users", "/users"], users::list_users)
        .post(&["/auth/user", "/user"], users::sign_up)
        .get(&["/auth/user", "/user"], users::find_own_user)
        .put(&["/auth/user", "/user"], updates::update_own_user)
        .post(
            &[
                "/user/createChild/{userid}",
                "/auth/user/createChild/{userid}",
            ],
            custodial::create_child,
        )
        .get(
            &[
                "/auth/user/{userid}",
                "/user/{userid}",
                "/v1/users/{userid}",
            ],
            users::find_user,
        )
        .put(
            &["/auth/user/{userid}", "/user/{userid}"],
            updates::update_user,
        )
        .delete(
            &[
                "/auth/user/{userid}",
                "/user/{userid}",
                "/v1/users/{userid}",
            ],
            deletions::delete_user,
        )
        .post(
            &["/auth/user/{userid}/user", "/user/{userid}/user"],
            custodial::create_custodial_user,
        )
        .delete(
            &["/auth/user/{userid}/sessions", "/user/{userid}/sessions"],
            sessions::delete_sessions,
        )
        .post(
            &["/v1/clinics/{clinicid}/users"],
            custodial::create_clinic_user,
        )
        .get(
            &["/metadata/collections", "/collections"],
            metadata::list_collections,
        )
        .get(
            &["/metadata/users/{user_id}/users", "/users/{user_id}/users"],
            associates::list_associates,
        )
        .get(
            &[
                "/metadata/{user_id}/private/{name}",
                "/{user_id}/private/{name}",
            ],
            metadata::find_private_pair,
        )
        .get(&["/internal/people"], people::list_people)
        .put(
            &["/internal/users/{userid}/holders"],
            holders::update_holders,
        )
        .put(
            &["/internal/users/{userid}/restoration"],
            restorations::restore_user,
        )
        .post(&["/internal/outbox/revive"], outbox::revive_outbox)
        // Last, since some of the aliases begin with an id.
        .get(COLLECTION_PATHS, metadata::find_collection)
        .put(COLLECTION_PATHS, metadata::update_collection)
        .post(COLLECTION_PATHS, metadata::post_collection)
}

/// The OpenAPI document, aliases included.
pub fn openapi() -> utoipa::openapi::OpenApi {
    document(Documented::openapi(), &table())
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Tidegate user-api",
        description = "Accounts, sessions, tokens and metadata."
    ),
    paths(
        tokens::find_status,
        tokens::list_keys,
        tokens::log_in_server,
        tokens::find_own_token,
        tokens::find_token,
        tokens::make_pair,
        sessions::log_in,
        sessions::refresh_session,
        sessions::log_in_for_long,
        sessions::log_out,
        sessions::delete_sessions,
        users::list_users,
        users::sign_up,
        users::find_own_user,
        users::find_user,
        updates::update_own_user,
        updates::update_user,
        deletions::delete_user,
        custodial::create_child,
        custodial::create_custodial_user,
        custodial::create_clinic_user,
        people::list_people,
        holders::update_holders,
        restorations::restore_user,
        outbox::revive_outbox,
        metadata::list_collections,
        associates::list_associates,
        metadata::find_private_pair,
        metadata::find_collection,
        metadata::update_collection,
        metadata::post_collection,
    )
)]
struct Documented;
