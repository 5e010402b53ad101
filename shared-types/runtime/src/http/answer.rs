//! What a peer says back.

use anyhow::{Context as _, anyhow};
use reqwest::StatusCode;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::peers::PeerError;

/// A response, whatever its status.
pub(crate) struct Answer {
    /// The status.
    pub(crate) status: StatusCode,
    pub(super) headers: reqwest::header::HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Answer {
    /// The value of a header; `None` when it is absent or not text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body of a 200, or what else the peer said.
    pub(crate) fn json<T: DeserializeOwned>(self) -> Result<T, PeerError> {
        self.body_of(StatusCode::OK)
    }

    /// The body of a 201, or what else the peer said.
    pub(crate) fn created<T: DeserializeOwned>(self) -> Result<T, PeerError> {
        self.body_of(StatusCode::CREATED)
    }

    /// The body of a 200 as it came, or what else the peer said.
    pub(crate) fn bytes(self) -> Result<Vec<u8>, PeerError> {
        if self.status == StatusCode::OK {
            Ok(self.body)
        } else {
            Err(self.refusal())
        }
    }

    /// The body, whatever the status; `null` where it is no JSON.
    pub(crate) fn any_json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Nothing, where the peer did what it was asked to, or what else it said.
    pub(crate) fn done(self) -> Result<(), PeerError> {
        if self.status.is_success() {
            Ok(())
        } else {
            Err(self.refusal())
        }
    }

    fn body_of<T: DeserializeOwned>(self, status: StatusCode) -> Result<T, PeerError> {
        if self.status != status {
            return Err(self.refusal());
        }
        serde_json::from_slice(&self.body)
            .context("the peer's answer is not what its contract says")
            .map_err(PeerError::Unavailable)
    }

    /// The response as an error.
    pub(crate) fn refusal(self) -> PeerError {
        if self.status.is_server_error() {
            PeerError::Unavailable(anyhow!("the peer answered {}", self.status))
        } else {
            PeerError::Refused {
                status: self.status.as_u16(),
            }
        }
    }
}
