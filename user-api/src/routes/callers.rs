//! Who calls, in the words that each group of operations has for "nobody we know".

use std::{future::Future, pin::Pin};

use actix_web::{FromRequest, HttpRequest, dev::Payload, http::StatusCode};
use shared_runtime::{auth::Caller, error::ApiError};

use crate::error::Refusal;

/// The bearer of a valid token; others get 401 `Not authorized for requested operation`.
pub(crate) struct Member(pub(crate) Caller);

/// The bearer of a valid token; others get 401 `No x-tidepool-session-token was found`.
pub(crate) struct Bearer(pub(crate) Caller);

/// A service; others get 401 `No x-tidepool-session-token was found`.
pub(crate) struct Service;

/// The bearer of a valid token; others get 401 without a body.
pub(crate) struct Deleter(pub(crate) Caller);

/// The bearer of a valid token; others get 401 `"Unauthorized"`.
pub(crate) struct Relative(pub(crate) Caller);

/// Who signs up: whether it is a service that does so for somebody. No token, or none that is
/// valid, is a person without an account.
pub(crate) struct Newcomer {
    pub(crate) is_server: bool,
}

type Extracted<T> = Pin<Box<dyn Future<Output = Result<T, ApiError>>>>;

impl FromRequest for Member {
    type Error = ApiError;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let caller = caller_or(Refusal::NotAuthorized, request, payload);
        Box::pin(async move { Ok(Self(caller.await?)) })
    }
}

impl FromRequest for Bearer {
    type Error = ApiError;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let caller = caller_or(Refusal::NoToken, request, payload);
        Box::pin(async move { Ok(Self(caller.await?)) })
    }
}

impl FromRequest for Service {
    type Error = ApiError;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let caller = caller_or(Refusal::NoToken, request, payload);
        Box::pin(async move {
            if caller.await?.is_service() {
                Ok(Self)
            } else {
                Err(Refusal::NoToken.into())
            }
        })
    }
}

impl FromRequest for Deleter {
    type Error = ApiError;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let caller = caller_or(Refusal::NotAuthorizedSilently, request, payload);
        Box::pin(async move { Ok(Self(caller.await?)) })
    }
}

impl FromRequest for Relative {
    type Error = ApiError;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let caller = caller_or(Refusal::Unauthorized, request, payload);
        Box::pin(async move { Ok(Self(caller.await?)) })
    }
}

impl FromRequest for Newcomer {
    type Error = ApiError;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let caller = Caller::from_request(request, payload);
        Box::pin(async move {
            let is_server = match caller.await {
                Ok(caller) => caller.is_service(),
                Err(error) if error.status() == StatusCode::UNAUTHORIZED => false,
                Err(error) => return Err(error),
            };
            Ok(Self { is_server })
        })
    }
}

/// The caller; `refusal` takes the place of the plumbing's 401.
fn caller_or(
    refusal: Refusal,
    request: &HttpRequest,
    payload: &mut Payload,
) -> impl Future<Output = Result<Caller, ApiError>> + use<> {
    let caller = Caller::from_request(request, payload);
    async move {
        caller.await.map_err(|error| match error.status() {
            StatusCode::UNAUTHORIZED => refusal.into(),
            _ => error,
        })
    }
}
