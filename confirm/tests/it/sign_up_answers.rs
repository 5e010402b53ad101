//! Confirmations of sign-ups: accepted, dismissed, canceled.

use bson::doc;
use reqwest::Method;
use serde_json::{Value, json};
use stand_ins::user_api;

use crate::world::{World, assert_empty, assert_refused, put, send_raw};

const NONE: &str = "No matching signup confirmation was found";
const NO_KEY: &str = "Required confirmation id is missing";
const UNREADABLE: &str = "Error decoding the confirmation";

#[actix_web::test]
async fn the_key_from_the_mail_verifies_the_address() {
    let world = World::start().await;
    world
        .user_api
        .has_with("alice", json!({"emailVerified": false}));
    world.sign_up("alice").await;
    let key = world.mail().await.value("signupKey");
    let path = format!("/confirm/accept/signup/{key}");
    assert_empty(&put(&world.anonymous(), &path).await, 200);
    assert_eq!(world.user_api.account("alice")["emailVerified"], true);
    assert_eq!(world.status(&key).await, "completed");
    let modified = world.document(&key).await.unwrap();
    let modified = modified.get_datetime("modified").unwrap().to_chrono();
    assert!((chrono::Utc::now() - modified).num_seconds() < 60);
    let [(_, update)] = world
        .user_api
        .asked(user_api::Ask::Update)
        .try_into()
        .unwrap();
    assert_eq!(update["updates"], json!({"emailVerified": true}));
    assert_eq!(update["onlyIf"], json!({"email": "alice@example.org"}));
    // The link may be opened again.
    assert_empty(&put(&world.anonymous(), &path).await, 200);
}

#[actix_web::test]
async fn the_body_does_not_matter_for_an_account_with_a_password() {
    let world = World::without_relay().await;
    world
        .user_api
        .has_with("alice", json!({"emailVerified": false}));
    let key = world.sign_up("alice").await;
    let path = format!("/confirm/accept/signup/{key}");
    for body in [
        "",
        "{",
        "null",
        r#"{"password":"other-password","birthday":"x"}"#,
    ] {
        let answer = send_raw(&world.anonymous(), Method::PUT, &path, body).await;
        assert_empty(&answer, 200);
    }
    for (_, update) in world.user_api.asked(user_api::Ask::Update) {
        assert_eq!(update["updates"], json!({"emailVerified": true}));
    }
}

#[actix_web::test]
async fn a_key_is_for_its_account() {
    let world = World::without_relay().await;
    for id in ["alice", "bob"] {
        world.user_api.has_with(id, json!({"emailVerified": false}));
    }
    let (alices, bobs) = (world.sign_up("alice").await, world.sign_up("bob").await);
    let anonymous = world.anonymous();
    let path = format!("/confirm/accept/signup/alice/{bobs}");
    assert_refused(&put(&anonymous, &path).await, 404, NONE);
    let path = format!("/confirm/accept/signup/{alices}/alice");
    assert_refused(&put(&anonymous, &path).await, 404, NONE);
    assert!(world.user_api.asked(user_api::Ask::Update).is_empty());
    let path = format!("/confirm/accept/signup/alice/{alices}");
    assert_empty(&put(&anonymous, &path).await, 200);
    assert_eq!(world.user_api.account("alice")["emailVerified"], true);
    assert_eq!(world.user_api.account("bob")["emailVerified"], false);
}

#[actix_web::test]
async fn a_key_that_was_withdrawn_or_refused_or_has_expired_verifies_nothing() {
    let world = World::without_relay().await;
    world
        .user_api
        .has_with("alice", json!({"emailVerified": false}));
    let key = world.sign_up("alice").await;
    let (anonymous, path) = (world.anonymous(), format!("/confirm/accept/signup/{key}"));
    for status in ["canceled", "declined"] {
        world.set(&key, doc! { "status": status }).await;
        assert_refused(&put(&anonymous, &path).await, 404, NONE);
    }
    for status in ["pending", "completed"] {
        world.set(&key, doc! { "status": status }).await;
        world.expire(&key).await;
        let answer = put(&anonymous, &path).await;
        assert_refused(&answer, 404, "The signup confirmation has expired");
    }
    for other in ["", "x", &key[..31], &key.to_uppercase(), &format!("{key}x")] {
        let answer = put(&anonymous, &format!("/confirm/accept/signup/{other}")).await;
        assert_eq!(answer.status, 404, "{other}");
    }
    assert!(world.user_api.asked(user_api::Ask::Update).is_empty());
}

