//! A gateway in front of real services, asked in raw HTTP.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

mod answers;
mod connections;
mod requests;
mod status;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use actix_web::dev::ServerHandle;
use actix_web::web::{self, Bytes};
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, rt};
use gateway::{Config, Gateway, ServerSettings, UpstreamSettings};
use serde_json::{Value, json};
use shared_runtime::config::{LogFormat, LogSettings};
use shared_runtime::source::TrustedProxies;
use shared_runtime::testing::connection_settings;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const BODY_LIMIT: usize = 1000;
pub(crate) const SESSION_COOKIE: &str = "session=e30=; Path=/; HttpOnly; SameSite=Strict";
pub(crate) const CONTENT_POLICY: &str = "default-src 'none'; style-src 'self'; form-action 'self'";

/// A service that remembers what it was asked, and a gateway in front of it.
pub(crate) struct Platform {
    gateway: SocketAddr,
    /// Where the service made here is.
    service: Option<SocketAddr>,
    asked: Arc<Mutex<Vec<Value>>>,
    handles: Vec<ServerHandle>,
}

impl Platform {
    /// All services are the one made here.
    pub(crate) fn start() -> Self {
        Self::start_behind(&[])
    }

    /// The same behind trusted proxies.
    pub(crate) fn start_behind(proxies: &[&str]) -> Self {
        let asked: Arc<Mutex<Vec<Value>>> = Arc::default();
        let shared = web::Data::from(asked.clone());
        let server = HttpServer::new(move || {
            App::new()
                .app_data(shared.clone())
                .route("/ready", web::get().to(HttpResponse::Ok))
                .route(
                    "/access/slow",
                    web::get().to(std::future::pending::<HttpResponse>),
                )
                .route(
                    "/access/large",
                    web::get().to(async || HttpResponse::Ok().body(vec![b'x'; 3_000_000])),
                )
                .route("/access/redirect", web::get().to(redirect))
                .route("/access/gone", web::delete().to(HttpResponse::NoContent))
                .route("/login", web::post().to(logged_in))
                .default_service(web::to(echo))
        });
        let server = server
            .workers(1)
            .shutdown_timeout(0)
            .disable_signals()
            .bind(("127.0.0.1", 0))
            .unwrap();
        let service = server.addrs()[0];
        let url = format!("http://{service}");
        let server = server.run();
        let upstream = server.handle();
        rt::spawn(server);
        let mut platform = Self::between(proxies, &url, &url, &url);
        platform.asked = asked;
        platform.service = Some(service);
        platform.handles.push(upstream);
        platform
    }

    /// A gateway in front of services that run elsewhere, or do not.
    pub(crate) fn in_front_of(user_api: &str, gatekeeper: &str, confirm: &str) -> Self {
        Self::between(&[], user_api, gatekeeper, confirm)
    }

    fn between(proxies: &[&str], user_api: &str, gatekeeper: &str, confirm: &str) -> Self {
        let mut config = config(&[
            ("user_api", user_api),
            ("gatekeeper", gatekeeper),
            ("confirm", confirm),
            ("clinic", confirm),
        ]);
        let proxies: Vec<String> = proxies.iter().map(|&proxy| proxy.to_owned()).collect();
        config.server.trusted_proxies = TrustedProxies::parse(&proxies).unwrap();
        Self::with(&config)
    }

    /// A gateway with settings of the test's own.
    pub(crate) fn with(config: &Config) -> Self {
        let (server, gateway) =
            gateway::listen(&config.server, Gateway::new(config).unwrap()).unwrap();
        let handles = vec![server.handle()];
        rt::spawn(server);
        Self {
            gateway,
            service: None,
            asked: Arc::default(),
            handles,
        }
    }

    /// Sends `head` (request line and headers, without the empty line) and
    /// `body` as they are; the response's status, head and body.
    pub(crate) async fn send(&self, head: &str, body: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(self.gateway).await.unwrap();
        let head = format!("{head}\r\nHost: tidegate.example\r\nConnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(body).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        Answer::parse(&answer)
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(&format!("GET {path} HTTP/1.1"), b"").await
    }

    /// What the services were asked since the last time, `/ready` aside.
    pub(crate) fn asked(&self) -> Vec<Value> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        for handle in &self.handles {
            // The command is sent when the future is made.
            drop(handle.stop(false));
        }
    }
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// In lower case, one a line.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    fn parse(bytes: &[u8]) -> Self {
        let end = bytes
            .windows(4)
            .position(|window| window == b"\r\n\r\n")
            .unwrap();
        let head = std::str::from_utf8(&bytes[..end]).unwrap().to_lowercase();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Self {
            status,
            head,
            body: bytes[end + 4..].to_vec(),
        }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

pub(crate) fn config(services: &[(&str, &str)]) -> Config {
    Config {
        routing_table: None,
        server: ServerSettings {
            listen: ([127, 0, 0, 1], 0).into(),
            workers: 1,
            body_limit_bytes: BODY_LIMIT,
            drain_timeout_s: 0,
            trusted_proxies: TrustedProxies::default(),
            connections: connection_settings(),
        },
        upstream: UpstreamSettings { timeout_ms: 500 },
        log: LogSettings {
            format: LogFormat::Human,
            filter: "off".to_owned(),
        },
        services: services
            .iter()
            .map(|(name, url)| ((*name).to_owned(), (*url).to_owned()))
            .collect::<BTreeMap<_, _>>(),
    }
}

/// Remembers the request as it came, and answers it back.
async fn echo(
    request: HttpRequest,
    body: Bytes,
    asked: web::Data<Mutex<Vec<Value>>>,
) -> HttpResponse {
    let headers: Vec<(String, String)> = request
        .headers()
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    let seen = json!({
        "method": request.method().as_str(),
        "target": request.uri().to_string(),
        "headers": headers,
        "body": String::from_utf8(body.to_vec()).unwrap(),
    });
    asked.lock().unwrap().push(seen.clone());
    HttpResponse::Ok().json(seen)
}

/// What a page returns when a form has opened a session.
async fn logged_in() -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header(("location", "/pages/invitations"))
        .append_header(("set-cookie", SESSION_COOKIE))
        .append_header(("set-cookie", "form=; Path=/; Max-Age=0"))
        .insert_header(("content-security-policy", CONTENT_POLICY))
        .insert_header(("referrer-policy", "no-referrer"))
        .finish()
}

async fn redirect() -> HttpResponse {
    HttpResponse::Found()
        .insert_header(("location", "/access/large"))
        .append_header(("set-cookie", "a=1"))
        .append_header(("set-cookie", "b=2"))
        .insert_header(("x-tidepool-session-token", "fresh"))
        .finish()
}
