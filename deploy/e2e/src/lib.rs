//! The platform as its own processes on free ports, for the journeys in `tests/`: real programs,
//! a real database, killed and started again at will.
//!
//! The programs are the debug builds that `cargo test --workspace` makes beside the tests.

#![expect(
    clippy::missing_panics_doc,
    reason = "a journey that cannot go on panics"
)]

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::Context;
use bson::doc;
use local_mongod::{Supervised, ports};
use shared_runtime::{
    config::MongoSettings,
    mongo::Connector,
    testing::{Person, SigningKeys, TestDatabase, mongodb_uri},
};
use stack::{Deployment, SIGNING_KEY, secret_file, server_names};
use tempfile::TempDir;

mod own_mongod;

pub use own_mongod::OwnMongod;
pub use stack::{Program, VERIFIED_TAG};

/// How long a program may take to get ready on a busy machine.
const START_TIMEOUT: Duration = Duration::from_mins(1);
/// Lines of each log that a failed journey shows.
const LINES_SHOWN: usize = 30;

/// Tests play clients elsewhere by `X-Forwarded-For`.
const TRUSTED_PROXIES: (&str, &str) = ("server.trusted_proxies", "127.0.0.1");
/// No load balancer has to notice that a service goes.
const DRAIN_WAIT: (&str, &str) = ("server.drain_wait_ms", "0");

/// What hospital records show.
pub const REDOX_TOKEN: &str = "the-token-of-redox";

/// Where one service differs from its shipped settings.
const OF_ONE: [(Program, &str, &str); 9] = [
    (
        Program::UserApi,
        "accounts.verification_secret",
        VERIFIED_TAG,
    ),
    // One test makes more accounts than most.
    (Program::UserApi, "limits.sign_ups_per_source.burst", "0"),
    (Program::UserApi, "limits.dependants_per_source.burst", "0"),
    // A relay that was killed keeps its lease for this long.
    (Program::UserApi, "outbox.lease_s", "2"),
    (Program::Confirm, "outbox.lease_s", "2"),
    (Program::Clinic, "outbox.lease_s", "2"),
    (Program::Clinic, "jobs.lease_s", "2"),
    (Program::Clinic, "redox.worker", "true"),
    // All people of a journey are at one address.
    (
        Program::Confirm,
        "limits.asked_mails_per_source_per_hour",
        "0",
    ),
];

/// A platform of the test's own.
pub struct Platform {
    processes: [Option<Supervised>; Program::COUNT],
    deployment: Deployment,
    mail_dir: PathBuf,
    /// Each by its shipped name.
    databases: BTreeMap<&'static str, TestDatabase>,
    scratch: TempDir,
}

impl Platform {
    /// Starts everything and waits until the origin says that all are ready.
    pub async fn start() -> Self {
        let mut databases = BTreeMap::new();
        for name in database_names() {
            databases.insert(name, TestDatabase::create().await);
        }
        Self::start_with(mongodb_uri().await, databases).await
    }

    /// The same on a MongoDB that has nothing else to do.
    pub async fn start_on(mongodb_uri: &str) -> Self {
        let mut databases = BTreeMap::new();
        for name in database_names() {
            databases.insert(name, database_at(mongodb_uri, name).await);
        }
        Self::start_with(mongodb_uri, databases).await
    }

    async fn start_with(
        mongodb_uri: &str,
        databases: BTreeMap<&'static str, TestDatabase>,
    ) -> Self {
        let scratch = tempfile::tempdir().expect("a scratch directory");
        let write = |name: &str, content: &str| {
            fs::write(scratch.path().join(name), content).expect("a file");
        };
        write(SIGNING_KEY, &SigningKeys::generate().private_pem);
        for name in server_names() {
            write(&secret_file(name), &server_secret(name));
        }
        write(stack::REDOX_TOKEN, REDOX_TOKEN);
        let mail_dir = scratch.path().join("mail");
        fs::create_dir(&mail_dir).expect("a mail folder");
        let called = databases.iter();
        let called = called.map(|(name, here)| (*name, here.settings.database.clone()));
        let mut platform = Self {
            processes: [const { None }; Program::COUNT],
            deployment: Deployment {
                ports: ports::free().expect("free ports"),
                mongodb_uri: mongodb_uri.to_owned(),
                databases: called.collect(),
                secrets: scratch.path().to_owned(),
                mail_dir: Some(mail_dir.clone()),
            },
            mail_dir,
            databases,
            scratch,
        };
        platform.limit_transactions().await;
        for program in Program::all() {
            platform.spawn(program);
        }
        platform.wait_until_ready(Program::Gateway).await;
        platform
    }

    /// The public origin.
    pub fn origin(&self) -> String {
        self.url(Program::Gateway)
    }

    /// Where a program listens.
    pub fn url(&self, program: Program) -> String {
        self.deployment.url(program)
    }

    /// Somebody at the public origin.
    pub fn person(&self, token: Option<&str>) -> Person {
        Person::at(&self.origin(), token)
    }

    /// A service that none of the others needs, at the public origin.
    pub async fn server(&self) -> Person {
        self.person(Some(&self.server_token("scripts").await))
    }

    /// What a service gets that logs in as `name`.
    pub async fn server_token(&self, name: &str) -> String {
        let login = self
            .person(None)
            .request(reqwest::Method::POST, "/serverlogin")
            .header("x-tidepool-server-name", name)
            .header("x-tidepool-server-secret", server_secret(name));
        let answer = shared_runtime::testing::send(login).await;
        let token = answer.header("x-tidepool-session-token");
        token.expect("a server token").to_owned()
    }

    /// Ends a program as a power failure would.
    pub fn kill(&mut self, program: Program) {
        if let Some(mut process) = self.processes[program as usize].take() {
            process.kill().expect("the program can be killed");
        }
    }

