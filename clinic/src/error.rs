//! The one table of clinic's errors: each refusal and each failure with its status and text.

use actix_web::http::StatusCode;
use shared_runtime::{
    error::{ActError, ApiError, Rejection},
    mongo::Aborted,
};

use crate::domain::{Refusal, xealth::asked::Unmatched};

/// Why an act came to nothing.
pub(crate) type Error = ActError<Refusal, Failure>;

const NOT_AUTHORIZED: &str =
    "security requirements failed: the subject is not authorized for the requested action";

impl From<Refusal> for ApiError {
    #[expect(
        clippy::too_many_lines,
        reason = "a table, with a line or two for each refusal"
    )]
    fn from(refusal: Refusal) -> Self {
        let (status, message) = match refusal {
            Refusal::NotAuthorized => (StatusCode::FORBIDDEN, NOT_AUTHORIZED),
            Refusal::NotAUser => (StatusCode::BAD_REQUEST, "expected user access token"),
            Refusal::InvalidBody(problem) => {
                let message = format!("request body has an error: {problem}");
                return Self::message_alone(StatusCode::BAD_REQUEST, message);
            }
            Refusal::AccountNotFound
            | Refusal::ShareCodeNotFound
            | Refusal::NoSettings
            | Refusal::SiteNotFound => (StatusCode::NOT_FOUND, "not found"),
            Refusal::ClinicNotFound => (StatusCode::NOT_FOUND, "clinic not found"),
            Refusal::ClinicNotEmpty => (
                StatusCode::BAD_REQUEST,
                "bad request: deletion of non-empty clinics is not allowed",
            ),
            Refusal::NoShareCode => (StatusCode::CONFLICT, "duplicate share code"),
            Refusal::NotMigrated => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "constraint violation: clinic is not migrated",
            ),
            Refusal::ClinicianNotFound => (StatusCode::NOT_FOUND, "clinician not found"),
            Refusal::DuplicateClinician => (
                StatusCode::CONFLICT,
                "duplicate: clinician is already a member of the clinic",
            ),
            // Both are failures in the contract, whoever is at fault.
            Refusal::NoTokenEndpoint => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal server error: service accounts are not configured",
            ),
            Refusal::NoServiceToken => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal server error: unable to obtain a token for the service account",
            ),
            Refusal::LastAdmin => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "constraint violation: the clinic must have at least one admin",
            ),
            Refusal::PatientNotFound | Refusal::DataSourceNotFound | Refusal::NobodyAlike => {
                (StatusCode::NOT_FOUND, "patient not found")
            }
            Refusal::PatientToConnectNotFound => (
                StatusCode::NOT_FOUND,
                "error finding patient: patient not found",
            ),
            Refusal::DuplicatePatient => (
                StatusCode::CONFLICT,
                "duplicate: patient is already a member of the clinic",
            ),
            Refusal::EmailTaken => (
                StatusCode::CONFLICT,
                "duplicate: email address is already taken",
            ),
            Refusal::EmailOfUpdateTaken => (
                StatusCode::CONFLICT,
                "unable to update custodial user: duplicate: email address is already taken",
            ),
            Refusal::MrnRequired => (StatusCode::BAD_REQUEST, "bad request: mrn is required"),
            Refusal::MrnNotUnique => (StatusCode::BAD_REQUEST, "bad request: mrn must be unique"),
            Refusal::MrnJustTaken => (StatusCode::CONFLICT, "duplicate: mrn must be unique"),
            Refusal::TooManyPatients => (
                StatusCode::PAYMENT_REQUIRED,
                "payment required: patient count exceeds limit",
            ),
            Refusal::UnknownSite => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "constraint violation: the clinic has no site with that name",
            ),
            Refusal::PermissionNotFound => (StatusCode::NOT_FOUND, "permission not found"),
            Refusal::NoReview => (StatusCode::NOT_FOUND, "not found: there is no review"),
            Refusal::AnothersReview => (
                StatusCode::CONFLICT,
                "conflict: cannot revert review from another clinician",
            ),
            Refusal::ImpossibleLimit => (StatusCode::BAD_REQUEST, "bad request"),
            Refusal::TagNotFound => (StatusCode::NOT_FOUND, "patient tag not found"),
            Refusal::TagToConvertNotFound => (
                StatusCode::NOT_FOUND,
                "unable to find patient tag: not found",
            ),
            Refusal::TooManyTags => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "constraint violation: the clinic already has the maximum number of 50 patient tags",
            ),
            Refusal::DuplicateTag => (StatusCode::CONFLICT, "duplicate patient tag"),
            Refusal::TooManySites => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "constraint violation: the clinic already has the maximum number of 50 sites",
            ),
            Refusal::DuplicateSite => (StatusCode::CONFLICT, "duplicate site name"),
            Refusal::DuplicateSiteOnUpdate => (
                StatusCode::CONFLICT,
                "checking site constraints: duplicate site name",
            ),
            Refusal::NoRoomForSite => (StatusCode::CONFLICT, "conflict"),
            Refusal::SameSite => (
                StatusCode::BAD_REQUEST,
                "can't merge a site into itself: bad request",
            ),
            Refusal::InvalidEmail => (
                StatusCode::BAD_REQUEST,
                "email: failed to pass regex validation",
            ),
            Refusal::DuplicateEmail => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "constraint violation: duplicate email",
            ),
            Refusal::SortWithoutType => (
                StatusCode::BAD_REQUEST,
                "bad request: invalid sort parameter, missing type",
            ),
            Refusal::UnknownSort => (
                StatusCode::BAD_REQUEST,
                "bad request: invalid sort parameter, invalid sort attribute",
            ),
            Refusal::NoCutoff => (
                StatusCode::BAD_REQUEST,
                "bad request: no lastDataCutoff provided",
            ),
            Refusal::WorkspaceWithoutType => (
                StatusCode::BAD_REQUEST,
                "bad request: workspace id type is required",
            ),
            Refusal::SameClinic => (
                StatusCode::BAD_REQUEST,
                "bad request: a clinic cannot be merged into itself",
            ),
            Refusal::NamelessClinic => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "constraint violation: both clinics must have a name",
            ),
            Refusal::MergeNotAllowed => (
                StatusCode::BAD_REQUEST,
                "bad request: the merge plan does not allow execution",
            ),
            Refusal::PlanOutdated => (
                StatusCode::CONFLICT,
                "conflict: the merge plan no longer holds",
            ),
            Refusal::ClinicMerging => (
                StatusCode::CONFLICT,
                "conflict: the clinic is being merged with another one",
            ),
            Refusal::NoLegacyAccount(user) => {
                let message = format!("constraint violation: user {user} is not clinician");
                return Self::message_alone(StatusCode::UNPROCESSABLE_ENTITY, message);
            }
            // The reference says the same of a clinic that is not migrated yet.
            Refusal::AlreadyMigrated | Refusal::NotMigratedFirst => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "constraint violation: clinic is already migrated",
            ),
            Refusal::IncompleteProfile => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "constraint violation: incomplete clinic profile",
            ),
            Refusal::SeveralAdmins => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "constraint violation: the clinic must have exactly one admin",
            ),
            Refusal::DuplicateMigration => (StatusCode::CONFLICT, "migration duplicate"),
            Refusal::MigrationNotFound => (StatusCode::NOT_FOUND, "migration not found"),
            Refusal::MigrationRuns => (StatusCode::CONFLICT, "conflict: migration is running"),
            Refusal::NothingForClinic => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "constraint violation: no permissions for a clinic",
            ),
            Refusal::NoHospitalToken => (
                StatusCode::UNAUTHORIZED,
                "unauthorized: verification token is required",
            ),
            Refusal::WrongHospitalToken => (
                StatusCode::UNAUTHORIZED,
                "unauthorized: invalid verification token",
            ),
            Refusal::NotSaidToBeJson => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "Unsupported Media Type")
            }
            Refusal::InvalidMeta => (
                StatusCode::BAD_REQUEST,
                "bad request: cannot process message with invalid metadata",
            ),
            Refusal::UnstorableMessage => (
                StatusCode::BAD_REQUEST,
                "bad request: unable to unmarshall message",
            ),
            Refusal::NoMessageRef => (
                StatusCode::BAD_REQUEST,
                "bad request: messageRef is required",
            ),
            Refusal::InvalidDocumentId => {
                (StatusCode::BAD_REQUEST, "bad request: invalid documentId")
            }
            Refusal::MessageNotFound => (StatusCode::NOT_FOUND, "message not found"),
            Refusal::NoSourceId => (
                StatusCode::BAD_REQUEST,
                "bad request: source id is required",
            ),
            Refusal::NoMatchingClinic => (
                StatusCode::NOT_FOUND,
                "not found: couldn't find a matching clinic",
            ),
            Refusal::ManyMatchingClinics => (
                StatusCode::CONFLICT,
                "duplicate: multiple matching clinics found",
            ),
            // Orders are refused so, not requests.
            Refusal::NoMrnInOrder => (StatusCode::BAD_REQUEST, "bad request: mrn is missing"),
            Refusal::SeveralAlike => (
                StatusCode::CONFLICT,
                "duplicate: multiple matching patients",
            ),
            Refusal::SomebodyAlike => (StatusCode::CONFLICT, "duplicate: patient already exists"),
            Refusal::BirthDateMissing => (
                StatusCode::BAD_REQUEST,
                "bad request: date of birth is missing",
            ),
            Refusal::FullNameMissing => {
                (StatusCode::BAD_REQUEST, "bad request: full name is missing")
            }
            Refusal::XealthDisabled => (
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal server error: the Xealth integration is not enabled",
            ),
            Refusal::NoBearerToken => (
                StatusCode::UNAUTHORIZED,
                "unauthorized: bearer token is required",
            ),
            Refusal::WrongBearerToken => (
                StatusCode::UNAUTHORIZED,
                "unauthorized: bearer token is invalid",
            ),
            Refusal::NoPreorder => (
                StatusCode::BAD_REQUEST,
                "bad request: eventType must be preorder",
            ),
            Refusal::UnknownEventContext => (
                StatusCode::BAD_REQUEST,
                "bad request: eventContext must be initial or subsequent",
            ),
            Refusal::NoDatasets => (StatusCode::BAD_REQUEST, "bad request: datasets are missing"),
            Refusal::NoTrackingId => (
                StatusCode::BAD_REQUEST,
                "bad request: dataTrackingId is missing",
            ),
            Refusal::TrackingIdUsed => (
                StatusCode::CONFLICT,
                "duplicate: dataTrackingId has been used already",
            ),
            Refusal::ManyMatchingPatients => (
                StatusCode::UNPROCESSABLE_ENTITY,
                "constraint violation: multiple matching patients found",
            ),
            Refusal::Unmatched(asked, why) => {
                let (status, message) = unmatched(why);
                let message = format!("{}: {message}", asked.text());
                return Self::message_alone(status, message);
            }
            Refusal::NoOrderId => (StatusCode::BAD_REQUEST, "bad request: orderId is missing"),
            Refusal::NoEntry => (
                StatusCode::BAD_REQUEST,
                "bad request: preorder data is missing",
            ),
            Refusal::WrongRestrictedToken => (
                StatusCode::UNAUTHORIZED,
                "unauthorized: invalid or expired token",
            ),
        };
        Self::message_alone(status, message)
    }
}

