//! The client of the data service, which keeps the alert configurations of followers. It is no part
//! of Tidegate; a deployment that has one names it in its settings.

use serde_json::Value;
use shared_types::UserId;

use super::PeerError;
use crate::http::{PeerClient, segment};

/// Calls the data service with the token of this service.
#[derive(Clone)]
pub struct Data {
    client: PeerClient,
}

impl Data {
    /// The data service that `client` reaches.
    pub fn new(client: PeerClient) -> Self {
        Self { client }
    }

    /// Stores when `follower` is alerted about `sharer`, in place of what was stored
    /// (`POST /v1/users/:userId/followers/:followerId/alerts`).
    pub async fn replace_alerts(
        &self,
        sharer: &UserId,
        follower: &UserId,
        alerts: &Value,
    ) -> Result<(), PeerError> {
        let path = format!(
            "/v1/users/{}/followers/{}/alerts",
            segment(sharer.as_str()),
            segment(follower.as_str())
        );
        self.client.post(&path, alerts).await?.done()
    }
}
