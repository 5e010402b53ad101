//! The rules of clinics: pure functions over values, without clock, database or HTTP.

pub(crate) mod best;
pub(crate) mod bulk_change;
pub(crate) mod clinic;
pub(crate) mod clinician;
pub(crate) mod connection;
pub(crate) mod counts;
pub(crate) mod departure;
pub(crate) mod ehr_settings;
pub(crate) mod glycemic_ranges;
pub(crate) mod instant;
pub(crate) mod labels;
pub(crate) mod limited;
pub(crate) mod limits;
pub(crate) mod matching;
pub(crate) mod measured_list;
pub(crate) mod merge;
pub(crate) mod migration;
pub(crate) mod mrn;
pub(crate) mod patient;
pub(crate) mod patient_details;
pub(crate) mod patient_list;
pub(crate) mod patient_summary;
pub(crate) mod redox;
pub(crate) mod relations;
pub(crate) mod restrictions;
pub(crate) mod service_account;
pub(crate) mod share_code;
pub(crate) mod site_name;
pub(crate) mod subscription;
pub(crate) mod summary;
pub(crate) mod summary_details;
pub(crate) mod text;
pub(crate) mod tide;
pub(crate) mod user_details;
pub(crate) mod xealth;

use shared_types::UserId;
use thiserror::Error;

use self::xealth::asked::{Asked, Unmatched};

