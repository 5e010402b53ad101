//! The services of the local stack: their programs, ports and settings.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::data_dir::DataDir;
use crate::environment;

/// The server names that get a secret of their own: each service that logs in,
/// one for operators (`POST /internal/outbox/revive`), and one for scripts and
/// tools, which no internal operation admits.
const SERVER_NAMES: [&str; 4] = ["gatekeeper", "confirm", "operator", "scripts"];

/// The programs, in the order of their start; also the names of their packages.
pub(crate) const PROGRAMS: [&str; 4] = ["user-api", "gatekeeper", "confirm", "gateway"];

/// Browsers of this machine may call the local stack from any port.
const LOCAL_ORIGINS: &str = "http://localhost:*,http://127.0.0.1:*";

/// Without the lines in which libraries tell of their threads and tasks.
const LOG_FILTER: &str = "info,actix_server=warn";

/// Whoever measures makes thousands of requests a second, and some are refused.
const BUSY_LOG_FILTER: &str = "warn";

/// What user-api limits by source.
const USER_API_LIMITS: [&str; 7] = [
    "PASSWORDS_PER_SOURCE_AND_ACCOUNT",
    "PASSWORDS_PER_SOURCE",
    "PASSWORDS_PER_ACCOUNT",
    "SIGN_UPS_PER_SOURCE",
    "DEPENDANTS_PER_SOURCE",
    "SECRETS_PER_SOURCE",
    "LOOK_UPS_PER_SOURCE",
];

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
    /// Port of confirm.
    pub(crate) confirm_port: u16,
    /// The connection string.
    pub(crate) mongodb_uri: String,
    /// PEM file of the key that signs session tokens.
    signing_key: PathBuf,
    /// Server name and the file of its secret.
    server_secrets: Vec<(&'static str, PathBuf)>,
    /// Receives the mails; `None` when the environment says where they go.
    mail_dir: Option<PathBuf>,
    is_unlimited: bool,
}

