//! The client of confirm: invitations, sign-ups, password resets, and mails.

use chrono::{DateTime, Utc};
use serde_json::json;
use shared_types::{AccountNotice, ClinicId, ClinicNotice, UserId};

use super::PeerError;
use crate::http::{PeerClient, segment};

/// Why confirm asks an address for no second sign-up; it has the same status for a bad token.
const ASKED_BEFORE: &str = "User already has an existing valid signup confirmation";

/// Calls confirm with the token of this service.
#[derive(Clone)]
pub struct Confirm {
    client: PeerClient,
}

impl Confirm {
    /// The confirm that `client` reaches.
    pub fn new(client: PeerClient) -> Self {
        Self { client }
    }

    /// Removes what a deleted account asked for or was asked (`DELETE /internal/users/:userId`).
    /// Repeatable.
    pub async fn forget_user(&self, user: &UserId) -> Result<(), PeerError> {
        let path = format!("/internal/users/{}", segment(user.as_str()));
        self.client.delete(&path).await?.done()
    }

    /// Cancels the invitations that the account of `user` sent until `until` and nobody has accepted
    /// (`DELETE /internal/users/:userId/invitations`). Repeatable.
    pub async fn cancel_invitations(
        &self,
        user: &UserId,
        until: DateTime<Utc>,
    ) -> Result<(), PeerError> {
        let (user, until) = (segment(user.as_str()), until.timestamp_millis());
        let path = format!("/internal/users/{user}/invitations?until={until}");
        let answer = self.client.delete(&path).await?;
        match answer.status.as_u16() {
            204 => Ok(()),
            _ => Err(answer.refusal()),
        }
    }

    /// Reports to the owner of an account that it was changed
    /// (`PUT /internal/account-notices/:noticeId`). Repeatable.
    pub async fn report_change(&self, id: &str, notice: &AccountNotice) -> Result<(), PeerError> {
        let path = format!("/internal/account-notices/{}", segment(id));
        self.client.put(&path, notice).await?.done()
    }

    /// Reports to the owner of an account what happened in a clinic
    /// (`PUT /internal/clinic-notices/:noticeId`). Repeatable.
    pub async fn report_clinic_event(
        &self,
        id: &str,
        notice: &ClinicNotice,
    ) -> Result<(), PeerError> {
        let path = format!("/internal/clinic-notices/{}", segment(id));
        self.client.put(&path, notice).await?.done()
    }

    /// Has the owner of an account that `clinic` made asked to claim it
    /// (`POST /confirm/send/signup/:userId`). Repeatable: an account whose address was asked before,
    /// and one that is gone, are left alone. `invited_by`: who made the account there.
    pub async fn ask_to_claim(
        &self,
        user: &UserId,
        clinic: ClinicId,
        invited_by: Option<&UserId>,
    ) -> Result<(), PeerError> {
        let path = format!("/confirm/send/signup/{}", segment(user.as_str()));
        let body = json!({ "clinicId": clinic, "invitedBy": invited_by });
        let answer = self.client.post(&path, &body).await?;
        match answer.status.as_u16() {
            200 | 404 => Ok(()),
            403 if answer.any_json()["reason"] == ASKED_BEFORE => Ok(()),
            _ => Err(answer.refusal()),
        }
    }
}
