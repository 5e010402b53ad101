//! Serving: the port, health, metrics, documentation, and a shutdown that loses no request.

mod documentation;

use std::{
    fs,
    net::{SocketAddr, TcpListener},
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use actix_cors::Cors;
use actix_web::{
    App, HttpRequest, HttpResponse, Route,
    dev::{Server, ServerHandle},
    http::{Method, header},
    middleware::from_fn,
    rt,
    web::{self, PayloadConfig, ServiceConfig},
};
use anyhow::Context;
use bson::doc;
use mongodb::Database;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::info;
use utoipa::openapi::OpenApi;

use self::documentation::{Documents, documentation};
use crate::{
    auth::TOKEN_HEADER, config::ServerSettings, connection, routes::method_not_allowed, telemetry,
};

/// How often the database is asked whether it is there.
const HEALTH_INTERVAL: Duration = Duration::from_secs(1);
/// A database that takes longer to answer is not there.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(2);

/// Whether the service takes requests: it has a database and is not shutting down.
#[derive(Clone, Default)]
pub struct Readiness {
    database: Arc<AtomicBool>,
    draining: Arc<AtomicBool>,
}

impl Readiness {
    /// Follows `database`, which answered a moment ago, until the process ends.
    pub fn watching(database: Database) -> Self {
        let readiness = Self::default();
        readiness.database.store(true, Ordering::Relaxed);
        let reachable = readiness.database.clone();
        rt::spawn(async move {
            loop {
                tokio::time::sleep(HEALTH_INTERVAL).await;
                let ping = database.run_command(doc! { "ping": 1 });
                let answered =
                    matches!(tokio::time::timeout(HEALTH_TIMEOUT, ping).await, Ok(Ok(_)));
                if reachable.swap(answered, Ordering::Relaxed) != answered {
                    info!(mongo.reachable = answered, "the database came or went");
                }
                telemetry::metrics().run_upkeep();
            }
        });
        readiness
    }

    /// Always ready until shutdown, for a service without a database.
    pub fn without_database() -> Self {
        let readiness = Self::default();
        readiness.database.store(true, Ordering::Relaxed);
        readiness
    }

    /// Whether the database answers.
    pub fn database_answers(&self) -> bool {
        self.database.load(Ordering::Relaxed)
    }

    /// Whether requests should be sent here.
    pub fn is_ready(&self) -> bool {
        self.database_answers() && !self.is_draining()
    }

    /// Whether the service is shutting down.
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }
}

/// What [`serve`] serves.
pub struct Service<C> {
    /// Whether it takes requests.
    pub readiness: Readiness,
    /// What makes its documentation; `None` for a service without an API of its own.
    pub openapi: Option<fn() -> OpenApi>,
    /// Registers its routes; called once per worker thread.
    pub configure: C,
}

/// What each worker thread calls to register the routes: `configure` with a state of the thread's
/// own, which `unshared` makes of `state`. Its connections live on the thread, which then reads each
/// answer itself instead of being woken by another one.
///
/// # Panics
///
/// In a worker thread that cannot make clients, although the same settings made those of `state`.
pub fn per_worker<S: Clone + Send + 'static>(
    state: &S,
    unshared: fn(&S) -> anyhow::Result<S>,
    configure: fn(&mut ServiceConfig, &S),
) -> impl Fn(&mut ServiceConfig) + Clone + Send + 'static + use<S> {
    let state = state.clone();
    move |config| {
        let state = unshared(&state).expect("the same settings made clients before");
        configure(config, &state);
    }
}

/// A service that listens.
pub struct Running {
    /// Where.
    pub address: SocketAddr,
    /// Stops it.
    pub handle: ServerHandle,
    /// Serves as long as it is polled.
    pub server: Server,
}

/// Serves until SIGTERM or Ctrl-C: then readiness goes off, the gateway is given time to notice,
/// and requests under way are finished.
pub async fn serve<C>(settings: &ServerSettings, service: Service<C>) -> anyhow::Result<()>
where
    C: Fn(&mut ServiceConfig) + Clone + Send + 'static,
{
    let readiness = service.readiness.clone();
    let running = listen(settings, service)?;
    info!(server.address = %running.address, "listening");
    if let Some(file) = &settings.address_file {
        write_address(file, running.address)?;
    }
    let Running {
        handle, mut server, ..
    } = running;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        ended = &mut server => {
            ended?;
            anyhow::bail!("the server stopped by itself");
        }
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    info!("shutting down");
    readiness.drain();
    tokio::time::sleep(Duration::from_millis(settings.drain_wait_ms)).await;
    let (ended, ()) = tokio::join!(server, handle.stop(true));
    ended?;
    info!("stopped");
    Ok(())
}

/// The same with `work` beside it, such as the relay of an outbox. It is told to stop when the last
/// request is answered, and then waited for.
pub async fn serve_beside<C, W>(
    settings: &ServerSettings,
    service: Service<C>,
    work: impl FnOnce(CancellationToken) -> W,
) -> anyhow::Result<()>
where
    C: Fn(&mut ServiceConfig) + Clone + Send + 'static,
    W: Future<Output = ()> + 'static,
{
    let stop = CancellationToken::new();
    let mut working = rt::spawn(work(stop.clone()));
    tokio::select! {
        served = serve(settings, service) => served?,
        // It ends only when it is told to, unless it panicked.
        ended = &mut working => anyhow::bail!("the work beside the server ended: {ended:?}"),
    }
    stop.cancel();
    Ok(working.await?)
}