    /// Starts a killed program again and waits until it is ready.
    pub async fn restart(&mut self, program: Program) {
        self.spawn(program);
        self.wait_until_ready(program).await;
    }

    /// What a program has logged.
    pub fn log(&self, program: Program) -> String {
        fs::read_to_string(self.log_file(program)).unwrap_or_default()
    }

    /// The folder with the mails.
    pub fn mail_dir(&self) -> &Path {
        &self.mail_dir
    }

    /// The database of a service, apart from that of metadata.
    pub fn database(&self, service: Program) -> &mongodb::Database {
        let (_, name) = service.databases()[0];
        &self.databases[name].database
    }

    /// What a transaction has locked stays locked when its program is killed, by default for a
    /// minute. A server that does not let us change that makes some journeys slower.
    async fn limit_transactions(&self) {
        let admin = self.database(Program::Confirm).client().database("admin");
        let limit = doc! { "setParameter": 1, "transactionLifetimeLimitSeconds": 3 };
        drop(admin.run_command(limit).await);
    }

    fn spawn(&mut self, program: Program) {
        let log = fs::File::options()
            .create(true)
            .append(true)
            .open(self.log_file(program))
            .expect("a log file");
        let mut command = Supervised::command(binary(program).expect("a built program"));
        self.configure(program, &mut command);
        command
            .stdout(log.try_clone().expect("a log file"))
            .stderr(log);
        let process = Supervised::spawn(&mut command).expect("the program starts");
        self.processes[program as usize] = Some(process);
    }

    fn configure(&self, program: Program, command: &mut Command) {
        let settings = self.deployment.settings(program);
        command.envs(
            settings
                .into_iter()
                .map(|setting| (setting.variable, setting.value)),
        );
        let mut differences = vec![TRUSTED_PROXIES];
        if program.is_service() {
            differences.push(DRAIN_WAIT);
        }
        let of_one = OF_ONE.iter().filter(|(of, ..)| *of == program);
        differences.extend(of_one.map(|(_, setting, value)| (*setting, *value)));
        for (setting, value) in differences {
            command.env(program.variable(setting), value);
        }
    }

    async fn wait_until_ready(&mut self, program: Program) {
        let person = Person::at(&self.url(program), None);
        let deadline = Instant::now() + START_TIMEOUT;
        loop {
            let ended = self.processes[program as usize]
                .as_mut()
                .and_then(|process| process.exit_status().ok()?);
            assert!(
                ended.is_none(),
                "{} ended: {}",
                program.name(),
                self.log(program)
            );
            if person
                .try_get(program.ready_path())
                .await
                .is_some_and(|answer| answer.status == 200)
            {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "{} is not ready: {}",
                program.name(),
                self.log(program)
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    fn log_file(&self, program: Program) -> PathBuf {
        self.scratch.path().join(format!("{}.log", program.name()))
    }
}

impl Drop for Platform {
    /// A journey that failed shows what the programs said last.
    fn drop(&mut self) {
        if !thread::panicking() {
            return;
        }
        for program in Program::all() {
            let log = self.log(program);
            let lines: Vec<&str> = log.lines().collect();
            let last = &lines[lines.len().saturating_sub(LINES_SHOWN)..];
            eprintln!("{}:\n{}", program.name(), last.join("\n"));
        }
    }
}

/// With what `name` logs in; it means nothing elsewhere.
pub fn server_secret(name: &str) -> String {
    format!("the secret of {name} in the journeys")
}

/// The databases of all services, as they are shipped.
fn database_names() -> impl Iterator<Item = &'static str> {
    Program::all()
        .flat_map(Program::databases)
        .map(|(_, name)| *name)
}

/// The database `name` on the server at `uri`.
async fn database_at(uri: &str, name: &str) -> TestDatabase {
    let settings = MongoSettings {
        uri: uri.into(),
        database: name.to_owned(),
        max_pool_size: 32,
    };
    let connector = Connector::new(&settings).await.expect("a usable URI");
    let database = connector.connect().await.expect("the server answers");
    TestDatabase { settings, database }
}

/// How often a test that plays rounds does so: what the variable `E2E_ROUNDS` says, or `default`.
pub fn rounds(default: usize) -> usize {
    number("E2E_ROUNDS", default)
}

/// Patients of each of two clinics that are merged: what the variable `E2E_MERGE_PATIENTS` says, or
/// `default`.
pub fn merged_patients(default: usize) -> usize {
    number("E2E_MERGE_PATIENTS", default)
}

/// Messages that hospitals send altogether: what the variable `E2E_REDOX_MESSAGES` says, or `default`.
pub fn redox_messages(default: usize) -> usize {
    number("E2E_REDOX_MESSAGES", default)
}

#[expect(
    clippy::disallowed_methods,
    reason = "the size of a test is a setting of the test run and of no service"
)]
fn number(name: &str, default: usize) -> usize {
    let wanted = env::var(name).ok();
    let parse = |number: String| number.parse().ok();
    wanted.map_or(default, |wanted| {
        parse(wanted).unwrap_or_else(|| panic!("{name} is a number"))
    })
}

/// A program that was built beside the running test.
fn binary(program: Program) -> anyhow::Result<PathBuf> {
    sibling(program.name())
}

/// `name` in the folder of the programs that were built with the running test.
pub fn sibling(name: &str) -> anyhow::Result<PathBuf> {
    let test = env::current_exe()?;
    let folder = test
        .parent()
        .and_then(Path::parent)
        .context("a test runs from target/*/deps")?;
    let program = folder.join(name);
    anyhow::ensure!(
        program.is_file(),
        "{} is missing; `cargo test --workspace` builds it",
        program.display()
    );
    Ok(program)
}
