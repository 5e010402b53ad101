//! The services of the local stack: their programs, ports and settings.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::data_dir::DataDir;
use crate::environment;

/// The server names that get a secret of their own: each service that logs in,
/// and one for scripts and tools.
const SERVER_NAMES: [&str; 2] = ["gatekeeper", "scripts"];

/// The programs, in the order of their start; also the names of their packages.
pub(crate) const PROGRAMS: [&str; 3] = ["user-api", "gatekeeper", "gateway"];

/// Browsers of this machine may call the local stack from any port.
const LOCAL_ORIGINS: &str = "http://localhost:*,http://127.0.0.1:*";

/// Without the lines in which the server library tells of its threads.
const LOG_FILTER: &str = "info,actix_server=warn";

/// An address with this in it counts as verified in the local stack.
pub(crate) const VERIFIED_TAG: &str = "+verified";

/// What the settings of all services are made of.
pub(crate) struct Wiring {
    /// Port of the public origin.
    pub(crate) origin_port: u16,
    /// Port of user-api.
    pub(crate) user_api_port: u16,
    /// Port of gatekeeper.
    pub(crate) gatekeeper_port: u16,
    /// The connection string.
    pub(crate) mongodb_uri: String,
    /// PEM file of the key that signs session tokens.
    signing_key: PathBuf,
    /// Server name and the file of its secret.
    server_secrets: Vec<(&'static str, PathBuf)>,
    limits_logins: bool,
}

impl Wiring {
    /// Takes or makes the secrets in `data_dir`.
    pub(crate) fn new(
        data_dir: &DataDir,
        origin_port: u16,
        [user_api_port, gatekeeper_port]: [u16; 2],
        mongodb_uri: String,
    ) -> anyhow::Result<Self> {
        let mut server_secrets = Vec::new();
        for name in SERVER_NAMES {
            server_secrets.push((name, data_dir.server_secret(name)?));
        }
        let signing_key = data_dir.signing_key()?;
        Ok(Self {
            origin_port,
            user_api_port,
            gatekeeper_port,
            mongodb_uri,
            signing_key,
            server_secrets,
            limits_logins: true,
        })
    }

    /// The same without a limit on the log-ins of one account, for the benchmark.
    pub(crate) fn without_login_limit(self) -> Self {
        Self {
            limits_logins: false,
            ..self
        }
    }

    /// Base URL of one of [`PROGRAMS`].
    pub(crate) fn url(&self, program: &str) -> String {
        let port = match program {
            "user-api" => self.user_api_port,
            "gatekeeper" => self.gatekeeper_port,
            _ => self.origin_port,
        };
        format!("http://127.0.0.1:{port}")
    }

    /// Where one of [`PROGRAMS`] says whether it is ready. The gateway speaks for all.
    pub(crate) fn ready_url(&self, program: &str) -> String {
        let path = if program == "gateway" {
            "/status"
        } else {
            "/ready"
        };
        self.url(program) + path
    }

    /// Server name and its secret, as `--ready-file` lists them.
    pub(crate) fn server_secrets(&self) -> anyhow::Result<Vec<(&'static str, String)>> {
        let mut secrets = Vec::new();
        for (name, file) in &self.server_secrets {
            secrets.push((*name, fs::read_to_string(file)?.trim().to_owned()));
        }
        Ok(secrets)
    }

    /// Gives `command` the settings of `program`. What the environment of
    /// `cargo xtask up` already sets wins, except for addresses and the
    /// database, which belong together.
    pub(crate) fn configure(&self, program: &str, command: &mut Command) {
        let prefix = program.to_uppercase().replace('-', "_");
        let listen = self.url(program).replace("http://", "");
        command.env(format!("{prefix}__SERVER__LISTEN"), listen);
        default(command, &format!("{prefix}__LOG__FORMAT"), "human");
        default(command, &format!("{prefix}__LOG__FILTER"), LOG_FILTER);
        match program {
            "user-api" => self.configure_user_api(command),
            "gatekeeper" => self.configure_gatekeeper(command),
            _ => {
                command.env("GATEWAY__SERVICES__USER_API", self.url("user-api"));
                command.env("GATEWAY__SERVICES__GATEKEEPER", self.url("gatekeeper"));
            }
        }
    }

    fn configure_user_api(&self, command: &mut Command) {
        configure_server(command, "USER_API");
        command.env("USER_API__MONGO__URI", &self.mongodb_uri);
        command.env("USER_API__GATEKEEPER__URL", self.url("gatekeeper"));
        default_file(command, "USER_API__TOKENS__PRIVATE_KEY", &self.signing_key);
        for (name, file) in &self.server_secrets {
            default_file(
                command,
                &format!("USER_API__SERVER_SECRETS__{}", name.to_uppercase()),
                file,
            );
        }
        if !self.limits_logins {
            command.env("USER_API__LOGIN_LIMIT__BURST", "0");
        }
        // No mail leaves this machine, so nobody could verify an address otherwise.
        default(
            command,
            "USER_API__ACCOUNTS__VERIFICATION_SECRET",
            VERIFIED_TAG,
        );
    }

    fn configure_gatekeeper(&self, command: &mut Command) {
        configure_server(command, "GATEKEEPER");
        command.env("GATEKEEPER__MONGO__URI", &self.mongodb_uri);
        command.env("GATEKEEPER__USER_API__URL", self.url("user-api"));
        for (name, file) in &self.server_secrets {
            if *name == "gatekeeper" {
                default_file(command, "GATEKEEPER__USER_API__SERVER_SECRET", file);
            }
        }
    }
}

/// What the services share and the gateway has not.
fn configure_server(command: &mut Command, prefix: &str) {
    // No load balancer has to notice that a local service goes.
    default(command, &format!("{prefix}__SERVER__DRAIN_WAIT_MS"), "0");
    default(
        command,
        &format!("{prefix}__SERVER__CORS_ALLOWED_ORIGINS"),
        LOCAL_ORIGINS,
    );
}

fn default(command: &mut Command, setting: &str, value: &str) {
    if !is_set(setting) {
        command.env(setting, value);
    }
}

fn default_file(command: &mut Command, setting: &str, file: &PathBuf) {
    if !is_set(setting) {
        command.env(format!("{setting}_FILE"), file);
    }
}

fn is_set(setting: &str) -> bool {
    environment::variable(setting).is_some()
        || environment::variable(&format!("{setting}_FILE")).is_some()
}
