//! Whatever comes in is answered as documented, never with a failure, and changes nothing.

use reqwest::Method;
use serde_json::{Value, json};
use shared_runtime::{
    server::listen,
    testing::{Answer, Person, Wire, send, server_settings},
};

use crate::{
    oak::{ADMIN, CLINICIANS, CODE, OAK},
    world::{World, assert_refused, reason, send_raw},
};

const STORED: [&str; 4] = ["confirmations", "quotas", "outbox", "mail_outbox"];

/// Every operation that takes a body, called by somebody who may call it.
const TAKING_BODIES: &[(&str, &str)] = &[
    ("POST", "/confirm/send/signup/alice"),
    ("POST", "/confirm/signup/alice"),
    ("PUT", "/confirm/signup/alice"),
    ("PUT", "/confirm/dismiss/signup/alice"),
    ("PUT", "/confirm/accept/signup/a-key"),
    ("PUT", "/confirm/accept/signup/alice/a-key"),
    ("PUT", "/confirm/accept/forgot"),
    ("POST", "/confirm/send/invite/alice"),
    ("PUT", "/confirm/accept/invite/alice/bob"),
    ("PUT", "/confirm/dismiss/invite/alice/bob"),
    ("POST", "/confirm/send/invite/alice/clinic"),
    ("POST", CLINICIANS),
    ("PUT", ACCEPTANCE),
];
/// A clinic takes somebody as its patient.
const ACCEPTANCE: &str = "/v1/clinics/5f8f8f8f8f8f8f8f8f8f8f8f/invites/patients/unknown";

/// What is said of a body that cannot be read.
fn unreadable(path: &str) -> &'static str {
    if path == ACCEPTANCE {
        "Error creating patient"
    } else {
        "Error decoding the confirmation"
    }
}

/// Alice, whose sign-up is not confirmed and who invited Carol.
async fn world() -> World {
    let world = World::without_relay().await;
    world.user_api.has("alice");
    world.clinic.has_clinic(OAK, json!({ "shareCode": CODE }));
    world.clinic.has_clinician(OAK, "alice", ADMIN);
    world.sign_up("alice").await;
    world
        .invite("alice", "carol@example.org", json!({"view": {}}))
        .await;
    world
}

fn method(name: &str) -> Method {
    Method::from_bytes(name.as_bytes()).unwrap()
}

#[actix_web::test]
async fn bodies_that_are_no_objects() {
    let world = world().await;
    let before = world.everything(&STORED).await;
    let alice = world.user("alice");
    let abyss = "[".repeat(60_000);
    let object_abyss = r#"{"a":"#.repeat(10_000);
    let bodies: Vec<Vec<u8>> = [
        "{",
        "}",
        "nul",
        "nullnull",
        "undefined",
        "'key'",
        "{key:1}",
        r#"{"key":"x",}"#,
        r#"{"key":"x"}{"key":"y"}"#,
        r#""\ud800""#,
        "NaN",
        "1e999",
        "\u{feff}{}",
        "key=x",
        "<key/>",
        "[]",
        r#"["a-key","alice@example.org","battery-staple"]"#,
        r#"["dave@example.org",{"view":{}},null,null]"#,
        "\"a-key\"",
        "1",
        "true",
        "\0",
        abyss.as_str(),
        object_abyss.as_str(),
    ]
    .into_iter()
    .map(|body| body.as_bytes().to_vec())
    .chain([b"\xff\xfe".to_vec(), b"{\"\xff\":{}}".to_vec()])
    .collect();
    for body in bodies {
        let shown = String::from_utf8_lossy(&body[..body.len().min(60)]).into_owned();
        for (name, path) in TAKING_BODIES {
            let answer = send_raw(&alice, method(name), path, body.clone()).await;
            if path.contains("a-key") {
                // The key comes first.
                assert_refused(&answer, 404, "No matching signup confirmation was found");
            } else {
                assert_eq!(answer.status, 400, "{shown} to {path}: {}", answer.text());
                assert_refused(&answer, 400, unreadable(path));
            }
        }
    }
    assert_eq!(world.everything(&STORED).await, before);
}

#[actix_web::test]
async fn members_of_the_wrong_type_and_operators_in_them() {
    let world = world().await;
    let before = world.everything(&STORED).await;
    let alice = world.user("alice");
    let values = [
        json!(1),
        json!(true),
        json!([]),
        json!(["x"]),
        json!({}),
        json!({"$ne": ""}),
        json!({"$gt": ""}),
        json!({"$regex": ".*"}),
        json!({"$where": "sleep(1000)"}),
    ];
    let members: &[(&str, &str, &[&str])] = &[
        (
            "POST",
            "/confirm/send/signup/alice",
            &["clinicId", "invitedBy"],
        ),
        ("PUT", "/confirm/signup/alice", &["key"]),
        ("PUT", "/confirm/dismiss/signup/alice", &["key"]),
        (
            "PUT",
            "/confirm/accept/forgot",
            &["key", "email", "password"],
        ),
        ("POST", "/confirm/send/invite/alice", &["email"]),
        ("POST", "/confirm/send/invite/alice/clinic", &["shareCode"]),
        ("POST", CLINICIANS, &["email"]),
        ("PUT", ACCEPTANCE, &["mrn", "birthDate", "fullName"]),
        (
            "PUT",
            "/confirm/accept/invite/alice/bob",
            &["key", "type", "status", "email", "creatorId", "clinicId"],
        ),
        (
            "PUT",
            "/confirm/dismiss/invite/alice/bob",
            &["key", "type", "status", "email", "creatorId", "clinicId"],
        ),
    ];
    for (name, path, members) in members {
        for member in *members {
            for value in &values {
                let body = json!({ *member: value });
                let request = alice.request(method(name), path).json(&body);
                let answer = send(request).await;
                assert_refused(&answer, 400, unreadable(path));
            }
        }
    }
    assert_eq!(world.everything(&STORED).await, before);
}

