//! Clinic relations as the clinic service reports them to gatekeeper, and the question user-api asks before
//! an account is deleted.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{ClinicId, PermissionSet, UserId};

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

/// Some of the relations that gatekeeper knows, by account (`GET /internal/clinics/patients` and
/// `GET /internal/clinics/clinicians`).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct KnownRelations {
    /// All of the accounts in question up to `until`.
    pub relations: Vec<KnownRelation>,
    /// The last account that was looked at; absent: all were.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<UserId>,
}

/// What gatekeeper knows of an account and a clinic.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct KnownRelation {
    /// The clinic.
    #[schema(value_type = String, pattern = "^[a-f0-9]{24}$")]
    pub clinic_id: ClinicId,
    /// The account of the patient or clinician.
    pub user_id: UserId,
    /// What the clinic may do on its patient's account; of clinicians nothing.
    pub permissions: PermissionSet,
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

impl AdministeredAccount {
    /// Whether somebody runs the account once the one beside whom the others do is gone. Of the
    /// other admins those alone count that exist: a grant to an account that was deleted or never
    /// was runs nothing.
    pub fn keeps_an_admin(&self, exists: impl Fn(&UserId) -> bool) -> bool {
        self.clinic_custodian || self.other_admins.iter().any(exists)
    }
}

#[cfg(test)]
mod tests {
    use super::AdministeredAccount;
    use crate::UserId;

    #[test]
    fn the_last_holder_stays_unless_another_existing_one_does() {
        for (others, clinic_custodian, existing, wanted) in [
            (&[][..], false, &[][..], false),
            (&["bob"], false, &["bob"], true),
            (&["bob"], false, &[], false),
            (&["bob", "carol"], false, &["carol"], true),
            (&[], true, &[], true),
            (&[], false, &["bob"], false),
        ] {
            let account = AdministeredAccount {
                userid: UserId::from("child"),
                other_admins: others.iter().copied().map(UserId::from).collect(),
                clinic_custodian,
            };
            let keeps = account.keeps_an_admin(|id| existing.contains(&id.as_str()));
            assert_eq!(keeps, wanted, "{account:?} {existing:?}");
        }
    }
}
