//! Migrations: the patients of a legacy account become those of a clinic.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use shared_runtime::body::not_null;
use shared_types::{ClinicId, PermissionSet, UserId, UserRecord};
use utoipa::ToSchema;

use super::{
    Refusal, clinic::Clinic, clinician::AccountId, patient::CUSTODIAL_PERMISSIONS,
    patient_details::SharedPatient, text::Filled,
};

/// The role of the account of a legacy clinic.
const LEGACY_ROLE: &str = "clinic";

/// A migration as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Migration {
    pub(crate) clinic_id: ClinicId,
    /// The legacy account.
    pub(crate) user_id: UserId,
    /// The name of a [`Status`]; databases of other releases hold other texts as well.
    pub(crate) status: String,
    /// When it was attested that the clinic may do this; `None`: nobody did.
    pub(crate) attestation_time: Option<DateTime<Utc>>,
    /// `None`: the worker of this service never had it.
    pub(crate) progress: Option<Progress>,
    pub(crate) created_time: DateTime<Utc>,
    pub(crate) updated_time: DateTime<Utc>,
}

/// How many of the patients are through.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// All, those who are yet to come included.
    pub(crate) total: i64,
    /// Those who are patients of the clinic.
    pub(crate) done: i64,
    /// Those who are refused.
    pub(crate) failed: i64,
}

impl Progress {
    /// Adds what became of some more.
    pub(crate) fn add(&mut self, more: &Self) {
        self.total += more.total;
        self.done += more.done;
        self.failed += more.failed;
    }
}

/// A patient who could not become one of the clinic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FailedPatient {
    pub(crate) user_id: UserId,
    pub(crate) reason: String,
}

/// How far a migration is. Services may set any at any time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
#[schema(as = MigrationStatus)]
pub(crate) enum Status {
    Pending,
    Running,
    Completed,
}

impl Status {
    /// As it is stored.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Running => "RUNNING",
            Self::Completed => "COMPLETED",
        }
    }
}

/// Body of `TriggerInitialMigration`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Attestation {
    /// Whether the administrator attests that the clinic may do this; the time is stored then.
    #[serde(default, deserialize_with = "not_null")]
    pub(crate) attestation_submitted: Option<bool>,
}

/// Body of `MigrateLegacyClinicianPatients`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewMigration {
    /// The legacy account, which works for the clinic.
    pub(crate) user_id: Filled,
    /// Ignored: it is pending.
    #[serde(rename = "status", default, deserialize_with = "not_null")]
    _status: Option<Status>,
}

/// Body of `UpdateMigration`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[schema(as = MigrationChange)]
pub(crate) struct StatusDetails {
    pub(crate) status: Status,
}

impl Migration {
    /// One that is yet to begin.
    pub(crate) fn new(clinic_id: ClinicId, user_id: UserId, now: DateTime<Utc>) -> Self {
        Self {
            clinic_id,
            user_id,
            status: Status::Pending.name().to_owned(),
            attestation_time: None,
            progress: None,
            created_time: now,
            updated_time: now,
        }
    }

    /// Whether it is in this state.
    pub(crate) fn is(&self, status: Status) -> bool {
        self.status == status.name()
    }
}

/// Whose patients the first migration of a clinic brings: those of its one administrator.
pub(crate) fn first_account(clinic: &Clinic) -> Result<&UserId, Refusal> {
    if clinic.is_migrated {
        return Err(Refusal::AlreadyMigrated);
    }
    if !clinic.can_migrate() {
        return Err(Refusal::IncompleteProfile);
    }
    match clinic.admins.as_slice() {
        [admin] => Ok(admin),
        _ => Err(Refusal::SeveralAdmins),
    }
}

/// Refuses an account that is not that of a legacy clinic.
pub(crate) fn check_is_legacy(account: &UserRecord) -> Result<(), Refusal> {
    let mut roles = account.roles.iter().flatten();
    if roles.any(|role| role == LEGACY_ROLE) {
        Ok(())
    } else {
        Err(Refusal::NoLegacyAccount(account.userid.clone()))
    }
}

/// What a clinic learns of a patient on whose account `legacy` may do this.
pub(crate) fn brought(
    legacy: &UserId,
    permissions: &PermissionSet,
) -> Result<SharedPatient, Refusal> {
    Ok(SharedPatient {
        permissions: Some((&inherited(permissions)?).into()),
        is_migrated: Some(true),
        legacy_clinician_id: Some(AccountId(legacy.clone())),
        ..SharedPatient::default()
    })
}

