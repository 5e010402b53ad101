//! Queries: a type says which parameters there are, reads them, and documents them.
//!
//! ```
//! use serde::Deserialize;
//! use shared_runtime::query::{Limit, Offset, Parameters, parse};
//! use utoipa::IntoParams;
//!
//! #[derive(Deserialize, IntoParams)]
//! struct Page {
//!     /// How many are left out.
//!     #[serde(default)]
//!     offset: Offset,
//!     /// How many are shown.
//!     #[serde(default)]
//!     limit: Limit,
//! }
//!
//! impl Parameters for Page {}
//!
//! let page: Page = parse("limit=50").unwrap();
//! assert_eq!((page.offset.get(), page.limit.get()), (0, 50));
//! assert_eq!(parse::<Page>("limit=0").err().unwrap().name, "limit");
//! ```

mod page;
mod until;
mod value;

use std::{
    borrow::Cow,
    collections::HashSet,
    convert::Infallible,
    future::{Ready, ready},
};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use serde::de::{DeserializeOwned, value::MapAccessDeserializer};
use utoipa::IntoParams;

use self::value::{Pairs, Value};
pub use self::{
    page::{Direction, InvalidSort, Limit, Offset, Sort},
    until::Until,
};
use crate::error::{ApiError, Envelope, Rejection};

/// The parameters of a query.
///
/// `#[serde(deny_unknown_fields)]` refuses other parameters, which are ignored without.
pub trait Parameters: DeserializeOwned + IntoParams {
    /// What a parameter that is there without a value means.
    const EMPTY: Empty = Empty::Refused;
    /// Whether the first of a repeated parameter counts; otherwise the query is refused.
    const FIRST_COUNTS: bool = false;
}

/// What `?name=` means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Empty {
    /// The query is refused.
    Refused,
    /// The same as no parameter.
    Absent,
    /// The empty text.
    Kept,
}

/// Why a query is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name}: {problem}")]
pub struct InvalidParameter {
    /// Which parameter cannot be read.
    pub name: String,
    /// Why, for people.
    pub problem: String,
}

/// The query of a request, which is read once the caller is known to have the right to ask.
#[derive(Debug)]
pub struct Query<T> {
    parameters: Result<T, InvalidParameter>,
    request: HttpRequest,
}

impl<T> Query<T> {
    /// The parameters, or the refusal in the words of the service.
    pub fn read(self) -> Result<T, ApiError> {
        self.parameters.map_err(|invalid| {
            Envelope::render(&self.request, Rejection::InvalidParameter(invalid))
        })
    }
}

impl<T: Parameters> FromRequest for Query<T> {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self {
            parameters: parse(request.query_string()),
            request: request.clone(),
        }))
    }
}

/// The parameters of `query`, as it stands in a URL behind the `?`.
pub fn parse<T: Parameters>(query: &str) -> Result<T, InvalidParameter> {
    let mut seen = HashSet::<Cow<'_, str>>::new();
    let parameters = form_urlencoded::parse(query.as_bytes())
        .filter(|(name, _)| !T::FIRST_COUNTS || seen.insert(name.clone()))
        .filter(|(_, text)| !(text.is_empty() && T::EMPTY == Empty::Absent))
        .map(|(name, text)| {
            let may_be_empty = T::EMPTY == Empty::Kept;
            (name, Value { text, may_be_empty })
        });
    T::deserialize(MapAccessDeserializer::new(Pairs::new(parameters)))
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;
    use utoipa::IntoParams;

    use super::{Empty, InvalidParameter, Parameters, parse};

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Kind {
        Cgm,
        Bgm,
    }

    /// As strict as can be.
    #[derive(Debug, Default, PartialEq, Deserialize, IntoParams)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Strict {
        search: Option<String>,
        #[serde(default)]
        at_most: u32,
        #[param(value_type = Option<String>)]
        kind: Option<Kind>,
        flag: Option<bool>,
    }

    impl Parameters for Strict {}

    #[derive(Debug, PartialEq, Deserialize, IntoParams)]
    struct Lenient {
        name: Option<String>,
        number: Option<f64>,
    }

    impl Parameters for Lenient {
        const EMPTY: Empty = Empty::Absent;
        const FIRST_COUNTS: bool = true;
    }

    #[derive(Debug, PartialEq, Deserialize, IntoParams)]
    struct Kept {
        name: String,
    }

    impl Parameters for Kept {
        const EMPTY: Empty = Empty::Kept;
        const FIRST_COUNTS: bool = true;
    }

    fn invalid(name: &str, problem: &str) -> InvalidParameter {
        InvalidParameter {
            name: name.to_owned(),
            problem: problem.to_owned(),
        }
    }

    #[test]
    fn parameters_are_read_by_their_types() {
        assert_eq!(parse::<Strict>(""), Ok(Strict::default()));
        assert_eq!(
            parse("search=a%20b+%2Bc&atMost=7&kind=bgm&flag=true"),
            Ok(Strict {
                search: Some("a b +c".to_owned()),
                at_most: 7,
                kind: Some(Kind::Bgm),
                flag: Some(true),
            })
        );
    }

    #[test]
    fn a_parameter_that_is_refused_is_named() {
        for (query, name, problem) in [
            ("atMost=x", "atMost", "invalid digit found in string"),
            (
                "atMost=4294967296",
                "atMost",
                "invalid value: integer `4294967296`, expected u32",
            ),
            ("atMost=-1", "atMost", "invalid digit found in string"),
            (
                "kind=smbg",
                "kind",
                "unknown variant `smbg`, expected `cgm` or `bgm`",
            ),
            ("search=", "search", "must not be empty"),
            ("search", "search", "must not be empty"),
            ("search=a&search=a", "search", "is there more than once"),
            ("other=1", "other", "is not known"),
            ("at_most=1", "at_most", "is not known"),
        ] {
            assert_eq!(
                parse::<Strict>(query),
                Err(invalid(name, problem)),
                "{query}"
            );
        }
        assert_eq!(parse::<Kept>("other=1"), Err(invalid("name", "is missing")));
    }

    #[test]
    fn a_lenient_query_takes_the_first_and_ignores_what_it_does_not_know() {
        let read = |name: Option<&str>, number| {
            Ok(Lenient {
                name: name.map(str::to_owned),
                number,
            })
        };
        for (query, wanted) in [
            ("name=a&name=b&other=&other=1", read(Some("a"), None)),
            ("name=&name=b&number=", read(None, None)),
            ("number=-1.5&number=x", read(None, Some(-1.5))),
            ("&&=&=x", read(None, None)),
        ] {
            assert_eq!(parse::<Lenient>(query), wanted, "{query}");
        }
        let name = String::new();
        assert_eq!(parse::<Kept>("name=&name=b"), Ok(Kept { name }));
    }
}
