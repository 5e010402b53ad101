//! For tests: a server on a free port, a database of its own, keys, and a person who calls.

mod wire;

use std::{
    thread,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use actix_web::{dev::ServerHandle, rt, web::ServiceConfig};
use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der},
    rsa::{KeyPair, KeySize},
    signature::KeyPair as _,
};
use base64::{Engine, prelude::BASE64_STANDARD};
use chrono::Utc;
use mongodb::Database;
use reqwest::{Method, RequestBuilder};
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::sync::OnceCell;
use uuid::Uuid;

use crate::{
    auth::{SessionClaims, SigningKey, TOKEN_HEADER},
    config::{ConnectionSettings, MongoSettings, ServerSettings},
    mongo::Connector,
    server::{Service, listen},
    source::TrustedProxies,
};

pub use wire::{Wire, WireAnswer};

/// Databases of runs that crashed are dropped when they are this old.
const ABANDONED_AFTER: Duration = Duration::from_hours(1);

/// Shorter than a service keeps an idle connection (75 s), so that no request of a test meets the
/// moment in which it is closed.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(2);

static MONGOD: OnceCell<local_mongod::TestServer> = OnceCell::const_new();
static SWEPT: OnceCell<()> = OnceCell::const_new();

/// The test server: the one at `TEST_MONGODB_URI`, or one that is started for this process.
pub async fn mongodb_uri() -> &'static str {
    let server = MONGOD
        .get_or_init(async || {
            local_mongod::for_tests()
                .await
                .expect("a mongod for the tests")
        })
        .await;
    &server.uri
}

/// A database of the test's own, dropped with the value.
pub struct TestDatabase {
    /// Connection settings as a service takes them.
    pub settings: MongoSettings,
    /// The connection.
    pub database: Database,
}

impl TestDatabase {
    /// A new, empty database.
    pub async fn create() -> Self {
        let settings = MongoSettings {
            uri: mongodb_uri().await.into(),
            database: format!("test_{}_{}", unix_seconds(), Uuid::new_v4().simple()),
            max_pool_size: 32,
        };
        let database = connect(&settings).await.expect("the test server answers");
        SWEPT
            .get_or_init(async || drop_abandoned(&database).await)
            .await;
        Self { settings, database }
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let settings = self.settings.clone();
        // Nothing asynchronous can run in a destructor but on a thread of its own.
        let dropped = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            runtime.expect("a runtime").block_on(async {
                if let Ok(database) = connect(&settings).await {
                    // A database that stays behind is swept by a later run.
                    let _ = database.drop().await;
                }
            });
        });
        let _ = dropped.join();
    }
}

async fn connect(settings: &MongoSettings) -> anyhow::Result<Database> {
    Connector::new(settings).await?.connect().await
}

async fn drop_abandoned(database: &Database) {
    let client = database.client();
    for name in client.list_database_names().await.unwrap_or_default() {
        let born = name
            .strip_prefix("test_")
            .and_then(|rest| rest.split('_').next())
            .and_then(|seconds| seconds.parse::<u64>().ok());
        if born.is_some_and(|born| born + ABANDONED_AFTER.as_secs() < unix_seconds()) {
            let _ = client.database(&name).drop().await;
        }
    }
}

fn unix_seconds() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs()
}

/// Server settings for a test: a free port, one worker, a body limit of 1 MiB.
pub fn server_settings() -> ServerSettings {
    ServerSettings {
        listen: ([127, 0, 0, 1], 0).into(),
        address_file: None,
        workers: 1,
        body_limit_bytes: 1 << 20,
        drain_wait_ms: 0,
        drain_timeout_s: 1,
        cors_allowed_origins: vec!["http://localhost:*".to_owned()],
        // Tests play clients elsewhere by `X-Forwarded-For`.
        trusted_proxies: TrustedProxies::parse(&["127.0.0.1".to_owned()]).expect("an address"),
        connections: connection_settings(),
    }
}

/// Connections as in production.
pub fn connection_settings() -> ConnectionSettings {
    ConnectionSettings {
        keep_alive_s: 75,
        head_timeout_ms: 10_000,
        body_timeout_ms: 60_000,
        body_idle_ms: 10_000,
        write_idle_ms: 30_000,
    }
}

