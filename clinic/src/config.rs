//! The settings of clinic; `config.default.toml` says what each means.

use secrecy::SecretString;
use serde::Deserialize;
use shared_runtime::config::{
    InternalSettings, LogSettings, MongoSettings, OutboxSettings, PeerSettings, ServerSettings,
    UserApiSettings,
};
use shared_types::UserId;

/// The prefix of the environment variables that override `config.default.toml`.
pub const PREFIX: &str = "CLINIC";

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
    /// Where mails are written and sent.
    pub confirm: PeerSettings,
    /// What new clinics get.
    pub clinics: ClinicSettings,
    /// Who may call internal operations.
    pub internal: InternalSettings,
    /// How effects on other services are relayed.
    pub outbox: OutboxSettings,
    /// How changes of every patient of a clinic, and merges of clinics, are worked off.
    pub jobs: JobSettings,
    /// How clinics are merged.
    pub merges: MergeSettings,
    /// How legacy accounts become clinics.
    pub migrations: MigrationSettings,
    /// What is kept in memory to search in.
    pub search: SearchSettings,
    /// What is kept in memory to report on.
    pub reports: ReportSettings,
    /// How messages of hospital records are taken.
    pub redox: RedoxSettings,
    /// How Xealth is served.
    pub xealth: XealthSettings,
    /// How programs come to work for clinics.
    pub service_accounts: ServiceAccountSettings,
}

/// How Xealth is served.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct XealthSettings {
    /// Whether it is served at all.
    pub enabled: bool,
    /// What Xealth shows; required where it is served.
    pub bearer_token: Option<SecretString>,
    /// What it showed before, and may show still.
    pub previous_bearer_token: Option<SecretString>,
    /// Who clinic is to Xealth; required where it is served.
    pub client_id: Option<String>,
    /// How clinic shows that; required where it is served.
    pub client_secret: Option<SecretString>,
    /// Where that is exchanged for an access token.
    pub token_url: String,
    /// Where Xealth is asked for orders.
    pub server_url: String,
    /// Where the application is, below which reports are seen; required where it is served.
    pub application_url: Option<String>,
    /// The service that makes restricted tokens; required where it is served.
    pub restricted_token_url: Option<String>,
    /// How long what is entered before an order stays without one, in days.
    pub preorder_days: u16,
}

/// How messages of hospital records are taken.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RedoxSettings {
    /// What Redox shows; `None`, or empty: nobody is admitted.
    pub verification_token: Option<SecretString>,
    /// What it showed before, and may show still.
    pub previous_verification_token: Option<SecretString>,
    /// Whether a message that cannot be understood is 400 instead of kept apart.
    pub refuse_unreadable: bool,
    /// Whether stored orders are worked off.
    pub worker: bool,
    /// Whether orders that say that they are tests are worked off as others are.
    pub test_messages: bool,
}

/// What new clinics get.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClinicSettings {
    /// The account that every new clinic gets as a patient; `None`: none.
    pub demo_patient: Option<UserId>,
}

/// How changes of every patient of a clinic are worked off.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JobSettings {
    /// How long a worker that died keeps others from taking over, in seconds; at least 1.
    pub lease_s: u64,
}

/// How clinics are merged.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MergeSettings {
    /// Batches of 200 patients that the request works off which begins a merge; 0: none.
    pub prompt_batches: u32,
}

/// How legacy accounts become clinics.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MigrationSettings {
    /// Whether this service brings the patients; otherwise another program does.
    pub worker: bool,
    /// How long a worker that died keeps others from taking over, in seconds; at least 1.
    pub lease_s: u64,
}

/// What is kept in memory to search in.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SearchSettings {
    /// How much of it, in bytes, of all clinics.
    pub memory_bytes: usize,
}

/// What is kept in memory to report on.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReportSettings {
    /// How much of it, in bytes, of all clinics.
    pub memory_bytes: usize,
}

/// How programs come to work for clinics.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceAccountSettings {
    /// Where their credentials are exchanged for tokens; `None`, or empty: no program can be added.
    pub token_url: Option<String>,
}
