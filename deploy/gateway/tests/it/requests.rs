//! What reaches a service, and what does not.

use serde_json::{Value, json};

use crate::{BODY_LIMIT, Platform};

fn header<'a>(seen: &'a Value, wanted: &str) -> Vec<&'a str> {
    let headers = seen["headers"].as_array().unwrap();
    headers
        .iter()
        .filter(|pair| pair[0] == wanted)
        .map(|pair| pair[1].as_str().unwrap())
        .collect()
}

#[actix_web::test]
async fn path_query_and_body_arrive_byte_for_byte() {
    let platform = Platform::start();
    for target in [
        "/user/alice+test@example.com",
        "/user/alice%2btest%40example.com?a=b+c%20d&e=%2F..%2F&f",
        "/access/groups/%C3%A9t%C3%A9/",
        "/metadata/0123456789/profile?",
        "/auth/token/a.b-c_d~e!$&'()*,;=:@",
        "/confirm/0123456789/invited/carol+test@example.com",
        "/confirm/send/forgot/carol%2Btest%40example.com",
        "/confirm/resend/signup/o'hara+a=b!@example.com",
        "/confirm/send/forgot/a%2Fb@example.org",
        "/confirm/resend/signup/a%2fb%40example.org",
        "/confirm/0123456789/invited/a%2Fb@example.org",
        "/auth/user/a%2Fb@example.org",
        "/user/a%2Fb%40example.org",
    ] {
        let head =
            format!("PUT {target} HTTP/1.1\r\nContent-Length: 13\r\nContent-Type: text/x-odd");
        let answer = platform.send(&head, b"{\"a\": \"\\u00\"}").await;

        assert_eq!(answer.status, 200, "{target}");
        let seen = platform.asked().pop().unwrap();
        assert_eq!(seen["target"], target);
        assert_eq!(
            (&seen["method"], &seen["body"]),
            (&json!("PUT"), &json!("{\"a\": \"\\u00\"}"))
        );
        assert_eq!(header(&seen, "content-type"), ["text/x-odd"]);
    }
}

#[actix_web::test]
async fn no_detour_reaches_a_service() {
    let platform = Platform::start();
    for path in [
        "/internal/users/0123456789/administered",
        "/access/../internal/users",
        "/access/%2e%2e/internal/users",
        "/access/..%2Finternal/users",
        "/access/..\\internal/users",
        "/access%2F..%2Finternal",
        "/user/a@example.org%2F..%2F..%2Finternal",
        "/user/..%2Finternal@example.org",
        "/user/a%2Fb",
        "/access/a%2Fb@example.org",
        "/confirm/send/forgot/a%2Fb@example.org/..",
        "//internal/users",
        "/access//../../internal",
        "/./metrics",
        "/access/../metrics",
        "/auth/../live",
        "/auth/%2E%2E/ready",
        "/user/../docs/",
        "/user/../openapi.json",
        "http://elsewhere.example/internal",
        "/METRICS",
        "/metrics",
        "/live",
        "/ready",
        "/docs/",
        "/openapi.json",
    ] {
        let answer = platform.get(path).await;

        assert_eq!(
            (answer.status, answer.json()),
            (404, json!({ "code": 404, "reason": "Not found" })),
            "{path}"
        );
        assert_eq!(platform.asked(), Vec::<Value>::new(), "{path}");
    }
}

#[actix_web::test]
async fn other_methods_are_refused_with_those_allowed() {
    let platform = Platform::start();

    let answer = platform
        .send(
            "PUT /v1/users/0123456789 HTTP/1.1\r\nContent-Length: 0",
            b"",
        )
        .await;

    assert_eq!(
        (answer.status, answer.json()),
        (405, json!({ "code": 405, "reason": "Method not allowed" }))
    );
    assert!(
        answer.head.contains("allow: get, delete"),
        "{}",
        answer.head
    );
    assert_eq!(platform.asked(), Vec::<Value>::new());
}

#[actix_web::test]
async fn what_is_allowed_is_never_nothing() {
    let platform = Platform::start();
    for (request, allowed) in [
        (
            "TRACE /access/0123456789",
            "get, head, post, put, patch, delete",
        ),
        ("BREW /auth/user", "get, head, post, put, patch, delete"),
        ("PROPFIND /login", "get, post"),
        ("POST /status", "get"),
    ] {
        let answer = platform.send(&format!("{request} HTTP/1.1"), b"").await;

        assert_eq!(
            (answer.status, answer.json()),
            (405, json!({ "code": 405, "reason": "Method not allowed" })),
            "{request}"
        );
        let line = format!("allow: {allowed}");
        assert!(
            answer.head.lines().any(|other| other == line),
            "{request}: {}",
            answer.head
        );
        assert_eq!(platform.asked(), Vec::<Value>::new());
    }
}

#[actix_web::test]
async fn only_the_gateway_says_who_the_client_is() {
    let platform = Platform::start();
    let forged = "GET /access/groups/1 HTTP/1.1\r\nX-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: 7.7.7.7\r\n\
                  X-Forwarded-Proto: https\r\nX-Forwarded-Host: evil.example\r\nForwarded: for=6.6.6.6\r\nX-Real-IP: 6.6.6.6";

    platform.send(forged, b"").await;

    let seen = platform.asked().pop().unwrap();
    assert_eq!(header(&seen, "x-forwarded-for"), ["127.0.0.1"]);
    assert_eq!(header(&seen, "x-forwarded-proto"), ["http"]);
    assert_eq!(header(&seen, "x-forwarded-host"), ["tidegate.example"]);
    assert_eq!(
        (header(&seen, "forwarded"), header(&seen, "x-real-ip")),
        (vec![], vec![])
    );
}

