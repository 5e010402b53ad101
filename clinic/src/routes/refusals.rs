//! What operations may be refused with, documented once.

use serde::Serialize;
use utoipa::{IntoResponses, ToSchema};

/// The body of every refusal and failure.
#[derive(Serialize, ToSchema)]
#[schema(as = Refusal, example = json!({"message": "clinic not found"}))]
pub(crate) struct RefusalBody {
    /// Why, for people.
    message: String,
}

/// Of every operation.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only documents the responses")]
pub(crate) enum Refusals {
    /// No session token, or a path, a query or a body that breaks a rule.
    #[response(status = 400)]
    Invalid(#[to_schema] RefusalBody),
    /// The session token is invalid.
    #[response(status = 401)]
    Unknown(#[to_schema] RefusalBody),
    /// The caller may not do this.
    #[response(status = 403)]
    NotAuthorized(#[to_schema] RefusalBody),
    /// The database or another service failed.
    #[response(status = 500)]
    Failed(#[to_schema] RefusalBody),
    /// The session token cannot be checked.
    #[response(status = 503)]
    Unchecked(#[to_schema] RefusalBody),
}

/// Of operations about something that may not be there.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only documents the responses")]
pub(crate) enum Missing {
    /// There is no such thing.
    #[response(status = 404)]
    Missing(#[to_schema] RefusalBody),
}

/// Of operations with a body.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only documents the responses")]
pub(crate) enum Bodies {
    /// The body takes too long to come.
    #[response(status = 408)]
    TooSlow(#[to_schema] RefusalBody),
    /// The body is too large.
    #[response(status = 413)]
    TooLarge(#[to_schema] RefusalBody),
    /// The body is compressed.
    #[response(status = 415)]
    Encoded(#[to_schema] RefusalBody),
}

/// Of matches and orders.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only documents the responses")]
pub(crate) enum Matching {
    /// Several clinics are connected to where the message comes from, or somebody else did something at the
    /// same moment.
    #[response(status = 409)]
    Several(#[to_schema] RefusalBody),
}

/// Of what hospitals send, ask and open, with tokens of their own.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only documents the responses")]
pub(crate) enum Hospital {
    /// A parameter or the body breaks a rule, or a message cannot be understood, where the settings say that it
    /// is refused.
    #[response(status = 400)]
    Invalid(#[to_schema] RefusalBody),
    /// No such token, or one that is wrong or has ended.
    #[response(status = 401)]
    Unknown(#[to_schema] RefusalBody),
    /// Xealth is asked for and not enabled, or something failed.
    #[response(status = 500)]
    Failed(#[to_schema] RefusalBody),
}

/// Of what Xealth asks about a patient.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only documents the responses")]
pub(crate) enum Xealth {
    /// Several patients fit.
    #[response(status = 422)]
    Several(#[to_schema] RefusalBody),
}

/// Of changes of who works for a clinic.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only documents the responses")]
pub(crate) enum Staff {
    /// Somebody in the clinic has the account, the address or the invitation.
    #[response(status = 409)]
    Duplicate(#[to_schema] RefusalBody),
    /// The clinic is a legacy account still, or would be left without an administrator.
    #[response(status = 422)]
    Violation(#[to_schema] RefusalBody),
}

/// Of migrations.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only documents the responses")]
pub(crate) enum Migrating {
    /// The account is migrated already, the migration is running, or no share code is free.
    #[response(status = 409)]
    Duplicate(#[to_schema] RefusalBody),
    /// The account or the clinic cannot be migrated.
    #[response(status = 422)]
    Violation(#[to_schema] RefusalBody),
}

/// Of changes of patients.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only documents the responses")]
pub(crate) enum Enrolment {
    /// The clinic has as many patients as it may have.
    #[response(status = 402)]
    TooMany(#[to_schema] RefusalBody),
    /// Another account has the address, or the account is a patient of the clinic already.
    #[response(status = 409)]
    Duplicate(#[to_schema] RefusalBody),
    /// The clinic has no such site.
    #[response(status = 422)]
    UnknownSite(#[to_schema] RefusalBody),
}

/// Of changes of tags and sites.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only documents the responses")]
pub(crate) enum Labelling {
    /// The clinic has one of this name.
    #[response(status = 409)]
    Duplicate(#[to_schema] RefusalBody),
    /// The clinic has as many as it may have, or has not the site.
    #[response(status = 422)]
    Violation(#[to_schema] RefusalBody),
}

/// Of merges of clinics.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "only documents the responses")]
pub(crate) enum Merging {
    /// The plan no longer holds, or one of the clinics is being merged with another one.
    #[response(status = 409)]
    Conflict(#[to_schema] RefusalBody),
    /// One of the clinics has no name.
    #[response(status = 422)]
    Nameless(#[to_schema] RefusalBody),
}
