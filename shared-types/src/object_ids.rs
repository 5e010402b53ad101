//! Ids of what is kept for clinics: 24 hexadecimal digits in lower case, as the database writes its
//! own. The ids of clinicians and patients are those of their accounts ([`crate::UserId`]).

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The text is no id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected 24 hexadecimal digits in lower case")]
pub struct InvalidId;

/// The bytes that `text` writes.
fn parse(text: &str) -> Result<[u8; 12], InvalidId> {
    let digits = text.as_bytes();
    let mut bytes = [0; 12];
    if digits.len() != 2 * bytes.len() {
        return Err(InvalidId);
    }
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Ok(bytes)
}

fn digit(text: u8) -> Result<u8, InvalidId> {
    match text {
        b'0'..=b'9' => Ok(text - b'0'),
        b'a'..=b'f' => Ok(text - b'a' + 10),
        _ => Err(InvalidId),
    }
}

macro_rules! object_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(
            Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
        )]
        #[serde(try_from = "String", into = "String")]
        #[schema(
            value_type = String,
            pattern = "^[a-f0-9]{24}$",
            example = "5f8f8f8f8f8f8f8f8f8f8f8f"
        )]
        pub struct $name([u8; 12]);

        impl $name {
            /// The id as the database keeps it.
            pub fn bytes(self) -> [u8; 12] {
                self.0
            }
        }

        impl From<[u8; 12]> for $name {
            fn from(bytes: [u8; 12]) -> Self {
                Self(bytes)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                parse(text).map(Self)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;

            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.to_string()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0
                    .iter()
                    .try_for_each(|byte| write!(formatter, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, formatter)
            }
        }
    };
}

object_id! {
    /// The id of a clinic.
    ClinicId
}

object_id! {
    /// The id of a tag that a clinic gives its patients.
    TagId
}

object_id! {
    /// The id of a site of a clinic.
    SiteId
}

object_id! {
    /// The id of a message of hospital records.
    MessageId
}

#[cfg(test)]
mod tests {
    use super::{ClinicId, InvalidId};

    #[test]
    fn an_id_is_24_hexadecimal_digits_in_lower_case() {
        for text in [
            "5f8f8f8f8f8f8f8f8f8f8f8f",
            "000000000000000000000000",
            "0123456789abcdefffffffff",
        ] {
            let id: ClinicId = text.parse().unwrap();
            assert_eq!(id.to_string(), text);
            assert_eq!(ClinicId::from(id.bytes()), id);
            let json = format!("{text:?}");
            assert_eq!(serde_json::to_string(&id).unwrap(), json);
            assert_eq!(serde_json::from_str::<ClinicId>(&json).unwrap(), id);
        }
        for text in [
            "",
            "5f8f8f8f8f8f8f8f8f8f8f8",
            "5f8f8f8f8f8f8f8f8f8f8f8f0",
            "5F8F8F8F8F8F8F8F8F8F8F8F",
            "5f8f8f8f8f8f8f8f8f8f8f8g",
            "+f8f8f8f8f8f8f8f8f8f8f8f",
            " 5f8f8f8f8f8f8f8f8f8f8f8",
            "éé8f8f8f8f8f8f8f8f8f8f8f",
        ] {
            assert_eq!(text.parse::<ClinicId>(), Err(InvalidId), "{text}");
            assert!(serde_json::from_str::<ClinicId>(&format!("{text:?}")).is_err());
        }
    }
}
