//! The response to a request that failed: a status, a body in one of the shapes that the public
//! APIs use, and, for the log alone, the cause.

mod envelope;

use std::{borrow::Cow, convert::Infallible, fmt, sync::Arc, time::Duration};

use actix_web::{
    HttpResponse, ResponseError,
    body::BoxBody,
    http::{StatusCode, header},
};
use anyhow::anyhow;
use serde_json::json;

pub(crate) use self::envelope::Wordings;
pub use self::envelope::{Envelope, Rejection};

use crate::mongo::Aborted;

type Text = Cow<'static, str>;

/// When a client that was told 503 may come again, where nothing else is known.
const UNAVAILABLE_FOR: Duration = Duration::from_secs(1);

/// The shapes of error bodies. Each service's API fixes which it uses where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ErrorBody {
    /// No body.
    Empty,
    /// A JSON string.
    JsonString(Text),
    /// `{"code": <status>, "reason": <text>}`.
    Reason(Text),
    /// `{"code": <status>, "error": <number>, "reason": <text>}`.
    Numbered {
        /// A stable number.
        error: u16,
        /// For people.
        reason: Text,
    },
    /// `{"code": <name>, "message": <text>}`.
    Message {
        /// A stable name, such as `NotFound`.
        code: Text,
        /// For people; may be empty.
        message: Text,
    },
    /// `{"message": <text>}`.
    MessageAlone(Text),
    /// Plain text.
    Text(Text),
}

/// What a handler returns instead of a response.
#[derive(Debug, Clone)]
pub struct ApiError {
    status: StatusCode,
    body: ErrorBody,
    retry_after: Option<Duration>,
    entity_tag: Option<String>,
    cause: Option<Arc<anyhow::Error>>,
}

impl ApiError {
    /// A response with `status` and `body`.
    pub fn new(status: StatusCode, body: ErrorBody) -> Self {
        Self {
            status,
            body,
            retry_after: None,
            entity_tag: None,
            cause: None,
        }
    }

    /// A response without a body.
    pub fn empty(status: StatusCode) -> Self {
        Self::new(status, ErrorBody::Empty)
    }

    /// A response whose body is a JSON string.
    pub fn json_string(status: StatusCode, text: impl Into<Text>) -> Self {
        Self::new(status, ErrorBody::JsonString(text.into()))
    }

    /// `{"code": <status>, "reason": <text>}`.
    pub fn reason(status: StatusCode, reason: impl Into<Text>) -> Self {
        Self::new(status, ErrorBody::Reason(reason.into()))
    }

    /// `{"code": <name>, "message": <text>}`.
    pub fn message(status: StatusCode, code: impl Into<Text>, message: impl Into<Text>) -> Self {
        Self::new(
            status,
            ErrorBody::Message {
                code: code.into(),
                message: message.into(),
            },
        )
    }

    /// `{"message": <text>}`.
    pub fn message_alone(status: StatusCode, message: impl Into<Text>) -> Self {
        Self::new(status, ErrorBody::MessageAlone(message.into()))
    }

    /// The same response, with what went wrong inside; it is logged and never sent.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Into<anyhow::Error>) -> Self {
        self.cause = Some(Arc::new(cause.into()));
        self
    }

    /// The same response with a `Retry-After` header, in whole seconds, at least one. A 503 has one of
    /// a second without being asked.
    #[must_use]
    pub fn retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// The same response with an `ETag` header: what is there has this tag, quotes included.
    #[must_use]
    pub fn tagged(mut self, entity_tag: String) -> Self {
        self.entity_tag = Some(entity_tag);
        self
    }

    /// The status of the response.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The body of the response.
    pub fn body(&self) -> &ErrorBody {
        &self.body
    }

    /// What went wrong inside; `None` when the client did.
    pub fn cause(&self) -> Option<&anyhow::Error> {
        self.cause.as_deref()
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            Some(cause) => write!(formatter, "{}: {cause:#}", self.status),
            None => write!(formatter, "{}", self.status),
        }
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        let mut response = HttpResponse::build(self.status);
        let is_unavailable = self.status == StatusCode::SERVICE_UNAVAILABLE;
        let wait = self
            .retry_after
            .or(is_unavailable.then_some(UNAVAILABLE_FOR));
        if let Some(wait) = wait {
            let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
            response.insert_header((header::RETRY_AFTER, seconds.max(1).to_string()));
        }
        if self.status == StatusCode::UNSUPPORTED_MEDIA_TYPE {
            // Bodies of all types are taken; what is refused is their encoding.
            response.insert_header((header::ACCEPT_ENCODING, "identity"));
        }
        if let Some(tag) = &self.entity_tag {
            response.insert_header((header::ETAG, tag.as_str()));
        }
        match &self.body {
            ErrorBody::Empty => response.finish(),
            ErrorBody::JsonString(text) => response.json(text),
            ErrorBody::Reason(reason) => {
                response.json(json!({ "code": self.status.as_u16(), "reason": reason }))
            }
            ErrorBody::Numbered { error, reason } => response
                .json(json!({ "code": self.status.as_u16(), "error": error, "reason": reason })),
            ErrorBody::Message { code, message } => {
                response.json(json!({ "code": code, "message": message }))
            }
            ErrorBody::MessageAlone(message) => response.json(json!({ "message": message })),
            ErrorBody::Text(text) => response
                .content_type("text/plain; charset=utf-8")
                .body(text.clone()),
        }
    }
}

