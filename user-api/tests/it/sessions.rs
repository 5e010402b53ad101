//! Log-in, refresh, log-out.

use bson::doc;
use futures_util::future::join_all;
use reqwest::Method;
use secrecy::SecretString;
use serde_json::{Value, json};
use shared_runtime::{auth::TOKEN_HEADER, testing::send};

use crate::world::{PASSWORD, World, assert_empty, assert_refused, basic};

#[actix_web::test]
async fn a_verified_user_logs_in_by_id_name_or_address_in_any_case() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    assert_refused(
        &world.log_in(&alice.email, PASSWORD).await,
        403,
        "The user hasn't verified this account yet",
    );
    world.verify(&alice).await;
    for path in [
        "/login",
        "/auth/login",
        "/login/no-such-key",
        "/auth/login/no-such-key",
    ] {
        for name in [&alice.email, &alice.email.to_uppercase(), &alice.id] {
            let answer = world.log_in_at(path, name, PASSWORD).await;
            assert_eq!(answer.status, 200);
            assert_eq!(
                answer.json::<Value>(),
                json!({
                    "userid": alice.id, "username": alice.email, "emails": [alice.email],
                    "roles": ["patient"], "emailVerified": true,
                })
            );
            let token = answer.header(TOKEN_HEADER).unwrap();
            assert_eq!(world.app.bearer(token).get("/user").await.status, 200);
        }
    }
}

#[actix_web::test]
async fn wrong_credentials_are_refused_alike() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let bodies = join_all(
        [
            (alice.email.as_str(), "wrong-password"),
            (&alice.email, "Correct-Horse"),
            (&alice.email, "correct-horse "),
            (&alice.email, ""),
            ("nobody@example.org", PASSWORD),
            ("", PASSWORD),
            ("{\"$ne\":null}", PASSWORD),
            (".*", PASSWORD),
        ]
        .map(|(name, password)| world.log_in(name, password)),
    )
    .await;
    for answer in &bodies {
        assert_refused(answer, 401, "No user matched the given details");
    }
}

#[actix_web::test]
async fn without_credentials_there_is_no_log_in() {
    let world = World::start().await;
    for path in ["/auth/login", "/auth/login/key"] {
        let answer = send(world.anonymous().request(Method::POST, path)).await;
        assert_refused(&answer, 400, "Missing id and/or password");
        for header in [
            "",
            "Basic",
            "Basic=",
            "YTpi",
            "Basic %%%",
            "Basic ",
            "Basic Og==",
            "Basic YWxpY2U=",
            "Bearer YTpi",
        ] {
            let request = world
                .anonymous()
                .request(Method::POST, path)
                .header("authorization", header);
            assert_refused(&send(request).await, 400, "Missing id and/or password");
        }
    }
}

#[actix_web::test]
async fn an_account_that_the_reference_deleted_is_unknown() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    world.verify(&alice).await;
    let mark =
        doc! { "$set": { "deletedTime": "2016-01-01T00:00:00Z" }, "$unset": { "logins": "" } };
    world
        .users()
        .update_one(doc! { "userid": &alice.id }, mark)
        .await
        .unwrap();
    let answer = world.log_in(&alice.email, PASSWORD).await;
    assert_refused(&answer, 401, "No user matched the given details");
    let service = world.service().await;
    for target in [&alice.id, &alice.email] {
        let answer = service.get(&format!("/user/{target}")).await;
        assert_refused(&answer, 404, "User not found");
    }
    assert_eq!(
        service.get(&format!("/users?id={}", alice.id)).await.text(),
        "[]"
    );
    world.user("alice").await;
}

#[actix_web::test]
async fn a_name_of_several_accounts_names_none() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    world.verify(&alice).await;
    let copy = doc! { "userid": "0123456789", "emails": [&alice.email] };
    world.users().insert_one(copy).await.unwrap();
    let answer = world.log_in(&alice.email, PASSWORD).await;
    assert_refused(&answer, 401, "No user matched the given details");
    assert_eq!(world.log_in(&alice.id, PASSWORD).await.status, 200);
}

#[actix_web::test]
async fn the_long_term_key_and_app_clients_get_long_tokens() {
    let world = World::start_with(|config| {
        config.tokens.user_ttl_s = 3600;
        config.tokens.long_term_key = Some(SecretString::from("the-key"));
    })
    .await;
    let alice = world.user("alice").await;
    world.verify(&alice).await;
    let lifetime = async |answer: shared_runtime::testing::Answer| {
        let token = answer.header(TOKEN_HEADER).unwrap();
        let data: Value = world.app.bearer(token).get("/token").await.json();
        data["expires_at"].as_i64().unwrap() - chrono::Utc::now().timestamp()
    };
    let month = 30 * 86_400;
    let short = lifetime(world.log_in(&alice.email, PASSWORD).await).await;
    assert!((3_500..=3_600).contains(&short), "{short}");
    for (path, expected) in [("/login/the-key", month), ("/login/other", 3_600)] {
        let seconds = lifetime(world.log_in_at(path, &alice.email, PASSWORD).await).await;
        assert!(
            (expected - 100..=expected).contains(&seconds),
            "{path}: {seconds}"
        );
    }
    let request = world
        .anonymous()
        .request(Method::POST, "/auth/login")
        .header("authorization", basic(&alice.email, PASSWORD))
        .header("user-agent", "okhttp/4.9")
        .header("tokenduration", "60");
    let seconds = lifetime(send(request).await).await;
    assert!((month - 100..=month).contains(&seconds), "{seconds}");
}

