//! Clients that keep the server waiting, and connections that end.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use actix_web::{
    HttpResponse,
    http::{Method, StatusCode},
    web::{Bytes, ServiceConfig},
};
use futures_util::{FutureExt, future::BoxFuture, stream};
use serde_json::{Value, json};
use shared_runtime::{
    auth::{AuthFailure, Authenticator, Caller, Freshness, TOKEN_HEADER, TokenCheck},
    body::Body,
    config::ConnectionSettings,
    error::{ApiError, Rejection},
    routes::{Operation, RouteTable},
    server::{Readiness, Service},
    testing::{TestApp, Wire, server_settings},
};
use shared_types::TokenData;
use tokio::sync::mpsc;

const GET: &str = "GET /things HTTP/1.1\r\nHost: x\r\n";
const POST: &str = "POST /things HTTP/1.1\r\nHost: x\r\n";

#[expect(
    clippy::needless_pass_by_value,
    reason = "the runtime hands the rejection over"
)]
fn refuse(rejection: Rejection) -> ApiError {
    let status = match rejection {
        Rejection::BodyTooSlow => StatusCode::REQUEST_TIMEOUT,
        Rejection::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        _ => StatusCode::BAD_REQUEST,
    };
    ApiError::reason(status, format!("{rejection:?}"))
}

/// Returns the length of a body, and at `/endless` never comes to an end; when it is given up, the
/// channel ends.
fn app(change: impl FnOnce(&mut ConnectionSettings)) -> (TestApp, mpsc::Receiver<()>) {
    let mut settings = server_settings();
    change(&mut settings.connections);
    let (alive, ended) = mpsc::channel(1);
    // Only the answer keeps it.
    let alive = Arc::new(std::sync::Mutex::new(Some(alive)));
    let configure = move |config: &mut ServiceConfig| {
        let alive = alive.clone();
        let endless = move || {
            let alive = alive.lock().unwrap().take();
            async move {
                let chunks = stream::repeat_with(move || {
                    let _alive = &alive;
                    Ok::<_, std::io::Error>(Bytes::from_static(&[b'x'; 16384]))
                });
                HttpResponse::Ok().streaming(chunks)
            }
        };
        RouteTable::new(refuse)
            .serve(Operation::undocumented(
                Method::GET,
                "/things",
                async || HttpResponse::Ok().json("things"),
            ))
            .serve(Operation::undocumented(
                Method::POST,
                "/things",
                async |body: Body| HttpResponse::Ok().json(body.0.len()),
            ))
            .serve(Operation::undocumented(Method::GET, "/endless", endless))
            .configure(config);
    };
    let service = Service {
        readiness: Readiness::without_database(),
        openapi: None,
        configure,
    };
    (TestApp::start_with(&settings, service), ended)
}

/// A session that is over after the first look at it.
struct EndsSoon(AtomicBool);

impl TokenCheck for EndsSoon {
    fn check<'a>(
        &'a self,
        _: &'a str,
        _: Freshness,
    ) -> BoxFuture<'a, Result<TokenData, AuthFailure>> {
        let is_over = self.0.swap(true, Ordering::SeqCst);
        let alice = TokenData {
            isserver: false,
            userid: "alice".to_owned(),
            expires_at: 0,
            identity_provider: None,
        };
        let outcome = if is_over {
            Err(AuthFailure::Invalid)
        } else {
            Ok(alice)
        };
        async move { outcome }.boxed()
    }
}

#[actix_web::test]
async fn a_token_that_was_ended_while_the_body_came_is_refused() {
    let configure = |config: &mut ServiceConfig| {
        config.app_data(Authenticator(Arc::new(EndsSoon(AtomicBool::new(false)))));
        RouteTable::new(refuse)
            .serve(Operation::undocumented(
                Method::POST,
                "/things",
                async |_: Caller, body: Body| HttpResponse::Ok().json(body.0.len()),
            ))
            .configure(config);
    };
    let head = format!("{POST}{TOKEN_HEADER}: t\r\nContent-Length: 4\r\n\r\n");
    for (pause, status) in [(Duration::ZERO, 200), (Duration::from_millis(1200), 400)] {
        let app = TestApp::start(Service {
            readiness: Readiness::without_database(),
            openapi: None,
            configure,
        });
        let mut wire = connect(&app).await;
        wire.send(format!("{head}ha")).await;
        // The client is slow.
        tokio::time::sleep(pause).await;
        wire.send("lf".to_owned()).await;
        let answer = wire.answer().await.unwrap();
        let expected = match status {
            200 => json!(4),
            _ => json!({"code": status, "reason": "TokenInvalid"}),
        };
        assert_eq!((answer.status, answer.json::<Value>()), (status, expected));
    }
}

async fn connect(app: &TestApp) -> Wire {
    Wire::connect(&app.url).await
}

#[actix_web::test]
async fn a_body_that_does_not_come_is_408() {
    let (app, _) = app(|limits| limits.body_idle_ms = 200);
    for rest in [
        "Content-Length: 11\r\n\r\n",
        "Content-Length: 11\r\n\r\nhalf",
        "Transfer-Encoding: chunked\r\n\r\n",
        "Transfer-Encoding: chunked\r\n\r\n9\r\nhalf",
        "Content-Length: 11\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
    ] {
        let mut wire = connect(&app).await;
        wire.send(format!("{POST}{rest}")).await;
        let answer = wire.answer().await.unwrap();
        assert_eq!(
            (answer.status, answer.json::<Value>()),
            (408, json!({"code": 408, "reason": "BodyTooSlow"})),
            "{rest}"
        );
        assert!(answer.is_last(), "{answer:?}");
        wire.ended().await;
    }
}

