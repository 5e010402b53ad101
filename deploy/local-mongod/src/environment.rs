//! The only place of this crate that reads the environment.

use std::ffi::OsString;

/// The value of an environment variable; `None` when it is unset or empty.
#[expect(
    clippy::disallowed_methods,
    reason = "this crate runs before any configuration exists: PATH, HOME and TEST_MONGODB_URI are its inputs"
)]
pub(crate) fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}
