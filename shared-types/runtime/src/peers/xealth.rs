//! The client of Xealth, by which hospitals order. It is no part of Tidegate; a deployment that works with it
//! names it in its settings.

use super::PeerError;
use crate::http::{PeerClient, segment};

/// Calls Xealth with an access token of this service.
#[derive(Clone)]
pub struct Xealth {
    client: PeerClient,
}

impl Xealth {
    /// The Xealth that `client` reaches.
    pub fn new(client: PeerClient) -> Self {
        Self { client }
    }

    /// An order, as JSON that is not looked at
    /// (`GET /partner/read/order/:deployment/:orderId`).
    pub async fn order(&self, deployment: &str, order: &str) -> Result<Vec<u8>, PeerError> {
        let (deployment, order) = (segment(deployment), segment(order));
        let path = format!("/partner/read/order/{deployment}/{order}");
        self.client.get(&path).await?.bytes()
    }
}
