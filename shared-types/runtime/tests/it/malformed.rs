//! What is no HTTP: refused, and no error of ours in the log.

use std::{
    io,
    sync::{Arc, Mutex},
};

use actix_web::{
    HttpResponse,
    http::{Method, StatusCode},
};
use shared_runtime::{
    body::Body,
    config::{LogFormat, LogSettings},
    error::{ApiError, Rejection},
    routes::{Operation, RouteTable},
    server::{Readiness, Service},
    telemetry,
    testing::{TestApp, Wire},
};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn refuse(_: Rejection) -> ApiError {
    ApiError::empty(StatusCode::BAD_REQUEST)
}

#[actix_web::test]
async fn what_a_client_does_wrong_is_no_error_in_the_log() {
    let log = Log::default();
    let written = log.clone();
    let settings = LogSettings {
        format: LogFormat::Json,
        filter: "info".to_owned(),
    };
    telemetry::init_to(&settings, move || written.clone()).unwrap();
    let app = TestApp::start(Service {
        readiness: Readiness::without_database(),
        openapi: None,
        configure: |config: &mut actix_web::web::ServiceConfig| {
            RouteTable::new(refuse)
                .serve(Operation::undocumented(
                    Method::POST,
                    "/things",
                    async |_: Body| HttpResponse::Ok().finish(),
                ))
                .configure(config);
        },
    });
    let post = "POST /things HTTP/1.1\r\nHost: x\r\n";
    for malformed in [
        "\x16\x03\x01\x02\r\n\r\n".to_owned(),
        "GET / HTTP/9.9\r\n\r\n".to_owned(),
        "GET /a b HTTP/1.1\r\nHost: x\r\n\r\n".to_owned(),
        "GET /things HTTP/1.1\r\n\r\n".to_owned(),
        format!("{post}no header\r\n\r\n"),
        format!("{post}Content-Length: -1\r\n\r\n"),
        format!("{post}Content-Length: 1\r\nContent-Length: 2\r\n\r\n"),
        format!("{post}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"),
        format!("{post}Transfer-Encoding: chunked\r\n\r\nno length\r\n"),
        format!("{post}X: {}\r\n\r\n", "x".repeat(200_000)),
    ] {
        let mut wire = Wire::connect(&app.url).await;
        wire.send(&malformed).await;
        let status = wire.answer().await.unwrap().status;
        assert!(matches!(status, 400 | 431), "{status} {malformed}");
        wire.ended().await;
    }
    for broken_off in [
        "POST /thi".to_owned(),
        format!("{post}Content-Length: 9\r\n\r\nhalf"),
        format!("{post}Transfer-Encoding: chunked\r\n\r\n9\r\nhalf"),
    ] {
        let mut wire = Wire::connect(&app.url).await;
        wire.send(&broken_off).await;
        wire.hang_up().await;
        wire.ended().await;
    }
    // What is logged at all: the filter has not swallowed everything.
    tracing::error!("a failure of ours");
    let lines = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let errors: Vec<&str> = lines
        .lines()
        .filter(|line| line.contains(r#""level":"ERROR""#))
        .collect();
    assert_eq!(errors.len(), 1, "{errors:?}");
    assert!(errors[0].contains("a failure of ours"));
}
