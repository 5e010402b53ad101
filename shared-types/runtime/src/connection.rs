//! Connections of clients: how long each step may take, and what ends them.
//!
//! actix bounds the first head of a connection and how long it is idle. A connection that goes on
//! with half a head, sends its body by the byte or takes nothing of a response is bounded here. And
//! where actix would end a connection without a word, the response says `Connection: close`.

mod stream;
mod upload;

use std::{fmt::Debug, future::poll_fn, net, pin::Pin, rc::Rc, task, time::Duration};

use actix_http::{ConnectionType, Extensions, HttpService, Request, RequestHead, Response};
use actix_server::ServerBuilder;
use actix_service::{
    IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt, fn_service, map_config,
};
use actix_web::{
    Error, HttpMessage,
    body::{BodySize, MessageBody},
    dev::{AppConfig, Payload, Server, ServiceRequest, ServiceResponse},
    http::{
        KeepAlive, Method,
        header::{self, HeaderMap},
    },
    middleware::Next,
    rt::net::TcpStream,
    web::Bytes,
};

use self::{
    stream::{Guarded, Watch},
    upload::Upload,
};
use crate::{config::ConnectionSettings, server::Readiness};

/// How long a connection that ends after a response takes in what the client still sends, so that
/// the response is not lost on its way.
const LINGER: Duration = Duration::from_secs(1);

/// A server of the applications that `factory` makes, one for each worker. Around each of them must
/// be the middleware [`keep`].
pub fn serve<F, I, S, B>(
    builder: ServerBuilder,
    listener: net::TcpListener,
    settings: &ConnectionSettings,
    factory: F,
) -> std::io::Result<Server>
where
    F: Fn() -> I + Send + Clone + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig> + 'static,
    S::Error: Into<Error> + 'static,
    S::InitError: Debug,
    S::Response: Into<Response<B>> + 'static,
    <S::Service as Service<Request>>::Future: 'static,
    S::Service: 'static,
    B: MessageBody + 'static,
{
    let stopping = builder.graceful_shutdown_signal();
    let settings = settings.clone();
    let builder = builder.listen("http", listener, move || {
        let stopping = stopping.clone();
        let limits = Rc::new(settings.clone());
        let application = factory()
            .into_factory()
            .map_err(|error| error.into().error_response());
        let http = HttpService::build()
            .graceful_shutdown_signal(move || {
                let stopping = stopping.clone();
                async move { stopping.notified().await }
            })
            .keep_alive(KeepAlive::Timeout(Duration::from_secs(
                settings.keep_alive_s,
            )))
            // The head of every request, the first one too, is bounded by the stream.
            .client_request_timeout(Duration::ZERO)
            .client_disconnect_timeout(LINGER)
            .on_connect_ext(|stream: &Guarded, extensions: &mut Extensions| {
                extensions.insert(stream.watch());
            })
            .h1(map_config(application, |()| AppConfig::default()));
        fn_service(move |stream: TcpStream| {
            let peer = stream.peer_addr().ok();
            let guarded = Guarded::new(stream, limits.clone());
            async move { Ok::<_, actix_http::error::DispatchError>((guarded, peer)) }
        })
        .and_then(http)
    })?;
    Ok(builder.run())
}

/// The outermost middleware: bounds how long the body may take, takes requests that offer another
/// protocol for ordinary ones, and says so where the connection ends.
pub async fn keep<B: MessageBody + Unpin>(
    mut request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<Counted<B>>, Error> {
    let under_way = request.conn_data::<Rc<Watch>>().map(UnderWay::new);
    let offers_upgrade = offers_upgrade(request.head());
    let readiness = request.app_data::<Readiness>().cloned();
    let mut state = None;
    match (request.take_payload(), &under_way) {
        (Payload::None, _) | (_, None) => {}
        (payload, Some(UnderWay(watch))) => {
            let upload = Upload::new(payload, watch.settings());
            // actix takes everything that follows for the body of a request that offers another
            // protocol, but no protocol is changed here (RFC 9110, 7.8).
            let upload = if offers_upgrade && !is_chunked(request.headers()) {
                upload.limited_to(announced_length(request.headers()))
            } else {
                upload
            };
            state = Some(upload.state());
            let stream: Pin<Box<dyn futures_util::Stream<Item = _>>> = Box::pin(upload);
            request.set_payload(Payload::Stream { payload: stream });
        }
    }
    let mut response = next.call(request).await?;
    let broke_off = state.is_some_and(|state| state.broke_off());
    let draining = readiness.is_some_and(|readiness| readiness.is_draining());
    if offers_upgrade || broke_off || draining {
        let head = response.response_mut().head_mut();
        head.set_connection_type(ConnectionType::Close);
        if let Some(UnderWay(watch)) = &under_way {
            let waker = poll_fn(|context| task::Poll::Ready(context.waker().clone())).await;
            watch.close_after_this(waker);
        }
    }
    Ok(response.map_body(|_, body| Counted {
        body,
        _under_way: under_way,
    }))
}

fn offers_upgrade(head: &RequestHead) -> bool {
    head.connection_type() == ConnectionType::Upgrade
        || head.headers().contains_key(header::UPGRADE)
        || head.method == Method::CONNECT
}

fn is_chunked(headers: &HeaderMap) -> bool {
    headers.contains_key(header::TRANSFER_ENCODING)
}

fn announced_length(headers: &HeaderMap) -> u64 {
    headers
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.trim().parse().ok())
        .unwrap_or(0)
}

/// A request that is being answered, until the last byte of the response.
struct UnderWay(Rc<Watch>);

impl UnderWay {
    fn new(watch: &Rc<Watch>) -> Self {
        watch.begin();
        Self(watch.clone())
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// The body of a response, whose end is noticed.
pub struct Counted<B> {
    body: B,
    _under_way: Option<UnderWay>,
}

impl<B: MessageBody + Unpin> MessageBody for Counted<B> {
    type Error = B::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        context: &mut task::Context<'_>,
    ) -> task::Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.body).poll_next(context)
    }
}
