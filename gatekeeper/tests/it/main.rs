//! HTTP tests of gatekeeper against a real database, with user-api played by a stub.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod world;

mod access;
mod auth;
mod bad_input;
mod batches;
mod documents;
mod failures;
mod grants;
mod inherited;
mod last_admin;
mod preconditions;
mod queries;
mod races;
mod relations;
mod replace;
mod tokens;
mod users;
