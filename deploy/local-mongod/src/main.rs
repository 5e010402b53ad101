//! A database for one's own test runs: `cargo run -p local-mongod` prints the
//! line to export and runs until Ctrl-C or SIGTERM; nothing stays behind.

use tokio::signal::unix::{SignalKind, signal};

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mongod = tokio::select! {
        started = local_mongod::start_temporary() => started?,
        _ = interrupt.recv() => return Ok(()),
        _ = terminate.recv() => return Ok(()),
    };
    println!("export TEST_MONGODB_URI='{}'", mongod.uri());
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}
