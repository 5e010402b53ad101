//! Request bodies: taken as they come, whatever their content type says, within the size limit.

use std::{future::Future, io::ErrorKind, pin::Pin};

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    error::PayloadError,
    http::header::{self, HeaderMap},
    web::Bytes,
};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::error::{ApiError, Envelope, Rejection};

/// The body of a request, unparsed. Clients of the public APIs send JSON with any content type or
/// none, so the handler parses what it got.
#[derive(Debug, Clone)]
pub struct Body(pub Bytes);

impl Body {
    /// The body as `T`.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_slice(&self.0)
    }

    /// The body as `T`, if it is a JSON object.
    pub fn parse_object<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        parse_object(&self.0)
    }

    /// The same; no body at all, white space and `null` say nothing.
    pub fn parse_optional_object<T: DeserializeOwned + Default>(
        &self,
    ) -> Result<T, serde_json::Error> {
        if matches!(self.0.trim_ascii(), b"" | b"null") {
            return Ok(T::default());
        }
        self.parse_object()
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
        Box::pin(async move {
            match bytes.await {
                Ok(bytes) => Ok(Self(bytes)),
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

/// `json` as `T`, if it is an object. Without this look a list would pass as well, whose items serde
/// takes for the members in their order.
pub fn parse_object<T: DeserializeOwned>(json: &[u8]) -> Result<T, serde_json::Error> {
    let members: Map<String, Value> = serde_json::from_slice(json)?;
    T::deserialize(Value::Object(members))
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

    use super::{Body, nests_within};

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
    fn depth_counts_arrays_and_objects() {
        assert!(nests_within(&json!(1), 0));
        assert!(!nests_within(&json!({}), 0));
        assert!(nests_within(&json!({"a": [1]}), 2));
        assert!(!nests_within(&json!({"a": [[]]}), 2));
    }
}
