//! Ids that services exchange.

use std::{fmt, sync::LazyLock};

use regex_lite::Regex;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

static USER_ID_FORM: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        "^([a-fA-F0-9]{10}|[a-fA-F0-9]{8}-[a-fA-F0-9]{4}-[a-fA-F0-9]{4}-[a-fA-F0-9]{4}-[a-fA-F0-9]{12})$",
    )
    .expect("the pattern is a constant")
});

/// The id of an account: ten hexadecimal digits (old accounts) or a UUID (all later ones).
///
/// The form is not enforced: permissions are keyed by whatever id a caller names, and an unknown
/// id simply has none.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = String, example = "0b9d2c4e-7a1f-4b6c-9d55-2f8e01c3a7d4")]
pub struct UserId(String);

impl UserId {
    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `text` is written like an account id, rather than like an e-mail or a name.
    pub fn has_id_form(text: &str) -> bool {
        USER_ID_FORM.is_match(text)
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl AsRef<str> for UserId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl From<&str> for UserId {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl From<String> for UserId {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl From<UserId> for String {
    fn from(id: UserId) -> Self {
        id.0
    }
}

#[cfg(test)]
mod tests {
    use super::UserId;

    #[test]
    fn old_and_new_ids_have_the_form_and_names_do_not() {
        for id in [
            "0123456789",
            "abcdefABCD",
            "0b9d2c4e-7a1f-4b6c-9d55-2f8e01c3a7d4",
        ] {
            assert!(UserId::has_id_form(id), "{id}");
        }
        for text in [
            "",
            "012345678",
            "01234567890",
            "a@example.org",
            "0b9d2c4e7a1f4b6c9d552f8e01c3a7d4",
        ] {
            assert!(!UserId::has_id_form(text), "{text}");
        }
    }
}
