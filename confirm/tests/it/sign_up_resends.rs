//! Mails of sign-ups that are sent again.

use bson::doc;
use serde_json::{Value, json};

use crate::world::{World, assert_empty, assert_refused, post, timeless};

const NONE: &str = "No matching signup confirmation was found";

#[actix_web::test]
async fn a_mail_that_is_sent_again_has_another_key_and_lasts_as_long() {
    let world = World::start().await;
    world.user_api.has("alice");
    let old = world.sign_up("alice").await;
    world.settled().await;
    let long_ago = bson::DateTime::from_millis(1_700_000_000_000);
    world
        .set(
            &old,
            doc! { "created": long_ago, "expiresAt": long_ago, "modified": long_ago },
        )
        .await;
    let path = "/confirm/resend/signup/Alice@Example.ORG";
    assert_empty(&post(&world.anonymous(), path).await, 200);
    assert_eq!(world.document(&old).await, None);
    let mails = world.mails().await;
    assert_eq!(mails.len(), 2);
    assert_eq!(mails[1].to, ["alice@example.org"]);
    let new = mails[1].value("signupKey");
    assert_ne!(new, old);
    let shown: Value = world.service().get("/confirm/signup/alice").await.json();
    assert_eq!(shown["key"], new.as_str());
    assert_eq!(shown["modified"], "0001-01-01T00:00:00Z");
    timeless(shown, 31);
    let accept = |key: &str| format!("/confirm/accept/signup/{key}");
    let answer = world.anonymous().put(&accept(&old), &Value::Null).await;
    assert_refused(&answer, 404, NONE);
    let answer = world.anonymous().put(&accept(&new), &Value::Null).await;
    assert_empty(&answer, 200);
    assert_refused(&post(&world.anonymous(), path).await, 404, NONE);
}

#[actix_web::test]
async fn a_stranger_who_has_a_mail_sent_again_voids_no_key() {
    let world = World::start().await;
    world
        .user_api
        .has_with("alice", json!({"emailVerified": false}));
    let first = world.sign_up("alice").await;
    world.settled().await;
    let path = "/confirm/resend/signup/alice@example.org";
    let mut keys = vec![first.clone()];
    for round in 2..4 {
        assert_empty(&post(&world.anonymous(), path).await, 200);
        let mails = world.mails().await;
        assert_eq!(mails.len(), round);
        keys.push(mails[round - 1].value("signupKey"));
    }
    // No document holds the earlier ones.
    let stored = world
        .everything(&["confirmations", "outbox", "mail_outbox"])
        .await;
    assert_eq!(stored.len(), 1);
    for key in &keys[..2] {
        assert!(
            !stored[0].to_string().contains(key.as_str()),
            "{}",
            stored[0]
        );
    }
    let accept = |key: &str| format!("/confirm/accept/signup/{key}");
    // What is stored of a key is no key.
    let digest = stored[0].get_array("otherKeys").unwrap()[0]
        .as_document()
        .unwrap();
    let digest = digest.get_str("digest").unwrap();
    let answer = world.anonymous().put(&accept(digest), &Value::Null).await;
    assert_refused(&answer, 404, NONE);
    // The one from the first mail still works, for its account and address only.
    let of_bob = format!("/confirm/accept/signup/bob/{first}");
    let answer = world.anonymous().put(&of_bob, &Value::Null).await;
    assert_refused(&answer, 404, NONE);
    let answer = world.anonymous().put(&accept(&first), &Value::Null).await;
    assert_empty(&answer, 200);
    assert_eq!(world.user_api.account("alice")["emailVerified"], true);
    assert_eq!(world.status(&keys[2]).await, "completed");
    let none = world.service().get("/confirm/signup/alice").await;
    assert_refused(&none, 404, NONE);
    // All of them say the same again, and none can be withdrawn any more.
    for key in &keys {
        let answer = world.anonymous().put(&accept(key), &Value::Null).await;
        assert_empty(&answer, 200);
        let body = json!({ "key": key });
        let answer = world
            .anonymous()
            .put("/confirm/dismiss/signup/alice", &body)
            .await;
        assert_refused(&answer, 404, NONE);
    }
}

