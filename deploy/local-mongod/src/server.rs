//! Starting `mongod`: on a data directory that stays, or for one test run.

use std::fs::{self, File};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use anyhow::{Context, bail};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

use crate::find::{self, IMAGE, Launch};
use crate::replica_set;
use crate::scratch;
use crate::supervise::Supervised;
use crate::{environment, ports};

/// Within this time a `mongod` must be primary, recovery after a crash and
/// the end of a predecessor on the same directory included.
const START_TIMEOUT: Duration = Duration::from_mins(1);

const POLL: Duration = Duration::from_millis(20);

/// Settings of every local server. A single node has no one to hand over to
/// when it stops, so it need not wait for that (15 s by default). What the
/// transaction of a program that was killed has locked is free after 3 s (by
/// default after 60 s).
const COMMON: [&str; 10] = [
    "--replSet",
    replica_set::NAME,
    "--nounixsocket",
    "--quiet",
    "--setParameter",
    "diagnosticDataCollectionEnabled=false",
    "--setParameter",
    "shutdownTimeoutMillisForSignaledShutdown=0",
    "--setParameter",
    "transactionLifetimeLimitSeconds=3",
];

/// One gigabyte of cache holds the data of a developer; the log of
/// operations is capped, since its default is 5 % of the disk.
const KEPT: [&str; 4] = ["--wiredTigerCacheSizeGB", "1", "--oplogSize", "512"];

/// Tests may switch on fail points and see expired documents go within a second.
/// The files of a dropped database stay open for the window of snapshots and
/// until the next checkpoint: by default that is minutes, in which a run that
/// creates and drops databases all the time would use up the descriptors.
/// Dropping a database waits for the journal, which is written every 100 ms by
/// default.
const TEMPORARY: [&str; 14] = [
    "--journalCommitInterval",
    "5",
    "--wiredTigerCacheSizeGB",
    "0.5",
    "--oplogSize",
    "64",
    "--setParameter",
    "enableTestCommands=1",
    "--setParameter",
    "ttlMonitorSleepSecs=1",
    "--setParameter",
    "minSnapshotHistoryWindowInSeconds=0",
    "--syncdelay",
    "10",
];

/// A running one-node replica set. Dropping it stops the server, which writes
/// everything to disk first; a temporary one is removed.
#[derive(Debug)]
pub struct Mongod {
    // Dropped in this order: the server first, its directory after it.
    process: Supervised,
    _scratch: Option<TempDir>,
    uri: String,
    log: PathBuf,
}

impl Mongod {
    /// The connection string, with the name of the replica set.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// The file that holds what the server wrote.
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// The last lines that the server wrote.
    pub fn last_lines(&self) -> String {
        last_lines(&fs::read_to_string(&self.log).unwrap_or_default())
    }

    /// The supervised process, to watch it, stop it or kill it.
    pub fn process(&mut self) -> &mut Supervised {
        &mut self.process
    }
}

/// Starts `mongod` on `dir`, which is created where it is missing and found
/// again with all its data, on the same port if that is free.
pub async fn start(dir: &Path) -> anyhow::Result<Mongod> {
    let mut folder = fs::DirBuilder::new();
    folder.recursive(true).mode(0o700);
    folder
        .create(dir.join("db"))
        .with_context(|| format!("cannot create {}", dir.display()))?;
    let dir = fs::canonicalize(dir)?;
    let log = dir.join("mongod.log");
    if log.exists() {
        fs::rename(&log, dir.join("mongod.previous.log"))?;
    }
    launch(Place {
        dir,
        arguments: &KEPT,
        scratch: None,
    })
    .await
}

/// Starts `mongod` on a directory of its own that goes when the server goes.
pub async fn start_temporary() -> anyhow::Result<Mongod> {
    let scratch = scratch::create("tidegate-mongod-")?;
    let dir = fs::canonicalize(scratch.path())?;
    fs::create_dir(dir.join("db"))?;
    launch(Place {
        dir,
        arguments: &TEMPORARY,
        scratch: Some(scratch),
    })
    .await
}

/// The server that tests use.
#[derive(Debug)]
pub struct TestServer {
    /// Its connection string.
    pub uri: String,
    /// The server itself, where this process started one.
    pub mongod: Option<Mongod>,
}

