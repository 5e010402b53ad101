//! Clinic relations as the clinic service tells gatekeeper, and the question user-api asks before
//! an account is deleted.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{PermissionSet, UserId};

/// Body of `PUT /internal/clinics/{clinicId}/patients/{userId}`: what the clinic may do on its
/// patient's account.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PatientRelation {
    /// Grows with every change of the relation; an older one never overwrites a newer one.
    pub revision: i64,
    /// The clinic's permissions on the account; every clinician of the clinic has them.
    pub permissions: PermissionSet,
}

/// Body of `PUT /internal/clinics/{clinicId}/clinicians/{userId}`: the account belongs to the
/// clinic's staff.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClinicianRelation {
    /// Grows with every change of the relation; an older one never overwrites a newer one.
    pub revision: i64,
}

/// An account that somebody runs (`GET /internal/users/{userId}/administered`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AdministeredAccount {
    /// The account that is run.
    pub userid: UserId,
    /// Who else runs it, by a direct permission.
    pub other_admins: Vec<UserId>,
    /// Whether a clinic runs it too.
    pub clinic_custodian: bool,
}