#[actix_web::test]
async fn an_earlier_key_withdraws_the_sign_up_as_the_last_one_does() {
    let world = World::start().await;
    for (id, path) in [
        ("alice", "/confirm/dismiss/signup/alice"),
        ("bob", "/confirm/signup/bob"),
    ] {
        world.user_api.has(id);
        let first = world.sign_up(id).await;
        let resend = format!("/confirm/resend/signup/{id}@example.org");
        assert_empty(&post(&world.anonymous(), &resend).await, 200);
        let answer = world.anonymous().put(path, &json!({ "key": first })).await;
        assert_empty(&answer, 200);
        let accept = format!("/confirm/accept/signup/{first}");
        let answer = world.anonymous().put(&accept, &Value::Null).await;
        assert_refused(&answer, 404, NONE);
    }
}

#[actix_web::test]
async fn an_earlier_key_is_over_when_it_would_have_been() {
    let world = World::start().await;
    world.user_api.has("alice");
    let first = world.sign_up("alice").await;
    let resend = "/confirm/resend/signup/alice@example.org";
    assert_empty(&post(&world.anonymous(), resend).await, 200);
    let shown: Value = world.service().get("/confirm/signup/alice").await.json();
    let past = bson::DateTime::from_millis(1_700_000_000_000);
    let key = shown["key"].as_str().unwrap();
    world.set(key, doc! { "otherKeys.0.until": past }).await;
    let accept = format!("/confirm/accept/signup/{first}");
    let answer = world.anonymous().put(&accept, &Value::Null).await;
    assert_refused(&answer, 404, NONE);
    assert_eq!(world.status(key).await, "pending");
}

#[actix_web::test]
async fn the_id_of_the_account_is_taken_in_the_place_of_the_address() {
    let world = World::start().await;
    let id = "0b9d2c4e-7a1f-4b6c-9d55-2f8e01c3a7d4";
    world.user_api.has(id);
    world.sign_up(id).await;
    world.settled().await;
    let path = format!("/confirm/resend/signup/{id}");
    assert_empty(&post(&world.anonymous(), &path).await, 200);
    assert_eq!(world.mails().await.len(), 2);
    let answer = post(&world.anonymous(), "/resend/signup/0123456789").await;
    assert_refused(&answer, 404, NONE);
}

#[actix_web::test]
async fn an_address_may_hold_a_slash() {
    let world = World::start().await;
    world
        .user_api
        .has_with("alice", json!({"emails": ["a/b@example.org"]}));
    world.sign_up("alice").await;
    world.settled().await;
    let path = "/confirm/resend/signup/a%2Fb@example.org";
    assert_empty(&post(&world.anonymous(), path).await, 200);
    let mails = world.mails().await;
    assert_eq!(mails.len(), 2);
    assert_eq!(mails[1].to, ["a/b@example.org"]);
}

#[actix_web::test]
async fn nothing_is_sent_again_to_another_address() {
    let world = World::without_relay().await;
    world
        .user_api
        .has_with("s", json!({"emails": ["strasse+a@example.org"]}));
    world.sign_up("s").await;
    for address in [
        "nobody@example.org",
        "straße+a@example.org",
        "strasse@example.org",
        "strasse%20a@example.org",
        "strässe+a@example.org",
        ".*@example.org",
        "strasse+a@example.or",
    ] {
        let path = format!("/confirm/resend/signup/{address}");
        let answer = post(&world.anonymous(), &path).await;
        assert_refused(&answer, 404, NONE);
    }
    assert_eq!(world.rows("mail_outbox", "pending").await, 1);
    for address in ["Strasse+A@example.org", "strasse%2Ba@example.org"] {
        let path = format!("/confirm/resend/signup/{address}");
        assert_empty(&post(&world.anonymous(), &path).await, 200);
    }
}
