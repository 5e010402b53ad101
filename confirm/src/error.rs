//! The one table of confirm's errors: each refusal and each failure with its status and text.

use std::{borrow::Cow, time::Duration};

use actix_web::http::StatusCode;
use shared_runtime::error::{ActError, ApiError, ErrorBody, Rejection};
use shared_types::password::Weakness;

use crate::domain::{
    account_change::NotRestored,
    claim::InvalidClaim,
    context::{InvalidContext, InvalidRequest, NotForMember},
    invitation::NotAnswerable,
};

/// What is said where nothing is served.
const NOT_SERVED: &str = "404 page not found";

/// Why an act came to nothing.
pub(crate) type Error = ActError<Refusal, Failure>;

/// A request that is answered with "no".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    NoToken,
    BadToken,
    /// The caller has no right to do this.
    NotAllowed,
    /// The invitation is not for the caller, or not in this state.
    Forbidden,
    NothingFound,
    NoInvitation,
    DuplicateInvitation,
    /// The invited account already has rights.
    DuplicateMember,
    /// No clinic is configured.
    NotServed,
    ClinicNotFound,
    /// A clinic's invitation that is not there.
    UnknownInvitation,
    DuplicatePatient,
    MrnRequired,
    MrnNotUnique,
    /// What is said about a patient is not taken.
    InvalidPatient,
    /// The clinic does not admit who is invited.
    NotAdmitted,
    /// The body is no JSON of the right form.
    Unreadable,
    /// The offer in the invitation cannot be read.
    UnreadableContext,
    /// The offer in the invitation contradicts itself.
    InvalidContext,
    /// A member that must be given is missing.
    Incomplete,
    UserNotFound,
    SignUpExists,
    NoSignUp,
    SignUpExpired,
    NoSignUpKey,
    InvalidClaim(InvalidClaim),
    /// user-api would not take the password of a claim: why.
    WeakClaim(Weakness),
    NoReset,
    ResetExpired,
    /// The key or the address is missing, or the password is not accepted.
    ResetRefused,
    /// user-api would not take the new password: why.
    WeakReset(Weakness),
    /// The account is not put back: why.
    NotRestored(NotRestored),
    /// Too many mails, or too many guesses; when to come back.
    TooMany(Duration),
    /// user-api is setting too many passwords at once; when to come back.
    Busy(Duration),
}

impl Refusal {
    /// Whether it says that a key opens nothing.
    pub(crate) fn is_wrong_key(self) -> bool {
        matches!(
            self,
            Self::NoSignUp
                | Self::SignUpExpired
                | Self::NoReset
                | Self::ResetExpired
                | Self::NotRestored(NotRestored::Unknown | NotRestored::Expired)
        )
    }

