//! For tests: the services of the platform, and systems that it works with, played. A service under test calls them as its peers;
//! they keep what they are told, answer what the real ones would, and call back where those do.
//!
//! Each shows the test what it keeps and what it was asked, and fails or takes its time where the
//! test says so ([`StandIn`]). That they answer as the real services is checked in `deploy/e2e`
//! (`tests/it/stand_ins.rs`): what is added here is asked there.

#![warn(missing_docs)]
#![expect(
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    reason = "a test that cannot go on panics"
)]

pub mod clinic;
pub mod confirm;
pub mod data;
pub mod gatekeeper;
mod stand_in;
mod tokens;
pub mod user_api;
pub mod xealth;

pub use clinic::Clinic;
pub use confirm::Confirm;
pub use data::Data;
pub use gatekeeper::Gatekeeper;
pub use stand_in::{Asked, Part, Request, StandIn};
pub use tokens::{KEYS, server_secret};
pub use user_api::{PASSWORD, UserApi};
pub use xealth::Xealth;
