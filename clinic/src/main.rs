//! Starts clinic: load settings, connect, relay, serve.

use clinic::{Config, DEFAULTS, PREFIX, State};
use shared_runtime::{config, server, telemetry};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[actix_web::main]
async fn main() -> anyhow::Result<()> {
    let config: Config = config::load(PREFIX, DEFAULTS)?;
    telemetry::init(&config.log)?;
    let state = State::connect(&config).await?;
    let service = state.service();
    let relay = async move |stop| state.relay(&stop).await;
    server::serve_beside(&config.server, service, relay).await
}
