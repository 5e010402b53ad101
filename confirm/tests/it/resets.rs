//! The key in the mail about a forgotten password sets a new one.

use bson::doc;
use reqwest::Method;
use serde_json::{Value, json};
use shared_runtime::testing::Answer;
use stand_ins::user_api;

use crate::world::{World, assert_empty, assert_refused, post, reason, send_raw};

const ACCEPT: &str = "/confirm/accept/forgot";
pub(crate) const PASSWORD: &str = "battery-staple";
pub(crate) const NONE: &str = "No matching reset confirmation was found.";
const REFUSED: &str =
    "Error while resetting password; reset confirmation remains active until it expires.";

pub(crate) async fn accept(world: &World, key: &str, email: &str, password: &str) -> Answer {
    let body = json!({"key": key, "email": email, "password": password});
    world.anonymous().put(ACCEPT, &body).await
}

#[track_caller]
pub(crate) fn assert_reset(answer: &Answer) {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let wanted = reason(200, "Password has been reset.");
    assert_eq!(answer.json::<Value>(), wanted);
}

#[actix_web::test]
async fn a_reset_of_the_reference_or_an_older_version_still_works() {
    let mut world = World::without_relay().await;
    world.user_api.has("bob");
    let (key, queued) = (
        "0123456789abcdefghijABCDEFGHIJ-_",
        "ABCDEFGHIJ0123456789abcdefghij-_",
    );
    let made = bson::DateTime::now();
    let end = bson::DateTime::from_millis(made.timestamp_millis() + 60_000);
    for (key, user) in [(key, ""), (queued, "bob")] {
        let reset = doc! {
            "_id": key, "type": "password_reset", "status": "pending", "created": made,
            "email": "Bob@example.org", "userId": user, "creatorId": "", "creator": {},
            "expiresAt": end, "templateName": "password_reset",
        };
        world.confirmations().insert_one(reset).await.unwrap();
    }
    // Its mail may still wait.
    let row = doc! {
        "key": "row", "topic": "mail", "payload": { "key": queued, "created": made },
        "sequence": bson::Timestamp { time: 1, increment: 1 }, "state": "pending",
        "attempts": 0, "nextAttemptAt": made, "enqueuedAt": made,
    };
    let rows = world.database.database.collection("mail_outbox");
    rows.insert_one(row).await.unwrap();
    world.start_relay();
    assert_eq!(world.mail().await.value("resetKey"), queued);
    assert_reset(&accept(&world, key, "bob@example.org", PASSWORD).await);
    assert_eq!(world.status(key).await, "completed");
    assert_eq!(world.status(queued).await, "canceled");
}

#[actix_web::test]
async fn the_key_sets_a_password_once() {
    let world = World::start().await;
    world.user_api.has("bob");
    let key = world.forget("bob@example.org").await;
    assert_reset(&accept(&world, &key, "BOB@example.org", PASSWORD).await);
    assert_eq!(world.user_api.account("bob")["password"], PASSWORD);
    let [(id, update)] = world
        .user_api
        .asked(user_api::Ask::Update)
        .try_into()
        .unwrap();
    assert_eq!(id, "bob");
    let updates = json!({"password": PASSWORD, "emailVerified": true});
    assert_eq!(update["updates"], updates);
    assert_eq!(update["onlyIf"], json!({"email": "bob@example.org"}));
    assert_eq!(world.status(&key).await, "completed");
    for password in [PASSWORD, "another-password"] {
        let answer = accept(&world, &key, "bob@example.org", password).await;
        assert_refused(&answer, 404, NONE);
    }
    assert_eq!(world.user_api.account("bob")["password"], PASSWORD);
}

#[actix_web::test]
async fn the_other_keys_are_worth_nothing_then() {
    let world = World::start().await;
    for id in ["bob", "carol"] {
        world.user_api.has(id);
    }
    let carols = world.forget("carol@example.org").await;
    let first = world.forget("bob@example.org").await;
    let second = world.forget("bob@example.org").await;
    assert_reset(&accept(&world, &second, "bob@example.org", PASSWORD).await);
    assert_eq!(world.status(&first).await, "canceled");
    assert_eq!(world.status(&second).await, "completed");
    assert_eq!(world.status(&carols).await, "pending");
    let answer = accept(&world, &first, "bob@example.org", "another-password").await;
    assert_refused(&answer, 404, NONE);
}

