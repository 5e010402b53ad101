//! The server around a service: routes, limits, traces, health, cross-origin rules.

use actix_web::{
    HttpResponse,
    http::{self, StatusCode},
    rt,
    web::{Path, ServiceConfig},
};
use reqwest::Method;
use serde_json::{Value, json};
use shared_runtime::{
    auth::Caller,
    batches::Batcher,
    body::Body,
    config::ServerSettings,
    error::{ApiError, Rejection},
    peers::user_api::UserApi,
    routes::{Operation, RouteTable},
    server::{Readiness, Service, listen},
    source::{Source, TrustedProxies},
    testing::{Person, TestApp, send, server_settings},
};
use shared_types::{People, UserId};
use wiremock::{Mock, MockServer, ResponseTemplate, matchers::any};

use crate::peers::client;

fn envelope(rejection: Rejection) -> ApiError {
    let (status, reason) = match rejection {
        Rejection::NoSuchPath(path) | Rejection::InvalidPath { path, .. } => {
            (StatusCode::NOT_FOUND, format!("{path} does not exist"))
        }
        Rejection::MethodNotAllowed(method) => (
            StatusCode::METHOD_NOT_ALLOWED,
            format!("{method} is not allowed"),
        ),
        Rejection::BodyTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "too large".to_owned()),
        Rejection::BodyEncoded => (
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "not supported".to_owned(),
        ),
        other => (StatusCode::UNAUTHORIZED, format!("{other:?}")),
    };
    ApiError::reason(status, reason)
}

fn configure(config: &mut ServiceConfig) {
    RouteTable::new(envelope)
        .serve(
            Operation::undocumented(http::Method::GET, "/things/all", async || {
                HttpResponse::Ok().json(json!("all"))
            })
            .also_at("/alias"),
        )
        .serve(Operation::undocumented(
            http::Method::GET,
            "/things/{id}",
            async |id: Path<String>| HttpResponse::Ok().json(json!(id.as_str())),
        ))
        .serve(Operation::undocumented(
            http::Method::POST,
            "/things/{id}",
            async |body: Body| HttpResponse::Ok().json(json!(body.0.len())),
        ))
        .serve(Operation::undocumented(
            http::Method::PATCH,
            "/things/{id}",
            async || HttpResponse::Ok().json(json!("patched")),
        ))
        .configure(config);
}

async fn closed(_: Caller) -> HttpResponse {
    HttpResponse::Ok().finish()
}

/// In other words than the rest of the table.
fn silent(rejection: Rejection) -> ApiError {
    ApiError::empty(envelope(rejection).status())
}

/// A service that answers from where it is asked.
fn telling_sources() -> Service<impl Fn(&mut ServiceConfig) + Clone + Send + 'static> {
    Service {
        readiness: Readiness::without_database(),
        openapi: None,
        configure: |config: &mut ServiceConfig| {
            RouteTable::new(envelope)
                .serve(Operation::undocumented(
                    http::Method::GET,
                    "/source",
                    async |source: Source| source.to_string(),
                ))
                .configure(config);
        },
    }
}

#[actix_web::test]
async fn a_group_of_operations_is_refused_in_words_of_its_own() {
    let app = TestApp::start(Service {
        readiness: Readiness::without_database(),
        openapi: None,
        configure: |config: &mut ServiceConfig| {
            let group = RouteTable::new(silent)
                .serve(Operation::undocumented(
                    http::Method::PUT,
                    "/group/things/{id}",
                    closed,
                ))
                .also_without("/group");
            RouteTable::new(envelope)
                .serve(Operation::undocumented(
                    http::Method::GET,
                    "/things/{id}",
                    closed,
                ))
                .merge(group)
                .configure(config);
        },
    });
    let ask = async |method, path: &str| {
        let answer = send(app.anonymous().request(method, path)).await;
        (answer.status, answer.text().to_owned())
    };
    let in_words = |status, reason: &str| {
        let body = json!({"code": status, "reason": reason});
        (status, body.to_string())
    };
    let missing = in_words(401, "TokenMissing");
    assert_eq!(ask(Method::GET, "/things/1").await, missing);
    let without_words = (401, String::new());
    assert_eq!(ask(Method::PUT, "/things/1").await, without_words);
    assert_eq!(ask(Method::PUT, "/group/things/1").await, without_words);
    // What is no operation of the group is refused in the words of the service.
    let not_allowed = in_words(405, "GET is not allowed");
    assert_eq!(ask(Method::GET, "/group/things/1").await, not_allowed);
    let nowhere = in_words(404, "/group does not exist");
    assert_eq!(ask(Method::GET, "/group").await, nowhere);
}

