//! The HTTP client for peers: timeouts, a bounded repetition of repeatable calls within one
//! deadline, and the trace of the request on whose behalf it calls.

mod form;
mod segment;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, anyhow};
use rand::RngExt as _;
use reqwest::{Method, StatusCode, Url, redirect};
use secrecy::{ExposeSecret, SecretString};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

pub(crate) use self::segment::segment;
use crate::{
    auth::{ServiceToken, TOKEN_HEADER},
    peers::PeerError,
    telemetry::Trace,
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// Shorter than a service keeps an idle connection (75 s), so that none is reused in the moment in
/// which its service closes it.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(2);
/// All tries of one call together.
const DEADLINE: Duration = Duration::from_secs(5);
/// Repetitions of a call that may be repeated.
const MAX_RETRIES: u32 = 2;

/// A client of one peer, without authentication.
#[derive(Clone)]
pub struct HttpClient {
    client: reqwest::Client,
    base: Url,
}

/// A client of one peer that calls with the token of this service.
#[derive(Clone)]
pub struct PeerClient {
    http: HttpClient,
    token: Arc<dyn ServiceToken>,
}

/// A response, whatever its status.
pub(crate) struct Answer {
    /// The status.
    pub(crate) status: StatusCode,
    headers: reqwest::header::HeaderMap,
    body: Vec<u8>,
}

impl Answer {
    /// The value of a header; `None` when it is absent or not text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body of a 200, or what else the peer said.
    pub(crate) fn json<T: DeserializeOwned>(self) -> Result<T, PeerError> {
        self.body_of(StatusCode::OK)
    }

    /// The body of a 201, or what else the peer said.
    pub(crate) fn created<T: DeserializeOwned>(self) -> Result<T, PeerError> {
        self.body_of(StatusCode::CREATED)
    }

    /// The body, whatever the status; `null` where it is no JSON.
    pub(crate) fn any_json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// Nothing, where the peer did what it was asked to, or what else it said.
    pub(crate) fn done(self) -> Result<(), PeerError> {
        if self.status.is_success() {
            Ok(())
        } else {
            Err(self.refusal())
        }
    }

    fn body_of<T: DeserializeOwned>(self, status: StatusCode) -> Result<T, PeerError> {
        if self.status != status {
            return Err(self.refusal());
        }
        serde_json::from_slice(&self.body)
            .context("the peer's answer is not what its contract says")
            .map_err(PeerError::Unavailable)
    }

    /// The response as an error.
    pub(crate) fn refusal(self) -> PeerError {
        if self.status.is_server_error() {
            PeerError::Unavailable(anyhow!("the peer answered {}", self.status))
        } else {
            PeerError::Refused {
                status: self.status.as_u16(),
            }
        }
    }
}

struct Call<'a> {
    method: Method,
    path: &'a str,
    headers: &'a [(&'a str, &'a str)],
    json: Option<Vec<u8>>,
}

impl HttpClient {
    /// A client of the peer at `base`, such as `http://user-api:9107`.
    pub fn new(base: &str) -> anyhow::Result<Self> {
        let base = Url::parse(base).with_context(|| format!("{base} is not a URL"))?;
        #[expect(
            clippy::disallowed_methods,
            reason = "the one place that makes a client"
        )]
        let mut client = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(POOL_IDLE_TIMEOUT)
            .timeout(DEADLINE)
            .redirect(redirect::Policy::none())
            .tcp_nodelay(true)
            .no_proxy();
        if base.scheme() == "http" {
            // Each client would read the system's certificates, and keep them.
            client = client.tls_certs_only([]);
        }
        let client = client.build()?;
        Ok(Self { client, base })
    }

    /// `GET path`.
    pub(crate) async fn get(&self, path: &str) -> Result<Answer, PeerError> {
        self.call(&Call {
            method: Method::GET,
            path,
            headers: &[],
            json: None,
        })
        .await
    }

    /// `POST path` without a body.
    pub(crate) async fn post(
        &self,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<Answer, PeerError> {
        self.call(&Call {
            method: Method::POST,
            path,
            headers,
            json: None,
        })
        .await
    }

    /// `POST path` with a JSON body.
    pub(crate) async fn post_json(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: &(impl Serialize + Sync),
    ) -> Result<Answer, PeerError> {
        self.call(&Call {
            method: Method::POST,
            path,
            headers,
            json: Some(json_of(body)?),
        })
        .await
    }

    async fn call(&self, call: &Call<'_>) -> Result<Answer, PeerError> {
        let url = self
            .base
            .join(call.path)
            .context("the path of a peer's operation is not a URL")
            .map_err(PeerError::Unavailable)?;
        let deadline = Instant::now() + DEADLINE;
        let repeatable = matches!(call.method, Method::GET | Method::PUT | Method::DELETE);
        let mut tries = 0;
        loop {
            let outcome = self.try_once(call, url.clone(), deadline).await;
            let worth_repeating = match &outcome {
                Ok(answer) => matches!(answer.status.as_u16(), 502..=504),
                Err(_) => true,
            };
            let wait = Duration::from_millis(rand::rng().random_range(10..=50) << tries);
            if !repeatable
                || !worth_repeating
                || tries == MAX_RETRIES
                || Instant::now() + wait >= deadline
            {
                return outcome;
            }
            tries += 1;
            tokio::time::sleep(wait).await;
        }
    }

    async fn try_once(
        &self,
        call: &Call<'_>,
        url: Url,
        deadline: Instant,
    ) -> Result<Answer, PeerError> {
        let mut request = self
            .client
            .request(call.method.clone(), url)
            .timeout(deadline.saturating_duration_since(Instant::now()));
        for (name, value) in Trace::headers_of_current_request() {
            request = request.header(name.as_str(), value.as_bytes());
        }
        for (name, value) in call.headers {
            request = request.header(*name, *value);
        }
        if let Some(json) = &call.json {
            request = request
                .header(reqwest::header::CONTENT_TYPE, "application/json")
                .body(json.clone());
        }
        // The URL may hold a token, so it is left out of the error.
        let unreachable =
            |error: reqwest::Error| PeerError::Unavailable(anyhow!(error.without_url()));
        let response = request.send().await.map_err(unreachable)?;
        Ok(Answer {
            status: response.status(),
            headers: response.headers().clone(),
            body: response.bytes().await.map_err(unreachable)?.to_vec(),
        })
    }
}

