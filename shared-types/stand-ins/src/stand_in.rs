//! What all stand-ins have in common: each listens on a free port, notes what it is asked, and fails
//! or takes its time where the test says so.

use std::{
    collections::HashMap,
    fmt::Debug,
    hash::Hash,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer, ResponseError as _,
    dev::ServerHandle,
    http::{StatusCode, header::HeaderMap},
    rt,
    web::{self, Bytes, Data, PayloadConfig},
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use shared_runtime::error::ApiError;

/// When to come back, where a stand-in fails because of too much.
const RETRY_AFTER: Duration = Duration::from_secs(90);

/// The part that a stand-in plays.
pub trait Part: Default + Send + Sync + 'static {
    /// What it can be asked, and so made to fail.
    type Ask: Copy + Debug + Eq + Hash + Send + Sync + 'static;

    /// What `request` asks and about what; `None`: there is no such operation.
    fn read(request: &Request) -> Option<(Self::Ask, String)>;

    /// Refuses `request` where its caller may not ask this.
    fn admit(ask: Self::Ask, request: &Request) -> Result<(), ApiError>;

    /// What is answered to `ask`.
    fn answer(
        &self,
        ask: Self::Ask,
        request: &Request,
    ) -> impl Future<Output = Result<HttpResponse, ApiError>>;
}

/// A request as it came in.
pub struct Request {
    pub(crate) method: String,
    /// The path between its slashes, decoded.
    pub(crate) segments: Vec<String>,
    pub(crate) query: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Request {
    fn new(request: &HttpRequest, body: Bytes) -> Self {
        let path = request.uri().path().trim_start_matches('/');
        Self {
            method: request.method().to_string(),
            segments: path.split('/').map(decoded).collect(),
            query: request.uri().query().unwrap_or_default().to_owned(),
            headers: request.headers().clone(),
            body,
        }
    }

    /// The method and the segments of the path.
    pub(crate) fn operation(&self) -> (&str, Vec<&str>) {
        let segments = self.segments.iter().map(String::as_str);
        (&self.method, segments.collect())
    }

    /// A parameter of the query; `None`: it is not there.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        let mut pairs = form_urlencoded::parse(self.query.as_bytes());
        let (_, value) = pairs.find(|(each, _)| each == name)?;
        Some(value.into_owned())
    }

    /// A field of the form that the body is; `None`: it is not there.
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        let mut pairs = form_urlencoded::parse(&self.body);
        let (_, value) = pairs.find(|(each, _)| each == name)?;
        Some(value.into_owned())
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body; none at all is `null`. `None`: it is none of these.
    pub(crate) fn body<T: DeserializeOwned>(&self) -> Option<T> {
        let body = match self.body.trim_ascii() {
            [] => b"null",
            body => body,
        };
        serde_json::from_slice(body).ok()
    }
}

/// The text that `segment` of a path encodes.
fn decoded(segment: &str) -> String {
    let field = format!("={}", segment.replace('+', "%2B").replace('&', "%26"));
    let text = form_urlencoded::parse(field.as_bytes()).next();
    text.map_or_else(String::new, |(_, text)| text.into_owned())
}

/// Something that a stand-in was asked, whatever it answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Asked<A> {
    /// What was asked.
    pub ask: A,
    /// About what: the ids in the path, or what takes their place.
    pub about: String,
    /// The body; `null`: none, or no JSON.
    pub body: Value,
    /// On whose behalf, as `X-Forwarded-For` says; `None`: nobody's.
    pub forwarded_for: Option<String>,
}

/// A service, played: it runs until the value is dropped.
pub struct StandIn<P: Part> {
    url: String,
    stage: Arc<Stage<P>>,
    handle: ServerHandle,
}

/// What the server and the test share.
struct Stage<P: Part> {
    part: P,
    asked: Mutex<Vec<Asked<P::Ask>>>,
    failing: Mutex<HashMap<P::Ask, u16>>,
    slow: Mutex<HashMap<P::Ask, Duration>>,
}

impl<P: Part> StandIn<P> {
    /// Starts one that knows nothing.
    pub fn start() -> Self {
        let stage = Arc::new(Stage {
            part: P::default(),
            asked: Mutex::default(),
            failing: Mutex::default(),
            slow: Mutex::default(),
        });
        let shared = stage.clone();
        let server = HttpServer::new(move || {
            App::new()
                .app_data(Data::from(shared.clone()))
                .app_data(PayloadConfig::new(1 << 20))
                .default_service(web::to(serve::<P>))
        });
        let server = server.workers(1).disable_signals();
        let server = server.bind(("127.0.0.1", 0)).expect("a free port");
        let url = format!("http://{}", server.addrs()[0]);
        let server = server.run();
        let handle = server.handle();
        rt::spawn(server);
        Self { url, stage, handle }
    }

