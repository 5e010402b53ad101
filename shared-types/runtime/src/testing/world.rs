//! A service that runs for a test.

use actix_web::{dev::ServerHandle, rt, web::ServiceConfig};
use secrecy::ExposeSecret;
use serde::de::DeserializeOwned;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{Person, TestDatabase, person};
use crate::{
    config::{self, ConnectionSettings, ServerSettings},
    server::{Service, listen},
    source::TrustedProxies,
};

/// The settings of a service on `database`: its shipped `defaults`, overridden by `settings` as the
/// environment of the service would (`("user_api.url", "http://…")`).
pub fn config<T: DeserializeOwned>(
    defaults: &str,
    database: &TestDatabase,
    settings: &[(&str, &str)],
) -> T {
    let mongo = &database.settings;
    let max_pool_size = mongo.max_pool_size.to_string();
    let of_database = [
        ("mongo.uri", mongo.uri.expose_secret()),
        ("mongo.database", &mongo.database),
        ("mongo.max_pool_size", &max_pool_size),
    ];
    let variables = of_database.iter().chain(settings).map(|(name, value)| {
        let name = name.to_uppercase().replace('.', "__");
        (format!("TEST__{name}"), (*value).to_owned())
    });
    config::from_parts("TEST", defaults, variables.collect()).expect("usable settings")
}

/// Does `work` beside the test, such as the relay of an outbox, until the value is dropped.
pub fn beside<W: Future<Output = ()> + 'static>(
    work: impl FnOnce(CancellationToken) -> W,
) -> DropGuard {
    let stop = CancellationToken::new();
    rt::spawn(work(stop.clone()));
    stop.drop_guard()
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
            client: person::client(),
        }
    }

    /// Somebody without a token.
    pub fn anonymous(&self) -> Person {
        Person::new(&self.url, self.client.clone(), None)
    }

    /// The bearer of `token`.
    pub fn bearer(&self, token: &str) -> Person {
        Person::new(&self.url, self.client.clone(), Some(token))
    }
}

impl Drop for TestApp {
    fn drop(&mut self) {
        // The future need not be awaited: the command is sent when it is made.
        drop(self.handle.stop(false));
    }
}