/// The server at `TEST_MONGODB_URI` or, without it, a temporary one.
///
/// Call it once per process and keep the answer in a static: statics are never
/// dropped, but the server still ends, and its data go, when the process does.
pub async fn for_tests() -> anyhow::Result<TestServer> {
    if let Some(uri) = environment::variable("TEST_MONGODB_URI") {
        let uri = uri
            .into_string()
            .ok()
            .context("TEST_MONGODB_URI is not text")?;
        return Ok(TestServer { uri, mongod: None });
    }
    let mongod = start_temporary().await?;
    Ok(TestServer {
        uri: mongod.uri.clone(),
        mongod: Some(mongod),
    })
}

struct Place {
    /// Holds `db`, `port` and `mongod.log`; absolute.
    dir: PathBuf,
    arguments: &'static [&'static str],
    scratch: Option<TempDir>,
}

async fn launch(place: Place) -> anyhow::Result<Mongod> {
    let launch = tokio::task::spawn_blocking(find::find).await??;
    let deadline = Instant::now() + START_TIMEOUT;
    let port_file = place.dir.join("port");
    let log = place.dir.join("mongod.log");
    let mut remembered = fs::read_to_string(&port_file)
        .ok()
        .and_then(|text| text.trim().parse::<u16>().ok());
    loop {
        let port = match remembered.take_if(|port| ports::is_free(*port)) {
            Some(port) => port,
            None => ports::free::<1>()?[0],
        };
        let output =
            File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
        let mut command = command(&launch, &place, port)?;
        let mut process = Supervised::spawn(command.stdout(output.try_clone()?).stderr(output))?;
        if let Some(status) = wait_until_it_listens(&mut process, port, deadline).await? {
            let said = fs::read_to_string(&log).unwrap_or_default();
            // The predecessor on this directory has not ended yet, or somebody took the port meanwhile.
            let passes = said.contains("DBPathInUse") || said.contains("Address already in use");
            if passes && Instant::now() < deadline {
                sleep(Duration::from_millis(200)).await;
                continue;
            }
            bail!(
                "mongod ended with {status}; its last lines:\n{}",
                last_lines(&said)
            );
        }
        replica_set::establish(port, deadline)
            .await
            .with_context(|| format!("mongod started, but is of no use; see {}", log.display()))?;
        fs::write(&port_file, format!("{port}\n"))?;
        let uri = format!(
            "mongodb://127.0.0.1:{port}/?replicaSet={}",
            replica_set::NAME
        );
        return Ok(Mongod {
            process,
            _scratch: place.scratch,
            uri,
            log,
        });
    }
}

fn command(launch: &Launch, place: &Place, port: u16) -> anyhow::Result<Command> {
    let scratch = place.scratch.as_ref().map(|_| place.dir.as_path());
    let port = port.to_string();
    let db = place.dir.join("db");
    let mut command = match launch {
        Launch::Binary(binary) => {
            let mut command = Supervised::command_with_scratch(binary, scratch);
            command
                .arg("--dbpath")
                .arg(&db)
                .args(["--bind_ip", "127.0.0.1"]);
            command
        }
        // The client stays in front, so signals reach the server through it.
        // The server's port is the same inside and outside, since a member must find itself at its own address.
        Launch::Docker(docker) => {
            let owner = fs::metadata(&db)?;
            let mut command = Supervised::command_with_scratch(docker, scratch);
            command.args([
                "run",
                "--rm",
                "--init",
                "--user",
                &format!("{}:{}", owner.uid(), owner.gid()),
            ]);
            command.args(["--publish", &format!("127.0.0.1:{port}:{port}")]);
            command
                .arg("--volume")
                .arg(format!("{}:/data/db", db.display()));
            command.args([IMAGE, "mongod", "--dbpath", "/data/db", "--bind_ip_all"]);
            command
        }
    };
    command
        .args(["--port", &port])
        .args(COMMON)
        .args(place.arguments);
    Ok(command)
}

/// The exit status where the server ended instead.
async fn wait_until_it_listens(
    process: &mut Supervised,
    port: u16,
    deadline: Instant,
) -> anyhow::Result<Option<ExitStatus>> {
    loop {
        if let Some(status) = process.exit_status()? {
            return Ok(Some(status));
        }
        if TcpStream::connect(("127.0.0.1", port)).await.is_ok() {
            return Ok(None);
        }
        if Instant::now() >= deadline {
            bail!("mongod does not listen after {} s", START_TIMEOUT.as_secs());
        }
        sleep(POLL).await;
    }
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(5)..].join("\n")
}
