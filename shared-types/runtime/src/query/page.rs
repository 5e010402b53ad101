//! What lists are asked for: a part of them, in an order.

use std::num::NonZeroU32;

use serde::Deserialize;
use utoipa::ToSchema;

/// How many items are left out before the first that is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(minimum = 0, default = 0)]
pub struct Offset(u32);

impl Offset {
    /// The number.
    pub fn get(self) -> u32 {
        self.0
    }
}

/// How many items are shown; at least one, and 10 unless the request says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(transparent)]
#[schema(value_type = u32, minimum = 1, default = 10)]
pub struct Limit(NonZeroU32);

impl Limit {
    const DEFAULT: Self = Self(NonZeroU32::new(10).expect("10 is not 0"));

    /// The number.
    pub fn get(self) -> u32 {
        self.0.get()
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// An order: `+attribute` or `-attribute`. In a URL the plus sign is written `%2B`. Document it with
/// `#[param(value_type = Option<String>)]`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Sort {
    /// By what, which the list knows or not.
    pub attribute: String,
    /// Which end comes first.
    pub direction: Direction,
}

/// Which end of a list comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// The smallest.
    Ascending,
    /// The largest.
    Descending,
}

/// The text is no order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected + or - and the name of an attribute")]
pub struct InvalidSort;

impl TryFrom<String> for Sort {
    type Error = InvalidSort;

    fn try_from(text: String) -> Result<Self, InvalidSort> {
        let (direction, attribute) = match text.split_at_checked(1) {
            Some(("+", attribute)) => (Direction::Ascending, attribute),
            Some(("-", attribute)) => (Direction::Descending, attribute),
            _ => return Err(InvalidSort),
        };
        let is_name = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
        if attribute.is_empty() || !attribute.bytes().all(is_name) {
            return Err(InvalidSort);
        }
        Ok(Self {
            attribute: attribute.to_owned(),
            direction,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use utoipa::IntoParams;

    use super::{Direction, Limit, Offset, Sort};
    use crate::query::{Parameters, parse};

    #[derive(Debug, Default, PartialEq, Deserialize, IntoParams)]
    struct List {
        #[serde(default)]
        offset: Offset,
        #[serde(default)]
        limit: Limit,
        #[param(value_type = Option<String>)]
        sort: Option<Sort>,
    }

    impl Parameters for List {}

    #[test]
    fn a_list_begins_with_its_first_ten_items() {
        let list: List = parse("").unwrap();
        assert_eq!((list.offset.get(), list.limit.get()), (0, 10));
        let list: List = parse("offset=20&limit=1").unwrap();
        assert_eq!((list.offset.get(), list.limit.get()), (20, 1));
        for (query, name) in [
            ("limit=0", "limit"),
            ("limit=-1", "limit"),
            ("limit=1.5", "limit"),
            ("limit=x", "limit"),
            ("limit=4294967296", "limit"),
            ("offset=-1", "offset"),
            ("offset=", "offset"),
        ] {
            assert_eq!(parse::<List>(query).unwrap_err().name, name, "{query}");
        }
    }

    #[test]
    fn an_order_has_a_sign_and_an_attribute() {
        for (query, attribute, direction) in [
            ("sort=%2BfullName", "fullName", Direction::Ascending),
            ("sort=-last_data", "last_data", Direction::Descending),
        ] {
            let attribute = attribute.to_owned();
            let sort = parse::<List>(query).unwrap().sort;
            assert_eq!(
                sort,
                Some(Sort {
                    attribute,
                    direction
                }),
                "{query}"
            );
        }
        // A plus sign that is not encoded is a space.
        for query in ["fullName", "+fullName", "%2B", "-", "--a", "-a1", "-é", "é"] {
            let invalid = parse::<List>(&format!("sort={query}")).unwrap_err();
            assert_eq!(invalid.name, "sort", "{query}");
        }
    }
}
