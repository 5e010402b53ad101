//! Starts gatekeeper: load settings, connect, serve.

use gatekeeper::{Config, DEFAULTS, PREFIX, State};
use shared_runtime::{config, server, telemetry};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[actix_web::main]
async fn main() -> anyhow::Result<()> {
    let config: Config = config::load(PREFIX, DEFAULTS)?;
    telemetry::init(&config.log)?;
    let state = State::connect(&config).await?;
    server::serve(&config.server, state.service()).await
}
