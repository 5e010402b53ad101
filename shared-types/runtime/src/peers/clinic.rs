//! The client of clinic: clinics, their clinicians and patients.

mod invitations;

use shared_types::{ClinicId, UserId};

pub use self::invitations::{
    Asked, ClinicRecord, ClinicRefusal, Clinician, MembershipRestriction, MrnSettings,
    SuppressedNotifications,
};
use crate::http::{PeerClient, segment};

/// Calls clinic with the token of this service.
#[derive(Clone)]
pub struct Clinic {
    client: PeerClient,
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
}

fn patient_path(clinic: ClinicId, user: &UserId) -> String {
    let user = segment(user.as_str());
    format!("/v1/clinics/{clinic}/patients/{user}")
}
