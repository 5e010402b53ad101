//! Clients that keep the gateway waiting, and services that end a connection.

use serde_json::json;
use shared_runtime::testing::Wire;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::{Platform, config};

impl Platform {
    /// The same service, behind a gateway with limits of `change`.
    fn with_limits(
        &self,
        change: impl FnOnce(&mut shared_runtime::config::ConnectionSettings),
    ) -> Self {
        let service = format!("http://{}", self.service.unwrap());
        let mut config = config(&[
            ("user_api", &service),
            ("gatekeeper", &service),
            ("confirm", &service),
            ("clinic", &service),
        ]);
        change(&mut config.server.connections);
        Self::with(&config)
    }

    async fn wire(&self) -> Wire {
        Wire::connect(&self.gateway.to_string()).await
    }
}

#[actix_web::test]
async fn a_body_that_does_not_come_is_408_and_reaches_no_service() {
    let services = Platform::start();
    let platform = services.with_limits(|limits| limits.body_idle_ms = 200);
    for body in ["", "half"] {
        let mut wire = platform.wire().await;
        wire.send(format!(
            "POST /access/0123456789/x HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n{body}"
        ))
        .await;

        let answer = wire.answer().await.unwrap();

        let reason = json!({ "code": 408, "reason": "The body takes too long" });
        assert_eq!(
            (answer.status, answer.json::<serde_json::Value>()),
            (408, reason)
        );
        assert!(answer.is_last(), "{answer:?}");
        wire.ended().await;
    }
    assert!(services.asked().is_empty());
}

#[actix_web::test]
async fn a_head_by_the_byte_is_408() {
    let services = Platform::start();
    let platform = services.with_limits(|limits| limits.head_timeout_ms = 200);
    let mut wire = platform.wire().await;
    wire.send("GET /access/groups/1 HTTP/1.1\r\nHost: x\r\n\r\n")
        .await;
    assert_eq!(wire.answer().await.unwrap().status, 200);
    wire.send("GET /access/groups/1 HTTP/1.1\r\nHost: x\r\nX: ")
        .await;

    let answer = wire.answer_to_drops(b"x").await.unwrap();

    assert_eq!(answer.status, 408);
    assert!(answer.is_last(), "{answer:?}");
    wire.ended().await;
}

#[actix_web::test]
async fn another_protocol_is_not_taken_and_offered_to_no_service() {
    let platform = Platform::start();
    for offer in [
        "Connection: Upgrade\r\nUpgrade: websocket",
        "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__",
    ] {
        for (method, length, body) in [("GET", "", ""), ("POST", "\r\nContent-Length: 4", "four")] {
            let mut wire = platform.wire().await;
            wire.send(format!(
                "{method} /access/x HTTP/1.1\r\nHost: x\r\n{offer}{length}\r\n\r\n{body}"
            ))
            .await;

            let answer = wire.answer().await.unwrap();

            assert_eq!(answer.status, 200);
            assert!(answer.is_last(), "{answer:?}");
            let seen = platform.asked().pop().unwrap();
            assert_eq!(seen["body"], body);
            let headers = seen["headers"].to_string();
            assert!(!headers.contains("upgrade") && !headers.contains("http2-settings"));
            wire.ended().await;
        }
    }
}

#[actix_web::test]
async fn what_may_be_done_twice_is_asked_again_when_a_service_ends_the_connection() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let service = format!("http://{}", listener.local_addr().unwrap());
    // Every other connection ends without an answer.
    actix_web::rt::spawn(async move {
        for connection in 0_u32.. {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            if connection % 2 == 1 {
                let answer = b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n";
                stream.write_all(answer).await.unwrap();
            }
        }
    });
    let platform = Platform::in_front_of(&service, &service, &service);
    let mut statuses = Vec::new();
    for method in ["GET", "PUT", "DELETE", "POST"] {
        let head = format!("{method} /access/x HTTP/1.1\r\nContent-Length: 0");
        statuses.push(platform.send(&head, b"").await.status);
    }
    assert_eq!(statuses, [204, 204, 204, 502]);
}
