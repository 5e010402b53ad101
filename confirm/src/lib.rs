//! confirm: someone asks, someone answers. Invitations, the verification of addresses, claims of
//! accounts, and password resets, with the e-mails that go with them.

pub mod config;
mod mail;

pub use config::{Config, DEFAULTS, PREFIX};
