//! `cargo xtask bench`: what the services manage on this machine, beside what the database driver
//! alone manages. Only ratios mean something elsewhere; tests never look at time.

mod load;
mod operations;
mod summaries;

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
    operations::{Operation, Person, clinics, confirmations, permissions, sessions},
};
use crate::{cargo, data_dir::DataDir, services::Wiring, stack::Stack, tokens::server_token};

/// The load generator, a program from crates.io, built once into `target/tools`.
const OHA: (&str, &str) = ("oha", "1.16.0");
/// How long the database is left alone after it has stored and written down everything.
const PAUSE: Duration = Duration::from_secs(10);

/// Measures the services with a million permissions, a million confirmations, 310,000 patients of
/// clinics, 110,000 others with summaries and 16 connections.
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
    /// How often the bare driver takes turns with what is compared to it: the pair check, and the
    /// operations of clinic.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
}

/// The programs that store what is measured and talk to the database alone.
struct Tools {
    bare_driver: PathBuf,
    seed: PathBuf,
    seed_clinics: PathBuf,
    uri: String,
}

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let oha = cargo::install(OHA.0, OHA.1, "release").await?;
    let programs = cargo::build(true).await?;
    let [bare_driver, seed, seed_clinics] = cargo::build_examples([
        ("gatekeeper", "bare_driver"),
        ("confirm", "seed"),
        ("clinic", "seed_clinics"),
    ])
    .await?;

    let folder = cargo::workspace().join("target/bench");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let data_dir = DataDir::open(&folder)?;
    let mongod = local_mongod::start(&data_dir.mongodb()).await?;
    let tools = Tools {
        bare_driver,
        seed,
        seed_clinics,
        uri: mongod.uri().to_owned(),
    };
    let mail_dir = data_dir.mail();
    fs::create_dir(&mail_dir)?;
    let (ports, uri) = (ports::free()?, tools.uri.clone());
    let wiring = Wiring::new(&data_dir, ports, uri, Some(mail_dir))?.without_limits();
    let mut stack = Stack::on(Some(mongod));
    stack.start_all(&programs, &wiring)?;
    stack.wait_until_ready().await?;

    let token = server_token(&wiring, "scripts").await?;
    let person = Person::new(&wiring.url(Program::UserApi)).await?;
    let picked = |mut operations: Vec<Operation>| {
        operations.retain(|operation| operation.title().contains(&arguments.only));
        operations
    };
    let mut operations = picked(permissions(&wiring.url(Program::Gatekeeper), &token));
    let confirmations = picked(confirmations(&wiring.url(Program::Confirm), &token));
    let clinic = wiring.url(Program::Clinic);
    let mut clinics = picked(clinics(&clinic, &person));
    clinics.extend(picked(summaries::operations(&clinic, &person, &token)));
    tools.store(&confirmations, &clinics).await?;
    if !clinics.is_empty() {
        let are_stored = clinics.iter().any(summaries::needs_summaries);
        let places = summaries::places().filter(|_| are_stored);
        person.run_clinics(&clinic, &token, places).await?;
    }
    operations.extend(confirmations);
    operations.extend(picked(sessions(
        &wiring.url(Program::UserApi),
        &token,
        &person,
    )));
    operations.extend(clinics);

    let bench = Bench {
        oha,
        folder,
        seconds: arguments.seconds,
        processes: stack.processes(),
        confirm: wiring.url(Program::Confirm),
    };
    for turns in operations.chunk_by(|one, next| one.name == next.name) {
        if turns.iter().any(|operation| operation.is_compared) {
            compare(&bench, &tools, turns, arguments.rounds).await?;
        } else {
            for operation in turns {
                bench.measure(operation).await?;
            }
        }
        bench.wait_for_mails().await?;
    }
    Ok(())
}

/// The speed of a machine drifts, so all are measured in turns.
async fn compare(
    bench: &Bench,
    tools: &Tools,
    operations: &[Operation],
    rounds: usize,
) -> anyhow::Result<()> {
    let mut ratios = vec![Vec::new(); operations.len()];
    for _ in 0..rounds {
        let bare = bench.bare_driver(&tools.bare_driver, &tools.uri).await?;
        for (operation, ratios) in operations.iter().zip(&mut ratios) {
            ratios.push(bench.measure(operation).await? / bare);
        }
    }
    for (operation, ratios) in operations.iter().zip(&mut ratios) {
        ratios.sort_by(f64::total_cmp);
        if let Some(median) = ratios.get(rounds / 2) {
            println!(
                "\n{} per bare look-up: {median:.3} (median of {ratios:.3?})",
                operation.title()
            );
        }
    }
    Ok(())
}

impl Tools {
    /// Fills the databases with what these operations ask for, and what the bare driver looks up,
    /// and lets them come to rest.
    async fn store(
        &self,
        confirmations: &[Operation],
        clinics: &[Operation],
    ) -> anyhow::Result<()> {
        println!("Storing a million permissions …");
        self.run(&self.bare_driver, &["seed", &self.uri, "gatekeeper"])
            .await?;
        if !confirmations.is_empty() {
            println!("Storing a million confirmations …");
            self.run(&self.seed, &[&self.uri]).await?;
        }
        if !clinics.is_empty() {
            println!("Storing 310,000 patients …");
            if clinics.iter().any(summaries::needs_summaries) {
                println!("… and 110,000 with summaries …");
                self.run(&self.seed_clinics, &[&self.uri, "summaries"])
                    .await?;
            } else {
                self.run(&self.seed_clinics, &[&self.uri]).await?;
            }
        }
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
