//! A real MongoDB for development and tests: found or fetched, started as a
//! one-node replica set on the loopback interface, and gone with its owner.
//!
//! Used by `cargo xtask up`, `cargo xtask test` and the `testing` feature of
//! the runtime. It holds no rule of the platform; production never links it.
//!
//! - [`start`] keeps its data in a directory and finds them again next time.
//! - [`for_tests`] gives a test process the server at `TEST_MONGODB_URI`, or one of its own.
//! - [`Supervised`] runs any child process that must not outlive its owner.

mod environment;
mod fetch;
mod find;
pub mod ports;
mod replica_set;
mod scratch;
mod server;
mod supervise;

pub use replica_set::check_uri;
pub use server::{Mongod, TestServer, for_tests, start, start_temporary};
pub use supervise::Supervised;
