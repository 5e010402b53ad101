//! What invitations ask of clinic: clinics, who works for them, and who becomes their patient.

use anyhow::anyhow;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use shared_types::{ClinicId, PermissionSet, UserId};

use super::{Clinic, patient_path};
use crate::{
    http::{Answer, segment},
    peers::PeerError,
};

/// The role of who runs a clinic.
const ADMIN: &str = "CLINIC_ADMIN";

/// As many administrators of a clinic as are asked for.
const MAX_ADMINS: u32 = 100;

/// What others need of a clinic.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ClinicRecord {
    /// Its id.
    pub id: ClinicId,
    /// May be empty.
    #[serde(default)]
    pub name: String,
    /// The mails that it does not want.
    #[serde(default)]
    pub suppressed_notifications: SuppressedNotifications,
}

/// The mails that a clinic does not want.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SuppressedNotifications {
    /// That somebody wants to share with it.
    #[serde(default)]
    pub patient_clinic_invitation: bool,
}

/// Who works for a clinic, or is invited to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Clinician {
    /// May be empty.
    #[serde(default)]
    pub email: String,
    /// What it may do there.
    #[serde(default)]
    pub roles: Vec<String>,
    /// All else, as clinic says it.
    #[serde(flatten)]
    pub rest: Map<String, Value>,
}

impl Clinician {
    /// Whether it runs the clinic.
    pub fn is_admin(&self) -> bool {
        self.roles.iter().any(|role| role == ADMIN)
    }
}

/// Whom a clinic admits: who has an address of the domain, and comes by the identity provider if one
/// is named.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MembershipRestriction {
    /// Compared without regard to case.
    pub email_domain: String,
    /// `None`: whoever has such an address.
    #[serde(default)]
    pub required_idp: Option<String>,
}

#[derive(Deserialize)]
struct MembershipRestrictions {
    #[serde(default)]
    restrictions: Vec<MembershipRestriction>,
}

/// What a clinic asks of the medical record numbers of its patients.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub struct MrnSettings {
    /// Each patient has one.
    pub required: bool,
}

/// What clinic refuses, in its own words.
#[derive(Debug, Clone, PartialEq)]
pub struct ClinicRefusal {
    /// The status, 400 to 499.
    pub status: u16,
    /// The body; `null` where it is no JSON.
    pub body: Value,
}

/// What is asked of clinic, which may refuse it.
pub type Asked<T> = Result<Result<T, ClinicRefusal>, PeerError>;

impl Clinic {
    /// A clinic; `None`: there is none (`GET /v1/clinics/:clinicId`).
    pub async fn clinic(&self, clinic: ClinicId) -> Result<Option<ClinicRecord>, PeerError> {
        found(self.client.get(&format!("/v1/clinics/{clinic}")).await?)
    }

    /// The clinic with this share code; `None`: there is none
    /// (`GET /v1/clinics/share_code/:shareCode`).
    pub async fn clinic_by_share_code(
        &self,
        code: &str,
    ) -> Result<Option<ClinicRecord>, PeerError> {
        let path = format!("/v1/clinics/share_code/{}", segment(code));
        found(self.client.get(&path).await?)
    }

    /// What `user` is in a clinic; `None`: no clinician
    /// (`GET /v1/clinics/:clinicId/clinicians/:userId`).
    pub async fn clinician(
        &self,
        clinic: ClinicId,
        user: &UserId,
    ) -> Result<Option<Clinician>, PeerError> {
        let user = segment(user.as_str());
        let path = format!("/v1/clinics/{clinic}/clinicians/{user}");
        let answer = self.client.get(&path).await?;
        match answer.status.as_u16() {
            // An id that no account can have.
            400 => Ok(None),
            _ => found(answer),
        }
    }

    /// Who runs a clinic, at most 100 (`GET /v1/clinics/:clinicId/clinicians?role=`).
    pub async fn admins(&self, clinic: ClinicId) -> Result<Vec<Clinician>, PeerError> {
        let path = format!("/v1/clinics/{clinic}/clinicians?role={ADMIN}&limit={MAX_ADMINS}");
        self.client.get(&path).await?.json()
    }

