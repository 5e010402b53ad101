//! Request bodies: taken as they come, whatever their content type says, within the size limit.

use std::{future::Future, pin::Pin};

use actix_web::{FromRequest, HttpRequest, dev::Payload, error::PayloadError, web::Bytes};
use serde::de::DeserializeOwned;
use serde_json::Value;

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
}

impl FromRequest for Body {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let bytes = Bytes::from_request(request, payload);
        let request = request.clone();
        Box::pin(async move {
            match bytes.await {
                Ok(bytes) => Ok(Self(bytes)),
                Err(error) => {
                    let rejection = match error.as_error::<PayloadError>() {
                        Some(PayloadError::Overflow) => Rejection::BodyTooLarge,
                        _ => Rejection::BodyUnreadable,
                    };
                    Err(Envelope::render(&request, rejection))
                }
            }
        })
    }
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

    use super::nests_within;

    #[test]
    fn depth_counts_arrays_and_objects() {
        assert!(nests_within(&json!(1), 0));
        assert!(!nests_within(&json!({}), 0));
        assert!(nests_within(&json!({"a": [1]}), 2));
        assert!(!nests_within(&json!({"a": [[]]}), 2));
    }
}
