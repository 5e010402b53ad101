//! The client of clinic: clinics, their clinicians and patients.

mod invitations;

use serde::Deserialize;
use serde_json::json;
use shared_types::{ClinicId, PermissionSet, UserId};

pub use self::invitations::{
    Asked, ClinicRecord, ClinicRefusal, Clinician, MembershipRestriction, MrnSettings,
    SuppressedNotifications,
};
use super::PeerError;
use crate::http::{PeerClient, segment};

/// More clinics than any account is a patient of that one of them made.
const MANY: u32 = 1_000;

/// Calls clinic with the token of this service.
#[derive(Clone)]
pub struct Clinic {
    client: PeerClient,
}

/// A clinic in which somebody is a patient.
#[derive(Deserialize)]
struct Relation {
    clinic: ClinicMember,
    patient: PatientMember,
}

#[derive(Deserialize)]
struct ClinicMember {
    id: ClinicId,
}

#[derive(Deserialize)]
struct PatientMember {
    #[serde(default)]
    permissions: Option<PermissionSet>,
}

impl Clinic {
    /// The clinic that `client` reaches.
    pub fn new(client: PeerClient) -> Self {
        Self { client }
    }

    /// The same with connections of its own, for one worker thread alone.
    pub fn unshared(&self) -> anyhow::Result<Self> {
        Ok(Self::new(self.client.unshared()?))
    }

    /// Whether `user` is a patient of `clinic` (`GET /v1/clinics/:clinicId/patients/:patientId`), or
    /// another clinic runs the account, which `clinic` may have become a part of.
    pub async fn has_patient(&self, clinic: ClinicId, user: &UserId) -> Result<bool, PeerError> {
        let answer = self.client.get(&patient_path(clinic, user)).await?;
        match answer.status.as_u16() {
            200 => Ok(true),
            404 => Ok(!self.custodians(user).await?.is_empty()),
            _ => Err(answer.refusal()),
        }
    }

    /// The clinics that run the account of `user` (`GET /v1/patients/:userId/clinics`).
    pub async fn custodians(&self, user: &UserId) -> Result<Vec<ClinicId>, PeerError> {
        let user = segment(user.as_str());
        let path = format!("/v1/patients/{user}/clinics?limit={MANY}");
        let relations: Vec<Relation> = self.client.get(&path).await?.json()?;
        let is_custodian = |relation: &Relation| {
            let permissions = relation.patient.permissions.as_ref();
            permissions.is_some_and(|permissions| permissions.has("custodian"))
        };
        let custodians = relations.into_iter().filter(is_custodian);
        Ok(custodians.map(|relation| relation.clinic.id).collect())
    }

    /// `clinic` does not run the account of `user` any more
    /// (`DELETE /v1/clinics/:clinicId/patients/:patientId/permissions/custodian`). Repeatable.
    pub async fn end_custody(&self, clinic: ClinicId, user: &UserId) -> Result<(), PeerError> {
        let path = format!("{}/permissions/custodian", patient_path(clinic, user));
        let answer = self.client.delete(&path).await?;
        match answer.status.as_u16() {
            204 | 404 => Ok(()),
            _ => Err(answer.refusal()),
        }
    }

    /// The account of `user` is deleted (`DELETE /v1/users/:userId/clinics`). Repeatable.
    pub async fn forget_user(&self, user: &UserId) -> Result<(), PeerError> {
        self.client.delete(&user_path(user)).await?.done()
    }

    /// Reports that the account of `user` has the address `email`, or none
    /// (`POST /v1/users/:userId/clinics`). Refused with 400: it is no address to clinic; 422: another
    /// clinician has it. Repeatable.
    pub async fn note_address(&self, user: &UserId, email: Option<&str>) -> Result<(), PeerError> {
        let body = match email {
            Some(email) => json!({ "email": email }),
            None => json!({}),
        };
        self.client.post(&user_path(user), &body).await?.done()
    }
}

fn patient_path(clinic: ClinicId, user: &UserId) -> String {
    let user = segment(user.as_str());
    format!("/v1/clinics/{clinic}/patients/{user}")
}

fn user_path(user: &UserId) -> String {
    format!("/v1/users/{}/clinics", segment(user.as_str()))
}