#[actix_web::test]
async fn permissions_that_the_database_would_take_for_its_own_words() {
    let world = world().await;
    let before = world.everything(&STORED).await;
    let alice = world.user("alice");
    let wide: serde_json::Map<String, Value> =
        (0..65).map(|i| (format!("p{i}"), json!({}))).collect();
    let deep = (0..20).fold(json!({}), |inner, _| json!({ "a": inner }));
    for permissions in [
        json!({"$ne": {}}),
        json!({"$set": {"status": "completed"}}),
        json!({"a.b": {}}),
        json!({"": {}}),
        json!({"a\0b": {}}),
        json!({"view": {"$gt": ""}}),
        json!({"view": {"a": [{"$oid": "5f8f8f8f8f8f8f8f8f8f8f8f"}]}}),
        json!({"view": {"": 1}}),
        json!({"view": {"a.b": 1}}),
        json!({"view": 1}),
        json!({"view": []}),
        json!({"view": "yes"}),
        json!(["$where"]),
        json!([""]),
        json!([["view"]]),
        json!([null]),
        json!([{}]),
        json!([{"view": true}]),
        json!([{"$ne": {}}]),
        Value::Object(wide),
        deep,
        json!("view"),
        json!(7),
        json!(false),
    ] {
        let body = json!({"email": "dave@example.org", "permissions": permissions});
        let answer = alice.post("/confirm/send/invite/alice", &body).await;
        assert_refused(&answer, 400, "Error decoding the confirmation");
    }
    for (member, value) in [
        ("nickname", json!(1)),
        ("nickname", json!({"$ne": ""})),
        ("nickname", json!("x".repeat(1001))),
        ("alertsConfig", json!(1)),
        ("alertsConfig", json!([])),
        ("alertsConfig", json!({"uploadId": {"$ne": ""}})),
        ("alertsConfig", json!({"low": {"enabled": "yes"}})),
        (
            "alertsConfig",
            json!({"low": {"enabled": true, "repeat": 1e99}}),
        ),
    ] {
        let mut body = json!({"email": "dave@example.org", "permissions": {"follow": {}}});
        body[member] = value;
        let answer = alice.post("/confirm/send/invite/alice", &body).await;
        assert_refused(&answer, 400, "Error decoding the confirmation");
    }
    assert_eq!(world.everything(&STORED).await, before);
}

#[actix_web::test]
async fn a_body_that_does_not_come_is_refused() {
    let world = World::without_relay().await;
    let mut settings = server_settings();
    settings.connections.body_idle_ms = 200;
    let running = listen(&settings, world.state.service()).unwrap();
    actix_web::rt::spawn(running.server);
    let mut wire = Wire::connect(&running.address.to_string()).await;
    wire.send("PUT /confirm/accept/forgot HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n")
        .await;
    let answer = wire.answer().await.unwrap();
    assert_eq!(
        (answer.status, answer.json::<Value>()),
        (408, reason(408, "The body takes too long"))
    );
    assert!(answer.is_last(), "{answer:?}");
    running.handle.stop(false).await;
}

/// The service with the body limit of the shipped settings.
fn with_shipped_limit(world: &World, token: &str) -> (Person, actix_web::dev::ServerHandle) {
    let mut settings = server_settings();
    let shipped: toml::Table = confirm::DEFAULTS.parse().unwrap();
    let limit = shipped["server"]["body_limit_bytes"].as_integer().unwrap();
    settings.body_limit_bytes = usize::try_from(limit).unwrap();
    let running = listen(&settings, world.state.service()).unwrap();
    actix_web::rt::spawn(running.server);
    let person = Person::at(&format!("http://{}", running.address), Some(token));
    (person, running.handle)
}

#[actix_web::test]
async fn a_body_that_is_too_large_is_refused() {
    let world = world().await;
    let before = world.everything(&STORED).await;
    let claims = shared_runtime::testing::claims("alice", "no");
    let token = stand_ins::KEYS.key.sign(&claims).unwrap();
    world.user_api.know(&token, &claims);
    let (alice, handle) = with_shipped_limit(&world, &token);
    let body = json!({"key": "x".repeat(70_000)}).to_string();
    for (name, path) in TAKING_BODIES {
        let answer: Answer = send_raw(&alice, method(name), path, body.clone()).await;
        assert_refused(&answer, 413, "The body is too large");
    }
    assert_eq!(world.everything(&STORED).await, before);
    handle.stop(false).await;
}

#[actix_web::test]
async fn encoded_bodies_are_refused() {
    let world = world().await;
    let before = world.everything(&STORED).await;
    for (name, path) in TAKING_BODIES {
        let request = world
            .user("alice")
            .request(method(name), path)
            .header("content-encoding", "gzip")
            .body("{}");
        let answer = send(request).await;
        assert_refused(&answer, 415, "The content encoding is not supported");
    }
    assert_eq!(world.everything(&STORED).await, before);
}

#[actix_web::test]
async fn a_body_is_taken_whatever_its_content_type() {
    let world = World::without_relay().await;
    world.user_api.has("alice");
    for (index, content_type) in [
        "text/plain",
        "application/json; charset=utf-16",
        "multipart/form-data",
        "application/x-www-form-urlencoded",
        "nonsense",
    ]
    .into_iter()
    .enumerate()
    {
        let body = format!(r#"{{"email":"dave{index}@example.org","permissions":["view"]}}"#);
        let request = world
            .user("alice")
            .request(Method::POST, "/confirm/send/invite/alice")
            .header("content-type", content_type)
            .body(body);
        assert_eq!(send(request).await.status, 200, "{content_type}");
    }
}
