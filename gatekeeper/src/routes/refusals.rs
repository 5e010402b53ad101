//! What many operations refuse with, for the OpenAPI document.

use utoipa::IntoResponses;

/// Of operations that users call as well.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only documents the responses")]
pub(crate) enum Refusals {
    /// No valid token, or not allowed.
    #[response(status = 401, content_type = "application/json", example = json!("Unauthorized"))]
    Unauthorized(String),
    /// The database failed; no body.
    #[response(status = 500)]
    DatabaseFailed,
    /// The token cannot be checked; no body.
    #[response(status = 503)]
    CheckUnavailable,
}

/// Of operations for admitted services.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only documents the responses")]
pub(crate) enum InternalRefusals {
    /// Not an admitted service.
    #[response(status = 401, content_type = "application/json", example = json!("Unauthorized"))]
    Unauthorized(String),
    /// The database failed; no body.
    #[response(status = 500)]
    DatabaseFailed,
    /// The token cannot be checked; no body.
    #[response(status = 503)]
    CheckUnavailable,
}