#[actix_web::test]
async fn a_session_is_refreshed_with_the_same_length_and_the_old_one_stays() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let answer = alice.person.get("/auth/login").await;
    assert_eq!(answer.status, 200);
    let token = answer.header(TOKEN_HEADER).unwrap();
    assert_ne!(token, alice.token);
    let data: Value = answer.json();
    assert_eq!(data["userid"], json!(alice.id));
    assert_eq!(data["isserver"], json!(false));
    let seconds = data["expires_at"].as_i64().unwrap() - chrono::Utc::now().timestamp();
    assert!((2_591_900..=2_592_000).contains(&seconds), "{seconds}");
    assert_eq!(world.app.bearer(token).get("/user").await.status, 200);
    assert_eq!(alice.person.get("/user").await.status, 200);
    for person in [world.anonymous(), world.app.bearer("x")] {
        let refused = person.get("/login").await;
        assert_refused(&refused, 401, "No x-tidepool-session-token was found");
    }
}

#[actix_web::test]
async fn log_out_ends_the_session_and_always_succeeds() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    for person in [
        world.anonymous(),
        world.app.bearer("x"),
        alice.person.clone(),
    ] {
        assert_empty(&person.post("/auth/logout", &json!({})).await, 200);
    }
    let refused = alice.person.get("/user").await;
    assert_refused(&refused, 401, "Not authorized for requested operation");
    assert_empty(&alice.person.post("/logout", &json!({})).await, 200);
}

#[actix_web::test]
async fn log_out_ends_all_that_were_refreshed_from_one_another_and_no_other() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    world.verify(&alice).await;
    let refresh = async |token: &str| {
        let answer = world.app.bearer(token).get("/auth/login").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.header(TOKEN_HEADER).unwrap().to_owned()
    };
    let other = world.log_in(&alice.email, PASSWORD).await;
    let other = other.header(TOKEN_HEADER).unwrap();
    for ended in 0..4 {
        let first = world.log_in(&alice.email, PASSWORD).await;
        let first = first.header(TOKEN_HEADER).unwrap().to_owned();
        let second = refresh(&first).await;
        let family = [refresh(&second).await, refresh(&first).await, first, second];
        let log_out = world.app.bearer(&family[ended]);
        assert_empty(&log_out.post("/auth/logout", &json!({})).await, 200);
        for token in &family {
            assert_eq!(world.app.bearer(token).get("/user").await.status, 401);
            assert_eq!(world.app.bearer(token).get("/login").await.status, 401);
        }
    }
    assert_eq!(world.app.bearer(other).get("/user").await.status, 200);
    assert_eq!(alice.person.get("/user").await.status, 200);
}

#[actix_web::test]
async fn a_session_of_an_older_version_is_the_first_of_its_family() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let forget = doc! { "$unset": { "familyId": "", "familySince": "" } };
    world.tokens().update_many(doc! {}, forget).await.unwrap();
    let renewed = alice.person.get("/auth/login").await;
    let renewed = world.app.bearer(renewed.header(TOKEN_HEADER).unwrap());
    assert_empty(&renewed.post("/auth/logout", &json!({})).await, 200);
    assert_eq!(alice.person.get("/user").await.status, 401);
    assert_eq!(renewed.get("/user").await.status, 401);

    let bob = world.user("bob").await;
    let forget = doc! { "$unset": { "familyId": "", "familySince": "" } };
    world.tokens().update_many(doc! {}, forget).await.unwrap();
    assert_empty(&bob.person.post("/auth/logout", &json!({})).await, 200);
    assert_eq!(bob.person.get("/user").await.status, 401);
}

#[actix_web::test]
async fn no_session_that_is_refreshed_at_the_log_out_survives_it() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    world.verify(&alice).await;
    for _ in 0..20 {
        let first = world.log_in(&alice.email, PASSWORD).await;
        let first = world.app.bearer(first.header(TOKEN_HEADER).unwrap());
        let second = first.get("/auth/login").await;
        let second = world.app.bearer(second.header(TOKEN_HEADER).unwrap());
        let nothing = json!({});
        let (renewed, ended) = futures_util::future::join(
            second.get("/auth/login"),
            first.post("/auth/logout", &nothing),
        )
        .await;
        assert_empty(&ended, 200);
        if let Some(token) = renewed.header(TOKEN_HEADER) {
            assert_eq!(world.app.bearer(token).get("/user").await.status, 401);
        }
        assert_eq!(second.get("/user").await.status, 401);
    }
}

