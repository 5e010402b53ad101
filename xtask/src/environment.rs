//! The only place of this crate that reads the environment.

use std::ffi::OsString;

/// The value of an environment variable; `None` when it is unset or empty.
#[expect(
    clippy::disallowed_methods,
    reason = "xtask starts the processes whose settings these are; it loads none itself"
)]
pub(crate) fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).filter(|value| !value.is_empty())
}

/// The names of all environment variables.
#[expect(
    clippy::disallowed_methods,
    reason = "to keep some of them from the programs that are started"
)]
pub(crate) fn names() -> Vec<OsString> {
    std::env::vars_os().map(|(name, _)| name).collect()
}
