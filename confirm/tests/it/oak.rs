//! Oak Clinic, which Carol runs and for which Nina works, and the steps that tests about it share.

use serde_json::{Value, json};

use crate::world::World;

pub(crate) const OAK: &str = "5f8f8f8f8f8f8f8f8f8f8f8f";
pub(crate) const CODE: &str = "ABCD-EFGH-JKLM";
pub(crate) const ADMIN: &[&str] = &["CLINIC_ADMIN"];
pub(crate) const MEMBER: &[&str] = &["CLINIC_MEMBER"];
pub(crate) const SHARE: &str = "/confirm/send/invite/alice/clinic";
pub(crate) const PATIENTS: &str = "/v1/clinics/5f8f8f8f8f8f8f8f8f8f8f8f/invites/patients";
pub(crate) const CLINICIANS: &str = "/v1/clinics/5f8f8f8f8f8f8f8f8f8f8f8f/invites/clinicians";

pub(crate) const FORBIDDEN: &str = "Forbidden to perform requested operation";
pub(crate) const NO_INVITE: &str = "No matching invite was found";
pub(crate) const NOT_ALLOWED: &str = "Not authorized for requested operation";
pub(crate) const NO_CLINIC: &str = "Error finding the clinic";

/// A world with the clinic, Alice and Dave, whose outboxes stay as they are.
pub(crate) async fn oak() -> World {
    let world = World::without_relay().await;
    for id in ["alice", "carol", "dave", "nina"] {
        world.user_api.has(id);
    }
    world.clinic.has_clinic(OAK, json!({ "shareCode": CODE }));
    world.clinic.has_clinician(OAK, "carol", ADMIN);
    world.clinic.has_clinician(OAK, "nina", MEMBER);
    world
}

impl World {
    /// Alice offers `permissions` to the clinic; returns the key.
    pub(crate) async fn share(&self, permissions: Value) -> String {
        let body = json!({ "shareCode": CODE, "permissions": permissions });
        let answer = self.user("alice").post(SHARE, &body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json::<Value>()["key"].as_str().unwrap().to_owned()
    }

    /// Carol invites `email` to work for the clinic; returns the key.
    pub(crate) async fn invite_clinician(&self, email: &str) -> String {
        let body = json!({ "email": email, "roles": MEMBER });
        let answer = self.user("carol").post(CLINICIANS, &body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let invited: Value = answer.json();
        invited["inviteId"].as_str().unwrap().to_owned()
    }
}

pub(crate) fn patient_path(key: &str) -> String {
    format!("{PATIENTS}/{key}")
}

pub(crate) fn clinician_path(key: &str) -> String {
    format!("{CLINICIANS}/{key}")
}

pub(crate) fn own_path(user: &str, key: &str) -> String {
    format!("/v1/clinicians/{user}/invites/{key}")
}