    #[expect(
        clippy::too_many_lines,
        reason = "a table, with a line or two for each refusal"
    )]
    fn status_and_reason(self) -> (StatusCode, Cow<'static, str>) {
        let (status, reason) = match self {
            Self::NoToken => (
                StatusCode::UNAUTHORIZED,
                "No x-tidepool-session-token was found",
            ),
            Self::BadToken => (
                StatusCode::FORBIDDEN,
                "The x-tidepool-session-token was invalid",
            ),
            Self::NotAllowed => (
                StatusCode::UNAUTHORIZED,
                "Not authorized for requested operation",
            ),
            Self::Forbidden => (
                StatusCode::FORBIDDEN,
                "Forbidden to perform requested operation",
            ),
            Self::NothingFound => (StatusCode::NOT_FOUND, "Nothing found"),
            Self::NoInvitation => (StatusCode::NOT_FOUND, "No matching invite was found"),
            Self::DuplicateInvitation => {
                (StatusCode::CONFLICT, "There is already an existing invite")
            }
            Self::DuplicateMember => (
                StatusCode::CONFLICT,
                "The user is already an existing member",
            ),
            Self::NotServed => (StatusCode::NOT_FOUND, NOT_SERVED),
            Self::ClinicNotFound => (StatusCode::NOT_FOUND, "Error finding the clinic"),
            Self::UnknownInvitation => (StatusCode::FORBIDDEN, "No matching invite was found"),
            Self::DuplicatePatient => (
                StatusCode::CONFLICT,
                "The user is already a patient of the clinic",
            ),
            Self::MrnRequired => (
                StatusCode::BAD_REQUEST,
                "Error creating patient because MRN is required",
            ),
            Self::MrnNotUnique => (
                StatusCode::BAD_REQUEST,
                "Error creating patient because MRN must be unique",
            ),
            Self::InvalidPatient => (StatusCode::BAD_REQUEST, "Error creating patient"),
            Self::NotAdmitted => (StatusCode::FORBIDDEN, "Error accepting invitation"),
            Self::Unreadable => (StatusCode::BAD_REQUEST, "Error decoding the confirmation"),
            Self::UnreadableContext => (
                StatusCode::BAD_REQUEST,
                "Error decoding the confirmation context",
            ),
            Self::InvalidContext => (
                StatusCode::BAD_REQUEST,
                "Error validating the confirmation context",
            ),
            Self::Incomplete => (StatusCode::BAD_REQUEST, ""),
            Self::UserNotFound => (StatusCode::NOT_FOUND, "Error finding the user"),
            Self::SignUpExists => (
                StatusCode::FORBIDDEN,
                "User already has an existing valid signup confirmation",
            ),
            Self::NoSignUp => (
                StatusCode::NOT_FOUND,
                "No matching signup confirmation was found",
            ),
            Self::SignUpExpired => (StatusCode::NOT_FOUND, "The signup confirmation has expired"),
            Self::NoSignUpKey => (
                StatusCode::BAD_REQUEST,
                "Required confirmation id is missing",
            ),
            Self::InvalidClaim(invalid) => {
                return (StatusCode::CONFLICT, invalid.to_string().into());
            }
            Self::WeakClaim(weakness) => {
                return (StatusCode::CONFLICT, weakness.to_string().into());
            }
            Self::WeakReset(weakness) => {
                return (StatusCode::BAD_REQUEST, weakness.to_string().into());
            }
            Self::NoReset => (
                StatusCode::NOT_FOUND,
                "No matching reset confirmation was found.",
            ),
            Self::ResetExpired => (
                StatusCode::NOT_FOUND,
                "Password reset confirmation has expired.",
            ),
            Self::ResetRefused => (
                StatusCode::BAD_REQUEST,
                "Error while resetting password; reset confirmation remains active until it \
                 expires.",
            ),
            Self::NotRestored(not_restored) => {
                let status = match not_restored {
                    NotRestored::Unknown | NotRestored::Expired => StatusCode::NOT_FOUND,
                    NotRestored::Done => StatusCode::GONE,
                    NotRestored::NamesTaken => StatusCode::CONFLICT,
                    NotRestored::BadPassword | NotRestored::WeakPassword(_) => {
                        StatusCode::BAD_REQUEST
                    }
                };
                return (status, not_restored.to_string().into());
            }
            Self::TooMany(_) => (
                StatusCode::TOO_MANY_REQUESTS,
                "Too many requests; try again later",
            ),
            Self::Busy(_) => (
                StatusCode::SERVICE_UNAVAILABLE,
                "Too many passwords at once; try again later",
            ),
        };
        (status, reason.into())
    }
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let (status, reason) = refusal.status_and_reason();
        match refusal {
            Refusal::Incomplete => Self::empty(status),
            Refusal::NotServed => Self::new(status, ErrorBody::Text(reason)),
            Refusal::NoToken
            | Refusal::BadToken
            | Refusal::NotAllowed
            | Refusal::Forbidden
            | Refusal::NothingFound
            | Refusal::NoInvitation
            | Refusal::DuplicateInvitation
            | Refusal::DuplicateMember
            | Refusal::ClinicNotFound
            | Refusal::UnknownInvitation
            | Refusal::DuplicatePatient
            | Refusal::MrnRequired
            | Refusal::MrnNotUnique
            | Refusal::InvalidPatient
            | Refusal::NotAdmitted
            | Refusal::Unreadable
            | Refusal::UnreadableContext
            | Refusal::InvalidContext
            | Refusal::UserNotFound
            | Refusal::SignUpExists
            | Refusal::NoSignUp
            | Refusal::SignUpExpired
            | Refusal::NoSignUpKey
            | Refusal::NoReset
            | Refusal::ResetExpired
            | Refusal::ResetRefused
            | Refusal::WeakReset(_)
            | Refusal::NotRestored(_) => Self::reason(status, reason),
            Refusal::InvalidClaim(invalid) => Self::new(
                status,
                ErrorBody::Numbered {
                    error: invalid.number(),
                    reason,
                },
            ),
            Refusal::WeakClaim(_) => Self::new(
                status,
                ErrorBody::Numbered {
                    error: InvalidClaim::InvalidPassword.number(),
                    reason,
                },
            ),
            Refusal::TooMany(wait) | Refusal::Busy(wait) => {
                Self::reason(status, reason).retry_after(wait)
            }
        }
    }
}

