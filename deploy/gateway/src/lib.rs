//! The public origin of the local stack: one port that hands each request to
//! the service that `deploy/routes.toml` names for its path.
//!
//! It owns no data and decides nothing about users; tokens, CORS and rights
//! are the services' business. It never routes what the table does not name.
//! In production another gateway does its work, by the same table.
//!
//! Settings: prefix `GATEWAY`, see `config.default.toml`. A new public path is
//! a line in `deploy/routes.toml`, a new service also a URL in `[services]`.

mod config;
mod path;
mod proxy;
mod routing;
mod status;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use actix_web::dev::Server;
use actix_web::middleware::from_fn;
use actix_web::{App, web};
use anyhow::Context;
use shared_runtime::{connection, telemetry};

pub use crate::config::{Config, DEFAULTS, PREFIX, ServerSettings, UpstreamSettings};
pub use crate::proxy::Gateway;
pub use crate::routing::{Decision, Route, Table};

/// Listens as the settings say. The server answers while it is polled, and
/// ends on SIGTERM when the requests under way are finished.
pub fn listen(settings: &ServerSettings, gateway: Gateway) -> anyhow::Result<(Server, SocketAddr)> {
    let listener = TcpListener::bind(settings.listen)
        .with_context(|| format!("server.listen: {} cannot be listened on", settings.listen))?;
    let address = listener.local_addr()?;
    let gateway = web::Data::from(Arc::new(gateway));
    let builder = Server::build()
        .workers(settings.workers)
        .shutdown_timeout(settings.drain_timeout_s);
    let server = connection::serve(builder, listener, &settings.connections, move || {
        App::new()
            .wrap(from_fn(telemetry::observe))
            .wrap(from_fn(connection::keep))
            .app_data(gateway.clone())
            .default_service(web::to(proxy::answer))
    })?;
    tracing::info!(server.address = %address, "listening");
    Ok((server, address))
}
