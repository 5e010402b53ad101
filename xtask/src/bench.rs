//! `cargo xtask bench`: what the services manage on this machine, beside what the database driver
//! alone manages. Only ratios mean something elsewhere; tests never look at time.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, bail, ensure};
use local_mongod::ports;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::{
    cargo,
    data_dir::DataDir,
    http,
    services::{PROGRAMS, Wiring},
    stack::Stack,
};

/// The load generator, a program from crates.io, built once into `target/tools`.
const OHA: (&str, &str) = ("oha", "1.16.0");
const CONNECTIONS: &str = "16";
/// Requests before a measurement starts, to warm caches and connections.
const WARM_UP: Duration = Duration::from_secs(2);
/// Addresses among which the load is spread; the pairs are drawn from a million.
const URLS: u32 = 50_000;
const ACCOUNTS: u32 = 100_000;
const GRANTEES: u32 = 10;
const TOKEN_HEADER: &str = "x-tidepool-session-token";
/// The kernel counts CPU time in hundredths of a second.
const TICKS_PER_SECOND: f64 = 100.0;

/// Measures the services with a million stored permissions and 16 connections.
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
}

pub(crate) async fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let oha = cargo::install(OHA.0, OHA.1).await?;
    let programs = cargo::build(&PROGRAMS, true).await?;
    let bare_driver = cargo::build_example("gatekeeper", "bare_driver").await?;

    let folder = cargo::workspace().join("target/bench");
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    let data_dir = DataDir::open(&folder)?;
    let mongod = local_mongod::start(&data_dir.mongodb()).await?;
    let uri = mongod.uri().to_owned();
    let mail_dir = data_dir.mail();
    fs::create_dir(&mail_dir)?;
    let wiring = Wiring::new(
        &data_dir,
        ports::free::<1>()?[0],
        ports::free()?,
        uri.clone(),
        Some(mail_dir),
    )?
    .without_limits();
    let mut stack = Stack::on(Some(mongod));
    for (name, program) in PROGRAMS.iter().zip(&programs) {
        stack.start(name, program, &wiring)?;
    }
    stack.wait_until_ready().await?;
    println!("Storing a million permissions …");
    output(Command::new(&bare_driver).args(["seed", &uri, "gatekeeper"])).await?;

    let bench = Bench {
        oha,
        folder,
        seconds: arguments.seconds,
        processes: stack.processes(),
        gatekeeper: wiring.url("gatekeeper"),
        user_api: wiring.url("user-api"),
        server_token: server_token(&wiring).await?,
    };
    bench.bare_driver(&bare_driver, &uri).await?;
    for measured in bench.operations().await? {
        if measured.name.contains(&arguments.only) {
            bench.measure(&measured).await?;
        }
    }
    bench.bare_driver(&bare_driver, &uri).await
}

struct Bench {
    oha: PathBuf,
    folder: PathBuf,
    seconds: u64,
    processes: Vec<(String, u32)>,
    gatekeeper: String,
    user_api: String,
    server_token: String,
}

/// What is asked, again and again.
struct Operation {
    name: &'static str,
    method: &'static str,
    urls: Vec<String>,
    headers: Vec<String>,
    body: Option<&'static str>,
    status: &'static str,
}

