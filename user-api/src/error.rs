//! The one table of user-api's errors: each refusal and each failure with its status and text.

use std::{borrow::Cow, time::Duration};

use actix_web::http::StatusCode;
use shared_runtime::error::{ActError, ApiError, ErrorBody, Rejection};
use shared_types::password::Weakness;

use crate::domain::{
    details::InvalidChild, members::InvalidDetails, metadata::MetadataRefusal, query::InvalidQuery,
    update::UpdateRefusal,
};

/// Why an act came to nothing.
pub(crate) type Error = ActError<Refusal, Failure>;

/// A request that is answered with "no".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The body cannot be read or breaks a rule.
    InvalidDetails,
    /// The password would be guessed first: why.
    WeakPassword(Weakness),
    /// The body of a child account breaks a rule: which one.
    InvalidChild(InvalidChild),
    /// A child account's name or address belongs to another account.
    ChildExists,
    /// Name and password are not there, or cannot be decoded.
    MissingCredentials,
    /// Unknown name, wrong password, deleted account, ambiguous name.
    NoMatch,
    /// Right credentials of an account whose address is not verified.
    NotVerified,
    /// Wrong name or secret of a service.
    WrongSecret,
    /// No valid session token, where the operation is about tokens.
    NoToken,
    /// No valid session token, or no right.
    NotAuthorized,
    /// The same, where the contract wants no body.
    NotAuthorizedSilently,
    /// No valid session token, or no relation to the user, where metadata is concerned.
    Unauthorized,
    /// The owner's password does not confirm the deletion.
    NotConfirmed,
    /// The deletion would leave an account that nobody can reach.
    LastAdmin,
    UserNotFound,
    /// A name or address belongs to another account.
    UserExists,
    /// The account has not the address that the change wants.
    ConditionFails,
    /// Another change was made under the same idempotency key.
    AppliedOtherwise,
    /// The account has a password, and the change wants to set the first one.
    HasPassword,
    /// The query cannot be answered: why.
    InvalidQuery(InvalidQuery),
    /// There is no such collection of metadata, or the user has none.
    NoMetadata,
    /// The metadata breaks a rule: which one.
    InvalidMetadata(&'static str),
    MetadataTooLarge,
    /// Too many wrong passwords; when to come back.
    TooManyLogins(Duration),
    /// Too many sign-ups, wrong secrets or look-ups; when to come back.
    TooMany(Duration),
    /// Too many changes of one account; when to come back.
    TooManyChanges(Duration),
    /// No such change of an account, or nobody can put it back with this address.
    NoSuchChange,
    /// What was before the change can be put back no more.
    ChangeIsVoid,
    /// Another account has a name or an address that was to be put back.
    NamesTaken,
    /// Too many passwords are being hashed.
    Busy,
}

