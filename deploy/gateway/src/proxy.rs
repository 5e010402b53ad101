//! Handing a request to its service and the response back.

use std::fs;
use std::io::ErrorKind;
use std::time::Duration;

use actix_web::body::{BodyStream, BoxBody, MessageBody, SizedStream};
use actix_web::error::PayloadError;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use anyhow::{Context, bail};
use futures_util::TryStreamExt;
use reqwest::{Client, RequestBuilder, Url, redirect};
use shared_runtime::error::ApiError;
use shared_runtime::source::TrustedProxies;
use shared_runtime::telemetry::{TRACE_REQUEST, Trace};
use tracing::warn;

use crate::config::Config;
use crate::routing::{Decision, GATEWAY, Table};
use crate::status;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// Shorter than the services keep an idle connection (75 s), so that none is
/// reused in the moment in which its service closes it.
const POOL_IDLE_TIMEOUT: Duration = Duration::from_secs(2);

/// Headers that concern one connection and not the request (RFC 9110, 7.6.1),
/// and those that each side writes for itself.
const NOT_PASSED_ON: [HeaderName; 12] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::EXPECT,
    header::HOST,
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

/// Headers by which services learn about the client and the request. Only the gateway writes
/// them, and adds to the `X-Forwarded-For` of trusted proxies; the id of the request is the
/// client's where it sent a usable one.
const FORWARDED: [HeaderName; 7] = [
    TRACE_REQUEST,
    header::FORWARDED,
    header::X_FORWARDED_FOR,
    header::X_FORWARDED_HOST,
    header::X_FORWARDED_PROTO,
    HeaderName::from_static("x-forwarded-port"),
    HeaderName::from_static("x-real-ip"),
];

/// The routing table and the way to every service in it.
pub struct Gateway {
    table: Table,
    services: Vec<Service>,
    client: Client,
    body_limit: usize,
    trusted_proxies: TrustedProxies,
}

/// A service and where it is.
pub(crate) struct Service {
    pub(crate) name: String,
    /// Scheme, host and port, without a slash at the end.
    pub(crate) base: String,
}

impl Gateway {
    /// Reads the routing table and finds every service it names in the settings.
    pub fn new(config: &Config) -> anyhow::Result<Self> {
        let table = match &config.routing_table {
            None => Table::parse(include_str!("../../routes.toml"))?,
            Some(file) => fs::read_to_string(file)
                .map_err(anyhow::Error::from)
                .and_then(|text| Table::parse(&text))
                .with_context(|| format!("routing_table: {}", file.display()))?,
        };
        let services = services(&table, config)?;
        #[expect(
            clippy::disallowed_methods,
            reason = "the client of the runtime is for our own calls; this one carries foreign ones, in a stream and never twice"
        )]
        let client = Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(Duration::from_millis(config.upstream.timeout_ms))
            .pool_idle_timeout(POOL_IDLE_TIMEOUT)
            .redirect(redirect::Policy::none())
            .tcp_nodelay(true)
            .no_proxy()
            .build()?;
        Ok(Self {
            table,
            services,
            client,
            body_limit: config.server.body_limit_bytes,
            trusted_proxies: config.server.trusted_proxies.clone(),
        })
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    pub(crate) fn services(&self) -> &[Service] {
        &self.services
    }
}

fn services(table: &Table, config: &Config) -> anyhow::Result<Vec<Service>> {
    let mut services: Vec<Service> = Vec::new();
    for route in table.routes() {
        if route.service == GATEWAY || services.iter().any(|service| service.name == route.service)
        {
            continue;
        }
        let key = route.service.replace('-', "_");
        let base = config
            .services
            .get(&key)
            .with_context(|| format!("services.{key}: not set"))?;
        let url = Url::parse(base).with_context(|| format!("services.{key}: {base}"))?;
        if !matches!(url.scheme(), "http" | "https") || url.path() != "/" || url.query().is_some() {
            bail!("services.{key}: {base} is not the URL of a host");
        }
        services.push(Service {
            name: route.service.clone(),
            base: url.as_str().trim_end_matches('/').to_owned(),
        });
    }
    Ok(services)
}

