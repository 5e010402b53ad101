//! The route table. The first line that has the path wins, so fixed segments stand above ids.

mod associates;
mod custodial;
mod deletions;
mod holders;
mod metadata;
mod outbox;
mod people;
mod refusals;
mod restorations;
mod sessions;
mod tokens;
mod updates;
mod users;

use shared_runtime::{
    openapi::{document, with_reasons},
    operation,
    routes::{Operation, RouteTable},
};
use utoipa::OpenApi;

use crate::{
    domain::metadata::Collection,
    error::{Refusal, envelope, refusing_with},
};

/// Every operation. Public paths start with `/auth`, services call the same without it. What is said
/// to a caller without a valid token, or of the wrong kind, differs from group to group.
pub fn table() -> RouteTable {
    RouteTable::new(envelope)
        .serve(operation!(tokens::find_status).also_at("/auth/status"))
        .serve(operation!(tokens::list_keys))
        // To be nobody is no reason for a refusal here, nor counted as one.
        .serve(operation!(users::sign_up))
        .serve(operation!(sessions::log_out))
        .merge(accounts())
        .merge(deletions())
        .merge(sessions())
        .also_without("/auth")
        .serve(operation!(people::list_people))
        .serve(operation!(holders::note_holders))
        .serve(operation!(restorations::restore_user))
        .serve(operation!(outbox::revive_outbox))
        // Last, since some of the aliases begin with an id.
        .merge(metadata())
}

fn accounts() -> RouteTable {
    RouteTable::new(|rejection| refusing_with(Refusal::NotAuthorized, rejection))
        .serve(operation!(users::list_users))
        .serve(operation!(users::find_own_user))
        .serve(operation!(updates::update_own_user))
        .serve(operation!(custodial::create_child).also_at("/auth/user/createChild/{userid}"))
        .serve(operation!(users::find_user).also_at("/v1/users/{userid}"))
        .serve(operation!(updates::update_user))
        .serve(operation!(custodial::create_custodial_user))
        .serve(operation!(custodial::create_clinic_user))
}

fn deletions() -> RouteTable {
    RouteTable::new(|rejection| refusing_with(Refusal::NotAuthorizedSilently, rejection))
        .serve(operation!(deletions::delete_user).also_at("/v1/users/{userid}"))
}

fn sessions() -> RouteTable {
    RouteTable::new(|rejection| refusing_with(Refusal::NoToken, rejection))
        .serve(operation!(sessions::log_in))
        .serve(operation!(sessions::refresh_session))
        .serve(operation!(sessions::log_in_for_long))
        .serve(operation!(sessions::delete_sessions))
        .serve(operation!(tokens::log_in_server))
        .serve(operation!(tokens::find_own_token))
        .serve(operation!(tokens::find_token))
        .serve(operation!(tokens::make_pair))
}

/// Public paths start with `/metadata`, services leave it out.
fn metadata() -> RouteTable {
    RouteTable::new(|rejection| refusing_with(Refusal::Unauthorized, rejection))
        .serve(operation!(metadata::list_collections))
        .serve(operation!(associates::list_associates))
        .serve(operation!(metadata::find_private_pair))
        .also_without("/metadata")
        .serve(by_name(operation!(metadata::find_collection)))
        .serve(by_name(operation!(metadata::update_collection)))
        .serve(by_name(operation!(metadata::post_collection)))
}

/// The same for services. An alias with the name of the collection left open would swallow every
/// path of two segments.
fn by_name(operation: Operation) -> Operation {
    let names = Collection::ALL.map(Collection::name);
    names.iter().fold(operation, |operation, name| {
        operation.also_at(&format!("/{{user_id}}/{name}"))
    })
}

/// The OpenAPI document, aliases included.
pub fn openapi() -> utoipa::openapi::OpenApi {
    with_reasons(document(Document::openapi(), &table()))
}

#[derive(OpenApi)]
#[openapi(info(
    title = "Tidegate user-api",
    description = "Accounts, sessions, tokens and metadata.",
))]
struct Document;
