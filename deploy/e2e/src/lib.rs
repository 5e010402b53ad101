//! The platform as its own processes on free ports, for the journeys in `tests/`: real programs,
//! a real database, killed and started again at will.
//!
//! The programs are the debug builds that `cargo test --workspace` makes beside the tests.

#![expect(
    clippy::missing_panics_doc,
    reason = "a journey that cannot go on panics"
)]

use std::{
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
use tempfile::TempDir;

mod own_mongod;

pub use own_mongod::OwnMongod;

/// How long a program may take to get ready on a busy machine.
const START_TIMEOUT: Duration = Duration::from_mins(1);
/// Lines of each log that a failed journey shows.
const LINES_SHOWN: usize = 30;
/// An address with this in it counts as verified.
pub const VERIFIED_TAG: &str = "+verified";

/// The programs of the platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Program {
    /// Accounts.
    UserApi,
    /// Permissions.
    Gatekeeper,
    /// Invitations, sign-ups and password resets.
    Confirm,
    /// The public origin.
    Gateway,
}

impl Program {
    /// All of them, in the order of their start.
    pub const ALL: [Self; 4] = [
        Self::UserApi,
        Self::Gatekeeper,
        Self::Confirm,
        Self::Gateway,
    ];

    /// The name of the program's file.
    pub fn name(self) -> &'static str {
        match self {
            Self::UserApi => "user-api",
            Self::Gatekeeper => "gatekeeper",
            Self::Confirm => "confirm",
            Self::Gateway => "gateway",
        }
    }
}

/// A platform of the test's own.
pub struct Platform {
    processes: [Option<Supervised>; 4],
    ports: [u16; 4],
    mongodb_uri: String,
    user_api_database: TestDatabase,
    metadata_database: TestDatabase,
    gatekeeper_database: TestDatabase,
    confirm_database: TestDatabase,
    mail_dir: PathBuf,
    scratch: TempDir,
}

impl Platform {
    /// Starts everything and waits until the origin says that all are ready.
    pub async fn start() -> Self {
        let databases = [
            TestDatabase::create().await,
            TestDatabase::create().await,
            TestDatabase::create().await,
            TestDatabase::create().await,
        ];
        Self::start_with(mongodb_uri().await, databases).await
    }

    /// The same on a MongoDB that has nothing else to do.
    pub async fn start_on(mongodb_uri: &str) -> Self {
        let databases = [
            database_at(mongodb_uri, "user_api").await,
            database_at(mongodb_uri, "metadata").await,
            database_at(mongodb_uri, "gatekeeper").await,
            database_at(mongodb_uri, "confirm").await,
        ];
        Self::start_with(mongodb_uri, databases).await
    }

    async fn start_with(mongodb_uri: &str, databases: [TestDatabase; 4]) -> Self {
        let [
            user_api_database,
            metadata_database,
            gatekeeper_database,
            confirm_database,
        ] = databases;
        let scratch = tempfile::tempdir().expect("a scratch directory");
        let keys = SigningKeys::generate();
        fs::write(scratch.path().join("key.pem"), &keys.private_pem).expect("a key file");
        let mail_dir = scratch.path().join("mail");
        fs::create_dir(&mail_dir).expect("a mail folder");
        let mut platform = Self {
            processes: [const { None }; 4],
            ports: ports::free().expect("free ports"),
            mongodb_uri: mongodb_uri.to_owned(),
            user_api_database,
            metadata_database,
            gatekeeper_database,
            confirm_database,
            mail_dir,
            scratch,
        };
        platform.limit_transactions().await;
        for program in Program::ALL {
            platform.spawn(program);
        }
        platform.wait_until_ready("/status", Program::Gateway).await;
        platform
    }

    /// The public origin.
    pub fn origin(&self) -> String {
        self.url(Program::Gateway)
    }

    /// Where a program listens.
    pub fn url(&self, program: Program) -> String {
        format!("http://127.0.0.1:{}", self.ports[program as usize])
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
        let path = if program == Program::Gateway {
            "/status"
        } else {
            "/ready"
        };
        self.wait_until_ready(path, program).await;
    }

    /// What a program has logged.
    pub fn log(&self, program: Program) -> String {
        fs::read_to_string(self.log_file(program)).unwrap_or_default()
    }

    /// The folder with the mails.
    pub fn mail_dir(&self) -> &Path {
        &self.mail_dir
    }

    /// The database of confirm.
    pub fn confirm_database(&self) -> &mongodb::Database {
        &self.confirm_database.database
    }

    /// The database of user-api.
    pub fn user_api_database(&self) -> &mongodb::Database {
        &self.user_api_database.database
    }

