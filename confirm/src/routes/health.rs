//! The health questions of the reference's clients.

use actix_web::HttpRequest;
use shared_runtime::{error::ApiError, server::Readiness};

use crate::error::Failure;

/// `GET /confirm/status`: whether confirmations can be asked for. Public.
///
/// Body: none. Response: 200 `OK` as text.
/// Errors: 500 the database does not answer.
/// Source: health operations of the reference.
#[utoipa::path(
    get, security(()), path = "/confirm/status", tag = "health",
    responses(
        (status = 200, description = "`OK`", body = String),
        (status = 500, description = "store connectivity failure"),
    ),
)]
pub(crate) async fn show_status(request: HttpRequest) -> Result<&'static str, ApiError> {
    let answers = request
        .app_data::<Readiness>()
        .is_some_and(Readiness::database_answers);
    if answers {
        Ok("OK")
    } else {
        Err(Failure::Store.into())
    }
}

/// `GET /confirm/live`: whether the process runs. Public.
///
/// Body: none. Response: 200 `OK` as text.
/// Errors: none.
/// Source: health operations of the reference.
#[utoipa::path(
    get, security(()), path = "/confirm/live", tag = "health",
    responses((status = 200, description = "`OK`", body = String)),
)]
pub(crate) async fn show_life() -> &'static str {
    "OK"
}
