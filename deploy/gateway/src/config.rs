//! The settings; `config.default.toml` says what each means.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::Deserialize;
use shared_runtime::config::{ConnectionSettings, LogSettings};
use shared_runtime::source::TrustedProxies;

/// The prefix of the environment variables that override `config.default.toml`.
pub const PREFIX: &str = "GATEWAY";

/// The compiled-in settings.
pub const DEFAULTS: &str = include_str!("../config.default.toml");

/// All of them.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The routing table; `None` takes the one that was compiled in.
    pub routing_table: Option<PathBuf>,
    pub server: ServerSettings,
    pub upstream: UpstreamSettings,
    pub log: LogSettings,
    /// Service name, with `_` for `-`, to its base URL.
    pub services: BTreeMap<String, String>,
}

/// The public port.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerSettings {
    /// Address and port to listen on.
    pub listen: SocketAddr,
    /// Threads that serve requests, at least 1.
    pub workers: usize,
    /// The longest request body taken, in bytes.
    pub body_limit_bytes: usize,
    /// How long requests under way may take to finish at shutdown, in seconds.
    pub drain_timeout_s: u64,
    /// Proxies in front of this one, whose `X-Forwarded-For` is passed on.
    pub trusted_proxies: TrustedProxies,
    /// How long clients may keep it waiting.
    pub connections: ConnectionSettings,
}

/// How the services are called.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpstreamSettings {
    /// How long a whole response may take, in milliseconds.
    pub timeout_ms: u64,
}