impl Refusal {
    fn status_and_reason(self) -> (StatusCode, Cow<'static, str>) {
        let (status, reason) = match self {
            Self::InvalidDetails => (StatusCode::BAD_REQUEST, "Invalid user details were given"),
            Self::WeakPassword(weakness) => {
                return (StatusCode::BAD_REQUEST, weakness.to_string().into());
            }
            Self::InvalidChild(invalid) => {
                return (StatusCode::BAD_REQUEST, invalid.to_string().into());
            }
            Self::ChildExists => (StatusCode::BAD_REQUEST, "User already exists"),
            Self::MissingCredentials => (StatusCode::BAD_REQUEST, "Missing id and/or password"),
            Self::NoMatch => (
                StatusCode::UNAUTHORIZED,
                "No user matched the given details",
            ),
            Self::NotVerified => (
                StatusCode::FORBIDDEN,
                "The user hasn't verified this account yet",
            ),
            Self::WrongSecret => (StatusCode::UNAUTHORIZED, "Wrong password"),
            Self::NoToken => (
                StatusCode::UNAUTHORIZED,
                "No x-tidepool-session-token was found",
            ),
            Self::NotAuthorized | Self::NotAuthorizedSilently => (
                StatusCode::UNAUTHORIZED,
                "Not authorized for requested operation",
            ),
            Self::Unauthorized => (StatusCode::UNAUTHORIZED, "Unauthorized"),
            Self::NotConfirmed => (StatusCode::FORBIDDEN, "Missing id and/or password"),
            Self::LastAdmin => (
                StatusCode::FORBIDDEN,
                "Cannot delete the last admin of an account that has no login or recovery \
                 capability",
            ),
            Self::UserNotFound => (StatusCode::NOT_FOUND, "User not found"),
            Self::UserExists => (StatusCode::CONFLICT, "User already exists"),
            Self::ConditionFails => (
                StatusCode::CONFLICT,
                "The account does not have this address",
            ),
            Self::AppliedOtherwise => (
                StatusCode::CONFLICT,
                "Another change was made under this idempotency key",
            ),
            Self::HasPassword => (StatusCode::CONFLICT, "The account has a password already"),
            Self::InvalidQuery(invalid) => {
                return (StatusCode::BAD_REQUEST, invalid.to_string().into());
            }
            Self::NoMetadata => (StatusCode::NOT_FOUND, "No metadata"),
            Self::InvalidMetadata(explanation) => (StatusCode::BAD_REQUEST, explanation),
            Self::MetadataTooLarge => (
                StatusCode::PAYLOAD_TOO_LARGE,
                "The metadata would grow too large",
            ),
            Self::TooManyLogins(_) => (StatusCode::TOO_MANY_REQUESTS, "Too many login attempts"),
            Self::TooMany(_) => (
                StatusCode::TOO_MANY_REQUESTS,
                "Too many requests; try again later",
            ),
            Self::TooManyChanges(_) => (
                StatusCode::TOO_MANY_REQUESTS,
                "Too many changes of this account",
            ),
            Self::NoSuchChange => (StatusCode::NOT_FOUND, "No such change of an account"),
            Self::ChangeIsVoid => (
                StatusCode::GONE,
                "This change of the account can be undone no more",
            ),
            Self::NamesTaken => (
                StatusCode::CONFLICT,
                "Another account has a name of this account by now",
            ),
            Self::Busy => (
                StatusCode::SERVICE_UNAVAILABLE,
                "Too many requests at the moment",
            ),
        };
        (status, reason.into())
    }
}

impl From<InvalidDetails> for Refusal {
    fn from(_: InvalidDetails) -> Self {
        Self::InvalidDetails
    }
}

impl From<UpdateRefusal> for Refusal {
    fn from(refusal: UpdateRefusal) -> Self {
        match refusal {
            UpdateRefusal::Invalid => Self::InvalidDetails,
            UpdateRefusal::NotAuthorized => Self::NotAuthorized,
            UpdateRefusal::ConditionFails => Self::ConditionFails,
            UpdateRefusal::AppliedOtherwise => Self::AppliedOtherwise,
            UpdateRefusal::HasPassword => Self::HasPassword,
        }
    }
}

impl From<MetadataRefusal> for Refusal {
    fn from(refusal: MetadataRefusal) -> Self {
        match refusal {
            MetadataRefusal::Unauthorized => Self::Unauthorized,
            MetadataRefusal::Missing => Self::NoMetadata,
            MetadataRefusal::Invalid(explanation) => Self::InvalidMetadata(explanation),
            MetadataRefusal::TooLarge => Self::MetadataTooLarge,
        }
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let (status, reason) = refusal.status_and_reason();
        match refusal {
            Refusal::NotAuthorizedSilently | Refusal::NoMetadata => Self::empty(status),
            Refusal::Unauthorized => Self::json_string(status, reason),
            Refusal::TooManyLogins(wait)
            | Refusal::TooMany(wait)
            | Refusal::TooManyChanges(wait) => counted(status, reason).retry_after(wait),
            Refusal::InvalidDetails
            | Refusal::WeakPassword(_)
            | Refusal::InvalidChild(_)
            | Refusal::ChildExists
            | Refusal::MissingCredentials
            | Refusal::NoMatch
            | Refusal::NotVerified
            | Refusal::WrongSecret
            | Refusal::NoToken
            | Refusal::NotAuthorized
            | Refusal::NotConfirmed
            | Refusal::LastAdmin
            | Refusal::UserNotFound
            | Refusal::UserExists
            | Refusal::ConditionFails
            | Refusal::AppliedOtherwise
            | Refusal::HasPassword
            | Refusal::InvalidQuery(_)
            | Refusal::InvalidMetadata(_)
            | Refusal::MetadataTooLarge
            | Refusal::NoSuchChange
            | Refusal::ChangeIsVoid
            | Refusal::NamesTaken
            | Refusal::Busy => counted(status, reason),
        }
    }
}