/// Every request: routed by the table, or refused.
///
/// Errors: 404 not public; 405 other methods only; 413 body too long; 408 body
/// too slow; 400 body broken off; 502 service not reachable; 504 service too slow. Body
/// `{"code": <status>, "reason": <text>}`.
pub(crate) async fn answer(
    request: HttpRequest,
    body: Payload,
    gateway: Data<Gateway>,
) -> HttpResponse {
    let not_found = || ApiError::reason(StatusCode::NOT_FOUND, "Not found");
    let own = match gateway
        .table
        .decide(request.method().as_str(), request.uri().path())
    {
        Decision::Service(GATEWAY) if request.method() == Method::OPTIONS => {
            HttpResponse::NoContent().finish()
        }
        Decision::Service(GATEWAY) => status::answer(&gateway).await,
        Decision::Service(name) => {
            match gateway.services.iter().find(|service| service.name == name) {
                Some(service) => match pass_on(&request, body, &gateway, service).await {
                    Ok(answer) => return answer,
                    Err(error) => HttpResponse::from_error(error),
                },
                None => HttpResponse::from_error(not_found()),
            }
        }
        Decision::MethodNotAllowed(allowed) => HttpResponse::MethodNotAllowed()
            .insert_header((header::ALLOW, allowed.join(", ")))
            .json(serde_json::json!({ "code": 405, "reason": "Method not allowed" })),
        Decision::NotFound => HttpResponse::from_error(not_found()),
    };
    readable_anywhere(own)
}

/// Lets web applications of all origins see that it is the gateway that answers, and what. It says
/// nothing about anybody; who may read the services' answers is theirs to say.
fn readable_anywhere(mut answer: HttpResponse) -> HttpResponse {
    let headers = answer.headers_mut();
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_ORIGIN,
        HeaderValue::from_static("*"),
    );
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, TRACE_REQUEST.into());
    answer
}

async fn pass_on(
    request: &HttpRequest,
    body: Payload,
    gateway: &Gateway,
    service: &Service,
) -> Result<HttpResponse, ApiError> {
    let path_and_query = request
        .uri()
        .path_and_query()
        .map_or("/", |target| target.as_str());
    let url = Url::parse(&format!("{}{path_and_query}", service.base))
        .ok()
        // What was routed is what is asked for; no parser has changed it on the way.
        .filter(|url| url.path() == request.uri().path())
        .ok_or_else(|| ApiError::reason(StatusCode::NOT_FOUND, "Not found"))?;
    let method =
        reqwest::Method::from_bytes(request.method().as_str().as_bytes()).map_err(|error| {
            ApiError::reason(StatusCode::BAD_REQUEST, "Bad method").caused_by(error)
        })?;
    let body = read(request, body, gateway.body_limit).await?;
    let mut call = gateway.client.request(method, url);
    for (name, value) in passed_on(request.headers()).filter(|(name, _)| !FORWARDED.contains(name))
    {
        call = call.header(name.as_str(), value.as_bytes());
    }
    for (name, value) in forwarded(request, &gateway.trusted_proxies) {
        call = call.header(name.as_str(), value.as_bytes());
    }
    if !body.is_empty() || request.headers().contains_key(header::CONTENT_LENGTH) {
        call = call.body(body);
    }
    let answer = send(call, request.method()).await;
    Ok(hand_back(answer.map_err(|error| failure(service, error))?))
}

/// A service may end an idle connection in the moment in which it is used again, for instance when
/// it is stopped. What may be done twice is then asked once more.
async fn send(call: RequestBuilder, method: &Method) -> reqwest::Result<reqwest::Response> {
    let again = call.try_clone().filter(|_| method.is_idempotent());
    match (call.send().await, again) {
        (Err(error), Some(again)) if broke_off(&error) => again.send().await,
        (answer, _) => answer,
    }
}

/// Whether a connection that was open ended before the response.
fn broke_off(error: &reqwest::Error) -> bool {
    error.is_request() && !error.is_timeout() && !error.is_connect()
}

