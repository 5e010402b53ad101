//! What every response to a browser has: headers that keep the page to itself, and a page instead
//! of an error of the API.

use std::time::Duration;

use actix_web::{
    Error, HttpResponse,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    http::{
        StatusCode,
        header::{self, HeaderName, HeaderValue},
    },
    middleware::Next,
    web::Data,
};
use shared_runtime::error::ApiError;

use super::Pages;

const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");

/// Nothing is loaded but our style sheet and icon, no script runs, nobody frames the page, and its
/// forms go nowhere else.
const POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; \
                      frame-ancestors 'none'; base-uri 'none'";

const HEADERS: [(HeaderName, &str); 5] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    // Keys stand in the query.
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
];

/// The middleware around every page.
pub(super) async fn dress(
    pages: Data<Pages>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let response = next.call(request).await?.map_into_boxed_body();
    let (request, mut response) = response.into_parts();
    let is_error = response.status().is_client_error() || response.status().is_server_error();
    if is_error && response.headers().get(header::CONTENT_TYPE) != Some(&HTML) {
        response = pages.problem(response)?;
    }
    for (name, value) in HEADERS {
        let value = HeaderValue::from_static(value);
        response.headers_mut().insert(name, value);
    }
    if !response.headers().contains_key(header::CACHE_CONTROL) {
        let no_store = HeaderValue::from_static("no-store");
        response
            .headers_mut()
            .insert(header::CACHE_CONTROL, no_store);
    }
    Ok(ServiceResponse::new(request, response))
}

impl Pages {
    /// The same response with a page that says what is wrong. The error stays in it, to be logged.
    fn problem(&self, response: HttpResponse) -> Result<HttpResponse, ApiError> {
        let again = format!("{} Then try again.", waiting(&response));
        let (heading, text) = match response.status() {
            StatusCode::NOT_FOUND => ("There is no such page", "The address may be incomplete."),
            StatusCode::FORBIDDEN => (
                "This form was not accepted",
                "It was open for too long, or it did not come from this site. Go back, load the \
                 page again, and allow it to keep cookies.",
            ),
            StatusCode::TOO_MANY_REQUESTS => ("Too many attempts", again.as_str()),
            status if status.is_client_error() => (
                "This did not work",
                "What your browser sent cannot be read. Go back and load the page again.",
            ),
            _ => (
                "Something went wrong here",
                "It is not your fault. Try again in a minute.",
            ),
        };
        let log_in = self.log_in();
        let next = Some((log_in.as_str(), "To the start"));
        let html = self.templates.render_message(heading, text, next)?;
        let mut response = response.set_body(BoxBody::new(html));
        response.headers_mut().insert(header::CONTENT_TYPE, HTML);
        Ok(response)
    }
}

/// `html` as a response.
pub(super) fn answer(mut response: HttpResponse, html: String) -> HttpResponse {
    response.headers_mut().insert(header::CONTENT_TYPE, HTML);
    response.set_body(BoxBody::new(html))
}

/// How long to wait before the next attempt, as a sentence.
pub(super) fn waiting(response: &HttpResponse) -> String {
    let wait = response
        .headers()
        .get(header::RETRY_AFTER)
        .and_then(|seconds| seconds.to_str().ok()?.parse().ok())
        .map_or(Duration::from_mins(1), Duration::from_secs);
    let minutes = wait.as_secs().div_ceil(60);
    if minutes <= 1 {
        "Wait for a minute.".to_owned()
    } else {
        format!("Wait for {minutes} minutes.")
    }
}
