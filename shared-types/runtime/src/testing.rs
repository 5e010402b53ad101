//! For tests: a service on a free port, a database of its own, keys, a person who calls, and what
//! is asserted of responses and of what reaches the database.

mod addresses;
mod assert;
mod commands;
mod database;
mod keys;
pub mod matrix;
mod person;
mod rows;
mod wire;
mod world;

pub use addresses::{NO_ADDRESSES, SPELLINGS};
pub use assert::{assert_answer, assert_empty, assert_ok, assert_refused, eventually, reason};
pub use commands::{Commands, Profile, Work, assert_indexed};
pub use database::{TestDatabase, mongodb_uri};
pub use keys::{SigningKeys, claims};
pub use person::{Answer, Person, send, send_raw, try_send};
pub use rows::assert_row;
pub use wire::{Wire, WireAnswer};
pub use world::{TestApp, beside, config, connection_settings, server_settings};
