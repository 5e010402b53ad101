//! Request bodies: taken as they come, whatever their content type says, within the size limit, and
//! read as a type whose members say what they take.
//!
//! | member | absent | `null` |
//! |---|---|---|
//! | `T` | refused | refused |
//! | `#[serde(default, deserialize_with = "not_null")] Option<T>` | `None` | refused |
//! | `Option<T>` | `None` | `None` |
//! | `#[serde(default)] Member<T>` | `Absent` | `Null` |

mod json;

use std::{fmt, future::Future, io::ErrorKind, pin::Pin, time::Duration};

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    error::PayloadError,
    http::header::{self, HeaderMap},
    web::Bytes,
};
use serde::{
    Deserialize, Deserializer,
    de::{DeserializeOwned, Error as _},
};
use serde_json::Value;
use tokio::time::Instant;

use self::json::Node;
use crate::{
    auth::identify_again,
    error::{ApiError, Envelope, Rejection},
};

/// A body that takes longer than this may outlive the token of its request.
const PROMPT: Duration = Duration::from_secs(1);

/// The body of a request, unparsed. Clients of the public APIs send JSON with any content type or
/// none, so the handler parses what it got.
#[derive(Debug, Clone)]
pub struct Body(pub Bytes);

impl Body {
    /// The body as `T`, if it is a JSON object.
    pub fn parse_object<T: DeserializeOwned>(&self) -> Result<T, InvalidBody> {
        parse_object(&self.0)
    }

    /// The same; no body at all, white space and `null` say nothing.
    pub fn parse_optional_object<T: DeserializeOwned + Default>(&self) -> Result<T, InvalidBody> {
        if matches!(self.0.trim_ascii(), b"" | b"null") {
            return Ok(T::default());
        }
        self.parse_object()
    }

    /// The body as `T`, if it is a JSON list; no body at all and `null` are none.
    pub fn parse_optional_list<T: DeserializeOwned>(&self) -> Result<Option<T>, InvalidBody> {
        if self.0.is_empty() {
            return Ok(None);
        }
        match serde_json::from_slice(&self.0).map_err(InvalidBody::custom)? {
            Value::Null => Ok(None),
            list @ Value::Array(_) => T::deserialize(Node(list)).map(Some),
            _ => Err(InvalidBody::custom("expected a list")),
        }
    }
}

impl FromRequest for Body {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let request = request.clone();
        if is_encoded(request.headers()) {
            return Box::pin(
                async move { Err(Envelope::render(&request, Rejection::BodyEncoded)) },
            );
        }
        let bytes = Bytes::from_request(&request, payload);
        let began = Instant::now();
        Box::pin(async move {
            match bytes.await {
                Ok(bytes) => {
                    if began.elapsed() > PROMPT {
                        identify_again(&request).await?;
                    }
                    Ok(Self(bytes))
                }
                Err(error) => {
                    let rejection = match error.as_error::<PayloadError>() {
                        Some(PayloadError::Overflow) => Rejection::BodyTooLarge,
                        Some(PayloadError::Io(error)) if error.kind() == ErrorKind::TimedOut => {
                            Rejection::BodyTooSlow
                        }
                        _ => Rejection::BodyUnreadable,
                    };
                    Err(Envelope::render(&request, rejection))
                }
            }
        })
    }
}

/// Whether the body is other than it was written: compressed, for example.
fn is_encoded(headers: &HeaderMap) -> bool {
    headers.get_all(header::CONTENT_ENCODING).any(|value| {
        value
            .as_bytes()
            .split(|byte| *byte == b',')
            .map(<[u8]>::trim_ascii)
            .any(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity"))
    })
}

/// `json` as `T`, if it is an object. Wherever `T` wants one there is one: of a list, whose items
/// serde takes for the members in their order, nothing is read. Of a member that is there twice, the
/// last counts.
pub fn parse_object<T: DeserializeOwned>(json: &[u8]) -> Result<T, InvalidBody> {
    let value: Value = serde_json::from_slice(json).map_err(InvalidBody::custom)?;
    match value {
        Value::Object(_) => T::deserialize(Node(value)),
        _ => Err(InvalidBody::custom("expected an object")),
    }
}

/// Why a body is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct InvalidBody {
    /// What of it is wrong, as a JSON pointer (RFC 6901); empty for all of it.
    pub pointer: String,
    /// Why, for people.
    pub problem: String,
}

impl fmt::Display for InvalidBody {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.pointer.is_empty() {
            write!(formatter, "{}: ", self.pointer)?;
        }
        formatter.write_str(&self.problem)
    }
}

/// A member of a change: to set it to `null` is another change than to leave it as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Member<T> {
    /// It is not there.
    #[default]
    Absent,
    /// It is `null`.
    Null,
    /// It has a value.
    Given(T),
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Member<T> {
    fn deserialize<D: Deserializer<'de>>(member: D) -> Result<Self, D::Error> {
        let value = Option::deserialize(member)?;
        Ok(value.map_or(Self::Null, Self::Given))
    }
}

