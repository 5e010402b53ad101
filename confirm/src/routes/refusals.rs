//! What many operations refuse with, for the OpenAPI document.

use utoipa::IntoResponses;

/// Of operations that a token opens.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only documents the responses")]
pub(crate) enum Refusals {
    #[response(status = 401, description = "Not authorized for requested operation")]
    NotAllowed,
    #[response(status = 403, description = "The x-tidepool-session-token was invalid")]
    BadToken,
    #[response(status = 503, description = "The token cannot be checked")]
    CheckUnavailable,
}

/// Of operations that one source may call so often.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only documents the responses")]
pub(crate) enum Limited {
    #[response(status = 429, description = "Too many requests; try again later")]
    Limited,
}

/// Of operations about clinics, where none are served.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only documents the responses")]
pub(crate) enum NoClinics {
    #[response(
        status = 404,
        description = "404 page not found",
        content_type = "text/plain"
    )]
    NoClinics(String),
}

/// Of operations that look confirmations up and do nothing else that can fail.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only documents the responses")]
pub(crate) enum NotFinding {
    #[response(status = 500, description = "Error finding the confirmation")]
    NotFinding,
}