impl From<Infallible> for ApiError {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// Why an act came to nothing: what an act returns, which knows no HTTP. The service gives each
/// refusal `R` and each failure `F` its status and body.
#[derive(Debug, Clone)]
pub enum ActError<R, F> {
    /// A rule said no.
    Refused(R),
    /// Something that should work did not.
    Failed {
        /// What the service says of it.
        failure: F,
        /// What went wrong inside, which is logged and never sent.
        cause: Arc<anyhow::Error>,
    },
}

impl<R, F> ActError<R, F> {
    /// The `failure` because of `cause`.
    pub fn failed(failure: F, cause: impl Into<anyhow::Error>) -> Self {
        Failed::new(failure, cause).into()
    }
}

/// For logs.
impl<R: fmt::Debug, F: fmt::Debug> fmt::Display for ActError<R, F> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => write!(formatter, "refused: {refusal:?}"),
            Self::Failed { failure, cause } => write!(formatter, "{failure:?}: {cause:#}"),
        }
    }
}

/// A failure of something that no rule refuses, with its cause.
#[derive(Debug, Clone)]
pub struct Failed<F> {
    failure: F,
    cause: Arc<anyhow::Error>,
}

impl<F> Failed<F> {
    fn new(failure: F, cause: impl Into<anyhow::Error>) -> Self {
        Self {
            failure,
            cause: Arc::new(cause.into()),
        }
    }
}

impl<R, F> From<Failed<F>> for ActError<R, F> {
    fn from(Failed { failure, cause }: Failed<F>) -> Self {
        Self::Failed { failure, cause }
    }
}

impl<F: Into<ApiError>> From<Failed<F>> for ApiError {
    fn from(Failed { failure, cause }: Failed<F>) -> Self {
        Self {
            cause: Some(cause),
            ..failure.into()
        }
    }
}

impl<R: Into<ApiError>, F: Into<ApiError>> From<ActError<R, F>> for ApiError {
    fn from(error: ActError<R, F>) -> Self {
        match error {
            ActError::Refused(refusal) => refusal.into(),
            ActError::Failed { failure, cause } => Failed { failure, cause }.into(),
        }
    }
}

/// What a service says where something fails that should work.
pub trait OrFail<T> {
    /// What `failure` becomes; `?` makes an [`ActError`] or an [`ApiError`] of it.
    type Error<F>;

    /// The value, or `failure` with what went wrong as its cause.
    fn or_fail<F>(self, failure: F) -> Result<T, Self::Error<F>>;
}

impl<T, E: Into<anyhow::Error>> OrFail<T> for Result<T, E> {
    type Error<F> = Failed<F>;

    fn or_fail<F>(self, failure: F) -> Result<T, Failed<F>> {
        self.map_err(|cause| Failed::new(failure, cause))
    }
}

/// What a rule refuses is no failure and stays what it is.
impl<T, R> OrFail<T> for Result<T, Aborted<R>> {
    type Error<F> = ActError<R, F>;

    fn or_fail<F>(self, failure: F) -> Result<T, ActError<R, F>> {
        self.map_err(|aborted| match aborted {
            Aborted::Refused(refusal) => ActError::Refused(refusal),
            Aborted::Outrun => ActError::failed(failure, anyhow!("somebody else was faster")),
            Aborted::Failed(error) => ActError::failed(failure, error),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_has_its_cause_and_a_refusal_stays_what_it_is() {
        let failure = || ApiError::empty(StatusCode::INTERNAL_SERVER_ERROR);
        let refused: Result<(), _> = Err(Aborted::Refused(ApiError::empty(StatusCode::CONFLICT)));
        let outrun: Result<(), Aborted> = Err(Aborted::Outrun);
        let failed: Result<(), _> = Err(anyhow!("no answer"));
        let errors = [
            ApiError::from(refused.or_fail(failure()).unwrap_err()),
            outrun.or_fail(failure()).unwrap_err().into(),
            failed.or_fail(failure()).unwrap_err().into(),
        ];
        let expected = [
            "409 Conflict",
            "500 Internal Server Error: somebody else was faster",
            "500 Internal Server Error: no answer",
        ];
        assert_eq!(errors.map(|error| error.to_string()), expected);
    }

    #[test]
    fn who_is_told_to_come_later_learns_when() {
        let wait = |error: ApiError| {
            let response = error.error_response();
            let wait = response.headers().get(header::RETRY_AFTER);
            wait.map(|wait| wait.to_str().unwrap().to_owned())
        };
        let unavailable = || ApiError::empty(StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(wait(unavailable()).as_deref(), Some("1"));
        let soon = Duration::from_millis(7_200);
        assert_eq!(wait(unavailable().retry_after(soon)).as_deref(), Some("8"));
        assert_eq!(wait(ApiError::empty(StatusCode::CONFLICT)), None);
    }
}