/// For `#[serde(default, deserialize_with = "not_null")]`: the member may be absent, and is not
/// `null`.
pub fn not_null<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    member: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(member).map(Some)
}

/// Whether `value` nests at most `limit` levels of arrays and objects.
pub fn nests_within(value: &Value, limit: usize) -> bool {
    match value {
        Value::Array(items) => limit > 0 && items.iter().all(|item| nests_within(item, limit - 1)),
        Value::Object(members) => {
            limit > 0
                && members
                    .values()
                    .all(|member| nests_within(member, limit - 1))
        }
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use serde::Deserialize;

    use super::{Body, InvalidBody, Member, nests_within, not_null, parse_object};

    #[test]
    fn a_list_is_no_object() {
        #[derive(Debug, Default, PartialEq, serde::Deserialize)]
        struct Members {
            key: String,
        }
        let parse = |text: &'static str| {
            Body(actix_web::web::Bytes::from_static(text.as_bytes()))
                .parse_optional_object::<Members>()
        };
        let key = "k".to_owned();
        assert_eq!(parse(r#"{"key": "k"}"#).unwrap(), Members { key });
        for nothing in ["", " \n", " null "] {
            assert_eq!(parse(nothing).unwrap(), Members::default());
        }
        for text in [r#"["k"]"#, "[]", "1", "{", "{}", "nul"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_list_may_be_absent() {
        let parse = |text: &'static str| {
            Body(actix_web::web::Bytes::from_static(text.as_bytes()))
                .parse_optional_list::<Vec<u32>>()
        };
        for nothing in ["", "null", " null "] {
            assert_eq!(parse(nothing).unwrap(), None);
        }
        assert_eq!(parse("[1, 2]").unwrap(), Some(vec![1, 2]));
        for text in [" ", "{}", "1", "[", "nul"] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert_eq!(parse("[1, null]").unwrap_err().pointer, "/1");
    }

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Change {
        #[serde(default, deserialize_with = "not_null")]
        name: Option<String>,
        #[serde(default)]
        email: Member<String>,
        address: Option<Address>,
        #[serde(default)]
        others: Vec<Address>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Address {
        city: String,
        number: Option<f64>,
    }

    fn change(json: &str) -> Result<Change, InvalidBody> {
        parse_object(json.as_bytes())
    }

    #[test]
    fn a_member_is_absent_null_or_given() {
        let given = Member::Given("a@z.co".to_owned());
        for (json, email) in [
            ("{}", Member::Absent),
            (r#"{"email": null}"#, Member::Null),
            (r#"{"email": "a@z.co"}"#, given.clone()),
            (r#"{"email": null, "email": "a@z.co"}"#, given),
        ] {
            let wanted = Change {
                email,
                ..Change::default()
            };
            assert_eq!(change(json), Ok(wanted), "{json}");
        }
        let read = change(r#"{"name": "n", "address": {"city": "c", "number": 1}, "x": []}"#);
        let address = Address {
            city: "c".to_owned(),
            number: Some(1.0),
        };
        assert_eq!(
            read,
            Ok(Change {
                name: Some("n".to_owned()),
                address: Some(address),
                ..Change::default()
            })
        );
        assert_eq!(change(r#"{"address": null}"#), Ok(Change::default()));
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (json, pointer, problem) in [
            ("[]", "", "expected an object"),
            ("null", "", "expected an object"),
            ("{", "", "EOF while parsing an object at line 1 column 1"),
            (
                r#"{"name": null}"#,
                "/name",
                "invalid type: null, expected a string",
            ),
            (
                r#"{"email": 1}"#,
                "/email",
                "invalid type: integer `1`, expected a string",
            ),
            (r#"{"address": ["c"]}"#, "/address", "expected an object"),
            (r#"{"address": {}}"#, "/address", "missing field `city`"),
            (
                r#"{"others": [{"city": "c"}, {"city": "d", "number": "x"}]}"#,
                "/others/1/number",
                "invalid type: string \"x\", expected f64",
            ),
        ] {
            let invalid = change(json).unwrap_err();
            assert_eq!(invalid.pointer, pointer, "{json}");
            assert_eq!(invalid.problem, problem, "{json}");
        }
        let invalid = change(r#"{"address": {}}"#).unwrap_err();
        assert_eq!(invalid.to_string(), "/address: missing field `city`");
    }

    #[test]
    fn depth_counts_arrays_and_objects() {
        assert!(nests_within(&json!(1), 0));
        assert!(!nests_within(&json!({}), 0));
        assert!(nests_within(&json!({"a": [1]}), 2));
        assert!(!nests_within(&json!({"a": [[]]}), 2));
    }
}
