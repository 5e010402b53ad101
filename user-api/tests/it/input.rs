//! Wrong input: always a documented refusal, never a failure, and nothing changed.

use bson::doc;
use reqwest::Method;
use serde_json::{Value, json};
use shared_runtime::testing::{send, send_raw};

use crate::world::{PASSWORD, World};

/// Bodies that no operation takes.
fn broken_bodies() -> Vec<Vec<u8>> {
    vec![
        b"".to_vec(),
        b"{".to_vec(),
        b"null".to_vec(),
        b"[]".to_vec(),
        b"\"text\"".to_vec(),
        b"{\"updates\":".to_vec(),
        b"\xff\xfe\x00".to_vec(),
        b"{\"username\":\"\\ud800\"}".to_vec(),
        "[".repeat(100_000).into_bytes(),
        format!("{}1{}", "{\"a\":".repeat(50_000), "}".repeat(50_000)).into_bytes(),
        format!(
            "{{\"updates\":{}1{}}}",
            "[".repeat(1_000),
            "]".repeat(1_000)
        )
        .into_bytes(),
    ]
}

/// Values that are nowhere what is asked for.
fn wrong_values() -> Vec<Value> {
    vec![
        json!({ "$ne": null }),
        json!({ "$gt": "" }),
        json!({ "$where": "sleep(1000)" }),
        json!([{ "$ne": null }]),
        json!(["x", 1]),
        json!(1),
        json!(1e300),
        json!(-1),
    ]
}

#[actix_web::test]
async fn an_encoded_body_is_refused() {
    let world = World::start().await;
    let request = world
        .anonymous()
        .request(Method::POST, "/auth/user")
        .header("content-encoding", "deflate")
        .body("{}");
    let answer = send(request).await;
    assert_eq!(
        (answer.status, answer.json::<Value>()),
        (
            415,
            json!({ "code": 415, "reason": "The content encoding is not supported" })
        )
    );
}

#[actix_web::test]
async fn wrong_bodies_are_refused_everywhere() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let id = &alice.id;
    let operations = [
        (Method::POST, "/user".to_owned()),
        (Method::PUT, "/user".to_owned()),
        (Method::PUT, format!("/user/{id}")),
        (Method::DELETE, format!("/user/{id}")),
        (Method::POST, format!("/user/{id}/user")),
        (Method::POST, format!("/user/createChild/{id}")),
    ];
    let before = world.document(id).await;
    for (method, path) in &operations {
        for body in broken_bodies() {
            let status = send_raw(&alice.person, method.clone(), path, body.clone())
                .await
                .status;
            let start = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
            assert!(
                matches!(status, 400 | 403),
                "{method} {path} {start}: {status}"
            );
        }
        let huge = format!("{{\"fullName\":\"{}\"}}", "x".repeat(4 << 20)).into_bytes();
        assert_eq!(
            send_raw(&alice.person, method.clone(), path, huge)
                .await
                .status,
            413,
            "{method} {path}"
        );
    }
    assert_eq!(world.document(id).await, before);
    assert_eq!(world.users().count_documents(doc! {}).await.unwrap(), 1);
}

#[actix_web::test]
async fn wrong_values_are_refused_in_every_member() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let service = world.service().await;
    let id = &alice.id;
    let sign_up = json!({ "username": "b@z.co", "emails": ["b@z.co"], "password": PASSWORD });
    let update = |member: &str, value: &Value| json!({ "updates": { member: value } });
    let with = |mut body: Value, member: &str, value: &Value| {
        body[member] = value.clone();
        body
    };
    let before = world.document(id).await;
    for value in &wrong_values() {
        for member in ["username", "emails", "password", "roles"] {
            let status = world
                .anonymous()
                .post("/user", &with(sign_up.clone(), member, value))
                .await
                .status;
            assert_eq!(status, 400, "sign-up {member} {value}");
        }
        for member in [
            "username",
            "emails",
            "password",
            "roles",
            "termsAccepted",
            "emailVerified",
        ] {
            let path = format!("/user/{id}");
            let status = service.put(&path, &update(member, value)).await.status;
            assert_eq!(status, 400, "update {member} {value}");
        }
        for member in ["username", "emails"] {
            let body = with(json!({}), member, value);
            let path = format!("/user/{id}/user");
            assert_eq!(
                alice.person.post(&path, &body).await.status,
                400,
                "{member} {value}"
            );
            let clinic = service.post("/v1/clinics/x/users", &body).await;
            assert_eq!(clinic.status, 400, "clinic {member} {value}");
        }
        for member in ["fullName", "username", "password", "emails"] {
            let body = with(json!({ "fullName": "Ann" }), member, value);
            let path = format!("/user/createChild/{id}");
            assert_eq!(
                alice.person.post(&path, &body).await.status,
                400,
                "{member} {value}"
            );
        }
    }
    assert_eq!(world.document(id).await, before);
    assert_eq!(world.users().count_documents(doc! {}).await.unwrap(), 1);
}

#[actix_web::test]
async fn odd_ids_name_nobody() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let service = world.service().await;
    let long = "x".repeat(5_000);
    for id in [
        "%7B%22$ne%22:null%7D",
        "%00",
        "%FF%FE",
        "%",
        "%zz",
        "..%2F..%2Fx",
        "%E2%80%8B",
        "$where",
        "a%20b",
        "%F0%9F%99%82",
        &long,
    ] {
        for person in [&alice.person, &service] {
            for (method, path, body) in [
                (Method::GET, format!("/user/{id}"), json!({})),
                (Method::PUT, format!("/user/{id}"), json!({ "updates": {} })),
                (
                    Method::POST,
                    format!("/user/createChild/{id}"),
                    json!({ "fullName": "Ann" }),
                ),
                (Method::GET, format!("/token/{id}"), json!({})),
                (Method::GET, format!("/users?id={id}"), json!({})),
                (Method::GET, format!("/users?role={id}"), json!({})),
                (Method::DELETE, format!("/user/{id}/sessions"), json!({})),
                (Method::DELETE, format!("/user/{id}"), json!({})),
            ] {
                let body = body.to_string().into_bytes();
                let status = send_raw(person, method.clone(), &path, body).await.status;
                let fine = matches!(status, 200 | 204 | 400 | 401 | 404);
                assert!(fine, "{method} {path}: {status}");
            }
        }
    }
    assert_eq!(world.users().count_documents(doc! {}).await.unwrap(), 1);
    assert_eq!(alice.person.get("/user").await.status, 200);
}

#[actix_web::test]
async fn odd_headers_are_no_token() {
    let world = World::start().await;
    for token in [
        "x",
        "a.b.c",
        "..",
        "null",
        &"x".repeat(5_000),
        "{\"$ne\":null}",
        "kc:a:b",
    ] {
        let person = world.app.bearer(token);
        for path in ["/user", "/login", "/token", "/users?id=a", "/token/x"] {
            assert_eq!(person.get(path).await.status, 401, "{path}");
        }
    }
}
