//! The route table. The first path that matches wins, so fixed segments stand above variable ones.

mod access;
mod grants;
mod health;
mod refusals;
mod relations;
mod tagged;
mod users;

use actix_web::web;
use shared_runtime::{openapi::document, operation, routes::RouteTable};
use utoipa::OpenApi;

use crate::error::envelope;

/// The service's state, as a handler takes it.
type State = web::Data<crate::State>;

/// Every operation.
pub fn table() -> RouteTable {
    RouteTable::new(envelope)
        // Health and the lists of groups are no accounts called `status` and `groups`.
        .serve(operation!(health::show_status).also_at("/status"))
        .serve(operation!(access::list_groups))
        .serve(operation!(access::list_members))
        .serve(operation!(access::find_permissions))
        .serve(operation!(access::replace_permissions))
        // For the services that `internal.services` names. The public origin routes nothing under
        // /internal.
        .serve(operation!(grants::apply_grant))
        .serve(operation!(relations::list_patients))
        .serve(operation!(relations::list_clinicians))
        .serve(operation!(relations::update_patient))
        .serve(operation!(relations::delete_patient))
        .serve(operation!(relations::update_clinician))
        .serve(operation!(relations::delete_clinician))
        .serve(operation!(users::list_administered))
        .serve(operation!(users::list_grantees))
        .serve(operation!(users::delete_grants))
        .serve(operation!(users::lock_account))
        .serve(operation!(users::delete_custodians))
        .serve(operation!(users::delete_user))
}

/// The OpenAPI document of the service.
pub fn openapi() -> utoipa::openapi::OpenApi {
    document(Document::openapi(), &table())
}

#[derive(OpenApi)]
#[openapi(info(
    title = "gatekeeper",
    description = "Permissions: who may see or change whose data.",
))]
struct Document;