#[actix_web::test]
async fn what_a_trusted_proxy_says_of_the_client_is_passed_on_with_the_proxy() {
    let said = "GET /access/groups/1 HTTP/1.1\r\nX-Forwarded-For: 6.6.6.6, 7.7.7.7\r\nX-Forwarded-For: 8.8.8.8";
    for (proxies, seen) in [
        (
            &["127.0.0.0/8"][..],
            &["6.6.6.6, 7.7.7.7", "8.8.8.8", "127.0.0.1"][..],
        ),
        (&["10.0.0.0/8"], &["127.0.0.1"]),
    ] {
        let platform = Platform::start_behind(proxies);
        platform.send(said, b"").await;
        let asked = platform.asked().pop().unwrap();
        assert_eq!(header(&asked, "x-forwarded-for"), seen);
    }
}

#[actix_web::test]
async fn the_host_that_a_client_names_is_not_the_one_a_service_sees() {
    let platform = Platform::start();

    platform.get("/confirm-password-reset?resetKey=x").await;

    let seen = platform.asked().pop().unwrap();
    assert_eq!(seen["target"], "/confirm-password-reset?resetKey=x");
    let [host] = header(&seen, "host")[..] else {
        panic!("one host: {seen}");
    };
    assert!(host.starts_with("127.0.0.1:"), "{host}");
}

#[actix_web::test]
async fn cookies_and_where_a_form_comes_from_reach_the_pages() {
    let platform = Platform::start();
    let head = "POST /pages/answer HTTP/1.1\r\nCookie: session=e30=; form=x\r\nOrigin: http://tidegate.example\r\n\
                Sec-Fetch-Site: same-origin\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 16";

    platform.send(head, b"form=x&answer=no").await;

    let seen = platform.asked().pop().unwrap();
    for (name, value) in [
        ("cookie", "session=e30=; form=x"),
        ("origin", "http://tidegate.example"),
        ("sec-fetch-site", "same-origin"),
        ("content-type", "application/x-www-form-urlencoded"),
    ] {
        assert_eq!(header(&seen, name), [value], "{name}");
    }
    assert_eq!(seen["body"], "form=x&answer=no");
}

#[actix_web::test]
async fn headers_of_the_request_go_on_and_those_of_the_connection_do_not() {
    let platform = Platform::start();
    let head = "GET /access/groups/1 HTTP/1.1\r\nX-Tidepool-Session-Token: t\r\nX-Tidepool-Trace-Request: r\r\n\
                X-Tidepool-Trace-Session: s\r\ntraceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n\
                Origin: http://localhost:3000\r\nConnection: x-mine\r\nX-Mine: 1\r\nKeep-Alive: 1\r\n\
                TE: trailers\r\nProxy-Authorization: Basic eA==";

    platform.send(head, b"").await;

    let seen = platform.asked().pop().unwrap();
    for (name, value) in [
        ("x-tidepool-session-token", "t"),
        ("x-tidepool-trace-request", "r"),
        ("x-tidepool-trace-session", "s"),
        (
            "traceparent",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ),
        ("origin", "http://localhost:3000"),
    ] {
        assert_eq!(header(&seen, name), [value], "{name}");
    }
    for name in [
        "connection",
        "x-mine",
        "keep-alive",
        "te",
        "proxy-authorization",
    ] {
        assert_eq!(header(&seen, name), Vec::<&str>::new(), "{name}");
    }
}

#[actix_web::test]
async fn a_body_up_to_the_limit_passes_and_a_longer_one_does_not() {
    let platform = Platform::start();
    let announced = |length: usize| format!("POST /user HTTP/1.1\r\nContent-Length: {length}");
    let chunked = "POST /user HTTP/1.1\r\nTransfer-Encoding: chunked";

    assert_eq!(
        platform
            .send(&announced(BODY_LIMIT), &[b'x'; BODY_LIMIT])
            .await
            .status,
        200
    );
    assert_eq!(
        platform
            .send(chunked, b"5\r\nhello\r\n0\r\n\r\n")
            .await
            .status,
        200
    );
    let seen = platform.asked();
    assert_eq!(
        (
            seen[0]["body"].as_str().unwrap().len(),
            seen[1]["body"].as_str()
        ),
        (BODY_LIMIT, Some("hello"))
    );

    let refusal = json!({ "code": 413, "reason": "The body is longer than 1000 bytes" });
    let answer = platform
        .send(&announced(BODY_LIMIT + 1), &[b'x'; BODY_LIMIT + 1])
        .await;
    assert_eq!((answer.status, answer.json()), (413, refusal.clone()));
    let mut endless = b"7d0\r\n".to_vec();
    endless.extend([b'x'; 2000]);
    endless.extend(b"\r\n0\r\n\r\n");
    let answer = platform.send(chunked, &endless).await;
    assert_eq!((answer.status, answer.json()), (413, refusal));
    assert_eq!(platform.asked(), Vec::<Value>::new());
}

#[actix_web::test]
async fn a_request_that_can_be_read_in_two_ways_is_refused() {
    let platform = Platform::start();
    let head = "POST /user HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked";

    let answer = platform
        .send(head, b"0\r\n\r\nGET /internal HTTP/1.1\r\nHost: x\r\n\r\n")
        .await;

    assert_eq!(answer.status, 400);
    assert_eq!(platform.asked(), Vec::<Value>::new());
}
