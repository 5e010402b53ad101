//! Service log-in, token checks, forged tokens.

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use bson::doc;
use futures_util::future::join_all;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use reqwest::Method;
use secrecy::SecretString;
use serde_json::{Value, json};
use shared_runtime::{
    auth::{SessionClaims, TOKEN_HEADER},
    testing::{Person, SigningKeys, claims, send},
};
use stand_ins::KEYS;

use crate::world::{SECRET, World, assert_empty, assert_refused};

const NO_TOKEN: &str = "No x-tidepool-session-token was found";

#[actix_web::test]
async fn a_service_logs_in_with_its_own_secret() {
    let world = World::start().await;
    let answer = world.server_login("gatekeeper", SECRET).await;
    assert_empty(&answer, 200);
    let service = world.app.bearer(answer.header(TOKEN_HEADER).unwrap());
    let data: Value = service.get("/token").await.json();
    let expires_at = data["expires_at"].as_i64().unwrap();
    assert_eq!(
        data,
        json!({ "isserver": true, "userid": "gatekeeper", "expires_at": expires_at })
    );
    let seconds = expires_at - chrono::Utc::now().timestamp();
    assert!((86_300..=86_400).contains(&seconds), "{seconds}");

    for (name, secret) in [("gatekeeper", "wrong"), ("other", SECRET)] {
        assert_refused(
            &world.server_login(name, secret).await,
            401,
            "Wrong password",
        );
    }
    for (name, secret) in [("", SECRET), ("gatekeeper", ""), ("", "")] {
        let answer = world.server_login(name, secret).await;
        assert_refused(&answer, 400, "Missing id and/or password");
    }
    let bare = send(world.anonymous().request(Method::POST, "/auth/serverlogin")).await;
    assert_refused(&bare, 400, "Missing id and/or password");
}

#[actix_web::test]
async fn an_old_set_up_shares_one_secret() {
    let world = World::start_with(|config| {
        config.server_secrets.clear();
        config.shared_server_secret = Some(SecretString::from("one secret for all"));
    })
    .await;
    assert_eq!(
        world
            .server_login("anybody", "one secret for all")
            .await
            .status,
        200
    );
    assert_refused(
        &world.server_login("gatekeeper", SECRET).await,
        401,
        "Wrong password",
    );
}

#[actix_web::test]
async fn services_check_the_tokens_of_others() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let service = world.service().await;
    let answer = service.get(&format!("/auth/token/{}", alice.token)).await;
    assert_eq!(answer.status, 200);
    let data: Value = answer.json();
    assert_eq!(
        (&data["isserver"], &data["userid"]),
        (&json!(false), &json!(alice.id))
    );
    assert_eq!(alice.person.get("/auth/token").await.json::<Value>(), data);

    for token in ["x", "a.b.c", "null", "%7B%22$ne%22:null%7D"] {
        assert_refused(
            &service.get(&format!("/token/{token}")).await,
            401,
            NO_TOKEN,
        );
    }
    for person in [&world.anonymous(), &alice.person, &world.app.bearer("x")] {
        let answer = person.get(&format!("/token/{}", alice.token)).await;
        assert_refused(&answer, 401, NO_TOKEN);
    }
    alice.person.post("/logout", &json!({})).await;
    assert_refused(
        &service.get(&format!("/token/{}", alice.token)).await,
        401,
        NO_TOKEN,
    );
    assert_refused(&alice.person.get("/token").await, 401, NO_TOKEN);
}

