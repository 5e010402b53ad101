//! Logs, metrics and the trace of a request.
//!
//! Every line that belongs to a request carries its id (`trace.request`). The ids come in and go
//! out as `X-Tidepool-Trace-Request` and `X-Tidepool-Trace-Session`; a W3C `traceparent` is taken
//! along to every peer that the request reaches.

use std::{fmt::Debug, io, sync::OnceLock, time::Instant};

use actix_web::{
    Error, HttpMessage, HttpRequest,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    http::{
        Method,
        header::{self, HeaderMap, HeaderName, HeaderValue},
    },
    middleware::Next,
};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tracing::{
    Event, Instrument, Span, Subscriber, debug, error,
    field::{Empty, Field, Visit},
    info, info_span,
};
use tracing_subscriber::{
    EnvFilter, Layer,
    fmt::{self, MakeWriter},
    layer::{self, SubscriberExt},
    util::SubscriberInitExt,
};
use uuid::Uuid;

use crate::{
    config::{LogFormat, LogSettings},
    error::ApiError,
};

/// The request's id, 1 to 64 visible characters; made up when the client sends none.
pub const TRACE_REQUEST: HeaderName = HeaderName::from_static("x-tidepool-trace-request");
/// The client's id of a series of requests, 1 to 64 visible characters; passed on when sent.
pub const TRACE_SESSION: HeaderName = HeaderName::from_static("x-tidepool-trace-session");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

const LATENCY_BUCKETS_S: [f64; 12] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0,
];

static METRICS: OnceLock<PrometheusHandle> = OnceLock::new();

tokio::task_local! {
    static TRACE: Trace;
}

/// The ids that a request carries to every peer it reaches.
#[derive(Debug, Clone)]
pub struct Trace {
    request: HeaderValue,
    session: Option<HeaderValue>,
    traceparent: Option<HeaderValue>,
}

impl Trace {
    fn of(headers: &HeaderMap) -> Self {
        let request = trace_id(headers, &TRACE_REQUEST).unwrap_or_else(|| {
            HeaderValue::from_str(&Uuid::new_v4().to_string())
                .expect("a UUID is a valid header value")
        });
        Self {
            request,
            session: trace_id(headers, &TRACE_SESSION),
            traceparent: headers
                .get(TRACEPARENT)
                .filter(|value| is_traceparent(value))
                .cloned(),
        }
    }

    /// The id of `request`, where [`observe`] is around its handler.
    pub fn request_id(request: &HttpRequest) -> Option<HeaderValue> {
        request
            .extensions()
            .get::<Self>()
            .map(|trace| trace.request.clone())
    }

    /// The headers that pass the current request's ids on; empty outside a request.
    pub(crate) fn headers_of_current_request() -> Vec<(HeaderName, HeaderValue)> {
        TRACE
            .try_with(|trace| {
                let mut headers = vec![(TRACE_REQUEST, trace.request.clone())];
                headers.extend(trace.session.clone().map(|value| (TRACE_SESSION, value)));
                headers.extend(trace.traceparent.clone().map(|value| (TRACEPARENT, value)));
                headers
            })
            .unwrap_or_default()
    }
}

/// What work that another task does for a request takes along.
pub(crate) struct CurrentRequest {
    /// `None` outside a request.
    trace: Option<Trace>,
    span: Span,
}

impl CurrentRequest {
    /// Of the task that asks.
    pub(crate) fn take() -> Self {
        Self {
            trace: TRACE.try_with(Trace::clone).ok(),
            span: Span::current(),
        }
    }

    /// Does `work` as a part of the request.
    pub(crate) async fn around<T>(self, work: impl Future<Output = T>) -> T {
        let work = work.instrument(self.span);
        match self.trace {
            Some(trace) => TRACE.scope(trace, work).await,
            None => work.await,
        }
    }
}

fn trace_id(headers: &HeaderMap, name: &HeaderName) -> Option<HeaderValue> {
    headers
        .get(name)
        .filter(|value| {
            (1..=64).contains(&value.len()) && value.as_bytes().iter().all(u8::is_ascii_graphic)
        })
        .cloned()
}

/// `version-traceid-parentid-flags` in lower-case hexadecimal digits (W3C Trace Context).
fn is_traceparent(value: &HeaderValue) -> bool {
    let Ok(text) = value.to_str() else {
        return false;
    };
    let parts: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    lengths == [2, 32, 16, 2]
        && text
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'-'))
}

/// Starts logging to standard output, once per process.
pub fn init(settings: &LogSettings) -> anyhow::Result<()> {
    init_to(settings, io::stdout)
}

/// Starts logging to `writer`, once per process.
pub fn init_to<W>(settings: &LogSettings, writer: W) -> anyhow::Result<()>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let mut filter = EnvFilter::try_new(&settings.filter)?;
    // It logs every batch.
    if !settings.filter.contains("batch_aint_one") {
        filter = filter.add_directive("batch_aint_one=warn".parse()?);
    }
    let registry = tracing_subscriber::registry()
        .with(filter)
        .with(WithoutClientFaults);
    match settings.format {
        LogFormat::Json => registry
            .with(
                fmt::layer()
                    .json()
                    .flatten_event(true)
                    .with_span_list(false)
                    .with_writer(writer),
            )
            .try_init()?,
        LogFormat::Human => {
            registry
                .with(
                    fmt::layer()
                        .with_ansi(false)
                        .with_target(false)
                        .with_writer(writer),
                )
                .try_init()?;
        }
    }
    Ok(())
}

