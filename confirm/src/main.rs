//! Starts confirm: load settings, connect, relay, serve.

use confirm::{Config, DEFAULTS, PREFIX, State};
use shared_runtime::{config, server, telemetry};
use tokio_util::sync::CancellationToken;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[actix_web::main]
async fn main() -> anyhow::Result<()> {
    let config: Config = config::load(PREFIX, DEFAULTS)?;
    telemetry::init(&config.log)?;
    let state = State::connect(&config).await?;
    let stop = CancellationToken::new();
    let mut relay = actix_web::rt::spawn({
        let (state, stop) = (state.clone(), stop.clone());
        async move { state.relay(&stop).await }
    });
    let serving = server::serve(&config.server, state.service(), stop);
    tokio::select! {
        served = serving => served?,
        // It ends only after the server, unless it panicked.
        ended = &mut relay => anyhow::bail!("the outbox relay stopped by itself: {ended:?}"),
    }
    relay.await?;
    Ok(())
}
