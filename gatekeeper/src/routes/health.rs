//! The health question of the reference's clients.

use actix_web::{HttpRequest, HttpResponse};
use shared_runtime::server::{self, Readiness};

/// `GET /access/status`: whether permissions can be asked for. Public.
///
/// Body: none. Response: 200 `{"status":"ok"}`.
/// Errors: 503 `{"status":"error"}` when the database does not answer.
/// Source: health operation of the reference's gatekeeper, with the database looked at.
#[utoipa::path(
    get,
    security(()),
    path = "/access/status",
    tag = "health",
    responses(
        (status = 200, description = "The service works.", body = Object, example = json!({"status": "ok"})),
        (status = 503, description = "The database does not answer.", body = Object, example = json!({"status": "error"})),
    ),
)]
pub(crate) async fn show_status(request: HttpRequest) -> HttpResponse {
    server::status(
        request
            .app_data::<Readiness>()
            .is_some_and(Readiness::database_answers),
    )
}
