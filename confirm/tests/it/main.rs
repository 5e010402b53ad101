//! HTTP tests of confirm against a real database, with its peers played by stubs.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod mailbox;
mod peers;
mod world;

mod auth;
mod claims;
mod paths;
mod resets;
mod signup_answers;
mod signups;
mod tokens;
