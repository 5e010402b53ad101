//! Settings: the compiled-in defaults of the service, overridden by the environment.
//!
//! `GATEKEEPER__MONGO__URI` sets `mongo.uri`; `GATEKEEPER__MONGO__URI_FILE` names a file whose
//! trimmed content is the value, for secrets that are mounted. An unknown setting or a missing one
//! stops the start and is named.

use std::{collections::HashMap, fs, net::SocketAddr, path::PathBuf};

use anyhow::{Context, bail};
use config::{Config, Environment, File, FileFormat};
use secrecy::SecretString;
use serde::{Deserialize, Deserializer, de::DeserializeOwned};

use crate::source::TrustedProxies;

/// The service's own port.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerSettings {
    /// Address and port to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// A file that receives the address once the service listens; `None` writes none.
    pub address_file: Option<PathBuf>,
    /// Threads that serve requests, at least 1.
    pub workers: usize,
    /// The longest request body taken, in bytes.
    pub body_limit_bytes: usize,
    /// How long readiness is off before the service stops accepting, in milliseconds.
    pub drain_wait_ms: u64,
    /// How long requests under way may take to finish at shutdown, in seconds.
    pub drain_timeout_s: u64,
    /// Origins whose browsers may call, separated by commas; `http://localhost:*` takes any port.
    #[serde(deserialize_with = "comma_list")]
    pub cors_allowed_origins: Vec<String>,
    /// Proxies whose `X-Forwarded-For` is believed, separated by commas: addresses and networks.
    pub trusted_proxies: TrustedProxies,
    /// How long clients may keep it waiting.
    pub connections: ConnectionSettings,
}

/// How long a client may keep a server waiting.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConnectionSettings {
    /// How long a connection without a request stays open, in seconds.
    pub keep_alive_s: u64,
    /// How long the head of a request may take, in milliseconds from its first byte.
    pub head_timeout_ms: u64,
    /// How long a whole body may take, in milliseconds from the first wait for it.
    pub body_timeout_ms: u64,
    /// How long nothing of a body may come, in milliseconds.
    pub body_idle_ms: u64,
    /// How long a client may take nothing of a response, in milliseconds.
    pub write_idle_ms: u64,
}

/// How the service logs.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogSettings {
    /// For machines or for people.
    pub format: LogFormat,
    /// Which lines are written, as a `tracing-subscriber` filter such as `info,mongodb=warn`.
    pub filter: String,
}

/// The form of a log line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// Text.
    Human,
}

/// The database.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MongoSettings {
    /// The connection string of a replica set.
    pub uri: SecretString,
    /// The database of the service.
    pub database: String,
    /// The most connections held, per process.
    pub max_pool_size: u32,
}

/// Where another service is.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PeerSettings {
    /// The base URL, such as `http://gatekeeper:9123`.
    pub url: String,
}

/// Where user-api is, for a service that logs in there and has it check tokens.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UserApiSettings {
    /// The base URL, such as `http://user-api:9107`.
    pub url: String,
    /// The name with which this service logs in there.
    pub server_name: String,
    /// The secret of that name.
    pub server_secret: SecretString,
    /// How long the result of a token check is kept for reads, in milliseconds, at most 2000; 0
    /// keeps none.
    pub token_cache_ms: u64,
}

/// Who may call what is below `/internal`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InternalSettings {
    /// The names with which the admitted services log in, separated by commas.
    #[serde(deserialize_with = "comma_list")]
    pub services: Vec<String>,
    /// The names with which operators log in, separated by commas; only operations for operators
    /// admit them.
    #[serde(deserialize_with = "comma_list")]
    pub operators: Vec<String>,
}

/// How outbox rows are relayed.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutboxSettings {
    /// Deliveries tried before a row is set aside as dead, at least 1.
    pub max_attempts: u32,
    /// The longest wait between two tries, in seconds.
    pub max_backoff_s: u64,
    /// How long a relay holds the lease without renewing it, in seconds.
    pub lease_s: u64,
}

/// The settings of the service whose variables start with `prefix` and whose defaults are the TOML
/// text `defaults`.
pub fn load<T: DeserializeOwned>(prefix: &str, defaults: &str) -> anyhow::Result<T> {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the one place that reads the environment"
    )]
    let environment: HashMap<String, String> = std::env::vars().collect();
    from_parts(prefix, defaults, environment)
}