/// A service that listens on a free port, as it does in production.
pub struct TestApp {
    /// `http://127.0.0.1:<port>`.
    pub url: String,
    handle: ServerHandle,
    client: reqwest::Client,
}

impl TestApp {
    /// Starts `service`.
    pub fn start<C>(service: Service<C>) -> Self
    where
        C: Fn(&mut ServiceConfig) + Clone + Send + 'static,
    {
        Self::start_with(&server_settings(), service)
    }

    /// Starts `service` with settings of the test's own.
    pub fn start_with<C>(settings: &ServerSettings, service: Service<C>) -> Self
    where
        C: Fn(&mut ServiceConfig) + Clone + Send + 'static,
    {
        let running = listen(settings, service).expect("a free port");
        rt::spawn(running.server);
        Self {
            url: format!("http://{}", running.address),
            handle: running.handle,
            client: client(),
        }
    }

    /// Somebody without a token.
    pub fn anonymous(&self) -> Person {
        Person {
            url: self.url.clone(),
            client: self.client.clone(),
            token: None,
            forwarded_for: None,
        }
    }

    /// The bearer of `token`.
    pub fn bearer(&self, token: &str) -> Person {
        Person {
            token: Some(token.to_owned()),
            ..self.anonymous()
        }
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        // The future need not be awaited: the command is sent when it is made.
        drop(self.handle.stop(false));
    }
}

fn client() -> reqwest::Client {
    #[expect(clippy::disallowed_methods, reason = "a test plays a foreign client")]
    reqwest::Client::builder()
        .no_proxy()
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
        Self {
            url: url.to_owned(),
            client: client(),
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

/// Sends `request`.
pub async fn send(request: RequestBuilder) -> Answer {
    try_send(request).await.expect("the service answers")
}

/// Sends `request`; an error when the answer does not come or breaks off.
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

/// A key pair for session tokens.
pub struct SigningKeys {
    /// The private key, PKCS#8 in PEM.
    pub private_pem: String,
    /// The public key, SPKI in PEM.
    pub public_pem: String,
    /// The signing half, ready to use.
    pub key: SigningKey,
}

impl SigningKeys {
    /// A new pair of 2048 bits.
    pub fn generate() -> Self {
        let pair = KeyPair::generate(KeySize::Rsa2048).expect("a key pair");
        let private = AsDer::<Pkcs8V1Der<'_>>::as_der(&pair).expect("a private key in DER");
        let public =
            AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()).expect("a public key in DER");
        let private_pem = pem("PRIVATE KEY", private.as_ref());
        let public_pem = pem("PUBLIC KEY", public.as_ref());
        let key = SigningKey::from_pem(&private_pem).expect("a usable key");
        Self {
            private_pem,
            public_pem,
            key,
        }
    }

    /// A token of `user` that is valid for an hour.
    pub fn user_token(&self, user: &str) -> String {
        self.key.sign(&claims(user, "no")).expect("a token")
    }

    /// A token of the service `name` that is valid for an hour.
    pub fn server_token(&self, name: &str) -> String {
        self.key.sign(&claims(name, "yes")).expect("a token")
    }
}

/// Claims of `name` that are valid for an hour, for the API host `localhost`.
pub fn claims(name: &str, svr: &str) -> SessionClaims {
    let now = Utc::now().timestamp();
    SessionClaims {
        svr: svr.to_owned(),
        usr: name.to_owned(),
        sub: name.to_owned(),
        dur: 3600,
        exp: now + 3600,
        iat: now,
        iss: "localhost".to_owned(),
        aud: "localhost".to_owned(),
        jti: Some(Uuid::new_v4().to_string()),
        idp: None,
    }
}

fn pem(label: &str, der: &[u8]) -> String {
    let encoded = BASE64_STANDARD.encode(der);
    let lines: Vec<&str> = encoded
        .as_bytes()
        .chunks(64)
        .filter_map(|line| std::str::from_utf8(line).ok())
        .collect();
    format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        lines.join("\n")
    )
}
