//! Session tokens: signing, verifying and checking them, and who calls.

mod callers;
mod internal;
mod kept;
mod keys;
mod remote;
mod service;

use std::sync::Arc;

use actix_web::http::Method;
use futures_util::future::BoxFuture;
use shared_types::TokenData;

pub(crate) use callers::identify_again;
pub use callers::{Caller, Service, Token, User};
pub use internal::{Admission, Operator, Peer};
pub(crate) use kept::KeptToken;
pub use keys::{KeyError, SessionClaims, SigningKey, VerifyingKeys};
pub use remote::RemoteTokens;
pub use service::{ServerLogin, ServiceToken};

/// The header that carries a session token, in requests and in responses.
pub const TOKEN_HEADER: &str = "x-tidepool-session-token";

/// Why a token was not accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AuthFailure {
    /// Malformed, forged, expired, revoked or unknown.
    Invalid,
    /// It could not be checked; the text says why, for the log.
    Unavailable(String),
}

/// How old what a check says may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// A moment: the token was valid then.
    Recent,
    /// Looked up after the question, so that a token that was ended before it is refused.
    Now,
}

impl Freshness {
    /// What a request needs: one that only reads can do with what was true a moment ago.
    pub fn needed_by(method: &Method) -> Self {
        if method.is_safe() {
            Self::Recent
        } else {
            Self::Now
        }
    }
}

/// Checks tokens: by asking user-api ([`RemoteTokens`]), or in user-api by its own store.
pub trait TokenCheck: Send + Sync {
    /// What `token` says about its bearer, if it is valid.
    fn check<'a>(
        &'a self,
        token: &'a str,
        freshness: Freshness,
    ) -> BoxFuture<'a, Result<TokenData, AuthFailure>>;
}

/// How the service checks tokens; registered as application data.
#[derive(Clone)]
pub struct Authenticator(pub Arc<dyn TokenCheck>);
