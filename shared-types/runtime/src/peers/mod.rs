//! One typed client per service, used by whoever calls it.

pub mod clinic;
pub mod confirm;
pub mod data;
pub mod gatekeeper;
pub mod restricted_tokens;
pub mod user_api;
pub mod xealth;

/// Why a call to a peer brought nothing.
#[derive(Debug, thiserror::Error)]
pub enum PeerError {
    /// The peer cannot be reached, failed, or answered nonsense. A repeat may succeed.
    #[error("unavailable: {0:#}")]
    Unavailable(anyhow::Error),
    /// The peer said no. A repeat gets the same response.
    #[error("refused with status {status}")]
    Refused {
        /// The status of the response.
        status: u16,
    },
}