impl From<InvalidRequest> for ApiError {
    fn from(invalid: InvalidRequest) -> Self {
        match invalid {
            InvalidRequest::Unreadable => Refusal::Unreadable.into(),
            InvalidRequest::UnknownNames(_) => {
                Self::reason(StatusCode::BAD_REQUEST, invalid.to_string())
            }
        }
    }
}

impl From<InvalidContext> for Refusal {
    fn from(invalid: InvalidContext) -> Self {
        match invalid {
            InvalidContext::Unreadable => Self::UnreadableContext,
            InvalidContext::AlertsWithoutFollow => Self::InvalidContext,
        }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<NotAnswerable> for Error {
    fn from(_: NotAnswerable) -> Self {
        Self::Refused(Refusal::Forbidden)
    }
}

impl From<InvalidClaim> for Error {
    fn from(invalid: InvalidClaim) -> Self {
        Self::Refused(Refusal::InvalidClaim(invalid))
    }
}

impl From<NotRestored> for Error {
    fn from(not_restored: NotRestored) -> Self {
        Self::Refused(Refusal::NotRestored(not_restored))
    }
}

impl From<NotForMember> for Error {
    fn from(not_for_member: NotForMember) -> Self {
        Self::Refused(match not_for_member {
            NotForMember::NothingToAdd => Refusal::DuplicateMember,
            NotForMember::TooMany => Refusal::Unreadable,
        })
    }
}

/// Something that should work and did not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Failure {
    FindingUser,
    /// Answered as if there were no such account.
    LoadingUser,
    /// Answered as if the password were not accepted.
    ResettingPassword,
    UpdatingUser,
    Finding,
    Saving,
    Deleting,
    Updating,
    Renewing,
    SettingPermissions,
    CreatingAlerts,
    FindingClinic,
    CreatingPatient,
    Accepting,
    Internal,
    /// The database does not answer.
    Store,
}

impl From<Failure> for ApiError {
    fn from(failure: Failure) -> Self {
        let reason = match failure {
            Failure::LoadingUser => return Refusal::UserNotFound.into(),
            Failure::ResettingPassword => return Refusal::ResetRefused.into(),
            Failure::FindingUser => "Error finding the user",
            Failure::UpdatingUser => "Error updating user",
            Failure::Finding => "Error finding the confirmation",
            Failure::Saving => "Error saving the confirmation",
            Failure::Deleting => "Error deleting a confirmation",
            Failure::Updating => "Error updating confirmation",
            Failure::Renewing => "Error resetting key",
            Failure::SettingPermissions => "Error setting permissions",
            Failure::CreatingAlerts => "Error creating alerts configuration",
            Failure::FindingClinic => "Error finding the clinic",
            Failure::CreatingPatient => "Error creating patient",
            Failure::Accepting => "Error accepting invitation",
            Failure::Internal => "Internal Server Error",
            Failure::Store => "store connectivity failure",
        };
        Self::reason(StatusCode::INTERNAL_SERVER_ERROR, reason)
    }
}

/// The words of confirm for what the plumbing refuses.
pub(crate) fn envelope(rejection: Rejection) -> ApiError {
    match rejection {
        Rejection::TokenMissing | Rejection::TokenEmpty => Refusal::NoToken.into(),
        Rejection::TokenInvalid => Refusal::BadToken.into(),
        Rejection::NotAUser | Rejection::NotAService | Rejection::ServiceNotAdmitted => {
            Refusal::NotAllowed.into()
        }
        Rejection::CheckUnavailable => ApiError::reason(
            StatusCode::SERVICE_UNAVAILABLE,
            "The token cannot be checked",
        ),
        Rejection::BodyTooLarge => {
            ApiError::reason(StatusCode::PAYLOAD_TOO_LARGE, "The body is too large")
        }
        Rejection::BodyTooSlow => {
            ApiError::reason(StatusCode::REQUEST_TIMEOUT, "The body takes too long")
        }
        Rejection::BodyEncoded => ApiError::reason(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "The content encoding is not supported",
        ),
        Rejection::BodyUnreadable => Refusal::Unreadable.into(),
        Rejection::InvalidParameter(invalid) => ApiError::reason(
            StatusCode::BAD_REQUEST,
            format!("Invalid query parameter: {}", invalid.name),
        ),
        Rejection::NoSuchPath(_) | Rejection::InvalidPath { .. } => {
            ApiError::new(StatusCode::NOT_FOUND, ErrorBody::Text(NOT_SERVED.into()))
        }
        Rejection::MethodNotAllowed(_) => ApiError::empty(StatusCode::METHOD_NOT_ALLOWED),
    }
}
