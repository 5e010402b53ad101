//! The commands as a person types them, with real services and a real MongoDB.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod up;