#[actix_web::test]
async fn a_session_ends_90_days_after_its_log_in_however_often_it_is_refreshed() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let day = 86_400;
    let now = chrono::Utc::now().timestamp();
    let began = async |days_ago: i64| {
        let since = bson::DateTime::from_millis((now - days_ago * day) * 1000);
        let set = doc! { "$set": { "familySince": since } };
        world.tokens().update_many(doc! {}, set).await.unwrap();
    };
    for (days_ago, left) in [(0, 30), (59, 30), (61, 29), (89, 1)] {
        began(days_ago).await;
        let answer = alice.person.get("/auth/login").await;
        let data: Value = answer.json();
        let seconds = data["expires_at"].as_i64().unwrap() - now;
        assert!(
            (left * day..left * day + 100).contains(&seconds),
            "{seconds}"
        );
        let renewed = world.app.bearer(answer.header(TOKEN_HEADER).unwrap());
        let told: Value = renewed.get("/token").await.json();
        assert_eq!(told["expires_at"], data["expires_at"]);
    }
    began(91).await;
    let refused = alice.person.get("/auth/login").await;
    assert_refused(&refused, 401, "No x-tidepool-session-token was found");
}

#[actix_web::test]
async fn a_service_ends_all_sessions_of_a_user() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let bob = world.user("bob").await;
    world.verify(&alice).await;
    let path = format!("/auth/user/{}/sessions", alice.id);
    for person in [&world.anonymous(), &alice.person, &bob.person] {
        let refused = person.delete(&path).await;
        assert_refused(&refused, 401, "No x-tidepool-session-token was found");
    }
    let second = world.log_in(&alice.email, PASSWORD).await;
    assert_empty(&world.service().await.delete(&path).await, 204);
    assert_eq!(alice.person.get("/user").await.status, 401);
    let second = world.app.bearer(second.header(TOKEN_HEADER).unwrap());
    assert_eq!(second.get("/user").await.status, 401);
    assert_eq!(bob.person.get("/user").await.status, 200);
}

#[actix_web::test]
async fn a_legacy_hash_is_accepted_once_and_replaced() {
    let world = World::start_with(|config| {
        config.passwords.legacy_salt = Some(SecretString::from(crate::world::LEGACY_SALT));
    })
    .await;
    let golden = doc! {
        "userid": "1111111111", "username": "old@example.org", "emails": ["old@example.org"],
        "pwhash": "d1fef52139b0d120100726bcb43d5cc13d41e4b5", "authenticated": true,
    };
    world.users().insert_one(golden).await.unwrap();
    assert_eq!(
        world.log_in("old@example.org", "Password").await.status,
        401
    );
    // All at once: the hash is replaced by one of them and all are in.
    let answers = join_all((0..4).map(|_| world.log_in("old@example.org", "password"))).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    let stored = world.document("1111111111").await.unwrap();
    assert!(stored.get_str("pwhash").unwrap().starts_with("$argon2id$"));
    assert_eq!(
        world.log_in("old@example.org", "password").await.status,
        200
    );
    assert_eq!(world.log_in("1111111111", "Password").await.status, 401);
}

#[actix_web::test]
async fn guessing_at_one_account_is_slowed_and_others_are_not() {
    let world =
        World::start_with(|config| config.limits.passwords_per_source_and_account.burst = 3).await;
    let alice = world.user("alice").await;
    let bob = world.user("bob").await;
    world.verify(&bob).await;
    for name in [&alice.email, &alice.id, &alice.email.to_uppercase()] {
        assert_eq!(world.log_in(name, "wrong-password").await.status, 401);
    }
    let refused = world.log_in(&alice.email, PASSWORD).await;
    assert_refused(&refused, 429, "Too many login attempts");
    assert!(
        refused
            .header("retry-after")
            .unwrap()
            .parse::<u32>()
            .unwrap()
            >= 1
    );
    assert_eq!(world.log_in(&bob.email, PASSWORD).await.status, 200);
}

#[actix_web::test]
async fn more_hashes_than_fit_are_refused_and_none_is_lost() {
    let world = World::start_with(|config| {
        config.passwords.hash_permits = 1;
        config.passwords.hash_queue = 2;
    })
    .await;
    let alice = world.user("alice").await;
    world.verify(&alice).await;
    let statuses: Vec<u16> = join_all((0..30).map(|_| world.log_in(&alice.email, PASSWORD)))
        .await
        .iter()
        .inspect(|answer| {
            assert_eq!(answer.status == 503, answer.header("retry-after").is_some());
        })
        .map(|answer| answer.status)
        .collect();
    assert!(
        statuses.iter().all(|status| matches!(status, 200 | 503)),
        "{statuses:?}"
    );
    assert!(
        statuses.contains(&200) && statuses.contains(&503),
        "{statuses:?}"
    );
    assert_eq!(world.log_in(&alice.email, PASSWORD).await.status, 200);
}
