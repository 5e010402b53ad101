//! The addresses that are none: those that the reference platform invents. What an address is, and
//! when two are the same, says [`shared_types::address`].

use std::sync::LazyLock;

use regex_lite::Regex;

/// The address that the reference platform invents for accounts without one.
static TEMPORARY_ADDRESS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"unclaimed-custodial-automation\+\d+@tidepool\.org")
        .expect("the pattern is a constant")
});

pub(crate) fn is_temporary_address(text: &str) -> bool {
    TEMPORARY_ADDRESS.is_match(text)
}
