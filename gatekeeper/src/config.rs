//! The settings; `config.default.toml` says what each means.

use secrecy::SecretString;
use serde::Deserialize;
use shared_runtime::config::{LogSettings, MongoSettings, ServerSettings, comma_list};

/// The settings of gatekeeper.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The service's own port.
    pub server: ServerSettings,
    /// How it logs.
    pub log: LogSettings,
    /// Its database.
    pub mongo: MongoSettings,
    /// Where accounts and tokens are.
    pub user_api: UserApiSettings,
    /// Whom internal operations admit.
    pub internal: InternalSettings,
}

/// How user-api is reached.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserApiSettings {
    /// The base URL.
    pub url: String,
    /// The name with which gatekeeper logs in.
    pub server_name: String,
    /// The secret with which gatekeeper logs in.
    pub server_secret: SecretString,
    /// Milliseconds, 0 to 2000, for which the answer to a token check is kept for reads.
    pub token_cache_ms: u64,
}

/// Whom internal operations admit.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InternalSettings {
    /// The names of the services.
    #[serde(deserialize_with = "comma_list")]
    pub services: Vec<String>,
}
