//! The plumbing against real parts: a `mongod`, a port, a peer.

mod outbox;
mod server;
mod tokens;