#[actix_web::test]
async fn a_key_of_another_kind_never_verifies() {
    let mut world = World::without_relay().await;
    world.start_relay();
    for id in ["alice", "bob"] {
        world.user_api.has_with(id, json!({"emailVerified": false}));
    }
    let reset = world.forget("bob@example.org").await;
    let invited = world
        .invite("alice", "bob@example.org", json!({"view": {}}))
        .await;
    let invitation = invited["key"].as_str().unwrap().to_owned();
    // As if each were known to be Bob's.
    world.set(&invitation, doc! { "userId": "bob" }).await;
    for kind in ["clinician_invitation", "no_account"] {
        let mut other = world.document(&reset).await.unwrap();
        other.insert("_id", kind);
        other.insert("type", kind);
        world.confirmations().insert_one(other).await.unwrap();
    }
    let anonymous = world.anonymous();
    for key in [&reset, &invitation, "clinician_invitation", "no_account"] {
        for path in [
            format!("/confirm/accept/signup/{key}"),
            format!("/confirm/accept/signup/bob/{key}"),
        ] {
            assert_refused(&put(&anonymous, &path).await, 404, NONE);
        }
        for path in ["/confirm/dismiss/signup/bob", "/confirm/signup/bob"] {
            let answer = anonymous.put(path, &json!({"key": key})).await;
            assert_refused(&answer, 404, NONE);
        }
    }
    assert!(world.user_api.asked(user_api::Ask::Update).is_empty());
    assert_eq!(world.user_api.account("bob")["emailVerified"], false);
    assert_eq!(world.status(&reset).await, "pending");
    assert_eq!(world.status(&invitation).await, "pending");
}

#[actix_web::test]
async fn a_key_for_an_old_address_never_verifies_the_new_one() {
    let world = World::without_relay().await;
    world
        .user_api
        .has_with("alice", json!({"emailVerified": false}));
    let key = world.sign_up("alice").await;
    let path = format!("/confirm/accept/signup/{key}");
    for new in ["new@example.org", "ålice@example.org"] {
        world.user_api.change("alice", json!({"emails": [new]}));
        assert_refused(&put(&world.anonymous(), &path).await, 404, NONE);
    }
    world.user_api.change("alice", json!({"emails": null}));
    assert_refused(&put(&world.anonymous(), &path).await, 404, NONE);
    assert_eq!(world.user_api.account("alice")["emailVerified"], false);
    assert_eq!(world.status(&key).await, "pending");
    // The address that changes between the look and the write is user-api's to refuse.
    world
        .user_api
        .change("alice", json!({"emails": ["Alice@example.org"]}));
    world.user_api.fail(user_api::Ask::Update, 409);
    assert_refused(&put(&world.anonymous(), &path).await, 404, NONE);
    world.user_api.mend(user_api::Ask::Update);
    assert_empty(&put(&world.anonymous(), &path).await, 200);
}

#[actix_web::test]
async fn what_fails_on_the_way_can_be_repeated() {
    let world = World::without_relay().await;
    world
        .user_api
        .has_with("alice", json!({"emailVerified": false}));
    let key = world.sign_up("alice").await;
    let path = format!("/confirm/accept/signup/{key}");
    for (ask, text) in [
        (user_api::Ask::People, "Error finding the user"),
        (user_api::Ask::Update, "Error updating user"),
    ] {
        world.user_api.fail(ask, 500);
        assert_refused(&put(&world.anonymous(), &path).await, 500, text);
        world.user_api.mend(ask);
        assert_eq!(world.status(&key).await, "pending");
        assert_eq!(world.user_api.account("alice")["emailVerified"], false);
    }
    assert_empty(&put(&world.anonymous(), &path).await, 200);
    world.user_api.remove("alice");
    let answer = put(&world.anonymous(), &path).await;
    assert_refused(&answer, 500, "Error finding the user");
}

