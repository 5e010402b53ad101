//! Starts the gateway: load settings and routing table, serve.

use gateway::{Config, DEFAULTS, Gateway, PREFIX};
use shared_runtime::{config, telemetry};

#[actix_web::main]
async fn main() -> anyhow::Result<()> {
    let config: Config = config::load(PREFIX, DEFAULTS)?;
    telemetry::init(&config.log)?;
    let (server, _) = gateway::listen(&config.server, Gateway::new(&config)?)?;
    server.await?;
    Ok(())
}