impl From<InvalidDetails> for ApiError {
    fn from(invalid: InvalidDetails) -> Self {
        Refusal::from(invalid).into()
    }
}

impl From<InvalidChild> for ApiError {
    fn from(invalid: InvalidChild) -> Self {
        Refusal::InvalidChild(invalid).into()
    }
}

impl From<InvalidQuery> for ApiError {
    fn from(invalid: InvalidQuery) -> Self {
        Refusal::InvalidQuery(invalid).into()
    }
}

impl From<MetadataRefusal> for ApiError {
    fn from(refusal: MetadataRefusal) -> Self {
        Refusal::from(refusal).into()
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<InvalidDetails> for Error {
    fn from(invalid: InvalidDetails) -> Self {
        Self::Refused(invalid.into())
    }
}

impl From<UpdateRefusal> for Error {
    fn from(refusal: UpdateRefusal) -> Self {
        Self::Refused(refusal.into())
    }
}

/// Something that should work and did not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    FindingUser,
    CreatingUser,
    UpdatingUser,
    GeneratingToken,
    UpdatingToken,
    /// Where the contract wants no body.
    Silent,
}

impl From<Failure> for ApiError {
    fn from(failure: Failure) -> Self {
        let reason = match failure {
            Failure::FindingUser => "Error finding user",
            Failure::CreatingUser => "Error creating the user",
            Failure::UpdatingUser => "Error updating user",
            Failure::GeneratingToken => "Error generating the token",
            Failure::UpdatingToken => "Error updating token",
            Failure::Silent => return Self::empty(StatusCode::INTERNAL_SERVER_ERROR),
        };
        counted(StatusCode::INTERNAL_SERVER_ERROR, reason.into())
    }
}

/// The words of user-api for what the plumbing refuses. Those for a token that is worth nothing are
/// the ones of internal operations, which are not counted.
pub(crate) fn envelope(rejection: Rejection) -> ApiError {
    match rejection {
        Rejection::TokenMissing | Rejection::TokenEmpty | Rejection::TokenInvalid => {
            let (status, reason) = Refusal::NoToken.status_and_reason();
            ApiError::reason(status, reason)
        }
        Rejection::NotAService => Refusal::NoToken.into(),
        Rejection::NotAUser | Rejection::ServiceNotAdmitted => Refusal::NotAuthorized.into(),
        Rejection::CheckUnavailable => counted(
            StatusCode::SERVICE_UNAVAILABLE,
            "The token cannot be checked".into(),
        ),
        Rejection::BodyTooLarge => counted(
            StatusCode::PAYLOAD_TOO_LARGE,
            "The body is too large".into(),
        ),
        Rejection::BodyTooSlow => counted(
            StatusCode::REQUEST_TIMEOUT,
            "The body takes too long".into(),
        ),
        Rejection::BodyEncoded => counted(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "The content encoding is not supported".into(),
        ),
        Rejection::BodyUnreadable => Refusal::InvalidDetails.into(),
        // The name is one of ours: what is not known is ignored.
        Rejection::InvalidParameter(invalid) => counted(
            StatusCode::BAD_REQUEST,
            format!("Invalid query parameter: {}", invalid.name).into(),
        ),
        Rejection::NoSuchPath(_) | Rejection::InvalidPath { .. } => ApiError::new(
            StatusCode::NOT_FOUND,
            ErrorBody::Text("404 page not found".into()),
        ),
        Rejection::MethodNotAllowed(_) => ApiError::empty(StatusCode::METHOD_NOT_ALLOWED),
    }
}

/// The same for operations that refuse whoever may not call them with `refusal`, which is counted
/// wherever it has a reason.
pub(crate) fn refusing_with(refusal: Refusal, rejection: Rejection) -> ApiError {
    match rejection {
        Rejection::TokenMissing
        | Rejection::TokenEmpty
        | Rejection::TokenInvalid
        | Rejection::NotAUser
        | Rejection::NotAService => refusal.into(),
        other => envelope(other),
    }
}

fn counted(status: StatusCode, reason: Cow<'static, str>) -> ApiError {
    metrics::counter!(
        "tidepool_shoreline_failed_status_count",
        "status_code" => status.as_u16().to_string(),
        "status_reason" => reason.clone()
    )
    .increment(1);
    ApiError::reason(status, reason)
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
            &ErrorBody::Reason("The body takes too long".into())
        );
    }
}