#[actix_web::test]
async fn whoever_has_the_key_can_say_no_or_withdraw() {
    let world = World::without_relay().await;
    let anonymous = world.anonymous();
    for (verb, status) in [("dismiss/signup", "declined"), ("signup", "canceled")] {
        world.user_api.has("alice");
        let key = world.sign_up("alice").await;
        let path = format!("/confirm/{verb}/alice");
        let answer = anonymous.put(&path, &json!({"key": ""})).await;
        assert_refused(&answer, 400, NO_KEY);
        for body in ["{}", r#"{"404":[]}"#, r#"{"key":null}"#] {
            let answer = send_raw(&anonymous, Method::PUT, &path, body).await;
            assert_refused(&answer, 400, NO_KEY);
        }
        for body in [
            "",
            "{",
            "null",
            "[]",
            r#"{"key":1}"#,
            r#"{"key":{"$ne":""}}"#,
        ] {
            let answer = send_raw(&anonymous, Method::PUT, &path, body).await;
            assert_refused(&answer, 400, UNREADABLE);
        }
        let others = format!("/confirm/{verb}/bob");
        let answer = anonymous.put(&others, &json!({"key": key})).await;
        assert_refused(&answer, 404, NONE);
        let answer = anonymous.put(&path, &json!({"key": "unknown"})).await;
        assert_refused(&answer, 404, NONE);
        assert_eq!(world.status(&key).await, "pending");
        let body = json!({"key": key, "email": "other@example.org", "type": "no_account"});
        assert_empty(&anonymous.put(&path, &body).await, 200);
        assert_eq!(world.status(&key).await, status);
        // Once is enough, and what was accepted stays so.
        assert_refused(&anonymous.put(&path, &body).await, 404, NONE);
        world.set(&key, doc! { "status": "completed" }).await;
        assert_refused(&anonymous.put(&path, &body).await, 404, NONE);
        world.confirmations().delete_many(doc! {}).await.unwrap();
    }
}

#[actix_web::test]
async fn whoever_runs_the_account_withdraws_without_the_key() {
    let world = World::without_relay().await;
    world.user_api.has("alice");
    world
        .gatekeeper
        .grant("alice", "bob", json!({"custodian": {}}));
    world
        .gatekeeper
        .grant("alice", "carol", json!({"view": {}}));
    let path = "/confirm/signup/alice";
    let not_allowed = "Not authorized for requested operation";
    for caller in [world.user("alice"), world.user("bob"), world.service()] {
        for delete in [false, true] {
            let key = world.sign_up("alice").await;
            let carol = world.user("carol");
            let body = json!({"404": []});
            assert_refused(&carol.put(path, &body).await, 401, not_allowed);
            assert_refused(&carol.delete(path).await, 401, not_allowed);
            let answer = if delete {
                caller.delete(path).await
            } else {
                caller.put(path, &body).await
            };
            assert_empty(&answer, 200);
            assert_eq!(world.status(&key).await, "canceled");
            assert_refused(&caller.put(path, &body).await, 404, NONE);
            assert_refused(&caller.delete(path).await, 404, NONE);
        }
    }
    let invalid = world.app.bearer("nonsense").put(path, &json!({})).await;
    assert_refused(&invalid, 403, "The x-tidepool-session-token was invalid");
    // With the key the token does not matter.
    let key = world.sign_up("alice").await;
    let answer = world.user("carol").put(path, &json!({"key": key})).await;
    assert_empty(&answer, 200);
    let gone: Value = world.service().get(path).await.json();
    assert_eq!(gone["code"], 404);
}
