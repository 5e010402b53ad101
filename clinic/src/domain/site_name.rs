//! Names of sites.

use std::sync::LazyLock;

use regex::Regex;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Letters, digits and what is printed of ASCII, with blanks in between.
static FORM: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^[[:graph:]\p{L}\p{N}][[:graph:]\p{L}\p{N} ]*$")
        .expect("the pattern is a constant")
});

const MAX_LENGTH: usize = 200;

/// A name of 1 to 200 characters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(try_from = "String", into = "String")]
#[schema(value_type = String, min_length = 1, max_length = 200)]
pub(crate) struct SiteName(String);

impl SiteName {
    /// The name.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for SiteName {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.chars().count() > MAX_LENGTH {
            return Err("must have 200 characters at most");
        }
        if FORM.is_match(&text) {
            Ok(Self(text))
        } else {
            Err("is no name of a site")
        }
    }
}

impl From<SiteName> for String {
    fn from(name: SiteName) -> Self {
        name.0
    }
}

#[cfg(test)]
mod tests {
    use super::SiteName;

    #[test]
    fn a_name_is_printed_and_does_not_begin_with_a_blank() {
        let read = |text: &str| SiteName::try_from(text.to_owned());
        for text in ["N", "North (2)", "Größe 1", "#1", &"x".repeat(200)] {
            assert!(read(text).is_ok(), "{text}");
        }
        for text in [
            "",
            " North",
            "North\n",
            "a\tb",
            "a\u{a0}b",
            &"x".repeat(201),
        ] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