    /// Has `invite` wait for whoever has the address `email`
    /// (`POST /v1/clinics/:clinicId/clinicians`).
    pub async fn create_invited(
        &self,
        clinic: ClinicId,
        invite: &str,
        email: &str,
        roles: &[String],
    ) -> Asked<Clinician> {
        let path = format!("/v1/clinics/{clinic}/clinicians");
        let body = json!({ "inviteId": invite, "email": email, "roles": roles });
        asked(self.client.post(&path, &body).await?)
    }

    /// Who is invited under `invite`
    /// (`GET /v1/clinics/:clinicId/invites/clinicians/:inviteId/clinician`).
    pub async fn invited(&self, clinic: ClinicId, invite: &str) -> Asked<Clinician> {
        asked(self.client.get(&invite_path(clinic, invite)).await?)
    }

    /// Makes whoever is invited under `invite` a clinician with the account `user` (`PATCH` of the
    /// same).
    pub async fn associate(
        &self,
        clinic: ClinicId,
        invite: &str,
        user: &UserId,
    ) -> Asked<Clinician> {
        let body = json!({ "userId": user });
        let path = invite_path(clinic, invite);
        asked(self.client.patch(&path, &body).await?)
    }

    /// Has nobody be invited under `invite` any more (`DELETE` of the same). Repeatable.
    pub async fn delete_invited(&self, clinic: ClinicId, invite: &str) -> Result<(), PeerError> {
        let answer = self.client.delete(&invite_path(clinic, invite)).await?;
        match answer.status.as_u16() {
            404 => Ok(()),
            _ => answer.done(),
        }
    }

    /// Whom a clinic admits: everybody where nobody is named; `None`: there is no such clinic
    /// (`GET /v1/clinics/:clinicId/membership_restrictions`).
    pub async fn membership_restrictions(
        &self,
        clinic: ClinicId,
    ) -> Result<Option<Vec<MembershipRestriction>>, PeerError> {
        let path = format!("/v1/clinics/{clinic}/membership_restrictions");
        let answer: Option<MembershipRestrictions> = found(self.client.get(&path).await?)?;
        Ok(answer.map(|answer| answer.restrictions))
    }

    /// What a clinic asks of medical record numbers (`GET /v1/clinics/:clinicId/settings/mrn`).
    pub async fn mrn_settings(&self, clinic: ClinicId) -> Result<MrnSettings, PeerError> {
        let path = format!("/v1/clinics/{clinic}/settings/mrn");
        let settings = found(self.client.get(&path).await?)?;
        Ok(settings.unwrap_or_default())
    }

    /// A patient as clinic shows it; `None`: `user` is none of this clinic
    /// (`GET /v1/clinics/:clinicId/patients/:userId`).
    pub async fn patient(
        &self,
        clinic: ClinicId,
        user: &UserId,
    ) -> Result<Option<Value>, PeerError> {
        let answer = self.client.get(&patient_path(clinic, user)).await?;
        match answer.status.as_u16() {
            400 => Ok(None),
            _ => found(answer),
        }
    }

    /// Makes `user` a patient of a clinic, which gets `permissions` and knows what `details` say
    /// (`POST` of the same).
    pub async fn enrol(
        &self,
        clinic: ClinicId,
        user: &UserId,
        permissions: &PermissionSet,
        mut details: Map<String, Value>,
    ) -> Asked<Value> {
        details.insert("permissions".to_owned(), json!(permissions));
        let path = patient_path(clinic, user);
        asked(self.client.post(&path, &details).await?)
    }
}

fn invite_path(clinic: ClinicId, invite: &str) -> String {
    let invite = segment(invite);
    format!("/v1/clinics/{clinic}/invites/clinicians/{invite}/clinician")
}

/// What is there, if something is.
fn found<T: serde::de::DeserializeOwned>(answer: Answer) -> Result<Option<T>, PeerError> {
    match answer.status.as_u16() {
        404 => Ok(None),
        _ => answer.json().map(Some),
    }
}

fn asked<T: serde::de::DeserializeOwned>(answer: Answer) -> Asked<T> {
    match answer.status.as_u16() {
        // It refuses us, and not what we ask.
        401 | 403 | 408 | 429 => Err(PeerError::Unavailable(anyhow!(
            "the peer answered {}",
            answer.status
        ))),
        status @ 400..500 => Ok(Err(ClinicRefusal {
            status,
            body: answer.any_json(),
        })),
        _ => answer.json().map(Ok),
    }
}
