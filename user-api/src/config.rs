//! The settings of user-api; `config.default.toml` says what each means.

use std::collections::BTreeMap;

use secrecy::SecretString;
use serde::Deserialize;
use shared_runtime::{
    config::{
        InternalSettings, LogSettings, MongoSettings, OutboxSettings, PeerSettings, ServerSettings,
        comma_list,
    },
    limits::Limit,
};
use shared_types::UserId;

/// The prefix of the environment variables that override `config.default.toml`.
pub const PREFIX: &str = "USER_API";

/// The compiled-in settings.
pub const DEFAULTS: &str = include_str!("../config.default.toml");

/// All of them.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Service name to its secret; empty when one secret is shared.
    #[serde(default)]
    pub server_secrets: BTreeMap<String, SecretString>,
    /// Service name to the secret that it had before; empty when no secret is being replaced.
    #[serde(default)]
    pub previous_server_secrets: BTreeMap<String, SecretString>,
    /// The secret of the names without one of their own; `None`: there are no others.
    pub shared_server_secret: Option<SecretString>,
    /// The one before it; `None` when it is not being replaced.
    pub previous_shared_server_secret: Option<SecretString>,
    /// The names that any internal operation of the platform admits. Once one of them has a secret
    /// of its own, the shared one opens none of them.
    #[serde(deserialize_with = "comma_list")]
    pub reserved_server_names: Vec<String>,
    /// The service's own port.
    pub server: ServerSettings,
    /// How it logs.
    pub log: LogSettings,
    /// Its database.
    pub mongo: MongoSettings,
    /// Where profiles are kept.
    pub metadata: MetadataSettings,
    /// Where permissions are.
    pub gatekeeper: PeerSettings,
    /// Where confirm is, which gets reports of changed and deleted accounts, if there is one.
    pub confirm: Option<PeerSettings>,
    /// Where clinic is, if there is one. It gets reports of deleted and claimed accounts and of their
    /// addresses, and is asked for the patients for whom accounts are made.
    pub clinic: Option<PeerSettings>,
    /// Session tokens.
    pub tokens: TokenSettings,
    /// Who may call internal operations.
    pub internal: InternalSettings,
    /// How passwords are checked.
    pub passwords: PasswordSettings,
    /// What one source may do.
    pub limits: LimitSettings,
    /// What holds for accounts.
    pub accounts: AccountSettings,
    /// How reports reach other services.
    pub outbox: OutboxSettings,
}

/// Where profiles and other metadata collections are kept.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetadataSettings {
    /// The database of the metadata collection, on the server of `mongo.uri`.
    pub database: String,
}

/// Session tokens: the keys that sign them, and how long they live.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenSettings {
    /// PEM of the RSA key that signs.
    pub private_key: SecretString,
    /// PEMs of keys that no longer sign but still verify, one after another.
    pub previous_public_keys: Option<String>,
    /// Issuer and audience.
    pub api_host: String,
    /// Issuer and audience before the host was renamed; still accepted.
    pub previous_api_host: Option<String>,
    /// Lifetime of a user's token, seconds.
    pub user_ttl_s: u32,
    /// Lifetime of a service's token, seconds.
    pub server_ttl_s: u32,
    /// The key that asks for a long-lived token; `None`: there is none.
    pub long_term_key: Option<SecretString>,
    /// Lifetime of a long-lived token, days.
    pub long_term_days: u32,
    /// Lifetime of a session from its log-in, however often it is refreshed, days; 0 means no end.
    pub session_max_days: u32,
}

/// How passwords are checked.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PasswordSettings {
    /// Salt of imported SHA-1 hashes; `None`: they never match.
    pub legacy_salt: Option<SecretString>,
    /// Whether common passwords, and own names and addresses as passwords, are refused.
    pub refuse_weak: bool,
    /// Hashes computed at once; 0 means twice the number of cores.
    pub hash_permits: usize,
    /// Hashes that may wait for their turn.
    pub hash_queue: usize,
    /// The same, of one source.
    pub hash_queue_per_source: usize,
}

/// What is limited by where it comes from. Of passwords and secrets the wrong ones count, of
/// look-ups those that find nothing the caller may see.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitSettings {
    /// Wrong passwords of one source at one account.
    pub passwords_per_source_and_account: Limit,
    /// Wrong passwords of one source at all accounts.
    pub passwords_per_source: Limit,
    /// Wrong passwords of all sources at one account. Refuses only those sources that failed at the
    /// account before.
    pub passwords_per_account: Limit,
    /// New accounts.
    pub sign_ups_per_source: Limit,
    /// Accounts that people make for others.
    pub dependants_per_source: Limit,
    /// Wrong names and secrets of services.
    pub secrets_per_source: Limit,
    /// Accounts looked up by name or address.
    pub look_ups_per_source: Limit,
}

/// What holds for accounts.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountSettings {
    /// Addresses that contain it count as verified; `None`: none does.
    pub verification_secret: Option<SecretString>,
    /// The account that new `clinic` accounts may view; `None`: there is none.
    pub demo_account: Option<UserId>,
    /// Changes of password, name or addresses that a person may make of one account in 7 days.
    pub changes_per_week: u16,
}
