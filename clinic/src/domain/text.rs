//! Texts of requests that must not be empty, and texts in whatever case.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A text of at least one character.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, min_length = 1)]
pub(crate) struct Filled(String);

/// The text has no character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("must not be empty")]
pub(crate) struct Blank;

impl Filled {
    /// The text.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Filled {
    type Error = Blank;

    fn try_from(text: String) -> Result<Self, Blank> {
        if text.is_empty() {
            return Err(Blank);
        }
        Ok(Self(text))
    }
}

impl From<Filled> for String {
    fn from(text: Filled) -> Self {
        text.0
    }
}

/// The form that a text has in common with those that differ from it in upper and lower case alone.
/// Letters are folded one by one: no letter becomes two, as a sharp s would in capitals.
pub(crate) fn folded(text: &str) -> String {
    text.chars().map(fold).collect()
}

fn fold(letter: char) -> char {
    if letter.is_ascii() {
        return letter.to_ascii_lowercase();
    }
    // By way of the capital, since some small letters have it in common.
    let capital = alone(letter.to_uppercase()).unwrap_or(letter);
    alone(capital.to_lowercase()).unwrap_or(capital)
}

fn alone(mut letters: impl Iterator<Item = char>) -> Option<char> {
    let letter = letters.next()?;
    letters.next().is_none().then_some(letter)
}

#[cfg(test)]
mod tests {
    use super::folded;

    #[test]
    fn case_makes_no_difference_and_accents_do() {
        for (some, others) in [
            ("Ana ELM", "aNA elm"),
            ("ÉMILE", "émile"),
            ("ΣΊΣΥΦΟΣ", "σίσυφος"),
            ("Straße", "STRAẞE"),
            ("\u{212a}elvin", "KELVIN"),
            ("ǅ", "ǆ"),
        ] {
            assert_eq!(folded(some), folded(others));
        }
        for (one, other) in [("e", "é"), ("ss", "ß"), ("i", "İ"), ("a", "b")] {
            assert_ne!(folded(one), folded(other));
        }
        assert_eq!(folded("2001-02-03 \0@"), "2001-02-03 \0@");
    }
}
