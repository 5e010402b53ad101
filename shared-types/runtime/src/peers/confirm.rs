//! The client of confirm: invitations, sign-ups, password resets.

use chrono::{DateTime, Utc};
use shared_types::{AccountNotice, UserId};

use super::PeerError;
use crate::http::{PeerClient, segment};

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

    /// Has the owner of an account told that it was changed
    /// (`PUT /internal/account-notices/:noticeId`). Repeatable.
    pub async fn tell_change(&self, id: &str, notice: &AccountNotice) -> Result<(), PeerError> {
        let path = format!("/internal/account-notices/{}", segment(id));
        self.client.put(&path, notice).await?.done()
    }
}
