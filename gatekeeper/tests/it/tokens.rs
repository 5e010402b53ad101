//! Which tokens are accepted.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use shared_runtime::{
    auth::TOKEN_HEADER,
    testing::{SigningKeys, claims, send},
};
use stand_ins::{KEYS, user_api::Ask};

use crate::{
    auth::matrix,
    world::{World, assert_answer, assert_empty},
};

const CLINIC: &str = "5f8f8f8f8f8f8f8f8f8f8f8f";

/// A service that asks user-api about every token, each time.
async fn always_asking() -> World {
    World::start_with(|config| config.user_api.token_cache_ms = 0).await
}

fn encoded(value: &Value) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(value.to_string())
}

/// `token` with its header or its claims changed and its signature kept.
fn altered(token: &str, part: usize, change: impl Fn(&mut Value)) -> String {
    let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
    let bytes = BASE64_URL_SAFE_NO_PAD.decode(&parts[part]).unwrap();
    let mut value: Value = serde_json::from_slice(&bytes).unwrap();
    change(&mut value);
    parts[part] = encoded(&value);
    parts.join(".")
}

/// Claims under a header of one's own, with `signature` whatever it is.
fn forged(header: &Value, claims: &Value, signature: &[u8]) -> String {
    format!(
        "{}.{}.{}",
        encoded(header),
        encoded(claims),
        BASE64_URL_SAFE_NO_PAD.encode(signature)
    )
}

#[actix_web::test]
async fn forgeries_are_refused_even_if_user_api_were_to_know_them() {
    let world = World::start().await;
    let genuine = KEYS.key.sign(&claims("alice", "no")).unwrap();
    let alice = serde_json::to_value(claims("alice", "no")).unwrap();
    let kid = KEYS.key.public().common.key_id.clone().unwrap();
    let stranger = SigningKeys::generate();
    let strange = stranger.key.sign(&claims("alice", "no")).unwrap();
    let strange_with_our_kid = altered(&strange, 0, |header| header["kid"] = json!(kid));
    let mut expired = claims("alice", "no");
    expired.exp -= 7200;
    let mut just_expired = claims("alice", "no");
    just_expired.exp -= 3600;
    let sign = |claims| KEYS.key.sign(&claims).unwrap();
    let hmac = |secret: &[u8]| {
        let header = json!({"alg": "HS256", "typ": "JWT", "kid": kid});
        let signed = format!("{}.{}", encoded(&header), encoded(&alice));
        let key = jsonwebtoken::EncodingKey::from_secret(secret);
        let signature =
            jsonwebtoken::crypto::sign(signed.as_bytes(), &key, jsonwebtoken::Algorithm::HS256)
                .unwrap();
        format!("{signed}.{signature}")
    };
    let zoo = [
        (
            "alg none",
            forged(&json!({"alg": "none", "typ": "JWT"}), &alice, b""),
        ),
        (
            "alg NONE",
            forged(
                &json!({"alg": "NONE", "typ": "JWT", "kid": kid}),
                &alice,
                b"",
            ),
        ),
        ("no alg", forged(&json!({"typ": "JWT"}), &alice, b"")),
        (
            "alg none over a genuine signature",
            altered(&genuine, 0, |header| header["alg"] = json!("none")),
        ),
        (
            "HS256 with the public key as secret",
            hmac(KEYS.public_pem.as_bytes()),
        ),
        ("HS256 with an empty secret", hmac(b"")),
        (
            "RS384 over an RS256 signature",
            altered(&genuine, 0, |header| header["alg"] = json!("RS384")),
        ),
        (
            "PS256 over an RS256 signature",
            altered(&genuine, 0, |header| header["alg"] = json!("PS256")),
        ),
        ("wrong key", strange.clone()),
        ("wrong key under our kid", strange_with_our_kid),
        (
            "wrong key without kid",
            altered(&strange, 0, |header| {
                header.as_object_mut().unwrap().remove("kid");
            }),
        ),
        (
            "unknown kid",
            altered(&genuine, 0, |header| header["kid"] = json!("unknown")),
        ),
        (
            "a key in the header",
            altered(&strange, 0, |header| {
                header["jwk"] = serde_json::to_value(stranger.key.public()).unwrap();
            }),
        ),
        (
            "tampered svr",
            altered(&genuine, 1, |claims| claims["svr"] = json!("yes")),
        ),
        (
            "tampered usr",
            altered(&genuine, 1, |claims| claims["usr"] = json!("bob")),
        ),
        (
            "tampered exp",
            altered(&sign(expired.clone()), 1, |claims| {
                claims["exp"] = json!(4_000_000_000_u32);
            }),
        ),
        ("expired", sign(expired)),
        ("expired this second", sign(just_expired)),
        ("svr of neither kind", sign(claims("alice", "maybe"))),
        ("no user", sign(claims("", "no"))),
        (
            "no signature",
            genuine.rsplit_once('.').unwrap().0.to_owned(),
        ),
        (
            "empty signature",
            format!("{}.", genuine.rsplit_once('.').unwrap().0),
        ),
        ("a fourth part", format!("{genuine}.x")),
        ("twice", format!("{genuine}{genuine}")),
        ("no token at all", "garbage".to_owned()),
        ("dots", "..".to_owned()),
        ("a path", "../users?id=alice".to_owned()),
        ("too long", format!("{genuine}{}", "A".repeat(5000))),
    ];
    for (what, token) in zoo {
        for data in [
            json!({"isserver": true, "userid": "alice", "expires_at": 4_000_000_000_u32}),
            json!({"isserver": false, "userid": "alice"}),
        ] {
            world.user_api.know_as(&token, data);
        }
        for path in [
            "/access/alice",
            "/access/groups/alice",
            "/access/alice/bob",
            "/internal/users/alice/administered",
        ] {
            let answer = world.app.bearer(&token).get(path).await;
            assert_eq!(answer.status, 401, "{what} on {path}");
            assert_eq!(
                answer.json::<Value>(),
                json!("Invalid Token"),
                "{what} on {path}"
            );
        }
    }
}