#[actix_web::test]
async fn a_body_that_comes_by_the_byte_is_408() {
    let (app, _) = app(|limits| limits.body_timeout_ms = 300);
    for (head, drops) in [
        ("Content-Length: 100000\r\n\r\n", "x"),
        ("Transfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n"),
    ] {
        let mut wire = connect(&app).await;
        wire.send(format!("{POST}{head}")).await;
        let answer = wire.answer_to_drops(drops.as_bytes()).await.unwrap();
        assert_eq!(answer.status, 408, "{head}");
        assert!(answer.is_last(), "{answer:?}");
        wire.ended_under_drops(drops.as_bytes()).await;
    }
}

#[actix_web::test]
async fn a_head_that_does_not_come_is_408_first_and_later() {
    let (app, _) = app(|limits| limits.head_timeout_ms = 200);
    for requests_before in [0, 1, 2] {
        for drops in ["", "x"] {
            let mut wire = connect(&app).await;
            for _ in 0..requests_before {
                wire.send(format!("{GET}\r\n")).await;
                assert_eq!(wire.answer().await.unwrap().status, 200);
            }
            wire.send(format!("{GET}X: ")).await;
            let answer = wire.answer_to_drops(drops.as_bytes()).await.unwrap();
            assert_eq!((answer.status, answer.body.as_slice()), (408, &b""[..]));
            assert!(answer.is_last(), "{answer:?}");
            wire.ended().await;
        }
    }
}

#[actix_web::test]
async fn half_a_head_behind_a_request_holds_no_connection() {
    let (app, _) = app(|limits| {
        limits.head_timeout_ms = 100;
        limits.keep_alive_s = 1;
    });
    let mut wire = connect(&app).await;
    wire.send(format!("{GET}\r\n{GET}X: ")).await;
    assert_eq!(wire.answer().await.unwrap().status, 200);
    wire.ended().await;
}

#[actix_web::test]
async fn a_body_that_nobody_reads_holds_no_connection() {
    let (app, _) = app(|limits| limits.head_timeout_ms = 200);
    for (head, drops) in [
        ("Content-Length: 100000\r\n\r\n", "x"),
        ("Transfer-Encoding: chunked\r\n\r\n", "1\r\nx\r\n"),
    ] {
        let mut wire = connect(&app).await;
        wire.send(format!("{GET}{head}")).await;
        let answer = wire.answer_to_drops(drops.as_bytes()).await.unwrap();
        assert_eq!(answer.status, 200);
        wire.ended_under_drops(drops.as_bytes()).await;
    }
}

#[actix_web::test]
async fn a_body_that_is_too_long_ends_the_connection_and_says_so() {
    let (app, _) = app(|_| ());
    let chunk = format!("200000\r\n{}\r\n", "x".repeat(0x20_0000));
    let mut wire = connect(&app).await;
    wire.send(format!("{POST}Transfer-Encoding: chunked\r\n\r\n"))
        .await;
    let answer = wire.answer_to_drops(chunk.as_bytes()).await.unwrap();
    assert_eq!(answer.status, 413);
    assert!(answer.is_last(), "{answer:?}");
    wire.ended_under_drops(b"x").await;
}

#[actix_web::test]
async fn another_protocol_is_not_taken() {
    let (app, _) = app(|_| ());
    for offer in [
        "Connection: Upgrade\r\nUpgrade: websocket\r\n",
        "Upgrade: websocket\r\n",
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n",
        "Connection: upgrade\r\n",
    ] {
        for (request, body) in [
            (format!("{GET}{offer}\r\n"), json!("things")),
            (format!("{POST}{offer}\r\n"), json!(0)),
            (
                format!("{POST}{offer}Content-Length: 4\r\n\r\nfour"),
                json!(4),
            ),
            (
                format!("{POST}{offer}Transfer-Encoding: chunked\r\n\r\n4\r\nfour\r\n0\r\n\r\n"),
                json!(4),
            ),
        ] {
            let mut wire = connect(&app).await;
            wire.send(&request).await;
            let answer = wire.answer().await.unwrap();
            assert_eq!(
                (answer.status, answer.json::<Value>()),
                (200, body),
                "{request}"
            );
            assert!(answer.is_last(), "{request} {answer:?}");
            wire.ended().await;
        }
    }
}

#[actix_web::test]
async fn an_idle_connection_ends_when_the_settings_say() {
    let (app, _) = app(|limits| limits.keep_alive_s = 1);
    let mut wire = connect(&app).await;
    for _ in 0..3 {
        wire.send(format!("{GET}\r\n")).await;
        let answer = wire.answer().await.unwrap();
        assert_eq!(answer.status, 200);
        assert!(!answer.is_last(), "{answer:?}");
    }
    assert_eq!(wire.ended().await, 0);
}

#[actix_web::test]
async fn a_connection_without_a_request_ends_without_an_answer() {
    let (app, _) = app(|limits| {
        limits.head_timeout_ms = 100;
        limits.keep_alive_s = 1;
    });
    assert_eq!(connect(&app).await.ended().await, 0);
}

#[actix_web::test]
async fn an_answer_that_nobody_takes_is_given_up() {
    let (app, mut ended) = app(|limits| limits.write_idle_ms = 200);
    let mut wire = connect(&app).await;
    wire.send("GET /endless HTTP/1.1\r\nHost: x\r\n\r\n").await;
    assert_eq!(ended.recv().await, None);
}
