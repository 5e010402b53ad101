//! The HTTP client for peers: timeouts, a bounded repetition of repeatable calls within one
//! deadline, and the trace of the request on whose behalf it calls.

mod answer;
mod form;
mod peer_client;
mod segment;

use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, ensure};
use rand::RngExt as _;
use reqwest::{Method, Response, Url, redirect};
use serde::Serialize;

pub use self::peer_client::PeerClient;
pub(crate) use self::{answer::Answer, segment::segment};
use crate::{peers::PeerError, telemetry::Trace};

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
    /// The longest response that is read, in bytes.
    max_answer: usize,
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
        Ok(Self {
            client,
            base,
            max_answer: usize::MAX,
        })
    }

    /// The same, which reads no answer of more than `bytes`: what systems that are no peers say back is not
    /// trusted to be short.
    pub(crate) fn reading_up_to(self, bytes: usize) -> Self {
        Self {
            max_answer: bytes,
            ..self
        }
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
        let url = self.url_of(call.path)?;
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

    /// The URL of an operation: its path is below that of the peer.
    fn url_of(&self, path: &str) -> Result<Url, PeerError> {
        let base = self.base.as_str().trim_end_matches('/');
        Url::parse(&format!("{base}{path}"))
            .context("the path of a peer's operation is not a URL")
            .map_err(PeerError::Unavailable)
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
        self.read(request.send().await.map_err(unreachable)?).await
    }

    async fn read(&self, mut response: Response) -> Result<Answer, PeerError> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            if chunk.len() > self.max_answer - body.len() {
                return Err(PeerError::Unavailable(anyhow!("the answer is too long")));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer {
            status: response.status(),
            headers: response.headers().clone(),
            body,
        })
    }
}

/// The URL may hold a token, so it is left out of the error.
fn unreachable(error: reqwest::Error) -> PeerError {
    PeerError::Unavailable(anyhow!(error.without_url()))
}

/// Where pages at `url` come from: its scheme, host and port. Nothing else than a web server has one.
pub fn origin_of(url: &str) -> anyhow::Result<String> {
    let parsed = Url::parse(url).with_context(|| format!("{url} is not a URL"))?;
    ensure!(
        matches!(parsed.scheme(), "http" | "https"),
        "{url} is not the URL of a web server"
    );
    Ok(parsed.origin().ascii_serialization())
}

fn json_of(body: &impl Serialize) -> Result<Vec<u8>, PeerError> {
    serde_json::to_vec(body)
        .context("a body that cannot be written as JSON")
        .map_err(PeerError::Unavailable)
}

#[cfg(test)]
mod tests {
    use super::{HttpClient, origin_of};

    #[test]
    fn an_operation_is_below_its_peer() {
        for (base, url) in [
            ("http://peer:9107", "http://peer:9107/a/b?c=d"),
            ("http://peer/", "http://peer/a/b?c=d"),
            ("https://peer/v2", "https://peer/v2/a/b?c=d"),
            ("https://peer/v2/", "https://peer/v2/a/b?c=d"),
        ] {
            let client = HttpClient::new(base).unwrap();
            assert_eq!(client.url_of("/a/b?c=d").unwrap().as_str(), url, "{base}");
        }
        let client = HttpClient::new("http://peer").unwrap();
        let url = client.url_of("//elsewhere/a").unwrap();
        assert_eq!(url.host_str(), Some("peer"));
    }

    #[test]
    fn pages_come_from_an_origin() {
        let origin = origin_of("https://app.example.org:8443/base/?a=b").unwrap();
        assert_eq!(origin, "https://app.example.org:8443");
        assert_eq!(
            origin_of("http://app.example.org:80").unwrap(),
            "http://app.example.org"
        );
        for url in ["", "app.example.org", "file:///etc", "javascript:alert(1)"] {
            assert!(origin_of(url).is_err(), "{url}");
        }
    }
}