/// Leaves out what actix reports as its error when what a client sent is no HTTP, or broke off:
/// nobody here can act on that.
struct WithoutClientFaults;

impl<S: Subscriber> Layer<S> for WithoutClientFaults {
    fn event_enabled(&self, event: &Event<'_>, _: layer::Context<'_, S>) -> bool {
        let mut fault = ClientFault(false);
        if event.metadata().target() == "actix_http::h1::dispatcher" {
            event.record(&mut fault);
        }
        !fault.0
    }
}

/// Whether an event of actix's dispatcher is about what the client sent.
struct ClientFault(bool);

impl Visit for ClientFault {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0 |= field.name() == "message" && format!("{value:?}").starts_with("stream error: ");
    }
}

/// The metrics of this process.
pub(crate) fn metrics() -> &'static PrometheusHandle {
    METRICS.get_or_init(|| {
        PrometheusBuilder::new()
            .set_buckets_for_metric(
                Matcher::Suffix("_duration_seconds".to_owned()),
                &LATENCY_BUCKETS_S,
            )
            .and_then(PrometheusBuilder::install_recorder)
            .expect("the buckets are not empty and no other recorder is installed")
    })
}

/// The outermost middleware: gives the request its trace, and logs and counts its outcome.
///
/// A failure of ours (5xx) is logged once, with its causes. What went well is logged at `debug`,
/// what was refused at `info`; paths are logged as patterns, because ids and tokens stand
/// in them.
pub async fn observe<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<B>, Error> {
    let started = Instant::now();
    let trace = Trace::of(request.headers());
    let method = request.method().clone();
    let span = info_span!(
        "request",
        trace.request = trace.request.to_str().unwrap_or_default(),
        trace.session = Empty,
        http.method = method.as_str(),
    );
    if let Some(session) = trace.session.as_ref().and_then(|value| value.to_str().ok()) {
        span.record("trace.session", session);
    }
    request.extensions_mut().insert(trace.clone());
    let mut response = TRACE
        .scope(trace.clone(), next.call(request).instrument(span.clone()))
        .await?;
    let route = response
        .request()
        .match_pattern()
        .unwrap_or_else(|| "unmatched".to_owned());
    log_outcome(&span, &route, &response, started);
    count_outcome(&method, route, &response, started);
    let headers = response.headers_mut();
    headers.insert(TRACE_REQUEST, trace.request);
    if let Some(session) = trace.session {
        headers.insert(TRACE_SESSION, session);
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    Ok(response)
}

fn log_outcome<B>(span: &Span, route: &str, response: &ServiceResponse<B>, started: Instant) {
    let _entered = span.enter();
    let status = response.status();
    let duration_us = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    if status.is_server_error() {
        let cause = response
            .response()
            .error()
            .and_then(|error| error.as_error::<ApiError>())
            .and_then(ApiError::cause)
            .map_or_else(|| "unknown".to_owned(), |cause| format!("{cause:#}"));
        error!(
            http.route = route,
            http.status = status.as_u16(),
            duration_us,
            cause,
            "request failed"
        );
    } else if status.is_success() {
        debug!(
            http.route = route,
            http.status = status.as_u16(),
            duration_us,
            "request answered"
        );
    } else {
        info!(
            http.route = route,
            http.status = status.as_u16(),
            duration_us,
            "request answered"
        );
    }
}

fn count_outcome<B>(
    method: &Method,
    route: String,
    response: &ServiceResponse<B>,
    started: Instant,
) {
    // A method is free text on the wire; a label must not be.
    let method = match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::PATCH => "PATCH",
        Method::OPTIONS => "OPTIONS",
        Method::HEAD => "HEAD",
        _ => "other",
    };
    metrics::histogram!(
        "http_request_duration_seconds",
        "method" => method,
        "route" => route,
        "status" => response.status().as_u16().to_string(),
    )
    .record(started.elapsed().as_secs_f64());
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderMap, HeaderValue};

    use super::{TRACE_REQUEST, Trace, is_traceparent};

    #[test]
    fn a_usable_request_id_is_kept_and_any_other_replaced() {
        let mut headers = HeaderMap::new();
        headers.insert(TRACE_REQUEST, HeaderValue::from_static("abc"));
        assert_eq!(Trace::of(&headers).request, "abc");
        headers.insert(
            TRACE_REQUEST,
            HeaderValue::from_str(&"x".repeat(65)).unwrap(),
        );
        assert_eq!(Trace::of(&headers).request.len(), 36);
        headers.insert(TRACE_REQUEST, HeaderValue::from_static("two words"));
        assert_eq!(Trace::of(&headers).request.len(), 36);
    }

    #[test]
    fn only_a_well_formed_traceparent_is_passed_on() {
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert!(is_traceparent(&HeaderValue::from_static(good)));
        for bad in [
            "",
            "00-4bf9-00f0-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        ] {
            assert!(
                !is_traceparent(&HeaderValue::from_str(bad).unwrap()),
                "{bad}"
            );
        }
    }
}
