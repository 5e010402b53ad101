//! The settings of confirm; `config.default.toml` says what each means.

use std::path::PathBuf;

use secrecy::SecretString;
use serde::Deserialize;
use shared_runtime::{
    config::{
        InternalSettings, LogSettings, MongoSettings, OutboxSettings, PeerSettings, ServerSettings,
        UserApiSettings,
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
    /// The service's own port.
    pub server: ServerSettings,
    /// How it logs.
    pub log: LogSettings,
    /// Its database.
    pub mongo: MongoSettings,
    /// Where accounts, profiles and tokens are.
    pub user_api: UserApiSettings,
    /// Where permissions are.
    pub gatekeeper: PeerSettings,
    /// Who keeps alert configurations; `None`: no service does.
    pub data: Option<PeerSettings>,
    /// Where clinics are; `None`: there are none.
    pub clinic: Option<PeerSettings>,
    /// Where links in mails lead.
    pub web: WebSettings,
    /// How mails leave.
    pub mail: MailSettings,
    /// How many mails and guesses there may be.
    pub limits: LimitSettings,
    /// Who may call internal operations.
    pub internal: InternalSettings,
    /// How mails and effects on other services are relayed.
    pub outbox: OutboxSettings,
}

/// Where links in mails lead.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebSettings {
    /// The public origin.
    pub public_url: String,
    /// The web application; `None`: confirm's own pages stand in.
    pub web_url: Option<String>,
}

/// How mails leave.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailSettings {
    /// To a mail server or to a folder.
    pub transport: MailTransport,
    /// The sender, `Name <address>`.
    pub from: String,
    /// Where the file transport writes; required for it.
    pub directory: Option<PathBuf>,
    /// A folder with templates of the operator's own; `None`: those compiled in.
    pub templates: Option<PathBuf>,
    /// The mail server.
    pub smtp: SmtpSettings,
}

/// Where mails go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MailTransport {
    /// To a mail server.
    Smtp,
    /// To a folder.
    File,
}

/// The mail server.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmtpSettings {
    /// Its name; required for the SMTP transport.
    pub host: Option<String>,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub encryption: SmtpEncryption,
    /// The name with which confirm logs in; `None`: the server is used without logging in.
    pub username: Option<String>,
    /// The password of that name.
    pub password: Option<SecretString>,
    /// For each command of the dialogue, in seconds.
    pub timeout_s: u64,
    /// The most connections held.
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

/// How many mails and guesses there may be; each 0 means unlimited.
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
