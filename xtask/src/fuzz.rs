//! `cargo xtask fuzz`: requests generated from the services' own OpenAPI documents. Whatever is
//! sent, no service may fail, and every response must have a status, a type and a form that the
//! document names.

mod people;

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
};

use anyhow::{Context, bail, ensure};
use futures_util::future::try_join_all;
use local_mongod::ports;
use stack::Program;
use tokio::process::Command;

use self::people::People;
use crate::{cargo, data_dir::DataDir, services::Wiring, stack::Stack, tokens::server_token};

/// The versions of the generator and of everything that it needs.
const REQUIREMENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/schemathesis/requirements.txt");
/// What every response is held to.
const CHECKS: &str = "not_a_server_error,content_type_conformance,status_code_conformance,\
                      response_schema_conformance";
/// Who ends the session that is used sees nothing but refusals from then on. And what works with systems
/// that the local stack has not is 500 there.
const LEFT_OUT: &str = "logout|/sessions$|/v1/xealth/|/service_accounts$";
/// Long enough for thousands of requests to each service.
const SECONDS: u64 = 120;
/// The same requests each time, so that a failure is that of the change under test.
const SEED: u64 = 1;
/// Lines of a report that a failure shows.
const LINES_SHOWN: usize = 80;

/// Sends generated requests to every service and fails when one of them does.
///
/// Starts a platform of its own. Schemathesis, a Python package, makes the requests; where Python
/// cannot install it, nothing is sent and the command says so.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// How long requests are sent, in seconds, to all services at once: half of the time as a
    /// service, half of it as a person.
    #[arg(long, default_value_t = SECONDS)]
    seconds: u64,
    /// Another number makes other requests.
    #[arg(long, default_value_t = SEED)]
    seed: u64,
}

impl Default for Arguments {
    fn default() -> Self {
        Self {
            seconds: SECONDS,
            seed: SEED,
        }
    }
}

/// Returns an error that names the services that failed.
pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let Some(generator) = generator().await? else {
        println!("skipped: Python cannot install Schemathesis on this machine");
        return Ok(());
    };
    // With everything else, as the tests build them: what tests need gives dependencies features that
    // programs alone would not, and everything would be built twice.
    let build = cargo::workspace_command("build")
        .args(cargo::TESTED)
        .status()
        .await?;
    ensure!(build.success(), "the build failed");
    let target = cargo::target_dir().await?;
    let file = |program: Program| target.join("debug").join(program.name());
    let programs: Vec<_> = Program::all().map(file).collect();
    let folder = target.join("fuzz");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let data_dir = DataDir::open(&folder)?;
    let mongod = local_mongod::start_temporary().await?;
    let mail_dir = data_dir.mail();
    fs::create_dir(&mail_dir)?;
    let uri = mongod.uri().to_owned();
    let ports = ports::free()?;
    let wiring = Wiring::new(&data_dir, ports, uri, Some(mail_dir))?.without_limits();
    let mut stack = Stack::on(Some(mongod));
    stack.start_all(&programs, &wiring)?;
    stack.wait_until_ready().await?;

    let campaign = Campaign {
        generator,
        folder,
        seconds: arguments.seconds.div_ceil(2),
        seed: arguments.seed,
    };
    let mut failed = Vec::new();
    for (who, as_person) in [("service", false), ("person", true)] {
        // Those of the other half may be deleted by now.
        let people = People::sign_up(&wiring, who).await?;
        let mut runs = Vec::new();
        for service in Program::services() {
            let token = if as_person {
                people.token().to_owned()
            } else {
                server_token(&wiring, caller_of(service)).await?
            };
            let config = people.config(&token)?;
            runs.push(campaign.send(service.name(), who, wiring.url(service), config));
        }
        failed.extend(try_join_all(runs).await?.into_iter().flatten());
    }
    if !failed.is_empty() {
        bail!("generated requests found faults in {}", failed.join(", "));
    }
    Ok(())
}

