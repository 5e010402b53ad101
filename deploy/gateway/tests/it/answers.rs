//! What comes back from a service, and what when it does not answer.

use gateway::Gateway;
use serde_json::json;

use crate::{CONTENT_POLICY, Platform, SESSION_COOKIE, config};

#[actix_web::test]
async fn status_and_headers_come_back_as_they_are_and_redirects_are_not_followed() {
    let platform = Platform::start();

    let answer = platform.get("/access/redirect").await;

    assert_eq!(answer.status, 302);
    for line in [
        "location: /access/large",
        "set-cookie: a=1",
        "set-cookie: b=2",
        "x-tidepool-session-token: fresh",
    ] {
        assert!(
            answer.head.contains(line),
            "{line} is missing: {}",
            answer.head
        );
    }
}

#[actix_web::test]
async fn what_a_page_sets_and_where_it_leads_come_back_as_they_are() {
    let platform = Platform::start();

    let answer = platform
        .send("POST /login HTTP/1.1\r\nContent-Length: 0", b"")
        .await;

    assert_eq!(answer.status, 303);
    for line in [
        "location: /pages/invitations",
        &format!("set-cookie: {SESSION_COOKIE}"),
        "set-cookie: form=; Path=/; Max-Age=0",
        &format!("content-security-policy: {CONTENT_POLICY}"),
        "referrer-policy: no-referrer",
    ] {
        assert!(
            answer.head.contains(&line.to_lowercase()),
            "{line} is missing: {}",
            answer.head
        );
    }
}

#[actix_web::test]
async fn a_long_answer_comes_back_whole_with_its_length() {
    let platform = Platform::start();

    let answer = platform.get("/access/large").await;

    assert_eq!((answer.status, answer.body.len()), (200, 3_000_000));
    assert!(
        answer.head.contains("content-length: 3000000"),
        "{}",
        answer.head
    );
}

#[actix_web::test]
async fn a_head_has_the_length_and_no_body() {
    let platform = Platform::start();

    let answer = platform.send("HEAD /access/groups/1 HTTP/1.1", b"").await;

    assert_eq!((answer.status, answer.body.len()), (200, 0));
    assert!(answer.head.contains("content-length: "), "{}", answer.head);
}

#[actix_web::test]
async fn an_answer_without_content_has_none() {
    let platform = Platform::start();

    let answer = platform.send("DELETE /access/gone HTTP/1.1", b"").await;

    assert_eq!((answer.status, answer.body.len()), (204, 0));
    assert!(
        !answer.head.contains("transfer-encoding"),
        "{}",
        answer.head
    );
}

#[actix_web::test]
async fn a_slow_service_is_504() {
    let platform = Platform::start();

    let answer = platform.get("/access/slow").await;

    let reason = json!({ "code": 504, "reason": "gatekeeper does not answer in time" });
    assert_eq!((answer.status, answer.json()), (504, reason));
}

#[actix_web::test]
async fn a_service_that_does_not_run_is_502() {
    let nobody = "http://127.0.0.1:1";
    let platform = Platform::in_front_of(nobody, nobody, nobody);

    let answer = platform.get("/auth/user").await;

    let reason = json!({ "code": 502, "reason": "user-api cannot be reached" });
    assert_eq!((answer.status, answer.json()), (502, reason));
}

#[actix_web::test]
async fn web_applications_anywhere_can_read_what_the_gateway_itself_answers() {
    let platform = Platform::start();
    let nobody = "http://127.0.0.1:1";
    let alone = Platform::in_front_of(nobody, nobody, nobody);
    for (platform, request, status) in [
        (&platform, "GET /nothing HTTP/1.1", 404),
        (&platform, "GET /internal/people HTTP/1.1", 404),
        (&platform, "PUT /v1/users/0123456789 HTTP/1.1", 405),
        (
            &platform,
            "POST /auth/user HTTP/1.1\r\nContent-Length: 1001",
            413,
        ),
        (&platform, "GET /access/slow HTTP/1.1", 504),
        (&alone, "GET /auth/user HTTP/1.1", 502),
        (&alone, "GET /status HTTP/1.1", 503),
    ] {
        let head = format!("{request}\r\nOrigin: https://app.example.org");
        let answer = platform.send(&head, b"").await;
        assert_eq!(answer.status, status, "{request}");
        for line in [
            "access-control-allow-origin: *",
            "access-control-expose-headers: x-tidepool-trace-request",
        ] {
            assert!(answer.head.contains(line), "{request}: {}", answer.head);
        }
    }
    // Who may read what a service answers is for the service to say.
    let answer = platform.get("/auth/user").await;
    assert!(!answer.head.contains("access-control"), "{}", answer.head);
}

#[actix_web::test]
async fn a_service_without_a_usable_url_is_named() {
    for (services, complaint) in [
        (
            vec![("user_api", "http://127.0.0.1:1")],
            "services.gatekeeper: not set",
        ),
        (
            vec![
                ("user_api", "http://127.0.0.1:1"),
                ("gatekeeper", "127.0.0.1"),
            ],
            "services.gatekeeper: 127.0.0.1",
        ),
        (
            vec![
                ("user_api", "http://127.0.0.1:1"),
                ("gatekeeper", "http://h/x"),
            ],
            "is not the URL of a host",
        ),
        (
            vec![
                ("user_api", "http://127.0.0.1:1"),
                ("gatekeeper", "http://127.0.0.1:1"),
            ],
            "services.confirm: not set",
        ),
    ] {
        let error = Gateway::new(&config(&services)).err().unwrap();

        assert!(format!("{error:#}").contains(complaint), "{error:#}");
    }
}
