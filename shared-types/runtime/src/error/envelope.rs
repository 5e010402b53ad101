//! What the plumbing refuses, and how services word it.

use actix_web::{
    HttpRequest,
    http::{Method, StatusCode},
};
use anyhow::anyhow;

use super::ApiError;
use crate::query::InvalidParameter;

/// A refusal raised by the plumbing, before any handler ran. The service gives it status and body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rejection {
    /// The request carries no session token.
    TokenMissing,
    /// The header of the session token is there and says nothing.
    TokenEmpty,
    /// The session token is malformed, forged, expired, revoked or unknown.
    TokenInvalid,
    /// The token could not be checked because user-api cannot be asked.
    CheckUnavailable,
    /// The token is that of a service, and the operation is for users.
    NotAUser,
    /// The token is that of a user, and the operation is for services.
    NotAService,
    /// The token is that of a service that the operation does not admit.
    ServiceNotAdmitted,
    /// The body is longer than the service takes.
    BodyTooLarge,
    /// The body takes too long to come.
    BodyTooSlow,
    /// The body broke off or its encoding is wrong.
    BodyUnreadable,
    /// The body is compressed, or encoded in another way that no service reads.
    BodyEncoded,
    /// The query cannot be read.
    InvalidParameter(InvalidParameter),
    /// What stands in a path for an id is none; why, for people.
    InvalidPath {
        /// The path.
        path: String,
        /// Why it is refused.
        problem: String,
    },
    /// No route has this path.
    NoSuchPath(String),
    /// The path exists, for other methods.
    MethodNotAllowed(String),
}

/// How a service words the rejections of the plumbing.
#[derive(Clone, Copy)]
pub struct Envelope(pub fn(Rejection) -> ApiError);

/// How the operations of one path word them: the innermost application data of their requests.
pub(crate) struct Wordings(pub(crate) Vec<(Method, Envelope)>);

impl Wordings {
    fn of<'a>(&'a self, method: &Method) -> Option<&'a Envelope> {
        let mut wordings = self.0.iter();
        wordings.find_map(|(of, envelope)| (of == method).then_some(envelope))
    }
}

impl Envelope {
    /// The response to `rejection` in the words of the operation that `request` asks for, otherwise
    /// in those of the service.
    pub(crate) fn render(request: &HttpRequest, rejection: Rejection) -> ApiError {
        let wordings = request.app_data::<Wordings>();
        let of_operation = wordings.and_then(|wordings| wordings.of(request.method()));
        match of_operation.or_else(|| request.app_data::<Envelope>()) {
            Some(envelope) => (envelope.0)(rejection),
            None => ApiError::empty(StatusCode::INTERNAL_SERVER_ERROR)
                .caused_by(anyhow!("the service has no envelope for {rejection:?}")),
        }
    }
}
