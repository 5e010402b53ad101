//! The gatekeeper process.

use gatekeeper::{Config, State};
use shared_runtime::{
    config, mongo,
    server::{self, Readiness, Service},
    telemetry,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[actix_web::main]
async fn main() -> anyhow::Result<()> {
    let config: Config = config::load("GATEKEEPER", include_str!("../config.default.toml"))?;
    telemetry::init(&config.log)?;
    let connector = mongo::Connector::new(&config.mongo).await?;
    let database = connector.connect().await?;
    let state = State::open(&database, &config.user_api, &config.internal).await?;
    let service = Service {
        readiness: Readiness::watching(database),
        openapi: Some(gatekeeper::openapi()),
        // Called on each worker thread, which gets connections of its own.
        configure: move |routes: &mut _| {
            let database = connector
                .open()
                .expect("the same options made a client before");
            gatekeeper::configure(routes, &state.through(&database));
        },
    };
    server::serve(&config.server, service).await
}
