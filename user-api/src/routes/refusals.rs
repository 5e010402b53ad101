//! What many operations refuse with, for the OpenAPI document.

use utoipa::IntoResponses;

/// Of operations on accounts.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only documents the responses")]
pub(super) enum Accounts {
    #[response(status = 401, description = "Not authorized for requested operation")]
    NotAuthorized,
    #[response(
        status = 503,
        description = "The token cannot be checked, or Too many requests at the moment"
    )]
    Busy,
}

/// Of operations on tokens and sessions.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only documents the responses")]
pub(super) enum Sessions {
    #[response(status = 401, description = "No x-tidepool-session-token was found")]
    NoToken,
    #[response(status = 503, description = "The token cannot be checked")]
    CheckUnavailable,
}

/// Of operations on metadata.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only documents the responses")]
pub(super) enum Metadata {
    #[response(
        status = 401,
        description = "No valid token, or not allowed",
        content_type = "application/json"
    )]
    Unauthorized(String),
    #[response(status = 503, description = "The token cannot be checked")]
    CheckUnavailable,
}

/// Of operations for admitted services and operators.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only documents the responses")]
pub(super) enum Internal {
    #[response(
        status = 401,
        description = "No x-tidepool-session-token was found, or Not authorized for requested operation"
    )]
    NotAuthorized,
    #[response(status = 503, description = "The token cannot be checked")]
    CheckUnavailable,
}

/// Of operations that one source may call so often.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only documents the responses")]
pub(super) enum Limited {
    #[response(status = 429, description = "Too many requests; try again later")]
    Limited,
}

/// Of operations that take what an account is to be.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only documents the responses")]
pub(super) enum InvalidDetails {
    #[response(status = 400, description = "Invalid user details were given")]
    InvalidDetails,
}