impl Bench {
    async fn operations(&self) -> anyhow::Result<Vec<Operation>> {
        let token = vec![format!("{TOKEN_HEADER}: {}", self.server_token)];
        let gatekeeper = |path: &dyn Fn(&str, &str) -> String| -> Vec<String> {
            (0..URLS)
                .map(|number| {
                    let (sharer, grantee) = pair(number * 7_919 % (ACCOUNTS * GRANTEES));
                    format!("{}{}", self.gatekeeper, path(&sharer, &grantee))
                })
                .collect()
        };
        let read = |name, urls| Operation {
            name,
            method: "GET",
            urls,
            headers: token.clone(),
            body: None,
            status: "200",
        };
        let (user_token, credentials) = self.person().await?;
        Ok(vec![
            read(
                "pair check",
                gatekeeper(&|sharer, grantee| format!("/access/{sharer}/{grantee}")),
            ),
            read(
                "member list",
                gatekeeper(&|sharer, _| format!("/access/{sharer}")),
            ),
            read(
                "groups",
                gatekeeper(&|_, grantee| format!("/access/groups/{grantee}")),
            ),
            Operation {
                method: "POST",
                body: Some(r#"{"view":{},"upload":{}}"#),
                ..read(
                    "replace",
                    gatekeeper(&|sharer, grantee| format!("/access/{sharer}/{grantee}")),
                )
            },
            read(
                "token check",
                vec![format!("{}/token/{user_token}", self.user_api)],
            ),
            Operation {
                method: "POST",
                headers: vec![format!("authorization: {credentials}")],
                ..read("login", vec![format!("{}/login", self.user_api)])
            },
        ])
    }

    /// Somebody with an account: a token, and what to log in with.
    async fn person(&self) -> anyhow::Result<(String, String)> {
        let (address, password) = ("bench+verified@example.org", "a-long-password");
        let account = json!({ "username": address, "emails": [address], "password": password });
        let client = http::client()?;
        let response = client
            .post(format!("{}/user", self.user_api))
            .json(&account)
            .send()
            .await?;
        ensure!(
            response.status() == 201,
            "the sign-up was answered {}",
            response.status()
        );
        let token = token_in(&response)?;
        let request = client
            .get(&self.user_api)
            .basic_auth(address, Some(password))
            .build()?;
        let credentials = request.headers()["authorization"].to_str()?.to_owned();
        Ok((token, credentials))
    }

    async fn bare_driver(&self, program: &Path, uri: &str) -> anyhow::Result<()> {
        let seconds = self.seconds.to_string();
        let before = self.cpu()?;
        let rate: f64 = output(Command::new(program).args(["find", uri, "gatekeeper", &seconds]))
            .await?
            .trim()
            .parse()?;
        #[expect(clippy::cast_precision_loss, reason = "a duration of some seconds")]
        let thousands = rate * self.seconds as f64 / 1000.0;
        println!("\nbare driver, pair look-up: {rate:.0}/s");
        self.print_processes(&before, thousands)
    }

    async fn measure(&self, operation: &Operation) -> anyhow::Result<()> {
        self.load(operation, WARM_UP).await?;
        let before = self.cpu()?;
        let told = self
            .load(operation, Duration::from_secs(self.seconds))
            .await?;
        let statuses = &told["statusCodeDistribution"];
        let answered = statuses[operation.status].as_f64().unwrap_or_default();
        let all: f64 = statuses
            .as_object()
            .map(|statuses| statuses.values().filter_map(Value::as_f64).sum())
            .unwrap_or_default();
        ensure!(
            all > 0.0 && answered >= all * 0.999,
            "{}: answered {statuses}",
            operation.name
        );
        let rate = told["summary"]["requestsPerSec"]
            .as_f64()
            .context("oha tells the rate")?;
        let latency_ms = |percentile: &str| {
            told["latencyPercentiles"][percentile]
                .as_f64()
                .unwrap_or_default()
                * 1000.0
        };
        println!(
            "\n{}: {rate:.0}/s, p50 {:.2} ms, p99 {:.2} ms",
            operation.name,
            latency_ms("p50"),
            latency_ms("p99")
        );
        self.print_processes(&before, all / 1000.0)
    }

    async fn load(&self, operation: &Operation, time: Duration) -> anyhow::Result<Value> {
        let urls = self.folder.join("urls");
        fs::write(&urls, operation.urls.join("\n"))?;
        let mut command = Command::new(&self.oha);
        command
            .args(["--no-tui", "--output-format", "json", "-c", CONNECTIONS])
            .args(["-z", &format!("{}s", time.as_secs()), "-w"])
            .args(["-m", operation.method]);
        for header in &operation.headers {
            command.args(["-H", header]);
        }
        if let Some(body) = operation.body {
            command.args(["-d", body]);
        }
        command.arg("--urls-from-file").arg(&urls);
        Ok(serde_json::from_str(&output(&mut command).await?)?)
    }

    fn cpu(&self) -> anyhow::Result<Vec<f64>> {
        self.processes
            .iter()
            .map(|(_, id)| cpu_seconds(*id))
            .collect()
    }

    fn print_processes(&self, before: &[f64], thousands: f64) -> anyhow::Result<()> {
        for ((name, id), before) in self.processes.iter().zip(before) {
            let used = cpu_seconds(*id)? - before;
            if used / thousands >= 0.001 {
                println!(
                    "    {name:<12} {:.3} CPU s per 1,000, {} MB",
                    used / thousands,
                    resident_kb(*id)? / 1024
                );
            }
        }
        Ok(())
    }
}

/// The pairs that `bare_driver` stores.
fn pair(number: u32) -> (String, String) {
    let (account, place) = (number / GRANTEES, number % GRANTEES);
    let grantee = (account + 1 + place * 9_973) % ACCOUNTS;
    (format!("{account:010x}"), format!("{grantee:010x}"))
}

async fn server_token(wiring: &Wiring) -> anyhow::Result<String> {
    let (name, secret) = wiring
        .server_secrets()?
        .pop()
        .context("a server has a secret")?;
    let response = http::client()?
        .post(format!("{}/serverlogin", wiring.url("user-api")))
        .header("x-tidepool-server-name", name)
        .header("x-tidepool-server-secret", secret)
        .send()
        .await?;
    token_in(&response)
}

fn token_in(response: &reqwest::Response) -> anyhow::Result<String> {
    let token = response
        .headers()
        .get(TOKEN_HEADER)
        .context("the answer holds a token")?;
    Ok(token.to_str()?.to_owned())
}

async fn output(command: &mut Command) -> anyhow::Result<String> {
    let done = command
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .await?;
    if !done.status.success() {
        bail!("{command:?} ended with {}", done.status);
    }
    Ok(String::from_utf8(done.stdout)?)
}

/// User and system time that a process has used.
fn cpu_seconds(process: u32) -> anyhow::Result<f64> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The name, in parentheses, may hold spaces.
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    let ticks: f64 = fields[11].parse::<f64>()? + fields[12].parse::<f64>()?;
    Ok(ticks / TICKS_PER_SECOND)
}

fn resident_kb(process: u32) -> anyhow::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let line = line.context("a process has a resident size")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