/// What is said behind what Xealth asked.
fn unmatched(why: Unmatched) -> (StatusCode, &'static str) {
    match why {
        Unmatched::Clinic => (
            StatusCode::NOT_FOUND,
            "not found: couldn't find matching clinic",
        ),
        Unmatched::Patient => (
            StatusCode::NOT_FOUND,
            "not found: couldn't find matching patient",
        ),
        Unmatched::Mrn => (StatusCode::BAD_REQUEST, "bad request: mrn is missing"),
        Unmatched::BirthDate => (
            StatusCode::BAD_REQUEST,
            "bad request: date of birth is missing",
        ),
        Unmatched::FullName => (StatusCode::BAD_REQUEST, "bad request: full name is missing"),
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<Refusal> for Aborted<Refusal> {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

/// Something that should work and did not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Failure;

impl From<Failure> for ApiError {
    fn from(Failure: Failure) -> Self {
        Self::message_alone(StatusCode::INTERNAL_SERVER_ERROR, "Internal Server Error")
    }
}

/// The words of clinic for what the plumbing refuses.
pub(crate) fn envelope(rejection: Rejection) -> ApiError {
    let (status, message) = match rejection {
        Rejection::TokenMissing | Rejection::TokenEmpty => {
            (StatusCode::BAD_REQUEST, "session token is missing")
        }
        Rejection::TokenInvalid => (StatusCode::UNAUTHORIZED, "session token is invalid"),
        Rejection::CheckUnavailable => (
            StatusCode::SERVICE_UNAVAILABLE,
            "the session token cannot be checked",
        ),
        Rejection::NotAUser => return Refusal::NotAUser.into(),
        Rejection::NotAService | Rejection::ServiceNotAdmitted => {
            return Refusal::NotAuthorized.into();
        }
        Rejection::BodyTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "request body is too large"),
        Rejection::BodyTooSlow => (StatusCode::REQUEST_TIMEOUT, "request body takes too long"),
        Rejection::BodyEncoded => (
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "the content encoding is not supported",
        ),
        Rejection::BodyUnreadable => {
            return Refusal::InvalidBody("it cannot be read".to_owned()).into();
        }
        Rejection::InvalidParameter(invalid) => {
            let message = format!(
                "parameter \"{}\" in query has an error: {}",
                invalid.name, invalid.problem
            );
            return ApiError::message_alone(StatusCode::BAD_REQUEST, message);
        }
        Rejection::InvalidPath { problem, .. } => {
            let message = format!("parameter in path has an error: {problem}");
            return ApiError::message_alone(StatusCode::BAD_REQUEST, message);
        }
        Rejection::NoSuchPath(_) => (StatusCode::NOT_FOUND, "no matching operation was found"),
        Rejection::MethodNotAllowed(_) => (StatusCode::NOT_FOUND, "method not allowed"),
    };
    ApiError::message_alone(status, message)
}
