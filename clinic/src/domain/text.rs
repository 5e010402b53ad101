//! Texts of requests that must not be empty.

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