pub(crate) fn from_parts<T: DeserializeOwned>(
    prefix: &str,
    defaults: &str,
    environment: HashMap<String, String>,
) -> anyhow::Result<T> {
    let start = format!("{prefix}__");
    let mut settings = HashMap::new();
    for (name, value) in environment {
        if !name.starts_with(&start) {
            continue;
        }
        // `server.address_file` is a setting of its own, not the file form of `server.address`.
        match name
            .strip_suffix("_FILE")
            .filter(|_| !name.ends_with("__ADDRESS_FILE"))
        {
            None => settings.insert(name, value),
            Some(setting) => {
                let content = fs::read_to_string(&value)
                    .with_context(|| format!("{name}: the file {value} cannot be read"))?;
                settings.insert(setting.to_owned(), content.trim().to_owned())
            }
        };
    }
    let environment = Environment::with_prefix(prefix)
        .prefix_separator("__")
        .separator("__")
        .source(Some(settings));
    let loaded = Config::builder()
        .add_source(File::from_str(defaults, FileFormat::Toml))
        .add_source(environment)
        .build()
        .and_then(Config::try_deserialize);
    match loaded {
        Ok(settings) => Ok(settings),
        Err(error) => bail!(
            "the settings are not usable: {error} (a setting `a.b` is set by the variable {prefix}__A__B, \
             or by {prefix}__A__B_FILE with the name of a file)"
        ),
    }
}

/// Reads a list from text with commas, as it stands in a variable, or from an array.
pub fn comma_list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum List {
        Text(String),
        Items(Vec<String>),
    }
    let items = match List::deserialize(deserializer)? {
        List::Text(text) => text.split(',').map(|item| item.trim().to_owned()).collect(),
        List::Items(items) => items,
    };
    Ok(items.into_iter().filter(|item| !item.is_empty()).collect())
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use secrecy::{ExposeSecret, SecretString};
    use serde::Deserialize;

    use super::{comma_list, from_parts};

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Settings {
        port: u16,
        secret: SecretString,
        #[serde(deserialize_with = "comma_list")]
        origins: Vec<String>,
        nested: Nested,
    }

    #[derive(Debug, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Nested {
        secrets: HashMap<String, SecretString>,
    }

    const DEFAULTS: &str = "port = 1\norigins = \"\"\n[nested]\nsecrets = {}\n";

    fn load(variables: &[(&str, &str)]) -> anyhow::Result<Settings> {
        let variables = variables
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        from_parts("SVC", DEFAULTS, variables)
    }

    #[test]
    fn the_environment_overrides_the_defaults() {
        let settings = load(&[
            ("SVC__PORT", "8080"),
            ("SVC__SECRET", "12345"),
            ("SVC__ORIGINS", "http://a, http://b"),
            ("SVC__NESTED__SECRETS__GATEKEEPER", "s1"),
            ("OTHER__PORT", "9"),
        ])
        .unwrap();
        assert_eq!(settings.port, 8080);
        assert_eq!(settings.secret.expose_secret(), "12345");
        assert_eq!(settings.origins, ["http://a", "http://b"]);
        assert_eq!(settings.nested.secrets["gatekeeper"].expose_secret(), "s1");
    }

    #[test]
    fn a_secret_comes_from_a_file() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "from the file\n").unwrap();
        let path = file.path().to_str().unwrap();
        let settings = load(&[("SVC__SECRET_FILE", path)]).unwrap();
        assert_eq!(settings.secret.expose_secret(), "from the file");
    }

    #[test]
    fn a_missing_or_unknown_setting_is_named() {
        let missing = load(&[]).unwrap_err().to_string();
        assert!(missing.contains("secret"), "{missing}");
        let unknown = load(&[("SVC__SECRET", "s"), ("SVC__PROT", "1")])
            .unwrap_err()
            .to_string();
        assert!(unknown.contains("prot"), "{unknown}");
        let nested = load(&[("SVC__SECRET", "s"), ("SVC__NESTED__SECRTS", "1")])
            .unwrap_err()
            .to_string();
        assert!(nested.contains("secrts"), "{nested}");
        let wrong = load(&[("SVC__SECRET", "s"), ("SVC__PORT", "high")])
            .unwrap_err()
            .to_string();
        assert!(wrong.contains("port"), "{wrong}");
        assert!(!wrong.contains("\"s\""), "{wrong}");
    }
}
