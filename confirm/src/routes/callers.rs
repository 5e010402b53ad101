//! Who calls.

use std::{future::Future, pin::Pin};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use shared_runtime::{
    auth::{Caller, TOKEN_HEADER},
    error::ApiError,
};

use crate::error::Refusal;

/// The bearer of a valid token. An empty one counts as none.
pub(crate) struct Bearer(pub(crate) Caller);

/// A service; others get 401.
pub(crate) struct Service;

type Extracted<T> = Pin<Box<dyn Future<Output = Result<T, ApiError>>>>;

impl FromRequest for Bearer {
    type Error = ApiError;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let is_empty = request
            .headers()
            .get(TOKEN_HEADER)
            .is_some_and(|token| token.as_bytes().trim_ascii().is_empty());
        let caller = Caller::from_request(request, payload);
        Box::pin(async move {
            if is_empty {
                return Err(Refusal::NoToken.into());
            }
            Ok(Self(caller.await?))
        })
    }
}

impl FromRequest for Service {
    type Error = ApiError;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let bearer = Bearer::from_request(request, payload);
        Box::pin(async move {
            if bearer.await?.0.is_server {
                Ok(Self)
            } else {
                Err(Refusal::NotAllowed.into())
            }
        })
    }
}
