//! Whoever calls, and what comes back.

use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::auth::TOKEN_HEADER;

/// Shorter than a service keeps an idle connection (75 s), so that no request of a test meets the
/// moment in which it is closed.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(2);

pub(super) fn client() -> reqwest::Client {
    #[expect(clippy::disallowed_methods, reason = "a test plays a foreign client")]
    reqwest::Client::builder()
        .no_proxy()
        // A test speaks plain HTTP, and many clients would read the system's certificates.
        .tls_certs_only([])
        .pool_idle_timeout(POOL_IDLE_TIMEOUT)
        .build()
        .expect("a client")
}

/// Whoever calls: with a token or without.
#[derive(Clone)]
pub struct Person {
    url: String,
    client: reqwest::Client,
    token: Option<String>,
    forwarded_for: Option<String>,
}

impl Person {
    /// Somebody at the service at `url`, which runs elsewhere.
    pub fn at(url: &str, token: Option<&str>) -> Self {
        Self::new(url, client(), token)
    }

    pub(super) fn new(url: &str, client: reqwest::Client, token: Option<&str>) -> Self {
        Self {
            url: url.to_owned(),
            client,
            token: token.map(str::to_owned),
            forwarded_for: None,
        }
    }

    /// The same person at a place from which the test forwards, as a proxy does.
    #[must_use]
    pub fn at_place(&self, forwarded_for: &str) -> Self {
        Self {
            forwarded_for: Some(forwarded_for.to_owned()),
            ..self.clone()
        }
    }

    /// A request to be completed and given to [`send`].
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let mut request = self.client.request(method, format!("{}{path}", self.url));
        if let Some(place) = &self.forwarded_for {
            request = request.header("x-forwarded-for", place);
        }
        match &self.token {
            Some(token) => request.header(TOKEN_HEADER, token),
            None => request,
        }
    }

    /// `GET path`.
    pub async fn get(&self, path: &str) -> Answer {
        send(self.request(Method::GET, path)).await
    }

    /// `GET path`; `None` when nobody listens.
    pub async fn try_get(&self, path: &str) -> Option<Answer> {
        let response = self.request(Method::GET, path).send().await.ok()?;
        read(response).await.ok()
    }

    /// `POST path` with a JSON body.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        send(self.request(Method::POST, path).json(body)).await
    }

    /// `PUT path` with a JSON body.
    pub async fn put(&self, path: &str, body: &Value) -> Answer {
        send(self.request(Method::PUT, path).json(body)).await
    }

    /// `DELETE path` without a body.
    pub async fn delete(&self, path: &str) -> Answer {
        send(self.request(Method::DELETE, path)).await
    }
}

/// Sends a request with this very body, whatever it is, and no content type.
pub async fn send_raw(
    person: &Person,
    method: Method,
    path: &str,
    body: impl Into<reqwest::Body>,
) -> Answer {
    send(person.request(method, path).body(body)).await
}

/// Sends `request`.
pub async fn send(request: RequestBuilder) -> Answer {
    try_send(request).await.expect("the service answers")
}

/// Sends `request`; an error when the response does not come or breaks off.
pub async fn try_send(request: RequestBuilder) -> Result<Answer, reqwest::Error> {
    read(request.send().await?).await
}

async fn read(response: reqwest::Response) -> Result<Answer, reqwest::Error> {
    Ok(Answer {
        status: response.status().as_u16(),
        headers: response.headers().clone(),
        body: response.bytes().await?.to_vec(),
    })
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers.
    pub headers: reqwest::header::HeaderMap,
    /// The body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as text.
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("a body in UTF-8")
    }

    /// The body as JSON.
    pub fn json<T: DeserializeOwned>(&self) -> T {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error} in {} {:?}", self.status, self.text()))
    }

    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}