#[actix_web::test]
async fn a_client_behind_a_trusted_proxy_is_told_from_another() {
    let app = TestApp::start(telling_sources());
    let at = |places: &str| app.anonymous().at_place(places);
    for (places, source) in [
        ("203.0.113.7", "203.0.113.7/32"),
        ("6.6.6.6, 203.0.113.7, 127.0.0.1", "203.0.113.7/32"),
        ("2001:db8:0:1::7", "2001:db8:0:1::/64"),
        ("nonsense", "127.0.0.1/32"),
    ] {
        assert_eq!(at(places).get("/source").await.text(), source, "{places}");
    }
    let bare = app.anonymous().get("/source").await;
    assert_eq!(bare.text(), "127.0.0.1/32");
}

#[actix_web::test]
async fn a_header_of_a_peer_that_is_no_trusted_proxy_changes_nothing() {
    let settings = ServerSettings {
        trusted_proxies: TrustedProxies::parse(&["10.0.0.0/8".to_owned()]).unwrap(),
        ..server_settings()
    };
    let running = listen(&settings, telling_sources()).unwrap();
    rt::spawn(running.server);
    let person = Person::at(&format!("http://{}", running.address), None);
    let answer = person.at_place("203.0.113.7").get("/source").await;
    assert_eq!(answer.text(), "127.0.0.1/32");
    running.handle.stop(false).await;
}

fn app() -> TestApp {
    TestApp::start(Service {
        readiness: Readiness::without_database(),
        openapi: None,
        configure,
    })
}

#[actix_web::test]
async fn the_first_route_that_matches_wins() {
    let app = app();
    let person = app.anonymous();
    assert_eq!(
        person.get("/things/all").await.json::<Value>(),
        json!("all")
    );
    assert_eq!(person.get("/alias").await.json::<Value>(), json!("all"));
    assert_eq!(
        person.get("/things/a%20b").await.json::<Value>(),
        json!("a b")
    );
}

#[actix_web::test]
async fn unknown_paths_and_methods_are_told_apart() {
    let app = app();
    let person = app.anonymous();
    let answer = person.get("/nothing").await;
    assert_eq!(
        (answer.status, answer.json::<Value>()),
        (
            404,
            json!({"code": 404, "reason": "/nothing does not exist"})
        )
    );
    let answer = person.delete("/things/1").await;
    assert_eq!(answer.status, 405);
    assert_eq!(answer.header("allow"), Some("GET, POST, PATCH"));
    assert_eq!(answer.json::<Value>()["reason"], "DELETE is not allowed");
    for path in ["/live", "/ready", "/metrics"] {
        let answer = person.delete(path).await;
        assert_eq!((answer.status, answer.header("allow")), (405, Some("GET")));
        assert_eq!(answer.json::<Value>()["reason"], "DELETE is not allowed");
    }
    let patched = send(person.request(Method::PATCH, "/things/1")).await;
    assert_eq!(patched.status, 200);
    assert_eq!(patched.json::<Value>(), json!("patched"));
}

#[actix_web::test]
async fn a_huge_body_is_refused_in_the_words_of_the_service() {
    let app = app();
    let request = app
        .anonymous()
        .request(Method::POST, "/things/1")
        .body(vec![b'x'; (1 << 20) + 1]);
    let answer = send(request).await;
    assert_eq!(
        (answer.status, answer.json::<Value>()["reason"].clone()),
        (413, json!("too large"))
    );
}

#[actix_web::test]
async fn a_body_that_nobody_can_read_is_refused_for_its_encoding() {
    let app = app();
    let encoded = |encoding: &str| {
        app.anonymous()
            .request(Method::POST, "/things/1")
            .header("content-encoding", encoding)
            .body("body")
    };
    for encoding in ["gzip", "x-own", "identity, br", "GZIP"] {
        let answer = send(encoded(encoding)).await;
        assert_eq!(
            (answer.status, answer.json::<Value>()),
            (415, json!({"code": 415, "reason": "not supported"})),
            "{encoding}"
        );
        assert_eq!(answer.header("accept-encoding"), Some("identity"));
    }
    for encoding in ["identity", "Identity, identity", ""] {
        let answer = send(encoded(encoding)).await;
        assert_eq!((answer.status, answer.json::<Value>()), (200, json!(4)));
    }
}