#[actix_web::test]
async fn a_token_of_another_issuer_is_refused_by_user_api() {
    let world = World::start().await;
    let mut foreign = claims("alice", "no");
    foreign.iss = "another-installation.example".to_owned();
    // user-api judges issuer and audience; it refuses what it does not know.
    let token = KEYS.key.sign(&foreign).unwrap();
    let answer = world.app.bearer(&token).get("/access/alice").await;
    assert_answer(&answer, 401, &json!("Invalid Token"));
}

#[actix_web::test]
async fn the_answer_of_user_api_must_be_about_this_token() {
    let world = always_asking().await;
    let token = KEYS.key.sign(&claims("alice", "no")).unwrap();
    for data in [
        json!({"isserver": true, "userid": "alice"}),
        json!({"isserver": false, "userid": "bob"}),
        json!({"isserver": false, "userid": ""}),
        json!({"isserver": false}),
    ] {
        world.user_api.know_as(&token, data);
        assert_eq!(
            world.app.bearer(&token).get("/access/alice").await.status,
            401
        );
    }
}

#[actix_web::test]
async fn a_request_needs_a_token() {
    let world = World::start().await;
    let missing = json!("Session token must be set on header[x-tidepool-session-token]");
    assert_answer(&world.anonymous().get("/access/alice").await, 401, &missing);
    let answer = world
        .anonymous()
        .post("/access/alice/bob", &json!({"view": {}}))
        .await;
    assert_answer(&answer, 401, &missing);
    let other_case = world
        .anonymous()
        .request(Method::GET, "/access/alice")
        .header(
            "X-Tidepool-Session-TOKEN",
            KEYS.key.sign(&claims("alice", "no")).unwrap(),
        );
    assert_answer(&send(other_case).await, 401, &json!("Invalid Token"));
    let not_text = world
        .anonymous()
        .request(Method::GET, "/access/alice")
        .header(
            TOKEN_HEADER,
            reqwest::header::HeaderValue::from_bytes(b"\xff\xfe").unwrap(),
        );
    assert_answer(&send(not_text).await, 401, &json!("Invalid Token"));
}

#[actix_web::test]
async fn a_revoked_token_is_refused_at_once_when_every_token_is_asked_about() {
    let world = always_asking().await;
    let alice = world.user("alice");
    assert_eq!(alice.get("/access/alice").await.status, 200);
    world.user_api.forget_tokens();
    assert_answer(
        &alice.get("/access/alice").await,
        401,
        &json!("Invalid Token"),
    );
}

#[actix_web::test]
async fn a_token_that_was_ended_changes_nothing_from_that_moment_on() {
    let world = World::start().await;
    world.grant("alice", "bob", json!({"view": {}})).await;
    world.grant("alice", "other", json!({"note": {}})).await;
    world.treat(CLINIC, "alice", json!({"view": {}})).await;
    let before = world.everything().await;
    let changes = matrix().into_iter().filter(|row| row.method() != "GET");
    for row in changes {
        let caller = if row.pattern().starts_with("/internal") {
            world.service()
        } else {
            world.user("alice")
        };
        // The answer about the token is kept, for reads.
        assert_eq!(caller.get("/access/alice").await.status, 200);
        world.user_api.forget_tokens();
        let answer = row.ask(&caller, &[]).await;
        assert_answer(&answer, 401, &json!("Invalid Token"));
        // And then reads know as well.
        let answer = caller.get("/access/alice").await;
        assert_answer(&answer, 401, &json!("Invalid Token"));
    }
    assert_eq!(world.everything().await, before);
}

#[actix_web::test]
async fn of_many_requests_at_once_those_that_come_after_the_end_of_a_token_change_nothing() {
    let world = World::start().await;
    let alice = world.user("alice");
    let grants = async |name: &str| {
        let grants = (0..20).map(async |number| {
            let path = format!("/access/alice/{name}{number}");
            alice.post(&path, &json!({"view": {}})).await.status
        });
        join_all(grants).await
    };
    assert_eq!(grants("friend").await, [200; 20]);
    let before = world.everything().await;
    assert_eq!(before.len(), 20);
    world.user_api.forget_tokens();
    assert_eq!(grants("foe").await, [401; 20]);
    assert_eq!(world.everything().await, before);
}

#[actix_web::test]
async fn without_user_api_there_is_no_access() {
    let world = always_asking().await;
    let (alice, service) = (world.user("alice"), world.service());
    assert_eq!(alice.get("/access/alice").await.status, 200);
    world.user_api.fail_each(&Ask::ALL, 500);
    for person in [alice, service] {
        assert_empty(&person.get("/access/alice").await, 503);
        assert_empty(
            &person.post("/access/alice/bob", &json!({"view": {}})).await,
            503,
        );
    }
    assert!(world.everything().await.is_empty());
    // Whoever brings no token learns nothing else.
    assert_eq!(world.anonymous().get("/access/alice").await.status, 401);
}
