//! Bodies of requests: JSON, said to be such.
//!
//! Clients of the other services send JSON under any type, so their handlers take a plain [`Body`]; what is
//! read from it is read by the same function, [`shared_runtime::body::parse_object()`]. The clinics API refuses
//! other types, and what stands here refuses them before a handler runs.

use std::{future::Future, pin::Pin};

use actix_web::{FromRequest, HttpMessage as _, HttpRequest, dev::Payload};
use serde::de::DeserializeOwned;
use shared_runtime::{
    body::{Body, InvalidBody},
    error::ApiError,
};

use crate::domain::Refusal;

/// A body that must be there.
pub(crate) struct Required<T>(pub(crate) T);

type Extracted<T> = Pin<Box<dyn Future<Output = Result<T, ApiError>>>>;

impl<T: DeserializeOwned + 'static> FromRequest for Required<T> {
    type Error = ApiError;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = taken(request, payload);
        Box::pin(async move {
            let body = body.await?;
            Ok(Self(body.parse_object().map_err(invalid)?))
        })
    }
}

/// A body that may be absent.
pub(crate) struct Optional<T>(pub(crate) T);

impl<T: DeserializeOwned + Default + 'static> FromRequest for Optional<T> {
    type Error = ApiError;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = taken(request, payload);
        Box::pin(async move {
            let body = body.await?;
            if body.0.is_empty() {
                return Ok(Self(T::default()));
            }
            Ok(Self(body.parse_object().map_err(invalid)?))
        })
    }
}

/// A body that is a list, or absent, or `null`.
pub(crate) struct OptionalList<T>(pub(crate) Option<T>);

impl<T: DeserializeOwned + 'static> FromRequest for OptionalList<T> {
    type Error = ApiError;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = taken(request, payload);
        Box::pin(async move {
            let body = body.await?;
            Ok(Self(body.parse_optional_list().map_err(invalid)?))
        })
    }
}

/// A body that is a list.
pub(crate) struct RequiredList<T>(pub(crate) T);

impl<T: DeserializeOwned + 'static> FromRequest for RequiredList<T> {
    type Error = ApiError;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let list = OptionalList::<T>::from_request(request, payload);
        Box::pin(async move {
            let OptionalList(list) = list.await?;
            let expected = || Refusal::InvalidBody("expected a list".to_owned());
            Ok(Self(list.ok_or_else(expected)?))
        })
    }
}

/// A message of a hospital, unparsed, which says that it is JSON. Unlike in other bodies, another type is not a
/// rule that is broken but one that is not supported, also where the message is empty, as in the reference.
pub(crate) struct Message(pub(crate) Body);

impl FromRequest for Message {
    type Error = ApiError;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = Body::from_request(request, payload);
        let is_said_to_be_json = is_json(request.content_type());
        Box::pin(async move {
            let body = body.await?;
            if is_said_to_be_json {
                Ok(Self(body))
            } else {
                Err(Refusal::NotSaidToBeJson.into())
            }
        })
    }
}

/// The longest message of a hospital, in bytes. Redox stops the feed at one that is longer.
pub(super) const MAX_MESSAGE: usize = 10 << 20;

fn is_json(content_type: &str) -> bool {
    content_type.eq_ignore_ascii_case("application/json")
}

/// The body, which is JSON by its type unless there is none.
fn taken(
    request: &HttpRequest,
    payload: &mut Payload,
) -> impl Future<Output = Result<Body, ApiError>> + use<> {
    let body = Body::from_request(request, payload);
    let content_type = request.content_type().to_owned();
    async move {
        let body = body.await?;
        if !body.0.is_empty() && !is_json(&content_type) {
            let problem = format!("header Content-Type has unexpected value \"{content_type}\"");
            return Err(Refusal::InvalidBody(problem).into());
        }
        Ok(body)
    }
}

pub(super) fn invalid(invalid: InvalidBody) -> Refusal {
    Refusal::InvalidBody(if invalid.pointer.is_empty() {
        invalid.problem
    } else {
        format!("Error at \"{}\": {}", invalid.pointer, invalid.problem)
    })
}
