//! Who may answer an invitation between a clinic and a person, and what it gives.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use shared_types::{ClinicId, PermissionSet, UserId};
use utoipa::ToSchema;

use super::{
    confirmation::{Confirmation, Kind, Status},
    context::{InvalidContext, Offer},
    invitation::{CANCELABLE, NotAnswerable},
};

/// What a clinic can be given on an account.
const PATIENT_PERMISSIONS: [&str; 3] = ["note", "upload", "view"];

/// Longest share code that is looked up, in bytes.
const MAX_SHARE_CODE: usize = 64;

/// What a clinic says about a patient that it takes; clinic says what of it is wrong. What is absent
/// or empty comes from the patient's profile.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct PatientDetails {
    /// The name.
    full_name: Option<String>,
    /// `YYYY-MM-DD`.
    birth_date: Option<String>,
    /// The medical record number.
    pub(crate) mrn: Option<String>,
    /// Ids of tags of the clinic.
    tags: Option<Vec<String>>,
    /// Sites of the clinic; `id` counts.
    #[schema(value_type = Option<Vec<Object>>)]
    sites: Option<Vec<Map<String, Value>>>,
    /// The ranges in which the glucose shall be.
    #[schema(value_type = Option<Object>)]
    glycemic_ranges: Option<Map<String, Value>>,
    /// Such as `type1`.
    diagnosis_type: Option<String>,
}

impl PatientDetails {
    /// Whether there is a medical record number to speak of.
    pub(crate) fn has_mrn(&self) -> bool {
        self.mrn.as_ref().is_some_and(|mrn| !mrn.trim().is_empty())
    }

    /// As clinic takes them.
    pub(crate) fn members(&self) -> Map<String, Value> {
        let Ok(Value::Object(mut members)) = serde_json::to_value(self) else {
            return Map::new();
        };
        members.retain(|_, value| !value.is_null() && value.as_str() != Some(""));
        members
    }
}

/// Whether `code` can be the code by which a clinic is shared with.
pub(crate) fn is_share_code(code: &str) -> bool {
    code.len() <= MAX_SHARE_CODE
}

/// Whether it is an invitation of a person to `clinic`.
pub(crate) fn is_of_patient(invitation: &Confirmation, clinic: ClinicId) -> bool {
    invitation.kind == Kind::CareTeamInvitation && invitation.clinic_id == Some(clinic)
}

/// Whether it is an invitation of `clinic` to a person that has left the clinic's desk.
pub(crate) fn is_of_clinician(invitation: &Confirmation, clinic: ClinicId) -> bool {
    invitation.kind == Kind::ClinicianInvitation
        && invitation.clinic_id == Some(clinic)
        && !invitation.is_being_made()
}

/// The account that `clinic` takes as a patient by accepting `invitation`.
pub(crate) fn may_enrol(
    invitation: &Confirmation,
    clinic: ClinicId,
    now: DateTime<Utc>,
) -> Result<&UserId, NotAnswerable> {
    let is_open = invitation.status == Status::Pending
        && (!invitation.is_expired(now) || invitation.acceptance.is_some());
    patient(invitation, clinic)
        .filter(|_| is_open)
        .ok_or(NotAnswerable)
}

/// The account that shares itself with `clinic`.
pub(crate) fn patient(invitation: &Confirmation, clinic: ClinicId) -> Option<&UserId> {
    let creator = invitation.creator_id.as_ref();
    creator.filter(|_| is_of_patient(invitation, clinic))
}

/// Whether an invitation to `clinic` can still be declined or canceled.
pub(crate) fn may_end(invitation: &Confirmation, clinic: ClinicId) -> Result<(), NotAnswerable> {
    let is_open = CANCELABLE.contains(&invitation.status) && invitation.acceptance.is_none();
    if is_of_patient(invitation, clinic) && is_open {
        Ok(())
    } else {
        Err(NotAnswerable)
    }
}

/// What of `invitation` a clinic is given.
pub(crate) fn shared(invitation: &Confirmation) -> Result<PermissionSet, InvalidContext> {
    let mut offered = Offer::read(invitation.context.as_ref())?.permissions;
    offered
        .0
        .retain(|name, value| PATIENT_PERMISSIONS.contains(&name.as_str()) && !value.is_null());
    Ok(offered)
}

#[cfg(test)]
mod tests {
    use chrono::{DateTime, TimeDelta, Utc};
    use serde_json::json;
    use shared_types::{ClinicId, PermissionSet};

    use super::{PatientDetails, may_end, may_enrol, shared};
    use crate::domain::{
        confirmation::{Acceptance, Confirmation, Kind, Status},
        template::Template,
    };

    fn clinic() -> ClinicId {
        ClinicId::from([7; 12])
    }

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000, 0).unwrap()
    }

    fn invitation() -> Confirmation {
        let (kind, template) = (Kind::CareTeamInvitation, Template::PatientToClinic);
        Confirmation {
            creator_id: Some("alice".into()),
            clinic_id: Some(clinic()),
            context: Some(json!({"view": {}, "notes": {}, "custodian": {}, "upload": null})),
            ..Confirmation::new("k".to_owned(), kind, template, now())
        }
    }

    #[test]
    fn a_clinic_takes_what_is_pending_and_its_own() {
        let other = ClinicId::from([8; 12]);
        let alice = "alice".into();
        assert_eq!(may_enrol(&invitation(), clinic(), now()), Ok(&alice));
        assert!(may_enrol(&invitation(), other, now()).is_err());
        let late = now() + TimeDelta::days(8);
        assert!(may_enrol(&invitation(), clinic(), late).is_err());
        let begun = Confirmation {
            acceptance: Some(Acceptance {
                row: [7; 12].into(),
                is_unanswered: false,
            }),
            ..invitation()
        };
        assert_eq!(may_enrol(&begun, clinic(), late), Ok(&alice));
        assert!(may_end(&begun, clinic()).is_err());
        for (status, can_end) in [
            (Status::Pending, true),
            (Status::Declined, true),
            (Status::Completed, false),
            (Status::Canceled, false),
        ] {
            let answered = Confirmation {
                status,
                ..invitation()
            };
            assert_eq!(may_end(&answered, clinic()).is_ok(), can_end, "{status:?}");
            let is_pending = status == Status::Pending;
            assert_eq!(may_enrol(&answered, clinic(), now()).is_ok(), is_pending);
        }
        let to_join = Confirmation {
            kind: Kind::ClinicianInvitation,
            ..invitation()
        };
        assert!(may_enrol(&to_join, clinic(), now()).is_err());
        assert!(may_end(&to_join, clinic()).is_err());
    }

    #[test]
    fn a_clinic_gets_no_more_than_to_see_to_note_and_to_upload() {
        let wanted = PermissionSet::of(&["note", "view"]);
        assert_eq!(shared(&invitation()), Ok(wanted));
    }

    #[test]
    fn what_is_not_said_about_a_patient_is_not_passed_on() {
        let details: PatientDetails = serde_json::from_value(json!({
            "mrn": " ", "fullName": "", "birthDate": null, "tags": [], "other": 1,
            "glycemicRanges": {"type": "preset"},
        }))
        .unwrap();
        assert!(!details.has_mrn());
        let members = json!({"mrn": " ", "tags": [], "glycemicRanges": {"type": "preset"}});
        assert_eq!(json!(details.members()), members);
        assert!(PatientDetails::default().members().is_empty());
    }
}