/// Every way to make a token that we did not make, each stored as if it were open, so that the
/// signature alone stands in its way.
#[actix_web::test]
async fn forged_tokens_are_refused() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let other = SigningKeys::generate();
    let valid = claims(&alice.id, "no");
    let now = chrono::Utc::now().timestamp();
    let [head, body, signature] = parts(&alice.token);
    let header = |header: Value| BASE64_URL_SAFE_NO_PAD.encode(header.to_string());
    let said = |claims: &Value| BASE64_URL_SAFE_NO_PAD.encode(claims.to_string());
    let mut elevated: Value =
        serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(&body).unwrap()).unwrap();
    elevated["svr"] = json!("yes");
    let signed = |claims: SessionClaims| KEYS.key.sign(&claims).unwrap();
    let hmac = |key: &[u8], alg: Algorithm| {
        let mut header = Header::new(alg);
        header.kid = KEYS.key.public().common.key_id.clone();
        encode(&header, &valid, &EncodingKey::from_secret(key)).unwrap()
    };
    let unknown_kid = {
        let mut header = Header::new(Algorithm::RS256);
        header.kid = Some("unknown".into());
        let key = EncodingKey::from_rsa_pem(KEYS.private_pem.as_bytes()).unwrap();
        encode(&header, &valid, &key).unwrap()
    };
    let other_algorithm = {
        let mut header = Header::new(Algorithm::RS512);
        header.kid = KEYS.key.public().common.key_id.clone();
        let key = EncodingKey::from_rsa_pem(KEYS.private_pem.as_bytes()).unwrap();
        encode(&header, &valid, &key).unwrap()
    };
    let zoo = [
        (
            "alg none",
            format!("{}.{body}.", header(json!({ "alg": "none", "typ": "JWT" }))),
        ),
        (
            "alg None",
            format!("{}.{body}.", header(json!({ "alg": "None" }))),
        ),
        (
            "alg none, signed",
            format!("{}.{body}.{signature}", header(json!({ "alg": "none" }))),
        ),
        (
            "no alg",
            format!("{}.{body}.{signature}", header(json!({ "typ": "JWT" }))),
        ),
        ("no signature", format!("{head}.{body}.")),
        ("two parts", format!("{head}.{body}")),
        ("four parts", format!("{head}.{body}.{signature}.x")),
        (
            "public key as secret",
            hmac(KEYS.public_pem.as_bytes(), Algorithm::HS256),
        ),
        ("empty secret", hmac(b"", Algorithm::HS256)),
        (
            "public key as secret, 512",
            hmac(KEYS.public_pem.as_bytes(), Algorithm::HS512),
        ),
        ("another key", other.user_token(&alice.id)),
        ("another key, service", other.server_token("gatekeeper")),
        ("unknown kid", unknown_kid),
        ("RS512", other_algorithm),
        (
            "tampered svr",
            format!("{head}.{}.{signature}", said(&elevated)),
        ),
        (
            "tampered signature",
            format!(
                "{head}.{body}.{}",
                signature.chars().rev().collect::<String>()
            ),
        ),
        (
            "expired",
            signed(SessionClaims {
                exp: now - 1,
                ..valid.clone()
            }),
        ),
        (
            "wrong issuer",
            signed(SessionClaims {
                iss: "evil".into(),
                ..valid.clone()
            }),
        ),
        (
            "wrong audience",
            signed(SessionClaims {
                aud: "evil".into(),
                ..valid.clone()
            }),
        ),
        (
            "no user",
            signed(SessionClaims {
                usr: String::new(),
                ..valid.clone()
            }),
        ),
        (
            "odd svr",
            signed(SessionClaims {
                svr: "maybe".into(),
                ..valid.clone()
            }),
        ),
        (
            "too long",
            signed(SessionClaims {
                idp: Some("x".repeat(5000)),
                ..valid.clone()
            }),
        ),
    ];
    let stored = zoo.iter().map(|(_, token)| {
        let expires_at = bson::DateTime::from_millis((now + 3600) * 1000);
        doc! { "_id": token, "isServer": true, "serverId": "x", "expiresAt": expires_at }
    });
    world.tokens().insert_many(stored).await.unwrap();
    let service = world.service().await;
    for (kind, token) in &zoo {
        let forger = world.app.bearer(token);
        let refused = forger.get("/user").await;
        assert_eq!(refused.status, 401, "{kind}: {}", refused.text());
        assert_eq!(
            forger.get("/users?role=patient").await.status,
            401,
            "{kind}"
        );
        assert_eq!(forger.get("/login").await.status, 401, "{kind}");
        let checked = service.get(&format!("/token/{token}")).await;
        assert_eq!(checked.status, 401, "{kind}: {}", checked.text());
    }
    // The control: the same claims, untouched, are accepted once they are stored.
    let genuine = signed(valid);
    assert_eq!(world.app.bearer(&genuine).get("/user").await.status, 401);
    world
        .tokens()
        .insert_one(doc! { "_id": &genuine, "isServer": false })
        .await
        .unwrap();
    assert_eq!(world.app.bearer(&genuine).get("/user").await.status, 200);
}

fn parts(token: &str) -> [String; 3] {
    let parts: Vec<String> = token.split('.').map(str::to_owned).collect();
    parts.try_into().unwrap()
}

