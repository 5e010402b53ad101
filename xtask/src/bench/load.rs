//! Putting a load on the services and measuring what comes of it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use serde_json::Value;
use tokio::process::Command;

use super::operations::Operation;
use crate::http;

const CONNECTIONS: &str = "16";
/// Requests before a measurement starts, to warm caches and connections.
const WARM_UP: Duration = Duration::from_secs(2);
/// The kernel counts CPU time in hundredths of a second.
const TICKS_PER_SECOND: f64 = 100.0;
/// How long the mails of a measurement may take to be sent.
const MAILS: Duration = Duration::from_mins(10);

pub(super) struct Bench {
    pub(super) oha: PathBuf,
    pub(super) folder: PathBuf,
    pub(super) seconds: u64,
    pub(super) processes: Vec<(String, u32)>,
    /// Base URL.
    pub(super) confirm: String,
}

impl Bench {
    /// The rate of look-ups without any service.
    pub(super) async fn bare_driver(&self, program: &Path, uri: &str) -> anyhow::Result<f64> {
        let seconds = self.seconds.to_string();
        let before = self.cpu()?;
        let rate: f64 = output(Command::new(program).args(["find", uri, "gatekeeper", &seconds]))
            .await?
            .trim()
            .parse()?;
        #[expect(clippy::cast_precision_loss, reason = "a duration of some seconds")]
        let thousands = rate * self.seconds as f64 / 1000.0;
        println!("\nbare driver, pair look-up: {rate:.0}/s");
        self.print_processes(&before, thousands)?;
        Ok(rate)
    }

    /// The rate of `operation`.
    pub(super) async fn measure(&self, operation: &Operation) -> anyhow::Result<f64> {
        self.load(operation, WARM_UP).await?;
        let before = self.cpu()?;
        let told = self
            .load(operation, Duration::from_secs(self.seconds))
            .await?;
        let statuses = &told["statusCodeDistribution"];
        let answered = statuses["200"].as_f64().unwrap_or_default();
        let all: f64 = statuses
            .as_object()
            .map(|statuses| statuses.values().filter_map(Value::as_f64).sum())
            .unwrap_or_default();
        ensure!(
            all > 0.0 && answered >= all * operation.share,
            "{}: answered {statuses}",
            operation.title()
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
            operation.title(),
            latency_ms("p50"),
            latency_ms("p99")
        );
        self.print_processes(&before, all / 1000.0)?;
        Ok(rate)
    }

    /// Waits until confirm has sent what it was asked to, which would slow down what comes next.
    pub(super) async fn wait_for_mails(&self) -> anyhow::Result<()> {
        let client = http::client()?;
        let started = Instant::now();
        let before = self.cpu()?;
        let mut first = None;
        loop {
            let answer = client.get(format!("{}/metrics", self.confirm)).send().await;
            let pending = pending_rows(&answer?.text().await?);
            let waiting = *first.get_or_insert(pending);
            if pending == 0.0 {
                let seconds = started.elapsed().as_secs_f64();
                if waiting > 0.0 {
                    println!(
                        "\nmails left to send: {waiting}, {:.0}/s",
                        waiting / seconds
                    );
                    self.print_processes(&before, waiting / 1000.0)?;
                }
                return Ok(());
            }
            ensure!(started.elapsed() < MAILS, "{pending} mails are not sent");
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }

    async fn load(&self, operation: &Operation, time: Duration) -> anyhow::Result<Value> {
        let urls = self.folder.join("urls");
        fs::write(&urls, operation.urls.join("\n"))?;
        let bodies = self.folder.join("bodies");
        let mut command = Command::new(&self.oha);
        command
            .args(["--no-tui", "--output-format", "json", "-c", CONNECTIONS])
            .args(["-z", &format!("{}s", time.as_secs()), "-w"])
            .args(["-m", operation.method]);
        for header in &operation.headers {
            command.args(["-H", header]);
        }
        if !operation.bodies.is_empty() {
            fs::write(&bodies, operation.bodies.join("\n"))?;
            command.args(["-T", "application/json", "-Z"]).arg(&bodies);
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

/// What `program` prints.
pub(super) async fn output(command: &mut Command) -> anyhow::Result<String> {
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

/// The rows that wait in the outbox, from the metrics of a service.
fn pending_rows(metrics: &str) -> f64 {
    let of_outbox =
        |line: &&str| line.starts_with("outbox_rows{") && line.contains(r#"state="pending""#);
    let values = metrics.lines().filter(of_outbox);
    values
        .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
        .sum()
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

#[cfg(test)]
mod tests {
    use super::pending_rows;

    #[test]
    fn waiting_rows_are_counted_in_the_metrics() {
        let metrics = "# TYPE outbox_rows gauge\n\
                       outbox_rows{outbox=\"mail\",state=\"pending\"} 12\n\
                       outbox_rows{outbox=\"mail\",state=\"dead\"} 3\n\
                       outbox_rows{outbox=\"other\",state=\"pending\"} 1\n\
                       outbox_delivered_total{topic=\"mail\"} 99\n";
        assert!((pending_rows(metrics) - 13.0).abs() < f64::EPSILON);
        assert!(pending_rows("").abs() < f64::EPSILON);
    }
}
