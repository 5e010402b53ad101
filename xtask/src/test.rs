//! `cargo xtask test`: everything that CI runs, in the order that fails soonest.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tokio::process::Command;

use crate::cargo::{TESTED, cargo, install, workspace, workspace_command};
use crate::{fuzz, pure};

/// The version of cargo-deny that checks `.deny.toml`.
const CARGO_DENY: &str = "0.20.2";
/// The version of cargo-machete that looks for dependencies that nothing uses.
const CARGO_MACHETE: &str = "0.9.2";
/// How long the database of advisories may take to arrive.
const FETCH_TIMEOUT: Duration = Duration::from_mins(1);

/// Runs everything that CI runs and stops at the first failure.
///
/// Formatting, lints, documentation, clocks in rules, dependencies (policy, unused ones, advisories
/// where their database can be fetched), generated requests, then all tests against a MongoDB of
/// their own (or the one at `TEST_MONGODB_URI`). `cargo nextest` is used where it is installed,
/// `cargo test` where it is not.
#[derive(clap::Args)]
pub(crate) struct Arguments {}

/// Returns an error that names the first step that failed.
pub(crate) async fn run(_: &Arguments) -> anyhow::Result<()> {
    step("formatting", cargo().args(["fmt", "--all", "--check"])).await?;
    step(
        "lints",
        workspace_command("clippy").args(["--all-targets", "--", "-D", "warnings"]),
    )
    .await?;
    let mut documentation = workspace_command("doc");
    documentation
        .args(["--no-deps", "--document-private-items"])
        .env("RUSTDOCFLAGS", "-D warnings");
    step("documentation", &mut documentation).await?;
    headline("rules that ask for the time");
    pure::check(workspace())?;
    let deny = install("cargo-deny", CARGO_DENY, "dev").await?;
    step(
        "dependency policy",
        &mut check(&deny, &["licenses", "bans", "sources"]),
    )
    .await?;
    advisories(&deny).await?;
    let mut machete = Command::new(install("cargo-machete", CARGO_MACHETE, "dev").await?);
    machete.arg("--with-metadata").arg(workspace());
    step("unused dependencies", &mut machete).await?;
    step(
        "build of programs and tests",
        workspace_command("build").args(TESTED),
    )
    .await?;

    headline("generated requests");
    fuzz::run(&fuzz::Arguments::default()).await?;

    let mut server = local_mongod::for_tests().await?;
    let mut tests = if is_there(cargo().args(["nextest", "--version"])).await {
        let mut nextest = cargo();
        nextest.args(["nextest", "run"]);
        nextest
    } else {
        cargo_test()
    };
    tests.args(["--workspace", "--all-features"]).args(TESTED);
    tests.env("TEST_MONGODB_URI", &server.uri);
    headline("tests");
    // Nothing is printed after it: the runner's summary ends the output.
    let tested = must_succeed("tests", &mut tests).await;
    if tested.is_err()
        && let Some(mongod) = &mut server.mongod
        && let Some(status) = mongod.process().exit_status()?
    {
        let lines = mongod.last_lines();
        bail!("tests failed, and mongod ended by itself ({status}); its last lines:\n{lines}");
    }
    tested
}

fn check(deny: &Path, what: &[&str]) -> Command {
    let mut command = Command::new(deny);
    command.current_dir(workspace());
    command.args(["--workspace", "--all-features", "check"]);
    command.args(what);
    command
}

/// Looks for known vulnerabilities of dependencies, where there is a way to their database.
async fn advisories(deny: &Path) -> anyhow::Result<()> {
    let mut fetch = Command::new(deny);
    fetch.current_dir(workspace()).args(["fetch", "db"]);
    let fetch = fetch
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .kill_on_drop(true)
        .status();
    match tokio::time::timeout(FETCH_TIMEOUT, fetch).await {
        Ok(Ok(status)) if status.success() => {
            step("advisories", &mut check(deny, &["advisories"])).await
        }
        _ => {
            headline("advisories: skipped, their database cannot be fetched");
            Ok(())
        }
    }
}

fn cargo_test() -> Command {
    let mut test = cargo();
    test.args(["test", "--no-fail-fast"]);
    test
}

async fn is_there(command: &mut Command) -> bool {
    let silent = command.stdout(Stdio::null()).stderr(Stdio::null());
    silent.status().await.is_ok_and(|status| status.success())
}

async fn step(name: &str, command: &mut Command) -> anyhow::Result<()> {
    headline(name);
    let started = Instant::now();
    must_succeed(name, command).await?;
    println!("=== {name}: ok, {} s", started.elapsed().as_secs());
    Ok(())
}

fn headline(name: &str) {
    println!("\n=== {name}");
}

async fn must_succeed(name: &str, command: &mut Command) -> anyhow::Result<()> {
    let status = command
        .status()
        .await
        .with_context(|| format!("{name}: the command cannot be run"))?;
    if !status.success() {
        bail!("{name} failed");
    }
    Ok(())
}
