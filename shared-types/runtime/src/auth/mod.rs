//! Session tokens: signing, verifying and checking them, and who calls.

mod internal;
mod keys;
mod remote;
mod service;

use std::{future::Future, pin::Pin, sync::Arc};

use actix_web::{FromRequest, HttpRequest, dev::Payload, http::Method};
use futures_util::future::BoxFuture;
use shared_types::{TokenData, UserId};

use crate::error::{ApiError, Envelope, Rejection};

pub use internal::{Admission, Operator, Peer};
pub use keys::{KeyError, SessionClaims, SigningKey, VerifyingKeys};
pub use remote::RemoteTokens;
pub use service::{ServerLogin, ServiceToken};

/// The header that carries a session token, in requests and in answers.
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

/// Who calls: the bearer of a valid session token. A handler that takes it is closed to everybody
/// else; what the caller may do is for the handler to decide.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The account, or the name of the service.
    pub user_id: UserId,
    /// Whether the bearer is a service.
    pub is_server: bool,
    /// The identity provider that vouched for the bearer; `None` for a password login.
    pub identity_provider: Option<String>,
    /// The token itself. Never logged.
    pub token: Token,
}

/// A token that does not print itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// The token, to be sent or looked up.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Token(…)")
    }
}

impl Caller {
    /// Whether the caller is the user `id`; a service that has the same name is not.
    pub fn is(&self, id: &UserId) -> bool {
        !self.is_server && self.user_id == *id
    }
}

impl FromRequest for Caller {
    type Error = ApiError;
    type Future = Pin<Box<dyn Future<Output = Result<Self, ApiError>>>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { identify(&request).await })
    }
}

async fn identify(request: &HttpRequest) -> Result<Caller, ApiError> {
    let Some(token) = request.headers().get(TOKEN_HEADER) else {
        return Err(Envelope::render(request, Rejection::TokenMissing));
    };
    if token.as_bytes().trim_ascii().is_empty() {
        return Err(Envelope::render(request, Rejection::TokenEmpty));
    }
    let Some(token) = token.to_str().ok() else {
        return Err(Envelope::render(request, Rejection::TokenInvalid));
    };
    let Some(authenticator) = request.app_data::<Authenticator>() else {
        return Err(Envelope::render(request, Rejection::CheckUnavailable)
            .caused_by(anyhow::anyhow!("the service has no authenticator")));
    };
    let freshness = Freshness::needed_by(request.method());
    match authenticator.0.check(token, freshness).await {
        Ok(data) => Ok(Caller {
            user_id: data.userid.into(),
            is_server: data.isserver,
            identity_provider: data.identity_provider,
            token: Token(token.to_owned()),
        }),
        Err(AuthFailure::Invalid) => Err(Envelope::render(request, Rejection::TokenInvalid)),
        Err(AuthFailure::Unavailable(why)) => {
            Err(Envelope::render(request, Rejection::CheckUnavailable)
                .caused_by(anyhow::anyhow!(why)))
        }
    }
}