impl PeerClient {
    /// A client of the peer at `base` that calls with `token`.
    pub fn new(base: &str, token: Arc<dyn ServiceToken>) -> anyhow::Result<Self> {
        Ok(Self {
            http: HttpClient::new(base)?,
            token,
        })
    }

    /// The same with connections of its own, for one worker thread alone: each answer is then read
    /// on the thread that awaits it.
    pub(crate) fn unshared(&self) -> anyhow::Result<Self> {
        Ok(Self {
            http: HttpClient::new(self.http.base.as_str())?,
            token: self.token.clone(),
        })
    }

    /// `GET path`.
    pub(crate) async fn get(&self, path: &str) -> Result<Answer, PeerError> {
        self.call(Method::GET, path, None).await
    }

    /// `GET path` of a public operation, without a token.
    pub(crate) async fn get_public(&self, path: &str) -> Result<Answer, PeerError> {
        self.http.get(path).await
    }

    /// `POST path` of a public operation, with `headers` and without the token of this service.
    pub(crate) async fn post_public(
        &self,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<Answer, PeerError> {
        self.http.post(path, headers).await
    }

    /// `POST path` of a public operation with a JSON body, without a token.
    pub(crate) async fn post_json_public(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: &(impl Serialize + Sync),
    ) -> Result<Answer, PeerError> {
        self.http.post_json(path, headers, body).await
    }

    /// `DELETE path`.
    pub(crate) async fn delete(&self, path: &str) -> Result<Answer, PeerError> {
        self.call(Method::DELETE, path, None).await
    }

    /// `POST path` with a JSON body.
    pub(crate) async fn post(
        &self,
        path: &str,
        body: &(impl Serialize + Sync),
    ) -> Result<Answer, PeerError> {
        self.call(Method::POST, path, Some(json_of(body)?)).await
    }

    /// `PATCH path` with a JSON body.
    pub(crate) async fn patch(
        &self,
        path: &str,
        body: &(impl Serialize + Sync),
    ) -> Result<Answer, PeerError> {
        self.call(Method::PATCH, path, Some(json_of(body)?)).await
    }

    /// `PUT path` with a JSON body.
    pub(crate) async fn put(
        &self,
        path: &str,
        body: &(impl Serialize + Sync),
    ) -> Result<Answer, PeerError> {
        self.call(Method::PUT, path, Some(json_of(body)?)).await
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        json: Option<Vec<u8>>,
    ) -> Result<Answer, PeerError> {
        let token = self.token.token().await?;
        let answer = self
            .call_with(&token, method.clone(), path, json.clone())
            .await?;
        // confirm's contract has 403 for an invalid token.
        if !matches!(
            answer.status,
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
        ) {
            return Ok(answer);
        }
        // The token may have been revoked or its key withdrawn; nothing has happened at the peer.
        self.token.refused(&token).await;
        match self.token.token().await {
            Ok(other) if !Arc::ptr_eq(&token, &other) => {
                self.call_with(&other, method, path, json).await
            }
            _ => Ok(answer),
        }
    }

    async fn call_with(
        &self,
        token: &SecretString,
        method: Method,
        path: &str,
        json: Option<Vec<u8>>,
    ) -> Result<Answer, PeerError> {
        let headers = [(TOKEN_HEADER, token.expose_secret())];
        self.http
            .call(&Call {
                method,
                path,
                headers: &headers,
                json,
            })
            .await
    }
}

fn json_of(body: &impl Serialize) -> Result<Vec<u8>, PeerError> {
    serde_json::to_vec(body)
        .context("a body that cannot be written as JSON")
        .map_err(PeerError::Unavailable)
}
