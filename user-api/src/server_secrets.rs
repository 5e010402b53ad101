//! The secrets with which services log in.
//!
//! A name has a secret of its own, or the shared one opens it. Each of them can have a predecessor,
//! which is admitted until it is removed, so that a secret is replaced without refusing anybody.

use std::collections::{BTreeMap, BTreeSet};

use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use crate::{config::Config, own_token::OWN_NAME};

/// A shorter secret could be guessed: the log-in of services is public.
const MIN_SECRET_BYTES: usize = 16;

/// Equal for equal secrets alone, and of one length, so that a comparison takes a time that depends
/// on no secret.
type Fingerprint = [u8; 32];

pub(crate) struct ServerSecrets {
    /// The current secret of each name that has one, then its predecessor.
    own: BTreeMap<String, Vec<Fingerprint>>,
    shared: Vec<Fingerprint>,
    /// Names that the shared secret does not open.
    closed_to_shared: BTreeSet<String>,
}

impl ServerSecrets {
    pub(crate) fn new(config: &Config) -> anyhow::Result<Self> {
        let (current, previous) = (&config.server_secrets, &config.previous_server_secrets);
        let mut own = BTreeMap::new();
        for name in current.keys().chain(previous.keys()) {
            let setting = format!("server_secrets.{name}");
            let secrets = fingerprints(&setting, current.get(name), previous.get(name))?;
            own.insert(name.clone(), secrets);
        }
        let shared = fingerprints(
            "shared_server_secret",
            config.shared_server_secret.as_ref(),
            config.previous_shared_server_secret.as_ref(),
        )?;
        anyhow::ensure!(
            !own.is_empty() || !shared.is_empty(),
            "server_secrets: no service could log in"
        );
        let reserved = &config.reserved_server_names;
        // user-api logs in nowhere: it makes its tokens itself.
        let mut closed_to_shared = BTreeSet::from([OWN_NAME.to_owned()]);
        if reserved.iter().any(|name| own.contains_key(name)) {
            closed_to_shared.extend(reserved.iter().cloned());
        }
        Ok(Self {
            own,
            shared,
            closed_to_shared,
        })
    }

    /// Whether `secret` opens the name `name`.
    pub(crate) fn admit(&self, name: &str, secret: &str) -> bool {
        let given = fingerprint(secret);
        let expected: &[Fingerprint] = match self.own.get(name) {
            Some(own) => own,
            None if self.closed_to_shared.contains(name) => &[],
            None => &self.shared,
        };
        let matches = expected.iter().fold(Choice::from(0), |matches, expected| {
            matches | expected.ct_eq(&given)
        });
        matches.into()
    }
}

fn fingerprints(
    setting: &str,
    current: Option<&SecretString>,
    previous: Option<&SecretString>,
) -> anyhow::Result<Vec<Fingerprint>> {
    anyhow::ensure!(
        current.is_some() || previous.is_none(),
        "previous_{setting}: there is no {setting}"
    );
    let secrets = current.into_iter().chain(previous);
    secrets
        .map(|secret| {
            let secret = secret.expose_secret();
            anyhow::ensure!(
                secret.len() >= MIN_SECRET_BYTES,
                "{setting}: a secret has less than {MIN_SECRET_BYTES} bytes"
            );
            Ok(fingerprint(secret))
        })
        .collect()
}

fn fingerprint(secret: &str) -> Fingerprint {
    Sha256::digest(secret.as_bytes()).into()
}
