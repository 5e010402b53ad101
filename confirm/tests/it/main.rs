//! HTTP tests of confirm against a real database, with its peers played by stubs.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

mod mailbox;
mod peers;
mod world;

mod accept;
mod auth;
mod claims;
mod deletions;
mod documents;
mod invites;
mod outages;
mod paths;
mod quotas;
mod races;
mod received;
mod resets;
mod sent;
mod signup_answers;
mod signups;
mod tokens;
mod unfinished;