#[actix_web::test]
async fn a_key_goes_with_its_address() {
    let world = World::start().await;
    for id in ["bob", "carol"] {
        world.user_api.has(id);
    }
    let key = world.forget("bob@example.org").await;
    for email in [
        "carol@example.org",
        "böb@example.org",
        "bob@example.or",
        "bob",
        "x@y",
    ] {
        let answer = accept(&world, &key, email, PASSWORD).await;
        assert_refused(&answer, 404, NONE);
    }
    for other in ["unknown", &key[..31], &key.to_lowercase()] {
        let answer = accept(&world, other, "bob@example.org", PASSWORD).await;
        assert_refused(&answer, 404, NONE);
    }
    let (email, nobodys) = ("bob@example.org", world.sign_up("bob").await);
    let answer = accept(&world, &nobodys, email, PASSWORD).await;
    assert_refused(&answer, 404, NONE);
    assert!(world.user_api.asked(user_api::Ask::Update).is_empty());
    // Nor does it open the account that has another address by now.
    world
        .user_api
        .change("bob", json!({"emails": ["moved@example.org"]}));
    for email in ["bob@example.org", "moved@example.org"] {
        let answer = accept(&world, &key, email, PASSWORD).await;
        assert_refused(&answer, 404, NONE);
    }
    world.user_api.remove("bob");
    let answer = accept(&world, &key, "bob@example.org", PASSWORD).await;
    assert_refused(&answer, 404, NONE);
}

#[actix_web::test]
async fn what_is_missing_or_not_accepted_leaves_the_key_as_it_is() {
    let world = World::start().await;
    world.user_api.has("bob");
    let key = world.forget("bob@example.org").await;
    for body in [
        "",
        "{",
        "null",
        "[1]",
        "1",
        r#"{"key":1}"#,
        r#"{"key":{"$ne":""}}"#,
    ] {
        let answer = send_raw(&world.anonymous(), Method::PUT, ACCEPT, body).await;
        assert_refused(&answer, 400, "Error decoding the confirmation");
    }
    let email = "bob@example.org";
    for body in [
        json!({}),
        json!({"email": email, "password": PASSWORD}),
        json!({"key": "", "email": email, "password": PASSWORD}),
        json!({"key": key, "password": PASSWORD}),
        json!({"key": key, "email": "", "password": PASSWORD}),
        json!({"key": key, "email": email}),
        json!({"key": key, "email": email, "password": ""}),
        json!({"key": key, "email": email, "password": "short"}),
        json!({"key": key, "email": email, "password": "space at the end "}),
        json!({"key": key, "email": email, "password": "x".repeat(73)}),
    ] {
        assert_refused(&world.anonymous().put(ACCEPT, &body).await, 400, REFUSED);
    }
    // What only user-api knows to be wrong.
    world.user_api.fail(user_api::Ask::Update, 400);
    let body = json!({"key": key, "email": email, "password": PASSWORD});
    assert_refused(&world.anonymous().put(ACCEPT, &body).await, 400, REFUSED);
    world.user_api.mend_all();
    assert_eq!(world.status(&key).await, "pending");
    world.user_api.fail(user_api::Ask::Update, 500);
    assert_refused(&accept(&world, &key, email, PASSWORD).await, 400, REFUSED);
    world.user_api.mend(user_api::Ask::Update);
    assert_eq!(world.status(&key).await, "pending");
    assert_reset(&accept(&world, &key, email, PASSWORD).await);
}

#[actix_web::test]
async fn a_key_expires() {
    let world = World::start().await;
    world.user_api.has("bob");
    let key = world.forget("bob@example.org").await;
    world.expire(&key).await;
    let answer = accept(&world, &key, "bob@example.org", PASSWORD).await;
    assert_refused(&answer, 404, "Password reset confirmation has expired.");
    let answer = accept(&world, &key, "other@example.org", PASSWORD).await;
    assert_refused(&answer, 404, NONE);
    assert!(world.user_api.asked(user_api::Ask::Update).is_empty());
}

