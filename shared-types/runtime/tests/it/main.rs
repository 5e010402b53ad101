//! The plumbing against real parts: a `mongod`, a port, a peer.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

mod connections;
mod malformed;
mod outbox;
mod outbox_backlog;
mod peers;
mod server;
mod tokens;
