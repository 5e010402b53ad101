//! Who calls, as a handler's signature says it: a user, a service, or either.

use std::{future::Future, pin::Pin};

use actix_web::{FromRequest, HttpMessage as _, HttpRequest, dev::Payload};
use shared_types::{TokenData, UserId};

use super::{AuthFailure, Authenticator, Freshness, TOKEN_HEADER};
use crate::error::{ApiError, Envelope, Rejection};

/// The bearer of a valid session token. A handler that takes it is closed to everybody else; what
/// the caller may do is for the handler to decide.
#[derive(Debug, Clone)]
pub enum Caller {
    /// A person who is logged in.
    User(User),
    /// Another program, which may have the name of an account without being it.
    Service(Service),
}

/// A person who is logged in. A handler that takes it is closed to services as well.
#[derive(Debug, Clone)]
pub struct User {
    /// The account.
    pub id: UserId,
    /// The identity provider that vouched for the bearer; `None` for a password login.
    pub identity_provider: Option<String>,
    /// The token itself.
    pub token: Token,
}

/// A service, whatever its name. A handler that takes it is closed to users.
#[derive(Debug, Clone)]
pub struct Service {
    /// The name under which it logged in.
    pub name: String,
    /// The token itself.
    pub token: Token,
}

/// A token that does not print itself. Never logged.
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
    fn new(data: TokenData, token: Token) -> Self {
        if data.isserver {
            Self::Service(Service {
                name: data.userid,
                token,
            })
        } else {
            Self::User(User {
                id: data.userid.into(),
                identity_provider: data.identity_provider,
                token,
            })
        }
    }

    /// The account of the caller; `None` for a service, which has none.
    pub fn user_id(&self) -> Option<&UserId> {
        match self {
            Self::User(user) => Some(&user.id),
            Self::Service(_) => None,
        }
    }

    /// Whether the caller is the user `id`; a service that has the same name is not.
    pub fn is(&self, id: &UserId) -> bool {
        self.user_id() == Some(id)
    }

    /// Whether the caller is a service.
    pub fn is_service(&self) -> bool {
        matches!(self, Self::Service(_))
    }

    /// The account id or the name of the service, for what is written down about a change. Rights
    /// do not depend on it.
    pub fn name(&self) -> &str {
        match self {
            Self::User(user) => user.id.as_str(),
            Self::Service(service) => &service.name,
        }
    }

    /// The token with which the caller came.
    pub fn token(&self) -> &Token {
        match self {
            Self::User(User { token, .. }) | Self::Service(Service { token, .. }) => token,
        }
    }
}

type Extracted<T> = Pin<Box<dyn Future<Output = Result<T, ApiError>>>>;

impl FromRequest for Caller {
    type Error = ApiError;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move { identify(&request).await })
    }
}

impl FromRequest for User {
    type Error = ApiError;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            match identify(&request).await? {
                Caller::User(user) => Ok(user),
                Caller::Service(_) => Err(Envelope::render(&request, Rejection::NotAUser)),
            }
        })
    }
}

impl FromRequest for Service {
    type Error = ApiError;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            match identify(&request).await? {
                Caller::Service(service) => Ok(service),
                Caller::User(_) => Err(Envelope::render(&request, Rejection::NotAService)),
            }
        })
    }
}

/// Who makes a request, in its extensions once the token was found valid: what asks again who
/// calls, such as a handler behind a guard, need not check it again.
struct Identified(Caller);

/// Refuses a request whose token was valid and is not any more. Who begins a request in time and
/// ends it late must not change anything with a token that was ended in between.
pub(crate) async fn identify_again(request: &HttpRequest) -> Result<(), ApiError> {
    if request.extensions().contains::<Identified>() {
        check(request).await?;
    }
    Ok(())
}

async fn identify(request: &HttpRequest) -> Result<Caller, ApiError> {
    if let Some(Identified(caller)) = request.extensions().get() {
        return Ok(caller.clone());
    }
    let caller = check(request).await?;
    request.extensions_mut().insert(Identified(caller.clone()));
    Ok(caller)
}

async fn check(request: &HttpRequest) -> Result<Caller, ApiError> {
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
        // A token that names nobody is nobody's.
        Ok(data) if data.userid.is_empty() => {
            Err(Envelope::render(request, Rejection::TokenInvalid))
        }
        Ok(data) => Ok(Caller::new(data, Token(token.to_owned()))),
        Err(AuthFailure::Invalid) => Err(Envelope::render(request, Rejection::TokenInvalid)),
        Err(AuthFailure::Unavailable(why)) => {
            Err(Envelope::render(request, Rejection::CheckUnavailable)
                .caused_by(anyhow::anyhow!(why)))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use actix_web::{FromRequest, HttpRequest, http::StatusCode, test::TestRequest};
    use futures_util::{FutureExt, future::BoxFuture};
    use shared_types::TokenData;

    use super::{Caller, Service, User};
    use crate::{
        auth::{AuthFailure, Authenticator, Freshness, TOKEN_HEADER, TokenCheck},
        error::{ApiError, Envelope, Rejection},
    };

    /// Knows one bearer.
    struct Known(TokenData);

    impl TokenCheck for Known {
        fn check<'a>(
            &'a self,
            _: &'a str,
            _: Freshness,
        ) -> BoxFuture<'a, Result<TokenData, AuthFailure>> {
            async { Ok(self.0.clone()) }.boxed()
        }
    }

    fn request_of(userid: &str, isserver: bool) -> HttpRequest {
        let data = TokenData {
            isserver,
            userid: userid.to_owned(),
            expires_at: 0,
            identity_provider: None,
        };
        let envelope = |rejection| match rejection {
            Rejection::NotAUser | Rejection::NotAService => ApiError::empty(StatusCode::FORBIDDEN),
            _ => ApiError::empty(StatusCode::UNAUTHORIZED),
        };
        TestRequest::default()
            .insert_header((TOKEN_HEADER, "a token"))
            .app_data(Authenticator(Arc::new(Known(data))))
            .app_data(Envelope(envelope))
            .to_http_request()
    }

    #[actix_web::test]
    async fn a_user_and_a_service_of_the_same_name_are_two() {
        let (user, service) = (request_of("alice", false), request_of("alice", true));
        let (alice, bob) = ("alice".into(), "bob".into());
        let caller = Caller::extract(&user).await.unwrap();
        assert!(caller.is(&alice) && !caller.is(&bob) && !caller.is_service());
        let caller = Caller::extract(&service).await.unwrap();
        assert!(!caller.is(&alice) && caller.is_service());
        assert_eq!((caller.user_id(), caller.name()), (None, "alice"));
    }

    #[actix_web::test]
    async fn an_argument_closes_a_handler_to_the_other_kind() {
        let (user, service) = (request_of("alice", false), request_of("alice", true));
        assert_eq!(User::extract(&user).await.unwrap().id.as_str(), "alice");
        assert_eq!(Service::extract(&service).await.unwrap().name, "alice");
        let refused = User::extract(&service).await.unwrap_err();
        assert_eq!(refused.status(), StatusCode::FORBIDDEN);
        let refused = Service::extract(&user).await.unwrap_err();
        assert_eq!(refused.status(), StatusCode::FORBIDDEN);
    }

    #[actix_web::test]
    async fn a_token_that_names_nobody_is_refused() {
        for isserver in [false, true] {
            let refused = Caller::extract(&request_of("", isserver)).await;
            assert_eq!(refused.unwrap_err().status(), StatusCode::UNAUTHORIZED);
        }
    }
}