#[actix_web::test]
async fn a_repeat_after_a_failure_is_the_same_change() {
    let world = World::start().await;
    world.user_api.has("bob");
    let key = world.forget("bob@example.org").await;
    let database = &world.database.database;
    let may_not_end =
        doc! { "collMod": "confirmations", "validator": { "status": { "$ne": "completed" } } };
    database.run_command(may_not_end).await.unwrap();
    let answer = accept(&world, &key, "bob@example.org", PASSWORD).await;
    assert_refused(&answer, 500, "Error saving the confirmation");
    let free = doc! { "collMod": "confirmations", "validator": {} };
    database.run_command(free).await.unwrap();
    // The key is good for this password only.
    let other = accept(&world, &key, "bob@example.org", "another-password").await;
    assert_refused(&other, 404, NONE);
    assert_reset(&accept(&world, &key, "bob@example.org", PASSWORD).await);
    let asked = world.user_api.asked(user_api::Ask::Update);
    assert_eq!(asked[0], asked[2]);
    assert!(!asked[0].1.to_string().contains(&key));
    assert_eq!(world.user_api.account("bob")["password"], PASSWORD);
}

#[actix_web::test]
async fn whoever_has_the_mail_of_a_child_still_has_to_know_its_birthday() {
    let world = World::start().await;
    world.user_api.has_child("child", "2010-02-03");
    let asked = post(&world.anonymous(), "/confirm/send/forgot/Child@example.org").await;
    assert_empty(&asked, 200);
    let mail = world.mail().await;
    assert_eq!(mail.to, ["child@example.org"]);
    let key = mail.value("signupKey");
    let answer = accept(&world, &key, "child@example.org", PASSWORD).await;
    assert_refused(&answer, 404, NONE);
    let path = format!("/confirm/accept/signup/{key}");
    let claim = json!({"password": PASSWORD, "birthday": "2010-02-04"});
    let answer = world.anonymous().put(&path, &claim).await;
    assert_eq!(answer.json::<Value>()["error"], 1006);
    let claim = json!({"password": PASSWORD, "birthday": "2010-02-03"});
    assert_empty(&world.anonymous().put(&path, &claim).await, 200);
    // From here on it is an account as any other.
    world.forget("child@example.org").await;
}

#[actix_web::test]
async fn a_claim_that_is_forgotten_replaces_the_one_that_waits() {
    let world = World::start().await;
    world.user_api.has_child("child", "2010-02-03");
    world
        .user_api
        .has_with("clinic", json!({"roles": ["clinic"]}));
    world
        .gatekeeper
        .grant("child", "clinic", json!({"custodian": {}}));
    let path = "/confirm/send/signup/child";
    let sent = world.user("clinic").post(path, &json!({})).await;
    assert_empty(&sent, 200);
    let old = world.mail().await;
    let asked = post(&world.anonymous(), "/confirm/forgot/child@example.org").await;
    assert_empty(&asked, 200);
    let mails = world.mails().await;
    assert_eq!(mails.len(), 2);
    // The same mail, with another key.
    assert_eq!(mails[1].subject, old.subject);
    let (old, new) = (old.value("signupKey"), mails[1].value("signupKey"));
    assert_ne!(old, new);
    assert_eq!(world.document(&old).await, None);
    let stored = world.document(&new).await.unwrap();
    assert_eq!(stored.get_str("creatorId").unwrap(), "clinic");
}

#[actix_web::test]
async fn an_account_without_a_password_is_claimed_and_not_reset() {
    let world = World::start().await;
    world.user_api.has_with(
        "greta",
        json!({"passwordExists": false, "emailVerified": false}),
    );
    let old = world.sign_up("greta").await;
    assert_eq!(world.mail().await.value("signupKey"), old);
    let forgot = "/confirm/send/forgot/greta@example.org";
    assert_empty(&post(&world.anonymous(), forgot).await, 200);
    let mails = world.mails().await;
    let keys: Vec<String> = mails.iter().map(|mail| mail.value("signupKey")).collect();
    let key = keys.iter().find(|key| **key != old).unwrap();
    // The new key has taken the place of the old one, and asks for the birthday.
    assert!(world.document(&old).await.is_none());
    let reset = accept(&world, key, "greta@example.org", PASSWORD).await;
    assert_refused(&reset, 404, NONE);
    let path = format!("/confirm/accept/signup/{key}");
    let claimed = world
        .anonymous()
        .put(&path, &json!({"password": PASSWORD}))
        .await;
    assert_eq!(claimed.status, 409);
    assert_eq!(claimed.json::<Value>()["error"], 1004);
    // Nor does a key for a reset that was sent before.
    let reset = doc! { "type": "password_reset" };
    world.set(key, reset).await;
    let reset = accept(&world, key, "greta@example.org", PASSWORD).await;
    assert_refused(&reset, 404, NONE);
    assert_eq!(world.user_api.asked(user_api::Ask::Update).len(), 0);
}
