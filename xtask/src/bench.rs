//! `cargo xtask bench`: what the services manage on this machine, beside what the database driver
//! alone manages. Only ratios mean something elsewhere; tests never look at time.

mod load;
mod operations;

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use local_mongod::ports;
use stack::Program;
use tokio::process::Command;

use self::{
    load::{Bench, output},
    operations::{Operation, confirmations, permissions, sessions},
};
use crate::{cargo, data_dir::DataDir, services::Wiring, stack::Stack, tokens::server_token};

/// The load generator, a program from crates.io, built once into `target/tools`.
const OHA: (&str, &str) = ("oha", "1.16.0");
/// The operation that is measured beside the bare driver.
const PAIR_CHECK: &str = "pair check";
/// How long the database is left alone after it has stored and written down everything.
const PAUSE: Duration = Duration::from_secs(10);

/// Measures the services with a million permissions, a million confirmations and 16 connections.
///
/// Starts a database and the services of its own, in `target/bench`, and prints requests per second,
/// latency, and CPU seconds per 1,000 requests and memory of each process.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How long each operation is measured, in seconds.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Measures only the operations whose name contains this.
    #[arg(long, default_value = "")]
    only: String,
    /// How often the pair check and the bare driver take turns.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
}

/// The programs that store what is measured and talk to the database alone.
struct Tools {
    bare_driver: PathBuf,
    seed: PathBuf,
    uri: String,
}

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let oha = cargo::install(OHA.0, OHA.1, "release").await?;
    let programs = cargo::build(true).await?;
    let bare_driver = cargo::build_example("gatekeeper", "bare_driver").await?;
    let seed = cargo::build_example("confirm", "seed").await?;

    let folder = cargo::workspace().join("target/bench");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let data_dir = DataDir::open(&folder)?;
    let mongod = local_mongod::start(&data_dir.mongodb()).await?;
    let tools = Tools {
        bare_driver,
        seed,
        uri: mongod.uri().to_owned(),
    };
    let mail_dir = data_dir.mail();
    fs::create_dir(&mail_dir)?;
    let (ports, uri) = (ports::free()?, tools.uri.clone());
    let wiring = Wiring::new(&data_dir, ports, uri, Some(mail_dir))?.without_limits();
    let mut stack = Stack::on(Some(mongod));
    stack.start_all(&programs, &wiring)?;
    stack.wait_until_ready().await?;
    tools.store().await?;

    let bench = Bench {
        oha,
        folder,
        seconds: arguments.seconds,
        processes: stack.processes(),
        confirm: wiring.url(Program::Confirm),
    };
    let token = server_token(&wiring, "scripts").await?;
    let mut operations = permissions(&wiring.url(Program::Gatekeeper), &token);
    operations.extend(confirmations(&wiring.url(Program::Confirm), &token));
    operations.extend(sessions(&wiring.url(Program::UserApi), &token).await?);
    operations.retain(|operation| operation.name.contains(&arguments.only));
    for operation in &operations {
        if operation.name == PAIR_CHECK {
            compare(&bench, &tools, operation, arguments.rounds).await?;
        } else {
            bench.measure(operation).await?;
        }
        bench.wait_for_mails().await?;
    }
    Ok(())
}

/// The speed of a machine drifts, so both are measured in turns.
async fn compare(
    bench: &Bench,
    tools: &Tools,
    operation: &Operation,
    rounds: usize,
) -> anyhow::Result<()> {
    let mut ratios = Vec::new();
    for _ in 0..rounds {
        let bare = bench.bare_driver(&tools.bare_driver, &tools.uri).await?;
        ratios.push(bench.measure(operation).await? / bare);
    }
    ratios.sort_by(f64::total_cmp);
    if let Some(median) = ratios.get(rounds / 2) {
        println!(
            "\n{} per bare look-up: {median:.2} (median of {ratios:.2?})",
            operation.name
        );
    }
    Ok(())
}

impl Tools {
    /// Fills the database and lets it come to rest.
    async fn store(&self) -> anyhow::Result<()> {
        println!("Storing a million permissions and a million confirmations …");
        self.run(&self.bare_driver, &["seed", &self.uri, "gatekeeper"])
            .await?;
        self.run(&self.seed, &[&self.uri]).await?;
        self.run(&self.bare_driver, &["settle", &self.uri, "gatekeeper"])
            .await?;
        tokio::time::sleep(PAUSE).await;
        Ok(())
    }

    async fn run(&self, program: &Path, arguments: &[&str]) -> anyhow::Result<()> {
        output(Command::new(program).args(arguments)).await?;
        Ok(())
    }
}