/// What of the permissions of a legacy account its clinic gets. Nobody is made a patient who gave it
/// nothing of that.
fn inherited(permissions: &PermissionSet) -> Result<PermissionSet, Refusal> {
    let permissions = permissions.clone().in_one_spelling();
    let names = permissions.names();
    let kept: Vec<&str> = names
        .filter(|name| CUSTODIAL_PERMISSIONS.contains(name))
        .collect();
    if kept.is_empty() {
        return Err(Refusal::NothingForClinic);
    }
    Ok(PermissionSet::of(&kept))
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;
    use serde_json::{Value, json};
    use shared_runtime::body::parse_object;
    use shared_types::{ClinicId, PermissionSet, UserRecord};

    use super::{
        Attestation, Migration, NewMigration, Refusal, Status, StatusDetails, check_is_legacy,
        first_account, inherited,
    };
    use crate::domain::clinic::tests::legacy;

    #[test]
    fn a_clinic_is_migrated_once_when_all_is_known_of_it() {
        let clinic = legacy();
        assert_eq!(first_account(&clinic), Ok(&"carol".into()));
        let mut migrated = clinic.clone();
        migrated.is_migrated = true;
        // That comes first, whatever else is missing.
        migrated.city = None;
        assert_eq!(first_account(&migrated), Err(Refusal::AlreadyMigrated));
        let mut incomplete = clinic.clone();
        incomplete.city = Some(String::new());
        incomplete.admins.push("nina".into());
        assert_eq!(first_account(&incomplete), Err(Refusal::IncompleteProfile));
        let mut several = clinic;
        several.admins.push("nina".into());
        assert_eq!(first_account(&several), Err(Refusal::SeveralAdmins));
    }

    #[test]
    fn a_legacy_account_has_a_role() {
        let account = |roles: Value| -> UserRecord {
            serde_json::from_value(json!({ "userid": "carol", "roles": roles })).unwrap()
        };
        assert_eq!(
            check_is_legacy(&account(json!(["patient", "clinic"]))),
            Ok(())
        );
        for roles in [
            json!(null),
            json!([]),
            json!(["migrated_clinic", "clinician"]),
        ] {
            let refused = Err(Refusal::NoLegacyAccount("carol".into()));
            assert_eq!(check_is_legacy(&account(roles.clone())), refused, "{roles}");
        }
    }

    #[test]
    fn a_clinic_gets_what_clinics_can_have() {
        for (names, kept) in [
            (&["view"][..], &["view"][..]),
            (&["notes", "upload", "admin"], &["note", "upload"]),
            (&["custodian", "view", "root"], &["custodian", "view"]),
        ] {
            let inherited = inherited(&PermissionSet::of(names));
            assert_eq!(inherited, Ok(PermissionSet::of(kept)), "{names:?}");
        }
        let null: PermissionSet = serde_json::from_value(json!({ "view": null })).unwrap();
        for nothing in [PermissionSet::of(&["admin", "follow"]), null] {
            assert_eq!(inherited(&nothing), Err(Refusal::NothingForClinic));
        }
    }

    #[test]
    fn bodies_say_what_is_wrong_with_them() {
        let text = |body: Value| body.to_string().into_bytes();
        assert!(parse_object::<Attestation>(&text(json!({}))).is_ok());
        for wrong in [json!(null), json!("true")] {
            let body = text(json!({ "attestationSubmitted": wrong }));
            assert!(parse_object::<Attestation>(&body).is_err());
        }
        let new = json!({ "userId": "a", "status": "COMPLETED" });
        assert!(parse_object::<NewMigration>(&text(new)).is_ok());
        for wrong in [
            json!({}),
            json!({ "userId": "" }),
            json!({ "userId": "a", "status": "" }),
        ] {
            assert!(parse_object::<NewMigration>(&text(wrong)).is_err());
        }
        for status in [Status::Pending, Status::Running, Status::Completed] {
            let body = text(json!({ "status": status.name() }));
            let read: StatusDetails = parse_object(&body).unwrap();
            assert_eq!(read, StatusDetails { status });
        }
        assert!(parse_object::<StatusDetails>(&text(json!({ "status": "pending" }))).is_err());
    }

    #[test]
    fn a_migration_is_pending_at_first() {
        let clinic = ClinicId::from([1; 12]);
        let migration = Migration::new(clinic, "carol".into(), DateTime::UNIX_EPOCH);
        assert!(migration.is(Status::Pending) && !migration.is(Status::Running));
    }
}