    /// `http://127.0.0.1:<port>`.
    pub fn url(&self) -> String {
        self.url.clone()
    }

    pub(crate) fn part(&self) -> &P {
        &self.stage.part
    }

    fn noted(&self) -> MutexGuard<'_, Vec<Asked<P::Ask>>> {
        self.stage.asked.lock().unwrap()
    }

    /// Everything that was asked, the oldest first. The effect of each is there by then, the
    /// response may still be on its way.
    pub fn log(&self) -> Vec<Asked<P::Ask>> {
        self.noted().clone()
    }

    /// The bodies that came with `ask`, each with what it was about.
    pub fn asked(&self, ask: P::Ask) -> Vec<(String, Value)> {
        let noted = self.noted();
        let asked = noted.iter().filter(|asked| asked.ask == ask);
        asked
            .map(|asked| (asked.about.clone(), asked.body.clone()))
            .collect()
    }

    /// The same since the last call.
    pub fn take_asked(&self, ask: P::Ask) -> Vec<(String, Value)> {
        let mut noted = self.noted();
        let taken = noted.extract_if(.., |asked| asked.ask == ask);
        taken.map(|asked| (asked.about, asked.body)).collect()
    }

    /// On whose behalf `ask` came.
    pub fn asked_for_whom(&self, ask: P::Ask) -> Vec<String> {
        let noted = self.noted();
        let asked = noted.iter().filter(|asked| asked.ask == ask);
        asked
            .filter_map(|asked| asked.forwarded_for.clone())
            .collect()
    }

    /// Answers `ask` with `status` and does nothing from here on.
    pub fn fail(&self, ask: P::Ask, status: u16) {
        self.fail_each(&[ask], status);
    }

    /// The same of several.
    pub fn fail_each(&self, asks: &[P::Ask], status: u16) {
        let mut failing = self.stage.failing.lock().unwrap();
        failing.extend(asks.iter().map(|ask| (*ask, status)));
    }

    /// Ends the failures of `ask`.
    pub fn mend(&self, ask: P::Ask) {
        self.stage.failing.lock().unwrap().remove(&ask);
    }

    /// Ends all failures.
    pub fn mend_all(&self) {
        self.stage.failing.lock().unwrap().clear();
    }

    /// From here on, `ask` has its effect at once and is answered after this long, with what held
    /// when it came in.
    pub fn slow(&self, ask: P::Ask, wait: Duration) {
        self.stage.slow.lock().unwrap().insert(ask, wait);
    }
}

impl<P: Part> Drop for StandIn<P> {
    fn drop(&mut self) {
        // The future need not be awaited: the command is sent when it is made.
        drop(self.handle.stop(false));
    }
}

async fn serve<P: Part>(request: HttpRequest, body: Bytes, stage: Data<Stage<P>>) -> HttpResponse {
    let request = Request::new(&request, body);
    let Some((ask, about)) = P::read(&request) else {
        return HttpResponse::NotFound().finish();
    };
    let answer = stage.answer(ask, &request).await;
    let answer = answer.unwrap_or_else(|error| error.error_response());
    stage.asked.lock().unwrap().push(Asked {
        ask,
        about,
        body: request.body().unwrap_or_default(),
        forwarded_for: request.header("x-forwarded-for").map(str::to_owned),
    });
    let wait = stage.slow.lock().unwrap().get(&ask).copied();
    if let Some(wait) = wait {
        rt::time::sleep(wait).await;
    }
    answer
}

impl<P: Part> Stage<P> {
    async fn answer(&self, ask: P::Ask, request: &Request) -> Result<HttpResponse, ApiError> {
        P::admit(ask, request)?;
        let failure = self.failing.lock().unwrap().get(&ask).copied();
        if let Some(status) = failure {
            let failure = ApiError::empty(StatusCode::from_u16(status).expect("a status"));
            return Err(match status {
                429 | 503 => failure.retry_after(RETRY_AFTER),
                _ => failure,
            });
        }
        self.part.answer(ask, request).await
    }
}