    /// What a transaction has locked stays locked when its program is killed, by default for a
    /// minute. A server that does not let us change that makes some journeys slower.
    async fn limit_transactions(&self) {
        let admin = self.confirm_database().client().database("admin");
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
        let mongodb = &self.mongodb_uri;
        let prefix = program.name().to_uppercase().replace('-', "_");
        let address = format!("127.0.0.1:{}", self.ports[program as usize]);
        command.env(format!("{prefix}__SERVER__LISTEN"), address);
        // Tests play clients elsewhere by `X-Forwarded-For`.
        command.env(format!("{prefix}__SERVER__TRUSTED_PROXIES"), "127.0.0.1");
        if program != Program::Gateway {
            // No load balancer has to notice that the program goes.
            command.env(format!("{prefix}__SERVER__DRAIN_WAIT_MS"), "0");
        }
        match program {
            Program::UserApi => command
                .env("USER_API__MONGO__URI", mongodb)
                .env(
                    "USER_API__MONGO__DATABASE",
                    &self.user_api_database.settings.database,
                )
                .env(
                    "USER_API__METADATA__DATABASE",
                    &self.metadata_database.settings.database,
                )
                .env("USER_API__GATEKEEPER__URL", self.url(Program::Gatekeeper))
                .env("USER_API__CONFIRM__URL", self.url(Program::Confirm))
                .env(
                    "USER_API__TOKENS__PRIVATE_KEY_FILE",
                    self.scratch.path().join("key.pem"),
                )
                .envs(
                    ["gatekeeper", "confirm", "operator", "scripts"].map(|name| {
                        let setting = format!("USER_API__SERVER_SECRETS__{}", name.to_uppercase());
                        (setting, server_secret(name))
                    }),
                )
                .env("USER_API__ACCOUNTS__VERIFICATION_SECRET", VERIFIED_TAG)
                // One test makes more accounts than most.
                .env("USER_API__LIMITS__SIGN_UPS_PER_SOURCE__BURST", "0")
                .env("USER_API__LIMITS__DEPENDANTS_PER_SOURCE__BURST", "0")
                // A relay that was killed keeps its lease for this long.
                .env("USER_API__OUTBOX__LEASE_S", "2"),
            Program::Gatekeeper => command
                .env("GATEKEEPER__MONGO__URI", mongodb)
                .env(
                    "GATEKEEPER__MONGO__DATABASE",
                    &self.gatekeeper_database.settings.database,
                )
                .env("GATEKEEPER__USER_API__URL", self.url(Program::UserApi))
                .env(
                    "GATEKEEPER__USER_API__SERVER_SECRET",
                    server_secret("gatekeeper"),
                ),
            Program::Confirm => command
                .env("CONFIRM__MONGO__URI", mongodb)
                .env(
                    "CONFIRM__MONGO__DATABASE",
                    &self.confirm_database.settings.database,
                )
                .env("CONFIRM__USER_API__URL", self.url(Program::UserApi))
                .env("CONFIRM__USER_API__SERVER_SECRET", server_secret("confirm"))
                .env("CONFIRM__GATEKEEPER__URL", self.url(Program::Gatekeeper))
                .env("CONFIRM__WEB__PUBLIC_URL", self.origin())
                .env("CONFIRM__MAIL__TRANSPORT", "file")
                .env("CONFIRM__MAIL__DIRECTORY", &self.mail_dir)
                // All people of a journey are at one address.
                .env("CONFIRM__LIMITS__ASKED_MAILS_PER_SOURCE_PER_HOUR", "0")
                .env("CONFIRM__OUTBOX__LEASE_S", "2"),
            Program::Gateway => command
                .env("GATEWAY__SERVICES__USER_API", self.url(Program::UserApi))
                .env(
                    "GATEWAY__SERVICES__GATEKEEPER",
                    self.url(Program::Gatekeeper),
                )
                .env("GATEWAY__SERVICES__CONFIRM", self.url(Program::Confirm)),
        };
    }

    async fn wait_until_ready(&mut self, path: &str, program: Program) {
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
                .try_get(path)
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
        for program in Program::ALL {
            let log = self.log(program);
            let lines: Vec<&str> = log.lines().collect();
            let last = &lines[lines.len().saturating_sub(LINES_SHOWN)..];
            eprintln!("{}:\n{}", program.name(), last.join("\n"));
        }
    }
}

/// With what `name` logs in; it means nothing elsewhere.
fn server_secret(name: &str) -> String {
    format!("the secret of {name} in the journeys")
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
#[expect(
    clippy::disallowed_methods,
    reason = "the number of rounds is a setting of the test run and of no service"
)]
pub fn rounds(default: usize) -> usize {
    let wanted = env::var("E2E_ROUNDS").ok();
    wanted.map_or(default, |number| {
        number.parse().expect("E2E_ROUNDS is a number")
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