impl Wiring {
    /// Takes or makes the secrets in `data_dir`.
    pub(crate) fn new(
        data_dir: &DataDir,
        origin_port: u16,
        [user_api_port, gatekeeper_port, confirm_port]: [u16; 3],
        mongodb_uri: String,
        mail_dir: Option<PathBuf>,
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
            confirm_port,
            mongodb_uri,
            signing_key,
            server_secrets,
            mail_dir,
            is_unlimited: false,
        })
    }

    /// The same without limits on log-ins and mails, and with fewer lines in the logs.
    pub(crate) fn without_limits(self) -> Self {
        Self {
            is_unlimited: true,
            ..self
        }
    }

    /// Base URL of one of [`PROGRAMS`].
    pub(crate) fn url(&self, program: &str) -> String {
        let port = match program {
            "user-api" => self.user_api_port,
            "gatekeeper" => self.gatekeeper_port,
            "confirm" => self.confirm_port,
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

    /// The folder that receives the mails; `None` when the environment says where they go.
    pub(crate) fn mail_dir(&self) -> Option<&Path> {
        self.mail_dir.as_deref()
    }

    /// Gives `command` the settings of `program`. What the environment of
    /// `cargo xtask up` already sets wins, except for addresses and the
    /// database, which belong together.
    pub(crate) fn configure(&self, program: &str, command: &mut Command) {
        let prefix = program.to_uppercase().replace('-', "_");
        let listen = self.url(program).replace("http://", "");
        command.env(format!("{prefix}__SERVER__LISTEN"), listen);
        default(command, &format!("{prefix}__LOG__FORMAT"), "human");
        let filter = if self.is_unlimited {
            BUSY_LOG_FILTER
        } else {
            LOG_FILTER
        };
        default(command, &format!("{prefix}__LOG__FILTER"), filter);
        match program {
            "user-api" => self.configure_user_api(command),
            "gatekeeper" => self.configure_gatekeeper(command),
            "confirm" => self.configure_confirm(command),
            _ => {
                command.env("GATEWAY__SERVICES__USER_API", self.url("user-api"));
                command.env("GATEWAY__SERVICES__GATEKEEPER", self.url("gatekeeper"));
                command.env("GATEWAY__SERVICES__CONFIRM", self.url("confirm"));
            }
        }
    }

    fn configure_user_api(&self, command: &mut Command) {
        configure_server(command, "USER_API");
        command.env("USER_API__MONGO__URI", &self.mongodb_uri);
        command.env("USER_API__GATEKEEPER__URL", self.url("gatekeeper"));
        command.env("USER_API__CONFIRM__URL", self.url("confirm"));
        default_file(command, "USER_API__TOKENS__PRIVATE_KEY", &self.signing_key);
        for (name, file) in &self.server_secrets {
            default_file(
                command,
                &format!("USER_API__SERVER_SECRETS__{}", name.to_uppercase()),
                file,
            );
        }
        // Everybody who tries things out is one source, and so is every script.
        for limit in ["SIGN_UPS_PER_SOURCE", "DEPENDANTS_PER_SOURCE"] {
            let name = |part: &str| format!("USER_API__LIMITS__{limit}__{part}");
            default(command, &name("BURST"), "1000");
            default(command, &name("PER_MINUTE"), "600");
        }
        if self.is_unlimited {
            for limit in USER_API_LIMITS {
                command.env(format!("USER_API__LIMITS__{limit}__BURST"), "0");
            }
            command.env("USER_API__PASSWORDS__HASH_QUEUE_PER_SOURCE", "256");
        }
        // To try things out without reading mails.
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
        self.configure_server_secret("gatekeeper", command);
    }

    fn configure_confirm(&self, command: &mut Command) {
        configure_server(command, "CONFIRM");
        command.env("CONFIRM__MONGO__URI", &self.mongodb_uri);
        command.env("CONFIRM__USER_API__URL", self.url("user-api"));
        command.env("CONFIRM__GATEKEEPER__URL", self.url("gatekeeper"));
        self.configure_server_secret("confirm", command);
        default(command, "CONFIRM__WEB__PUBLIC_URL", &self.url("gateway"));
        if let Some(folder) = &self.mail_dir {
            command.env("CONFIRM__MAIL__TRANSPORT", "file");
            command.env("CONFIRM__MAIL__DIRECTORY", folder);
        }
        if self.is_unlimited {
            command.env("CONFIRM__LIMITS__MAILS_PER_SENDER_PER_HOUR", "0");
            command.env("CONFIRM__LIMITS__MAILS_PER_RECIPIENT_PER_HOUR", "0");
            command.env(
                "CONFIRM__LIMITS__MAILS_PER_SENDER_AND_RECIPIENT_PER_HOUR",
                "0",
            );
            command.env("CONFIRM__LIMITS__ASKED_MAILS_PER_SOURCE_PER_HOUR", "0");
            command.env("CONFIRM__LIMITS__KEYS_PER_SOURCE__BURST", "0");
        }
    }

    /// With what the service `name` logs in at user-api.
    fn configure_server_secret(&self, name: &str, command: &mut Command) {
        for (_, file) in self.server_secrets.iter().filter(|(each, _)| *each == name) {
            let setting = format!("{}__USER_API__SERVER_SECRET", name.to_uppercase());
            default_file(command, &setting, file);
        }
    }
}

/// Whether the environment says how mails leave, such as through a mail server.
pub(crate) fn mail_is_configured() -> bool {
    is_set("CONFIRM__MAIL__TRANSPORT") || is_set("CONFIRM__MAIL__SMTP__HOST")
}

/// What the services share and the gateway has not.
fn configure_server(command: &mut Command, prefix: &str) {
    // The gateway and confirm. Other addresses of the loopback network are clients like any other.
    default(
        command,
        &format!("{prefix}__SERVER__TRUSTED_PROXIES"),
        "127.0.0.1,::1",
    );
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
