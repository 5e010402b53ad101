//! Forms that only our own pages can send.
//!
//! A form holds a token that stands in a cookie as well, which another site can neither read nor
//! set. And the browser itself says where the form was: in `Sec-Fetch-Site`, which it sends to
//! trustworthy origins, or in `Origin`, which is `null` because the pages send no referrer.

use std::{future::Future, pin::Pin};

use actix_web::{
    FromRequest, HttpRequest,
    dev::Payload,
    http::{
        StatusCode,
        header::{self, HeaderMap, HeaderName},
    },
    web::Query,
};
use serde::{Deserialize, de::DeserializeOwned};
use shared_runtime::{body::Body, error::ApiError};

use super::visit::Visit;
use crate::error::Refusal;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// A form that was sent from one of our pages in this browser.
pub(super) struct Posted<T> {
    pub(super) visit: Visit,
    pub(super) form: T,
}

#[derive(Deserialize)]
struct Token {
    form_token: String,
}

/// A form without fields of its own.
#[derive(Deserialize)]
pub(super) struct Button {}

impl<T: DeserializeOwned + 'static> FromRequest for Posted<T> {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let body = Body::from_request(request, payload);
        let request = request.clone();
        Box::pin(async move {
            let visit = Visit::of(&request)?;
            let foreign = || ApiError::empty(StatusCode::FORBIDDEN);
            if !is_ours(visit.origin(), request.headers()) {
                return Err(foreign());
            }
            let body = body.await?;
            let text = std::str::from_utf8(&body.0).map_err(|_| Refusal::Unreadable)?;
            let token = Query::<Token>::from_query(text).map_err(|_| foreign())?;
            if !visit.has_form_token(&token.form_token) {
                return Err(foreign());
            }
            let form = Query::<T>::from_query(text).map_err(|_| Refusal::Unreadable)?;
            Ok(Self {
                visit,
                form: form.into_inner(),
            })
        })
    }
}

/// Whether the browser says that the form was on a page of `own`.
fn is_ours(own: &str, headers: &HeaderMap) -> bool {
    let site = headers.get(SEC_FETCH_SITE);
    let origin = headers.get(header::ORIGIN);
    let origin = origin.filter(|origin| *origin != "null");
    if origin.is_some_and(|origin| origin != own) {
        return false;
    }
    match site {
        Some(site) => site == "same-origin",
        // Over plain HTTP browsers need not say either; then the token decides alone.
        None => origin.is_some() || own.starts_with("http://"),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{self, HeaderMap, HeaderValue};

    use super::{SEC_FETCH_SITE, is_ours};

    #[test]
    fn a_form_of_another_site_is_none_of_ours() {
        let (secure, plain) = ("https://tide.example.org", "http://192.0.2.1:8080");
        for (own, site, origin, wanted) in [
            (secure, Some("same-origin"), Some("null"), true),
            (secure, Some("same-origin"), Some(secure), true),
            (secure, Some("same-origin"), None, true),
            (secure, None, Some(secure), true),
            (secure, None, Some("null"), false),
            (secure, None, None, false),
            (secure, Some("cross-site"), Some("null"), false),
            (secure, Some("same-site"), Some("null"), false),
            (secure, Some("none"), None, false),
            (secure, Some("cross-site"), Some(secure), false),
            (
                secure,
                Some("same-origin"),
                Some("https://example.org"),
                false,
            ),
            (secure, None, Some("http://tide.example.org"), false),
            (
                secure,
                None,
                Some("https://tide.example.org.evil.example"),
                false,
            ),
            (plain, None, Some("null"), true),
            (plain, None, None, true),
            (plain, None, Some(plain), true),
            (plain, None, Some("http://192.0.2.1"), false),
            (plain, Some("cross-site"), None, false),
        ] {
            let mut headers = HeaderMap::new();
            let mut set = |name, value: Option<&'static str>| {
                if let Some(value) = value {
                    headers.insert(name, HeaderValue::from_static(value));
                }
            };
            set(SEC_FETCH_SITE, site);
            set(header::ORIGIN, origin);
            assert_eq!(is_ours(own, &headers), wanted, "{own} {site:?} {origin:?}");
        }
    }
}
