//! The keys of every test, and the services that call.

use std::sync::LazyLock;

use serde_json::json;
use shared_runtime::{
    auth::{TOKEN_HEADER, VerifyingKeys},
    testing::SigningKeys,
};

use crate::Request;

/// The keys with which all tokens of a test are signed; making them takes a while.
pub static KEYS: LazyLock<SigningKeys> = LazyLock::new(SigningKeys::shared);

static VERIFYING_KEYS: LazyLock<VerifyingKeys> = LazyLock::new(|| {
    let published = json!({ "keys": [KEYS.key.public()] });
    VerifyingKeys::from_jwks(&serde_json::from_value(published).unwrap())
});

/// The secret with which the service `name` logs in.
pub fn server_secret(name: &str) -> String {
    format!("the secret of {name}")
}

/// Who calls, by a token that is as good as its signature.
pub(crate) enum Caller {
    /// No token came along.
    Nobody,
    /// It is none of ours.
    Forger,
    User,
    /// With the name with which it logged in.
    Service(String),
}

impl Caller {
    pub(crate) fn of(request: &Request) -> Self {
        let Some(token) = request.header(TOKEN_HEADER) else {
            return Self::Nobody;
        };
        match VERIFYING_KEYS.verify(token) {
            None => Self::Forger,
            Some(claims) if claims.is_server() => Self::Service(claims.usr),
            Some(_) => Self::User,
        }
    }

    /// Whether it is one of the services `names`.
    pub(crate) fn is_one_of(&self, names: &[&str]) -> bool {
        matches!(self, Self::Service(name) if names.contains(&name.as_str()))
    }
}