#[actix_web::test]
async fn trace_ids_come_back_and_answers_are_not_cached() {
    let app = app();
    let request = app
        .anonymous()
        .request(Method::GET, "/alias")
        .header("x-tidepool-trace-request", "r-1")
        .header("x-tidepool-trace-session", "s-1");
    let answer = send(request).await;
    assert_eq!(answer.header("x-tidepool-trace-request"), Some("r-1"));
    assert_eq!(answer.header("x-tidepool-trace-session"), Some("s-1"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    let answer = app.anonymous().get("/nothing").await;
    assert_eq!(
        answer.header("x-tidepool-trace-request").map(str::len),
        Some(36)
    );
    assert_eq!(answer.header("x-tidepool-trace-session"), None);
}

#[actix_web::test]
async fn trace_ids_go_to_every_peer_that_a_request_reaches() {
    let peer = MockServer::start().await;
    Mock::given(any())
        .respond_with(ResponseTemplate::new(200).set_body_json(People::default()))
        .mount(&peer)
        .await;
    let user_api = UserApi::new(client(&peer));
    let app = TestApp::start(Service {
        readiness: Readiness::without_database(),
        openapi: None,
        configure: move |config: &mut ServiceConfig| {
            let (alone, together) = (user_api.clone(), user_api.clone());
            let batcher = Batcher::start("people", move |ids: Vec<UserId>| {
                let user_api = together.clone();
                async move {
                    let found = user_api.people(&ids, &[]).await;
                    found.map(|_| ids).map_err(|error| error.to_string())
                }
            });
            let ask = move |id: Path<UserId>| {
                let (alone, batcher) = (alone.clone(), batcher.clone());
                async move {
                    alone.person(&id).await.unwrap();
                    let together = batcher.add(id.into_inner()).await;
                    HttpResponse::Ok().json(together.unwrap())
                }
            };
            RouteTable::new(envelope)
                .serve(Operation::undocumented(
                    http::Method::GET,
                    "/people/{id}",
                    ask,
                ))
                .configure(config);
        },
    });
    let ids = [
        ("x-tidepool-trace-request", "r-1"),
        ("x-tidepool-trace-session", "s-1"),
        (
            "traceparent",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        ),
    ];
    let mut request = app.anonymous().request(Method::GET, "/people/alice");
    for (name, id) in ids {
        request = request.header(name, id);
    }
    assert_eq!(send(request).await.status, 200);
    let calls = peer.received_requests().await.unwrap();
    assert_eq!(calls.len(), 2);
    for call in calls {
        for (name, id) in ids {
            assert_eq!(call.headers.get(name).unwrap(), id);
        }
    }
}

#[actix_web::test]
async fn only_listed_origins_may_call_from_a_browser() {
    let app = app();
    let preflight = |origin: &str| {
        app.anonymous()
            .request(Method::OPTIONS, "/things/1")
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header(
                "access-control-request-headers",
                "x-tidepool-session-token,content-type,if-match,if-none-match",
            )
    };
    let answer = send(preflight("http://localhost:3000")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.header("access-control-allow-origin"),
        Some("http://localhost:3000")
    );
    let answer = send(preflight("https://evil.example")).await;
    assert_eq!(answer.header("access-control-allow-origin"), None);
    let answer = send(
        app.anonymous()
            .request(Method::GET, "/alias")
            .header("origin", "http://localhost:1"),
    )
    .await;
    let exposed = answer.header("access-control-expose-headers").unwrap();
    for name in ["x-tidepool-session-token", "retry-after", "etag"] {
        assert!(exposed.contains(name), "{name} is not in {exposed}");
    }
}

#[actix_web::test]
async fn health_and_metrics_are_served() {
    let app = app();
    let person = app.anonymous();
    assert_eq!(person.get("/live").await.status, 200);
    assert_eq!(
        person.get("/ready").await.json::<Value>(),
        json!({"status": "ok"})
    );
    person.get("/things/secret-id").await;
    let metrics = person.get("/metrics").await;
    assert!(metrics.text().contains("http_request_duration_seconds"));
    assert!(metrics.text().contains("/things/{id}"));
    assert!(!metrics.text().contains("secret-id"));
}
