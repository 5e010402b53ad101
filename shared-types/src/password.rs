//! Passwords: which are taken, and what of them is hashed. The only definition of both.

use std::{collections::HashSet, ops::RangeInclusive, sync::LazyLock};

use thiserror::Error;
use unicode_normalization::UnicodeNormalization;

/// Shortest and longest password, in characters, normalized.
const LENGTH: RangeInclusive<usize> = 8..=72;

/// Longest password as it is given, in bytes: more than any spelling of 72 characters takes.
const MAX_BYTES: usize = 1024;

/// `password` in the spelling that all its spellings have in common (NFKC): keyboards and systems
/// differ in how they write one character.
pub fn normalized(password: &str) -> String {
    password.nfkc().collect()
}

/// Whether `password` can be chosen: 8 to 72 characters, with spaces between others if one likes,
/// but none at the ends, where many programs cut them off, nor other white space or control
/// characters, which cannot be typed again.
pub fn is_acceptable(password: &str) -> bool {
    if password.len() > MAX_BYTES {
        return false;
    }
    let password = normalized(password);
    LENGTH.contains(&password.chars().count())
        && !password.starts_with(' ')
        && !password.ends_with(' ')
        && !password.chars().any(|character| {
            character.is_control() || character.is_whitespace() && character != ' '
        })
}

/// The commonest ones that are long enough, in lower case (see the README beside the list).
static COMMON: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    include_str!("../data/common_passwords.txt")
        .lines()
        .collect()
});

/// Why a password would be guessed first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Weakness {
    /// Many people have it.
    #[error("The password is one of the most common ones; choose another one")]
    Common,
    /// It is a name or an address of the account, or what stands before the @ in one.
    #[error("The password is a name or an address of the account; choose another one")]
    Own,
}

/// Why `password` of an account with these `names` and addresses would be guessed first; `None`: it
/// would not. Case does not count.
pub fn weakness<'a>(password: &str, mut names: impl Iterator<Item = &'a str>) -> Option<Weakness> {
    let folded = |text: &str| normalized(text).to_lowercase();
    let password = folded(password);
    let is_name = |name: &str| {
        let name = folded(name.trim());
        let local = name.rsplit_once('@').map(|(local, _)| local);
        password == name
            || local == Some(&password)
            || password == name.replace(char::is_whitespace, "")
    };
    if names.any(is_name) {
        Some(Weakness::Own)
    } else {
        COMMON
            .contains(password.as_str())
            .then_some(Weakness::Common)
    }
}

#[cfg(test)]
mod tests {
    use super::{COMMON, Weakness, is_acceptable, normalized, weakness};

    #[test]
    fn the_commonest_passwords_are_weak_in_any_case() {
        for password in [
            "password",
            "PassWord",
            "12345678",
            "11111111",
            "qwertyuiop",
            "iloveyou",
            "football",
            "1qaz2wsx",
            "trustno1",
            "ｐａｓｓｗｏｒｄ",
        ] {
            let names = std::iter::empty();
            assert_eq!(
                weakness(password, names),
                Some(Weakness::Common),
                "{password}"
            );
        }
        for password in [
            "correct horse battery staple",
            "abdjcmekzotuqwhilpsr",
            "xxxxxxxxxz",
        ] {
            assert_eq!(weakness(password, std::iter::empty()), None, "{password}");
        }
    }

    #[test]
    fn the_list_has_more_than_the_commonest_ten_thousand_that_are_long_enough() {
        assert!(COMMON.len() > 10_000);
        for password in COMMON.iter() {
            assert!(is_acceptable(password), "{password:?}");
            assert_eq!(normalized(password).to_lowercase(), **password);
        }
    }

    #[test]
    fn own_names_and_addresses_are_weak() {
        let names = ["Alice.Smith@example.org", "Alice B. Smith"];
        for password in [
            "alice.smith@example.org",
            "ALICE.SMITH",
            "alice b. smith",
            "AliceB.Smith",
        ] {
            let found = weakness(password, names.into_iter());
            assert_eq!(found, Some(Weakness::Own), "{password}");
        }
        for password in ["alice.smith1", "example.org", "smith alice b."] {
            assert_eq!(weakness(password, names.into_iter()), None, "{password}");
        }
    }

    #[test]
    fn one_password_is_one_in_all_its_spellings() {
        assert_eq!(normalized("cafe\u{301}"), "caf\u{e9}");
        assert_eq!(normalized("ｐａｓｓ"), "pass");
        assert_eq!(normalized("no\u{a0}break"), "no break");
    }

    #[test]
    fn passwords_have_8_to_72_characters_and_no_space_at_the_ends() {
        for invalid in [
            "",
            "1234567",
            "12345678\t",
            "1234\t5678",
            "1234\n5678",
            "1234\u{0}5678",
            "1234\u{85}5678",
            "1234\u{2028}5678",
            " 12345678",
            "12345678 ",
            "\u{a0}12345678",
            "\u{3000}\u{3000}\u{3000}\u{3000}\u{3000}\u{3000}\u{3000}\u{3000}",
            // Seven characters, however they are written.
            "cafe\u{301}123",
            &"x".repeat(73),
            &"e\u{301}".repeat(73),
            &"x".repeat(100_000),
        ] {
            assert!(!is_acceptable(invalid), "{invalid:?}");
        }
        for valid in [
            "12345678",
            "1234 5678",
            "correct horse battery staple",
            &"x".repeat(72),
            &"e\u{301}".repeat(72),
            "pässwörter",
            "日本語のパスワード",
        ] {
            assert!(is_acceptable(valid), "{valid:?}");
        }
    }
}
