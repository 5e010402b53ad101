//! Every path of every operation: with the prefix and without, with a slash at the end and without;
//! and what is answered where there is none.

use reqwest::Method;
use serde_json::Value;
use shared_runtime::{
    server::{Readiness, Service},
    testing::{TestApp, send},
};

use crate::world::{World, assert_empty, assert_ok, assert_refused, reason};

const NO_SIGN_UP: (u16, &str) = (404, "No matching signup confirmation was found");
const UNREADABLE: (u16, &str) = (400, "Error decoding the confirmation");
const NO_INVITE: (u16, &str) = (404, "No matching invite was found");
const NOTHING: (u16, &str) = (404, "Nothing found");

const NOT_ALLOWED: (u16, &str) = (401, "Not authorized for requested operation");

/// Method, path, and what a service is answered without a body and where nothing is stored.
const OPERATIONS: &[(&str, &str, (u16, &str))] = &[
    (
        "POST",
        "/send/signup/nobody",
        (404, "Error finding the user"),
    ),
    ("POST", "/signup/nobody", (404, "Error finding the user")),
    ("GET", "/signup/nobody", NO_SIGN_UP),
    ("PUT", "/signup/nobody", UNREADABLE),
    ("DELETE", "/signup/nobody", NO_SIGN_UP),
    ("POST", "/resend/signup/nobody@example.org", NO_SIGN_UP),
    ("PUT", "/accept/signup/a-key", NO_SIGN_UP),
    ("PUT", "/accept/signup/nobody/a-key", NO_SIGN_UP),
    ("PUT", "/dismiss/signup/nobody", UNREADABLE),
    ("POST", "/send/forgot/nobody@example.org", (200, "")),
    ("POST", "/forgot/nobody@example.org", (200, "")),
    ("PUT", "/accept/forgot", UNREADABLE),
    ("POST", "/send/invite/nobody", UNREADABLE),
    (
        "PATCH",
        "/resend/invite/a-key",
        (403, "Forbidden to perform requested operation"),
    ),
    ("GET", "/invite/nobody", NOTHING),
    ("PUT", "/nobody/invited/somebody@example.org", NO_INVITE),
    ("DELETE", "/nobody/invited/somebody@example.org", NO_INVITE),
    ("GET", "/invitations/nobody", NOTHING),
    ("PUT", "/accept/invite/nobody/somebody", NO_INVITE),
    ("PUT", "/dismiss/invite/nobody/somebody", NO_INVITE),
    ("POST", "/send/invite/nobody/clinic", UNREADABLE),
    (
        "PUT",
        "/v1/clinics/5f8f8f8f8f8f8f8f8f8f8f8f/invites/patients/a-key",
        NO_INVITE,
    ),
    (
        "DELETE",
        "/v1/clinics/5f8f8f8f8f8f8f8f8f8f8f8f/invites/patients/a-key",
        (403, "No matching invite was found"),
    ),
    (
        "POST",
        "/v1/clinics/5f8f8f8f8f8f8f8f8f8f8f8f/invites/clinicians",
        UNREADABLE,
    ),
    (
        "PATCH",
        "/v1/clinics/5f8f8f8f8f8f8f8f8f8f8f8f/invites/clinicians/a-key",
        (404, "Error finding the clinic"),
    ),
    ("GET", "/v1/clinicians/nobody/invites", NOT_ALLOWED),
    ("PUT", "/v1/clinicians/nobody/invites/a-key", NOT_ALLOWED),
    ("DELETE", "/v1/clinicians/nobody/invites/a-key", NOT_ALLOWED),
];

#[actix_web::test]
async fn every_operation_has_its_aliases() {
    let world = World::without_relay().await;
    let service = world.service();
    for (method, path, (status, text)) in OPERATIONS {
        for alias in [
            format!("/confirm{path}"),
            format!("/confirm{path}/"),
            (*path).to_owned(),
            format!("{path}/"),
        ] {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let answer = send(service.request(method.clone(), &alias)).await;
            let body = answer.text();
            assert_eq!(answer.status, *status, "{method} {alias}: {body}");
            if text.is_empty() {
                assert_eq!(body, "", "{method} {alias}");
            } else {
                let body: Value = answer.json();
                assert_eq!(body, reason(*status, text), "{method} {alias}");
            }
        }
    }
}

#[actix_web::test]
async fn health_is_told_at_every_path() {
    let world = World::without_relay().await;
    let anonymous = world.anonymous();
    for path in ["/status", "/ready", "/live"] {
        assert_eq!(anonymous.get(path).await.status, 200, "{path}");
        let path = format!("/confirm{path}");
        assert_ok(&anonymous.get(&path).await);
        assert_ok(&anonymous.get(&format!("{path}/")).await);
    }
    assert_ok(&anonymous.get("/status").await);
}

#[actix_web::test]
async fn a_service_without_database_is_not_ready() {
    let world = World::without_relay().await;
    let app = TestApp::start(Service {
        readiness: Readiness::default(),
        ..world.state.service()
    });
    let anonymous = app.anonymous();
    for path in ["/status", "/confirm/status", "/confirm/ready"] {
        let answer = anonymous.get(path).await;
        assert_refused(&answer, 500, "store connectivity failure");
    }
    assert_ok(&anonymous.get("/confirm/live").await);
}

#[actix_web::test]
async fn where_nothing_is_served_the_reference_says_so_in_text() {
    let world = World::without_relay().await;
    let service = world.service();
    for (method, path) in [
        (Method::GET, "/"),
        (Method::GET, "/confirm"),
        (Method::GET, "/confirm/nothing"),
        (Method::POST, "/confirm/send/signup"),
        (Method::POST, "/confirm/send/signup/"),
        (Method::POST, "/confirm/resend/signup/"),
        (Method::POST, "/confirm/send/invite/"),
        (Method::PUT, "/confirm/accept/signup/"),
        (Method::PUT, "/confirm/accept/invite/"),
        (Method::PUT, "/confirm/accept/invite/carol"),
        (Method::PUT, "/confirm/dismiss/invite/carol/"),
        (Method::PUT, "/confirm/accept/signup/a/b/c"),
        (Method::GET, "/confirm/invite/alice//"),
        (Method::GET, "/confirm/confirm/invite/alice"),
    ] {
        let answer = send(service.request(method.clone(), path)).await;
        assert_eq!(
            (answer.status, answer.text()),
            (404, "404 page not found"),
            "{method} {path}"
        );
        assert_eq!(
            answer.header("content-type"),
            Some("text/plain; charset=utf-8")
        );
    }
}

#[actix_web::test]
async fn another_method_is_refused_without_a_body() {
    let world = World::without_relay().await;
    let service = world.service();
    for (method, path, allowed) in [
        (Method::DELETE, "/confirm/status", "GET"),
        (Method::GET, "/confirm/accept/forgot", "PUT"),
        (Method::POST, "/confirm/resend/invite/key", "PATCH"),
        (
            Method::PATCH,
            "/confirm/signup/alice",
            "POST, GET, PUT, DELETE",
        ),
        (Method::GET, "/confirm/alice/invited/a@b", "PUT, DELETE"),
        (Method::POST, "/invitations/alice", "GET"),
    ] {
        let answer = send(service.request(method.clone(), path)).await;
        assert_empty(&answer, 405);
        assert_eq!(answer.header("allow"), Some(allowed), "{method} {path}");
    }
}
