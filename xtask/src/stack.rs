//! The running processes of the local stack: started, watched and stopped together.

use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use local_mongod::{Mongod, Supervised};
use stack::Program;
use tokio::time::{Instant, sleep};

use crate::http;
use crate::logs::{self, Tail};
use crate::services::Wiring;

const READY_TIMEOUT: Duration = Duration::from_secs(30);
const WATCH_INTERVAL: Duration = Duration::from_millis(100);

/// The services and, unless a URI was given, their database. Dropping it stops everything.
pub(crate) struct Stack {
    services: Vec<Service>,
    mongod: Option<Mongod>,
}

struct Service {
    name: String,
    ready_url: String,
    process: Supervised,
    tail: Tail,
}

impl Stack {
    /// A stack without services yet.
    pub(crate) fn on(mongod: Option<Mongod>) -> Self {
        Self {
            services: Vec::new(),
            mongod,
        }
    }

    /// Starts all programs from `files`, in the order of [`Program::all`].
    pub(crate) fn start_all(&mut self, files: &[PathBuf], wiring: &Wiring) -> anyhow::Result<()> {
        for (program, file) in Program::all().zip(files) {
            self.start(program, file, wiring)?;
        }
        Ok(())
    }

    /// Starts one program; its lines appear in our output.
    fn start(&mut self, program: Program, file: &Path, wiring: &Wiring) -> anyhow::Result<()> {
        let name = program.name();
        let mut command = Supervised::command(file);
        wiring.configure(program, &mut command);
        let mut process = Supervised::spawn(command.stdout(Stdio::piped()).stderr(Stdio::piped()))
            .with_context(|| format!("{name} cannot be started"))?;
        let (output, errors) = process.take_output();
        let tail = Tail::default();
        let position = self.services.len();
        logs::forward(
            name,
            position,
            output.context("its output is piped")?,
            tail.clone(),
        );
        logs::forward(
            name,
            position,
            errors.context("its errors are piped")?,
            tail.clone(),
        );
        self.services.push(Service {
            name: name.to_owned(),
            ready_url: wiring.deployment.ready_url(program),
            process,
            tail,
        });
        Ok(())
    }

    /// Names and process ids.
    pub(crate) fn processes(&mut self) -> Vec<(String, u32)> {
        let services = self
            .services
            .iter()
            .map(|service| (service.name.clone(), service.process.id()));
        let mut processes: Vec<_> = services.collect();
        if let Some(mongod) = &mut self.mongod {
            processes.push(("mongod".to_owned(), mongod.process().id()));
        }
        processes
    }

    /// Returns when all are ready, with an error when one is not in time or ends.
    pub(crate) async fn wait_until_ready(&mut self) -> anyhow::Result<()> {
        let client = http::client()?;
        let deadline = Instant::now() + READY_TIMEOUT;
        let asked: Vec<_> = self
            .services
            .iter()
            .map(|service| {
                (
                    service.name.clone(),
                    service.ready_url.clone(),
                    service.tail.clone(),
                )
            })
            .collect();
        let all_ready = async {
            for (name, url, tail) in asked {
                let ready = http::wait_for_ok(&client, &url, deadline).await;
                ready.with_context(|| {
                    format!(
                        "{name} did not get ready; its last lines:{}\n ",
                        tail.text()
                    )
                })?;
            }
            Ok(())
        };
        tokio::select! {
            ready = all_ready => ready,
            ended = self.watch() => ended,
        }
    }

    /// Returns when a process ends by itself, always with an error that names it.
    pub(crate) async fn watch(&mut self) -> anyhow::Result<()> {
        loop {
            for service in &mut self.services {
                if let Some(status) = service.process.exit_status()? {
                    // Its last lines are still on their way through the pipe.
                    sleep(WATCH_INTERVAL).await;
                    bail!(
                        "{} ended by itself ({}); its last lines:{}",
                        service.name,
                        describe(status),
                        service.tail.text()
                    );
                }
            }
            if let Some(mongod) = &mut self.mongod
                && let Some(status) = mongod.process().exit_status()?
            {
                bail!(
                    "mongod ended by itself ({}); see {}",
                    describe(status),
                    mongod.log().display()
                );
            }
            sleep(WATCH_INTERVAL).await;
        }
    }
}

impl Drop for Stack {
    /// The services stop side by side, the database after them.
    fn drop(&mut self) {
        for service in &mut self.services {
            if let Err(error) = service.process.request_stop() {
                eprintln!("{} could not be asked to stop: {error}", service.name);
            }
        }
        self.services.clear();
    }
}

fn describe(status: ExitStatus) -> String {
    status.to_string()
}