#[actix_web::test]
async fn tokens_of_a_previous_key_and_host_are_accepted() {
    let previous = SigningKeys::generate();
    let pem = previous.public_pem.clone();
    let world = World::start_with(|config| {
        config.tokens.api_host = "api.example.org".into();
        config.tokens.previous_api_host = Some("localhost".into());
        config.tokens.previous_public_keys = Some(pem);
    })
    .await;
    let alice = world.user("alice").await;
    assert_eq!(alice.person.get("/user").await.status, 200);
    // A token of the reference: no kid, stored under its text.
    let key = EncodingKey::from_rsa_pem(previous.private_pem.as_bytes()).unwrap();
    let without_kid = encode(
        &Header::new(Algorithm::RS256),
        &claims(&alice.id, "no"),
        &key,
    )
    .unwrap();
    for token in [without_kid, previous.user_token(&alice.id)] {
        let document = doc! { "_id": &token, "isServer": false, "userId": &alice.id };
        world.tokens().insert_one(document).await.unwrap();
        let person = world.app.bearer(&token);
        assert_eq!(person.get("/user").await.status, 200);
        assert_empty(&person.post("/logout", &json!({})).await, 200);
        assert_eq!(person.get("/user").await.status, 401);
    }
    let published: Value = world.anonymous().get("/.well-known/jwks.json").await.json();
    let keys = published["keys"].as_array().unwrap();
    assert_eq!(keys.len(), 2);
    assert!(
        keys.iter()
            .all(|key| key["kid"].is_string() && key["d"].is_null())
    );
}

#[actix_web::test]
async fn tokens_are_stored_by_digest_alone_and_expire() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let stored = world
        .tokens()
        .find_one(doc! { "userId": &alice.id })
        .await
        .unwrap()
        .unwrap();
    assert_eq!(stored.get_str("_id").unwrap().len(), 64);
    assert!(!stored.to_string().contains(&alice.token));
    assert!(!stored.get_bool("isServer").unwrap());
    assert_eq!(stored.get_i64("duration").unwrap(), 2_592_000);
    assert!(stored.get_datetime("expiresAt").unwrap() > stored.get_datetime("createdAt").unwrap());
    let indexes = world.tokens().list_index_names().await.unwrap();
    assert!(
        indexes.contains(&"ExpireTokens".to_owned()) && indexes.contains(&"TokenUserId".to_owned())
    );
}

#[actix_web::test]
async fn anonymous_pairs_differ() {
    let world = World::start().await;
    let people: Vec<_> = (0..100).map(|_| world.anonymous()).collect();
    let answers = join_all(people.iter().enumerate().map(async |(index, person)| {
        person
            .get(if index % 2 == 0 {
                "/private"
            } else {
                "/auth/private?x=1&y=2"
            })
            .await
    }))
    .await;
    let mut seen = std::collections::BTreeSet::new();
    for answer in answers {
        assert_eq!(answer.status, 200);
        let pair: Value = answer.json();
        let (id, hash) = (pair["id"].as_str().unwrap(), pair["hash"].as_str().unwrap());
        assert_eq!(pair, json!({ "name": "", "id": id, "hash": hash }));
        assert_eq!((id.len(), hash.len()), (10, 24));
        assert!(seen.insert(id.to_owned()) && seen.insert(hash.to_owned()));
    }
}

/// A service that has logged in as `gatekeeper`, and its token.
async fn service_with_token(world: &World) -> (Person, String) {
    let answer = world.server_login("gatekeeper", SECRET).await;
    let token = answer.header(TOKEN_HEADER).unwrap();
    (world.app.bearer(token), token.to_owned())
}

#[actix_web::test]
async fn a_service_that_logs_out_is_refused_at_once() {
    let world = World::start().await;
    let (service, token) = service_with_token(&world).await;
    let asker = world.service_called("scripts").await;
    let question = format!("/token/{token}");
    // Twice, so that the second answer is one of a moment ago.
    for _ in 0..2 {
        assert_eq!(service.get("/token").await.status, 200);
        assert_eq!(asker.get(&question).await.status, 200);
    }
    assert_empty(&service.post("/logout", &json!({})).await, 200);
    assert_eq!(service.get("/token").await.status, 401);
    assert_refused(&asker.get(&question).await, 401, NO_TOKEN);
}

#[actix_web::test]
async fn a_service_whose_token_is_removed_changes_nothing_from_that_moment_on() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let (service, _) = service_with_token(&world).await;
    let account = format!("/user/{}", alice.id);
    // Twice, so that the second answer is one of a moment ago.
    for _ in 0..2 {
        assert_eq!(service.get(&account).await.status, 200);
    }
    let of_name = doc! { "serverId": "gatekeeper" };
    let removed = world.tokens().delete_many(of_name).await.unwrap();
    assert_eq!(removed.deleted_count, 1);
    let update = json!({ "updates": { "emailVerified": true } });
    let answer = service.put(&account, &update).await;
    assert_refused(&answer, 401, "Not authorized for requested operation");
    let shown: Value = alice.person.get("/user").await.json();
    assert_eq!(shown["emailVerified"], json!(false));
}