/// The whole body, up to the limit. It is small, so the service gets it whole or not at all.
async fn read(
    request: &HttpRequest,
    body: Payload,
    limit: usize,
) -> Result<actix_web::web::Bytes, ApiError> {
    let too_large = || {
        ApiError::reason(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("The body is longer than {limit} bytes"),
        )
    };
    let announced = request
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    match body.to_bytes_limited(limit).await {
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(error)) if is_late(&error) => Err(ApiError::reason(
            StatusCode::REQUEST_TIMEOUT,
            "The body takes too long",
        )),
        Ok(Err(_)) => Err(ApiError::reason(
            StatusCode::BAD_REQUEST,
            "The body cannot be read",
        )),
        Err(_) => Err(too_large()),
    }
}

fn is_late(error: &actix_web::Error) -> bool {
    matches!(
        error.as_error::<PayloadError>(),
        Some(PayloadError::Io(error)) if error.kind() == ErrorKind::TimedOut
    )
}

fn forwarded(request: &HttpRequest, trusted: &TrustedProxies) -> Vec<(HeaderName, HeaderValue)> {
    let mut headers = vec![(header::X_FORWARDED_PROTO, HeaderValue::from_static("http"))];
    if let Some(id) = Trace::request_id(request) {
        headers.push((TRACE_REQUEST, id));
    }
    if let Some(peer) = request.peer_addr() {
        let peer = peer.ip();
        if trusted.contains(peer) {
            let said = request.headers().get_all(header::X_FORWARDED_FOR);
            headers.extend(said.map(|value| (header::X_FORWARDED_FOR, value.clone())));
        }
        let peer = HeaderValue::from_str(&peer.to_string()).expect("an address is plain text");
        headers.push((header::X_FORWARDED_FOR, peer));
    }
    if let Some(host) = request.headers().get(header::HOST) {
        headers.push((header::X_FORWARDED_HOST, host.clone()));
    }
    headers
}

/// The headers of a request that go on with it.
fn passed_on(headers: &HeaderMap) -> impl Iterator<Item = (&HeaderName, &HeaderValue)> {
    let connection: Vec<HeaderName> = headers
        .get_all(header::CONNECTION)
        .flat_map(named_in)
        .collect();
    headers
        .iter()
        .filter(move |(name, _)| !NOT_PASSED_ON.contains(name) && !connection.contains(name))
}

/// The headers that a `Connection` header keeps on this connection.
fn named_in(connection: &HeaderValue) -> Vec<HeaderName> {
    let names = connection.to_str().unwrap_or_default().split(',');
    names
        .filter_map(|name| HeaderName::try_from(name.trim()).ok())
        .collect()
}

fn hand_back(answer: reqwest::Response) -> HttpResponse {
    let status = StatusCode::from_u16(answer.status().as_u16()).unwrap_or(StatusCode::BAD_GATEWAY);
    let mut headers = HeaderMap::new();
    for (name, value) in answer.headers() {
        if let (Ok(name), Ok(value)) = (
            HeaderName::try_from(name.as_str()),
            HeaderValue::from_bytes(value.as_bytes()),
        ) {
            headers.append(name, value);
        }
    }
    let length = headers
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    let mut response = HttpResponseBuilder::new(status);
    for (name, value) in passed_on(&headers) {
        response.append_header((name.clone(), value.clone()));
    }
    let stream = answer.bytes_stream().map_err(reqwest::Error::without_url);
    let body: BoxBody = match length {
        Some(length) => SizedStream::new(length, stream).boxed(),
        None if matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED) => ().boxed(),
        None => BodyStream::new(stream).boxed(),
    };
    response.body(body)
}

/// The path may hold a token, so the URL is left out of the log.
fn failure(service: &Service, error: reqwest::Error) -> ApiError {
    let in_time = !error.is_timeout() || error.is_connect();
    let cause = anyhow::Error::from(error.without_url());
    warn!(
        service = service.name,
        cause = format!("{cause:#}"),
        "no answer"
    );
    if in_time {
        ApiError::reason(
            StatusCode::BAD_GATEWAY,
            format!("{} cannot be reached", service.name),
        )
    } else {
        ApiError::reason(
            StatusCode::GATEWAY_TIMEOUT,
            format!("{} does not answer in time", service.name),
        )
    }
}
