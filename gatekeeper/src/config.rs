//! The settings of gatekeeper; `config.default.toml` says what each means.

use serde::Deserialize;
use shared_runtime::config::{
    InternalSettings, LogSettings, MongoSettings, ServerSettings, UserApiSettings,
};

/// The prefix of the environment variables that override `config.default.toml`.
pub const PREFIX: &str = "GATEKEEPER";

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
    /// Where accounts and tokens are.
    pub user_api: UserApiSettings,
    /// Who may call internal operations.
    pub internal: InternalSettings,
}
