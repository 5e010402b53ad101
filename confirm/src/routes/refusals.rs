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
