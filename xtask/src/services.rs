//! The settings of the local stack.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

use stack::{Deployment, Program, VERIFIED_TAG, server_names};

use crate::data_dir::DataDir;
use crate::environment;

/// Browsers of this machine may call the local stack from any port.
const LOCAL_ORIGINS: &str = "http://localhost:*,http://127.0.0.1:*";

/// Without the lines in which libraries tell of their threads and tasks.
const LOG_FILTER: &str = "info,actix_server=warn";

/// Whoever measures makes thousands of requests a second, and some are refused.
const BUSY_LOG_FILTER: &str = "warn";

/// What every service has and the gateway has not.
const OF_SERVICES: [(&str, &str); 3] = [
    // The gateway and confirm. Other addresses of the loopback network are clients like any other.
    ("server.trusted_proxies", "127.0.0.1,::1"),
    // No load balancer has to notice that a local service goes.
    ("server.drain_wait_ms", "0"),
    ("server.cors_allowed_origins", LOCAL_ORIGINS),
];

/// Where one service differs from its shipped settings.
const OF_ONE: [(Program, &str, &str); 6] = [
    // Everybody who tries things out is one source, and so is every script.
    (Program::UserApi, "limits.sign_ups_per_source.burst", "1000"),
    (
        Program::UserApi,
        "limits.sign_ups_per_source.per_minute",
        "600",
    ),
    (
        Program::UserApi,
        "limits.dependants_per_source.burst",
        "1000",
    ),
    (
        Program::UserApi,
        "limits.dependants_per_source.per_minute",
        "600",
    ),
    // To try things out without reading mails.
    (
        Program::UserApi,
        "accounts.verification_secret",
        VERIFIED_TAG,
    ),
    // To try out what orders of hospitals do.
    (Program::Clinic, "redox.worker", "true"),
];

/// What lifts the limits on log-ins and mails.
const UNLIMITED: [(Program, &str, &str); 13] = [
    (
        Program::UserApi,
        "limits.passwords_per_source_and_account.burst",
        "0",
    ),
    (Program::UserApi, "limits.passwords_per_source.burst", "0"),
    (Program::UserApi, "limits.passwords_per_account.burst", "0"),
    (Program::UserApi, "limits.sign_ups_per_source.burst", "0"),
    (Program::UserApi, "limits.dependants_per_source.burst", "0"),
    (Program::UserApi, "limits.secrets_per_source.burst", "0"),
    (Program::UserApi, "limits.look_ups_per_source.burst", "0"),
    (Program::UserApi, "passwords.hash_queue_per_source", "256"),
    (Program::Confirm, "limits.mails_per_sender_per_hour", "0"),
    (Program::Confirm, "limits.mails_per_recipient_per_hour", "0"),
    (
        Program::Confirm,
        "limits.mails_per_sender_and_recipient_per_hour",
        "0",
    ),
    (
        Program::Confirm,
        "limits.asked_mails_per_source_per_hour",
        "0",
    ),
    (Program::Confirm, "limits.keys_per_source.burst", "0"),
];

/// What the settings of all programs are made of.
pub(crate) struct Wiring {
    /// Where everything is.
    pub(crate) deployment: Deployment,
    is_unlimited: bool,
}

impl Wiring {
    /// Takes or makes the secrets in `data_dir`.
    pub(crate) fn new(
        data_dir: &DataDir,
        ports: [u16; Program::COUNT],
        mongodb_uri: String,
        mail_dir: Option<PathBuf>,
    ) -> anyhow::Result<Self> {
        data_dir.signing_key()?;
        data_dir.redox_token()?;
        for name in server_names() {
            data_dir.server_secret(name)?;
        }
        Ok(Self {
            deployment: Deployment {
                ports,
                mongodb_uri,
                databases: BTreeMap::new(),
                secrets: data_dir.secrets(),
                mail_dir,
            },
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

    /// Base URL of a program.
    pub(crate) fn url(&self, program: Program) -> String {
        self.deployment.url(program)
    }

    /// Gives `command` the settings of `program`. What the environment of
    /// `cargo xtask up` already sets wins, except for addresses and the
    /// database, which belong together.
    pub(crate) fn configure(&self, program: Program, command: &mut Command) {
        for setting in self.deployment.settings(program) {
            if setting.is_fixed {
                command.env(setting.variable, setting.value);
            } else {
                default(command, &setting.variable, &setting.value);
            }
        }
        let filter = if self.is_unlimited {
            BUSY_LOG_FILTER
        } else {
            LOG_FILTER
        };
        default(command, &program.variable("log.format"), "human");
        default(command, &program.variable("log.filter"), filter);
        if program.is_service() {
            for (setting, value) in OF_SERVICES {
                default(command, &program.variable(setting), value);
            }
        }
        for (_, setting, value) in OF_ONE.iter().filter(|(of, ..)| *of == program) {
            default(command, &program.variable(setting), value);
        }
        if self.is_unlimited {
            for (_, setting, value) in UNLIMITED.iter().filter(|(of, ..)| *of == program) {
                command.env(program.variable(setting), value);
            }
        }
    }
}

/// Whether the environment says how mails leave, such as through a mail server.
pub(crate) fn mail_is_configured() -> bool {
    is_set("CONFIRM__MAIL__TRANSPORT") || is_set("CONFIRM__MAIL__SMTP__HOST")
}

fn default(command: &mut Command, variable: &str, value: &str) {
    if !is_set(variable.strip_suffix("_FILE").unwrap_or(variable)) {
        command.env(variable, value);
    }
}

fn is_set(setting: &str) -> bool {
    environment::variable(setting).is_some()
        || environment::variable(&format!("{setting}_FILE")).is_some()
}