/// Why a request is refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum Refusal {
    #[error("the caller may not do this")]
    NotAuthorized,
    #[error("the operation is for people")]
    NotAUser,
    /// What of the body is wrong.
    #[error("the body is refused: {0}")]
    InvalidBody(String),
    #[error("there is no such account")]
    AccountNotFound,
    #[error("there is no such clinic")]
    ClinicNotFound,
    #[error("no clinic has this share code")]
    ShareCodeNotFound,
    #[error("the clinic has patients")]
    ClinicNotEmpty,
    #[error("no share code is free")]
    NoShareCode,
    #[error("the clinic is a legacy account still")]
    NotMigrated,
    #[error("there is no such clinician")]
    ClinicianNotFound,
    #[error("somebody in the clinic has this account, address or invitation")]
    DuplicateClinician,
    #[error("nothing says where credentials of programs are looked at")]
    NoTokenEndpoint,
    #[error("credentials of a program are not those of an account")]
    NoServiceToken,
    #[error("a clinic keeps an administrator")]
    LastAdmin,
    #[error("there is no such patient")]
    PatientNotFound,
    #[error("there is no such patient who could be asked to connect a provider")]
    PatientToConnectNotFound,
    #[error("the patient has no data from the provider")]
    DataSourceNotFound,
    #[error("the account is a patient of the clinic already")]
    DuplicatePatient,
    #[error("another account has the address")]
    EmailTaken,
    #[error("another account has the new address")]
    EmailOfUpdateTaken,
    #[error("the clinic asks for a medical record number")]
    MrnRequired,
    #[error("another patient of the clinic has the medical record number")]
    MrnNotUnique,
    #[error("another patient of the clinic got the medical record number meanwhile")]
    MrnJustTaken,
    #[error("the clinic has as many patients as it may have")]
    TooManyPatients,
    #[error("the clinic has no such site")]
    UnknownSite,
    #[error("the patient did not grant this")]
    PermissionNotFound,
    #[error("there is no review")]
    NoReview,
    #[error("another clinician made the review")]
    AnothersReview,
    #[error("the clinic never said so")]
    NoSettings,
    #[error("a limit ends before it starts")]
    ImpossibleLimit,
    #[error("the clinic has no such tag")]
    TagNotFound,
    #[error("the clinic has no such tag that could become a site")]
    TagToConvertNotFound,
    #[error("the clinic has as many tags as it may have")]
    TooManyTags,
    #[error("the clinic has a tag of this name")]
    DuplicateTag,
    #[error("the clinic has as many sites as it may have")]
    TooManySites,
    #[error("the clinic has a site of this name")]
    DuplicateSite,
    #[error("the clinic has another site of this name")]
    DuplicateSiteOnUpdate,
    #[error("a tag cannot become a site more than the clinic may have")]
    NoRoomForSite,
    #[error("a site is not merged into itself")]
    SameSite,
    #[error("there is no such site")]
    SiteNotFound,
    #[error("the address is none")]
    InvalidEmail,
    #[error("somebody else in the clinic has the address")]
    DuplicateEmail,
    #[error("an order without the kind of data")]
    SortWithoutType,
    #[error("lists are not sorted by this")]
    UnknownSort,
    #[error("a report without the time since which there is data")]
    NoCutoff,
    #[error("a workspace without the kind of its id")]
    WorkspaceWithoutType,
    #[error("a clinic is not merged into itself")]
    SameClinic,
    #[error("a clinic without a name is not merged")]
    NamelessClinic,
    #[error("the plan of the merge does not allow it")]
    MergeNotAllowed,
    #[error("the plan of the merge no longer holds")]
    PlanOutdated,
    #[error("the clinic is being merged with another one")]
    ClinicMerging,
    #[error("the account is not that of a legacy clinic")]
    NoLegacyAccount(UserId),
    #[error("the clinic is more than a legacy account already")]
    AlreadyMigrated,
    #[error("a legacy clinic says too little of itself")]
    IncompleteProfile,
    #[error("a legacy clinic has one administrator")]
    SeveralAdmins,
    #[error("the account that opened the clinic is migrated first")]
    NotMigratedFirst,
    #[error("the account is migrated already, to whatever clinic")]
    DuplicateMigration,
    #[error("there is no such migration")]
    MigrationNotFound,
    #[error("the migration is under way")]
    MigrationRuns,
    #[error("the account gave nothing that a clinic can be given")]
    NothingForClinic,
    #[error("hospital records show no token")]
    NoHospitalToken,
    #[error("hospital records show a wrong token")]
    WrongHospitalToken,
    #[error("the body is not said to be JSON")]
    NotSaidToBeJson,
    #[error("the message does not say what it is")]
    InvalidMeta,
    #[error("the message cannot be stored")]
    UnstorableMessage,
    #[error("no message is named")]
    NoMessageRef,
    #[error("the message is named by what is no id")]
    InvalidDocumentId,
    #[error("there is no such message")]
    MessageNotFound,
    #[error("the message does not say where it comes from")]
    NoSourceId,
    #[error("no clinic is connected to where the message comes from")]
    NoMatchingClinic,
    #[error("several clinics are connected to where the message comes from")]
    ManyMatchingClinics,
    #[error("the order has no medical record number of the kind that the clinic says")]
    NoMrnInOrder,
    #[error("no patient of the clinic has the number and the birth date")]
    NobodyAlike,
    #[error("several patients of the clinic have the number and the birth date")]
    SeveralAlike,
    #[error("a patient of the clinic has the number, or the birth date and the name")]
    SomebodyAlike,
    #[error("the message does not say when the patient was born")]
    BirthDateMissing,
    #[error("the message does not say what the patient is called")]
    FullNameMissing,
    #[error("Xealth is not enabled")]
    XealthDisabled,
    #[error("Xealth shows no token")]
    NoBearerToken,
    #[error("Xealth shows a wrong token")]
    WrongBearerToken,
    #[error("the message is not about what is to be ordered")]
    NoPreorder,
    #[error("the message does not say whether something was entered")]
    UnknownEventContext,
    #[error("the message says nothing of the patient")]
    NoDatasets,
    #[error("what was entered has no id")]
    NoTrackingId,
    #[error("something else was entered under the id")]
    TrackingIdUsed,
    #[error("several patients of the clinic have the medical record number")]
    ManyMatchingPatients,
    /// What Xealth asked, and why not.
    #[error("{1}")]
    Unmatched(Asked, Unmatched),
    #[error("the message does not say which order it is about")]
    NoOrderId,
    #[error("nothing was entered before the order")]
    NoEntry,
    #[error("the restricted token is none, or has ended, or leads nowhere")]
    WrongRestrictedToken,
}

impl Refusal {
    /// Whether the same may be admitted a moment later, since somebody else does something at this one.
    pub(crate) fn may_pass(&self) -> bool {
        matches!(
            self,
            Self::MrnJustTaken | Self::DuplicatePatient | Self::ClinicMerging
        )
    }
}
