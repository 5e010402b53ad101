//! E-mail addresses: what is one, and when two are the same.

use std::sync::LazyLock;

use regex_lite::Regex;

static E_MAIL: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"\A(?i:[^@\s]+@(?:[-a-z0-9]+\.)+[a-z]{2,})\z").expect("the pattern is a constant")
});

/// The address that the reference platform invents for accounts without one.
static TEMPORARY_ADDRESS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"unclaimed-custodial-automation\+\d+@tidepool\.org")
        .expect("the pattern is a constant")
});

/// Longest user name, as in the e-mail standards.
pub(super) const MAX_USERNAME_CHARS: usize = 254;

pub(crate) fn is_email(text: &str) -> bool {
    text.len() <= 4 * MAX_USERNAME_CHARS && E_MAIL.is_match(text)
}

pub(crate) fn is_temporary_address(text: &str) -> bool {
    TEMPORARY_ADDRESS.is_match(text)
}

/// Whether `one` and `other` are the same address. Case does not count, but accents do, and so does
/// what merely folds to a letter (the sign for kelvin, to `k`): mail to such a look-alike reaches
/// somebody else, who must not pass for the owner of the account.
pub(crate) fn is_same_address(one: &str, other: &str) -> bool {
    folded(one) == folded(other)
}

/// `address` in lower case, apart from what would become a letter of ASCII by that.
fn folded(address: &str) -> String {
    let mut folded = String::with_capacity(address.len());
    for character in address.chars() {
        let mut lower = character.to_lowercase();
        if !character.is_ascii() && lower.any(|part| part.is_ascii()) {
            folded.push(character);
        } else {
            folded.extend(character.to_lowercase());
        }
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::{is_email, is_same_address};

    #[test]
    fn addresses_are_told_from_other_text() {
        for invalid in [
            "", "a", "a@", "a@z", "a@z.", "a@z.c", ".co", "z.co", "@z.co", "a@b@z.co", "a b@z.co",
            "a@z$z.co", "a@x#z.co", "a@z.co\n", "\na@z.co",
        ] {
            assert!(!is_email(invalid), "{invalid:?}");
        }
        for valid in [
            "a@z.com",
            "a-b@z.com",
            "a$b@z.com",
            "a#b@z.com",
            "a@stuvwxyz.co",
            "a@z.company",
            "A@Z.CO",
            "a+b@sub.z.co",
        ] {
            assert!(is_email(valid), "{valid:?}");
        }
    }

    #[test]
    fn case_does_not_count_and_look_alikes_do() {
        for (one, other, same) in [
            ("a@z.co", "a@z.co", true),
            ("a@z.co", "A@Z.CO", true),
            ("é@z.co", "É@z.co", true),
            ("a@z.co", "á@z.co", false),
            ("mike@z.co", "mi\u{212A}e@z.co", false),
            ("mi\u{212A}e@z.co", "mi\u{212A}e@z.co", true),
            ("i@z.co", "\u{130}@z.co", false),
            ("s@z.co", "\u{17F}@z.co", false),
            ("a@z.co", "a@z.com", false),
            ("a@z.co", " a@z.co", false),
            ("", "", true),
            ("a@z.co", "", false),
        ] {
            assert_eq!(is_same_address(one, other), same, "{one} {other}");
            assert_eq!(is_same_address(other, one), same, "{one} {other}");
        }
    }
}