/// The name whose token the requests to `service` carry: that of one that calls it, so that its
/// internal operations are open as well.
fn caller_of(service: Program) -> &'static str {
    let calls = |program: &Program| program.peers().iter().any(|(_, peer)| *peer == service);
    let mut callers = Program::services().filter(calls);
    let caller = callers.find(|caller| caller.server_secret().is_some());
    caller.map_or("scripts", Program::name)
}

/// One series of generated requests after another.
struct Campaign {
    generator: PathBuf,
    folder: PathBuf,
    seconds: u64,
    seed: u64,
}

impl Campaign {
    /// Sends requests to `service`; returns its name when one of them found a fault.
    async fn send(
        &self,
        service: &str,
        who: &str,
        url: String,
        config: String,
    ) -> anyhow::Result<Option<String>> {
        let name = format!("{service}-as-{who}");
        let settings = self.folder.join(format!("{name}.toml"));
        fs::write(&settings, config)?;
        let report = self.folder.join(format!("{name}.log"));
        let status = self.generate(&settings, &report, &url).await?;
        let told = fs::read_to_string(&report)?;
        let sent = told
            .lines()
            .find(|line| line.contains(" generated, "))
            .unwrap_or("  nothing was generated");
        println!("{service}, as a {who}: {}", sent.trim());
        if status.success() {
            return Ok(None);
        }
        let lines: Vec<&str> = told.lines().collect();
        let last = &lines[lines.len().saturating_sub(LINES_SHOWN)..];
        println!(
            "{}\nThe whole report: {}",
            last.join("\n"),
            report.display()
        );
        Ok(Some(service.to_owned()))
    }

    async fn generate(
        &self,
        settings: &Path,
        report: &Path,
        url: &str,
    ) -> anyhow::Result<ExitStatus> {
        let output = File::create(report)?;
        Command::new(&self.generator)
            .arg("--config-file")
            .arg(settings)
            .args(["run", &format!("{url}/openapi.json")])
            .args(["--checks", CHECKS])
            .args(["--phases", "coverage,fuzzing"])
            .args(["--exclude-path-regex", LEFT_OUT])
            .args(["--max-time", &self.seconds.to_string()])
            .args(["--seed", &self.seed.to_string()])
            .args(["--request-timeout", "20"])
            .args(["--suppress-health-check", "all"])
            .args(["--warnings", "off", "--continue-on-failure", "--no-shrink"])
            .current_dir(&self.folder)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .kill_on_drop(true)
            .status()
            .await
            .context("Schemathesis cannot be started")
    }
}

/// Schemathesis in an environment of its own below `target/tools`; `None` where Python cannot make
/// or fill it.
async fn generator() -> anyhow::Result<Option<PathBuf>> {
    let tools = cargo::target_dir().await?.join("tools");
    let environment = tools.join("schemathesis");
    let program = environment.join("bin/schemathesis");
    // It does not survive being moved, so where it is belongs to what is wanted.
    let wanted = format!(
        "# {}\n{}",
        environment.display(),
        fs::read_to_string(REQUIREMENTS)?
    );
    let installed = environment.join("requirements.txt");
    if fs::read_to_string(&installed).is_ok_and(|found| found == wanted) {
        return Ok(Some(program));
    }
    println!("Installing Schemathesis (once) …");
    fs::create_dir_all(&tools)?;
    let mut create = Command::new("python3");
    create.args(["-m", "venv", "--clear"]).arg(&environment);
    let mut install = Command::new(environment.join("bin/pip"));
    install
        .args(["install", "--quiet", "--disable-pip-version-check", "-r"])
        .arg(REQUIREMENTS);
    for command in [&mut create, &mut install] {
        let status = command.kill_on_drop(true).status().await;
        if !status.is_ok_and(|status| status.success()) {
            return Ok(None);
        }
    }
    fs::write(installed, wanted)?;
    Ok(Some(program))
}
