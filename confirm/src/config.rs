//! The settings of confirm; `config.default.toml` says what each means.

use std::path::PathBuf;

use secrecy::SecretString;
use serde::Deserialize;
use shared_runtime::{
    config::{
        LogSettings, MongoSettings, OutboxSettings, PeerSettings, ServerSettings, comma_list,
    },
    limits::Limit,
};

/// The prefix of the environment variables that override `config.default.toml`.
pub const PREFIX: &str = "CONFIRM";

/// The compiled-in settings.
pub const DEFAULTS: &str = include_str!("../config.default.toml");

/// All of them.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub server: ServerSettings,
    pub log: LogSettings,
    pub mongo: MongoSettings,
    pub user_api: UserApiSettings,
    pub gatekeeper: PeerSettings,
    #[serde(default)]
    pub data: DataSettings,
    pub web: WebSettings,
    pub mail: MailSettings,
    pub limits: LimitSettings,
    pub internal: InternalSettings,
    pub outbox: OutboxSettings,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserApiSettings {
    /// Base URL.
    pub url: String,
    /// The name with which confirm logs in there.
    pub server_name: String,
    /// The secret of that name.
    pub server_secret: SecretString,
    /// How long the answer to a token check is kept for reads, in milliseconds, at most 2000.
    pub token_cache_ms: u64,
}

#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataSettings {
    /// Base URL of the service that keeps alert configurations; `None`: there is none.
    pub url: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebSettings {
    /// The public origin.
    pub public_url: String,
    /// The web application; `None`: confirm's own pages stand in.
    pub web_url: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailSettings {
    pub transport: MailTransport,
    /// The sender, `Name <address>`.
    pub from: String,
    /// Where the file transport writes; required for it.
    pub directory: Option<PathBuf>,
    /// A folder with templates of the operator's own; `None`: those compiled in.
    pub templates: Option<PathBuf>,
    pub smtp: SmtpSettings,
}

/// How mails leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailTransport {
    /// To a mail server.
    Smtp,
    /// To a folder.
    File,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmtpSettings {
    /// Required for the SMTP transport.
    pub host: Option<String>,
    pub port: u16,
    pub encryption: SmtpEncryption,
    /// `None`: the server is used without logging in.
    pub username: Option<String>,
    pub password: Option<SecretString>,
    /// For each command of the dialogue, in seconds.
    pub timeout_s: u64,
    pub max_connections: u32,
}

/// How the connection to the mail server is protected. There is no fallback to plain text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SmtpEncryption {
    /// Begins in plain text and changes to TLS before anything is said.
    StartTls,
    /// TLS from the start.
    Tls,
    /// None.
    None,
}

/// Whom internal operations admit.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InternalSettings {
    /// The names of the services.
    #[serde(deserialize_with = "comma_list")]
    pub services: Vec<String>,
    /// The names under which operators log in.
    #[serde(deserialize_with = "comma_list")]
    pub operators: Vec<String>,
}

/// Each 0 means unlimited.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitSettings {
    /// Mails that one account causes in an hour.
    pub mails_per_sender_per_hour: u32,
    /// Mails that one account causes to one mailbox in an hour.
    pub mails_per_sender_and_recipient_per_hour: u32,
    /// Mails to one mailbox in an hour, sent by accounts and services. The mail that verifies the
    /// address of an account counts and is sent in any case.
    pub mails_per_recipient_per_hour: u32,
    /// Mails to one address in 10 minutes that anybody may ask for: forgotten passwords, and apart
    /// from these sign-ups sent once more. They stand for the next ones to this very address, of
    /// which none is sent. As many say that an address of one mailbox has no account.
    pub asked_mails_per_recipient_per_10_minutes: u32,
    /// Requests for such mails in an hour from one source: a client's IPv4 address, or its /64 of
    /// IPv6. Those that send none count.
    pub asked_mails_per_source_per_hour: u32,
    /// Wrong birthdays at the claim of one account in an hour.
    pub claim_attempts_per_hour: u32,
    /// Keys from one source that open nothing.
    pub keys_per_source: Limit,
}
