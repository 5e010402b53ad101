//! Against a real `mongod` and real processes.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod server;
mod supervise;
