//! Paths and addresses of every kind: they name something, or nothing, and never more.

use bson::doc;
use reqwest::Method;
use serde_json::json;
use stand_ins::gatekeeper;

use crate::world::{World, send_raw};

fn method(name: &str) -> Method {
    Method::from_bytes(name.as_bytes()).unwrap()
}

#[actix_web::test]
async fn addresses_that_are_none() {
    let world = World::without_relay().await;
    world.user_api.has("alice");
    world
        .invite("alice", "carol@example.org", json!({"view": {}}))
        .await;
    let before = world
        .everything(&["confirmations", "mail_outbox", "outbox"])
        .await;
    let alice = world.user("alice");
    let long = format!("{}@example.org", "x".repeat(300));
    for email in [
        "x",
        "@",
        "a@",
        "@b",
        "a@b@c",
        "a b@c",
        "a\u{a0}b@c",
        "a@b\r\nBcc: eve@example.org",
        "a@b\n",
        "a\0@b",
        "a@b\u{7f}",
        "<a@b>",
        "a@b,c@d",
        "a@b;c@d",
        "\"a@b",
        "a..b@c",
        "\u{202e}@ b",
        &long,
    ] {
        let body = json!({"email": email, "permissions": {"view": {}}});
        let answer = alice.post("/confirm/send/invite/alice", &body).await;
        assert_eq!((answer.status, answer.text()), (400, ""), "{email:?}");
    }
    assert_eq!(
        world
            .everything(&["confirmations", "mail_outbox", "outbox"])
            .await,
        before
    );
}

#[actix_web::test]
async fn paths_of_every_kind_name_nothing() {
    let world = World::without_relay().await;
    world.user_api.has("alice");
    world
        .invite("alice", "carol@example.org", json!({"view": {}}))
        .await;
    let long = "x".repeat(2000);
    let words = [
        "a%2Fb",
        "..%2Fstatus",
        "%00",
        "a%00b",
        "%20",
        "a%0Ab",
        "a%0D%0AX-Evil:1",
        "$ne",
        "%7B%22%24ne%22%3Anull%7D",
        "{\"$ne\":null}",
        "%E2%82%AC",
        "日本",
        "a%25b",
        "%25",
        "a+b",
        "a;b",
        "a%3Fb",
        "a,b",
        ".*",
        "^",
        "%5B%5D",
        "null",
        "undefined",
        "__proto__",
        "%FF",
        "%C3%28",
        "%zz",
        &long,
    ];
    let before = world
        .everything(&["confirmations", "mail_outbox", "outbox"])
        .await;
    let (service, mallory) = (world.service(), world.user("mallory"));
    for word in words {
        for (name, path, body, wanted) in [
            ("POST", format!("/confirm/send/signup/{word}"), "{}", 404),
            ("POST", format!("/confirm/signup/{word}"), "{}", 404),
            ("GET", format!("/confirm/signup/{word}"), "", 404),
            (
                "PUT",
                format!("/confirm/signup/{word}"),
                r#"{"key":"x"}"#,
                404,
            ),
            ("DELETE", format!("/confirm/signup/{word}"), "", 404),
            ("POST", format!("/confirm/resend/signup/{word}"), "", 404),
            ("PUT", format!("/confirm/accept/signup/{word}"), "", 404),
            (
                "PUT",
                format!("/confirm/accept/signup/{word}/{word}"),
                "",
                404,
            ),
            (
                "PUT",
                format!("/confirm/dismiss/signup/{word}"),
                r#"{"key":"x"}"#,
                404,
            ),
            ("PATCH", format!("/confirm/resend/invite/{word}"), "", 403),
            ("GET", format!("/confirm/invite/{word}"), "", 404),
            ("PUT", format!("/confirm/{word}/invited/{word}"), "", 404),
            ("DELETE", format!("/confirm/alice/invited/{word}"), "", 404),
            ("GET", format!("/confirm/invitations/{word}"), "", 404),
            (
                "PUT",
                format!("/confirm/accept/invite/{word}/{word}"),
                "",
                404,
            ),
            (
                "PUT",
                format!("/confirm/accept/invite/alice/{word}"),
                "",
                404,
            ),
            (
                "PUT",
                format!("/confirm/dismiss/invite/{word}/alice"),
                "",
                404,
            ),
            ("DELETE", format!("/internal/users/{word}"), "", 204),
        ] {
            let answer = send_raw(&service, method(name), &path, body).await;
            // Some of these are no paths at all.
            let status = answer.status;
            let shown = format!("{name} {path}: {status} {}", answer.text());
            assert!(status == wanted || matches!(status, 400 | 404), "{shown}");
            let answer = send_raw(&mallory, method(name), &path, body).await;
            assert!(matches!(answer.status, 400 | 401 | 403 | 404), "{shown}");
        }
        let answer = send_raw(&service, Method::POST, &format!("/forgot/{word}"), "").await;
        assert!(
            matches!(answer.status, 200 | 400 | 404),
            "{word}: {}",
            answer.status
        );
    }
    let after = world
        .everything(&["confirmations", "mail_outbox", "outbox"])
        .await;
    assert_eq!(after, before);
}

#[actix_web::test]
async fn unusual_addresses_of_accounts_are_just_addresses() {
    let world = World::without_relay().await;
    for (index, email) in [
        "$ne@example.org",
        "a.*b@example.org",
        "{}@example.org",
        "ü%2B@example.org",
        "o'neill@example.org",
        "日本@例え.テスト",
        "a/b?c#d@example.org",
    ]
    .into_iter()
    .enumerate()
    {
        let id = format!("user{index}");
        world.user_api.has_with(&id, json!({"emails": [email]}));
        world.user_api.has("alice");
        let body = json!({"email": email, "permissions": {"view": {}}});
        let sent = world
            .user("alice")
            .post("/confirm/send/invite/alice", &body)
            .await;
        assert_eq!(sent.status, 200, "{email}: {}", sent.text());
        let stored = world.confirmations();
        let stored = stored
            .find_one(doc! { "email": email })
            .await
            .unwrap()
            .unwrap();
        assert_eq!(stored.get_str("userId").unwrap(), id, "{email}");
        let path = format!("/confirm/accept/invite/{id}/alice");
        let answer = world.user(&id).put(&path, &json!({})).await;
        assert_eq!(answer.status, 200, "{email}: {}", answer.text());
    }
    assert_eq!(world.gatekeeper.asked(gatekeeper::Ask::Grant).len(), 7);
}
