//! What is refused, and with which responses.

use actix_web::http::StatusCode;
use shared_runtime::{
    auth::TOKEN_HEADER,
    error::{ActError, ApiError, Rejection},
    mongo::Aborted,
};

use crate::domain::Refusal;

/// Why an act came to nothing.
pub(crate) type Error = ActError<Refusal, Failure>;

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// The response to what the plumbing rejected.
pub(crate) fn envelope(rejection: Rejection) -> ApiError {
    match rejection {
        Rejection::TokenMissing => ApiError::json_string(
            StatusCode::UNAUTHORIZED,
            format!("Session token must be set on header[{TOKEN_HEADER}]"),
        ),
        Rejection::TokenEmpty | Rejection::TokenInvalid => {
            ApiError::json_string(StatusCode::UNAUTHORIZED, "Invalid Token")
        }
        Rejection::NotAUser | Rejection::NotAService | Rejection::ServiceNotAdmitted => {
            Refusal::Unauthorized.into()
        }
        Rejection::CheckUnavailable => ApiError::empty(StatusCode::SERVICE_UNAVAILABLE),
        Rejection::BodyTooLarge => ApiError::message(
            StatusCode::PAYLOAD_TOO_LARGE,
            "RequestEntityTooLarge",
            "The body is too large",
        ),
        Rejection::BodyTooSlow => ApiError::message(
            StatusCode::REQUEST_TIMEOUT,
            "RequestTimeout",
            "The body takes too long",
        ),
        Rejection::BodyEncoded => ApiError::message(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "UnsupportedMediaType",
            "The content encoding is not supported",
        ),
        Rejection::BodyUnreadable => ApiError::message(
            StatusCode::BAD_REQUEST,
            "InvalidContent",
            "The body cannot be read",
        ),
        Rejection::InvalidParameter(invalid) => ApiError::message(
            StatusCode::BAD_REQUEST,
            "InvalidContent",
            format!("Invalid {}: {}", invalid.name, invalid.problem),
        ),
        Rejection::NoSuchPath(path) | Rejection::InvalidPath { path, .. } => ApiError::message(
            StatusCode::NOT_FOUND,
            "ResourceNotFound",
            format!("{path} does not exist"),
        ),
        Rejection::MethodNotAllowed(method) => ApiError::message(
            StatusCode::METHOD_NOT_ALLOWED,
            "MethodNotAllowed",
            format!("{method} is not allowed"),
        ),
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Unauthorized => Self::json_string(StatusCode::UNAUTHORIZED, "Unauthorized"),
            Refusal::NoPermissions => Self::message(StatusCode::NOT_FOUND, "NotFound", ""),
            Refusal::LastAdmin => Self::reason(
                StatusCode::FORBIDDEN,
                "Cannot remove the last admin of an account that has no login or recovery capability",
            ),
            Refusal::MayNotShare => Self::reason(
                StatusCode::FORBIDDEN,
                "The sender may no longer share this account",
            ),
            Refusal::PreconditionFailed(current) => {
                let refused = Self::message(
                    StatusCode::PRECONDITION_FAILED,
                    "PreconditionFailed",
                    "The permissions are not those that the request expects",
                );
                match current {
                    Some(tag) => refused.tagged(tag.to_string()),
                    None => refused,
                }
            }
            Refusal::InvalidContent(invalid) => Self::message(
                StatusCode::BAD_REQUEST,
                "InvalidContent",
                invalid.to_string(),
            ),
        }
    }
}

/// Something that should work and did not: 500 without a body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Failure;

impl From<Failure> for ApiError {
    fn from(Failure: Failure) -> Self {
        Self::empty(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl From<Refusal> for Aborted<Refusal> {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::StatusCode;
    use shared_runtime::error::{ErrorBody, Rejection};

    use super::envelope;

    #[test]
    fn a_body_that_does_not_come_has_an_answer_of_our_own() {
        let error = envelope(Rejection::BodyTooSlow);
        assert_eq!(error.status(), StatusCode::REQUEST_TIMEOUT);
        assert_eq!(
            error.body(),
            &ErrorBody::Message {
                code: "RequestTimeout".into(),
                message: "The body takes too long".into(),
            }
        );
    }
}