/// Starts serving on the address of the settings.
pub fn listen<C>(settings: &ServerSettings, service: Service<C>) -> anyhow::Result<Running>
where
    C: Fn(&mut ServiceConfig) + Clone + Send + 'static,
{
    let listener = TcpListener::bind(settings.listen)
        .with_context(|| format!("server.listen: {} cannot be listened on", settings.listen))?;
    let address = listener.local_addr()?;
    let body_limit = settings.body_limit_bytes;
    let origins: Arc<[String]> = settings.cors_allowed_origins.clone().into();
    let trusted_proxies = settings.trusted_proxies.clone();
    let Service {
        readiness,
        openapi,
        configure,
    } = service;
    let documents = openapi.map(Documents::of);
    // Installed before the first request, so that nothing is counted into the void.
    telemetry::metrics();
    let builder = Server::build()
        .workers(settings.workers)
        .shutdown_timeout(settings.drain_timeout_s)
        .disable_signals();
    let server = connection::serve(builder, listener, &settings.connections, move || {
        App::new()
            .wrap(cors(origins.clone()))
            .wrap(from_fn(telemetry::observe))
            .wrap(from_fn(connection::keep))
            .app_data(PayloadConfig::new(body_limit))
            .app_data(readiness.clone())
            .app_data(trusted_proxies.clone())
            .configure(|config| health(config, &readiness))
            .configure(|config| documentation(config, documents.as_ref()))
            .configure(configure.clone())
    })?;
    Ok(Running {
        address,
        handle: server.handle(),
        server,
    })
}

/// `/live`, `/ready` and `/metrics`, which the public origin never routes.
fn health(config: &mut ServiceConfig, readiness: &Readiness) {
    let readiness = readiness.clone();
    let get =
        |path: &str, route: Route| {
            web::resource(path).route(route).default_service(web::to(
                async |request: HttpRequest| method_not_allowed(&request, Method::GET.as_str()),
            ))
        };
    config
        .service(get(
            "/live",
            web::get().to(async || HttpResponse::Ok().json(json!({ "status": "ok" }))),
        ))
        .service(get(
            "/ready",
            web::get().to(move || {
                let ready = readiness.is_ready();
                async move { status(ready) }
            }),
        ))
        .service(get(
            "/metrics",
            web::get().to(async || telemetry::metrics().render()),
        ));
}

/// The reference's response to a health check: 200 `{"status":"ok"}` or 503.
pub fn status(healthy: bool) -> HttpResponse {
    if healthy {
        HttpResponse::Ok().json(json!({ "status": "ok" }))
    } else {
        HttpResponse::ServiceUnavailable().json(json!({ "status": "error" }))
    }
}

/// What browsers on other origins may do. Nothing but the listed origins is let in, and since
/// tokens travel in a header, no cookies are involved.
fn cors(origins: Arc<[String]>) -> Cors {
    Cors::default()
        .allowed_origin_fn(move |origin, _| {
            origin.to_str().is_ok_and(|origin| {
                origins
                    .iter()
                    .any(|allowed| origin_matches(allowed, origin))
            })
        })
        .allowed_methods([
            Method::GET,
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
        ])
        .allowed_headers([
            header::AUTHORIZATION,
            header::CONTENT_TYPE,
            header::ACCEPT,
            header::IF_MATCH,
            header::IF_NONE_MATCH,
            header::HeaderName::from_static(TOKEN_HEADER),
            telemetry::TRACE_REQUEST,
            telemetry::TRACE_SESSION,
        ])
        .expose_headers([
            header::ETAG,
            header::HeaderName::from_static(TOKEN_HEADER),
            header::RETRY_AFTER,
            telemetry::TRACE_REQUEST,
            telemetry::TRACE_SESSION,
        ])
        .max_age(600)
}

fn origin_matches(allowed: &str, origin: &str) -> bool {
    match allowed.strip_suffix(":*") {
        None => allowed == origin,
        Some(host) => origin.strip_prefix(host).is_some_and(|rest| {
            rest.is_empty()
                || rest
                    .strip_prefix(':')
                    .is_some_and(|port| port.parse::<u16>().is_ok())
        }),
    }
}

/// Whoever waits for the file never sees half an address.
fn write_address(file: &Path, address: SocketAddr) -> anyhow::Result<()> {
    let partial = file.with_extension("partial");
    fs::write(&partial, format!("{address}\n"))
        .and_then(|()| fs::rename(&partial, file))
        .with_context(|| format!("server.address_file: {} cannot be written", file.display()))
}

#[cfg(test)]
mod tests {
    use actix_web::{
        App, HttpResponse,
        middleware::from_fn,
        test::{TestRequest, call_service, init_service},
        web,
    };

    use super::{Readiness, origin_matches};
    use crate::connection;

    #[actix_web::test]
    async fn an_answer_during_the_shutdown_says_that_it_is_the_last() {
        let readiness = Readiness::without_database();
        let app = App::new()
            .wrap(from_fn(connection::keep))
            .app_data(readiness.clone())
            .route("/", web::get().to(HttpResponse::Ok));
        let app = init_service(app).await;
        let answer = async || call_service(&app, TestRequest::get().to_request()).await;
        assert!(answer().await.response().head().keep_alive());
        readiness.drain();
        assert!(!answer().await.response().head().keep_alive());
    }

    #[test]
    fn a_port_wildcard_opens_nothing_else() {
        assert!(origin_matches(
            "http://localhost:*",
            "http://localhost:3000"
        ));
        assert!(origin_matches("http://localhost:*", "http://localhost"));
        assert!(!origin_matches(
            "http://localhost:*",
            "http://localhost.evil.example"
        ));
        assert!(!origin_matches(
            "http://localhost:*",
            "http://localhost:3000.evil.example"
        ));
        assert!(!origin_matches(
            "http://localhost:*",
            "https://localhost:3000"
        ));
        assert!(origin_matches("https://app.example", "https://app.example"));
        assert!(!origin_matches(
            "https://app.example",
            "https://app.example.evil"
        ));
    }
}
