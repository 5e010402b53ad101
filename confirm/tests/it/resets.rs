//! Forgotten passwords.

use bson::doc;
use reqwest::Method;
use serde_json::{Value, json};
use shared_runtime::testing::Answer;

use crate::{
    peers::Ask,
    world::{ORIGIN, World, assert_empty, assert_refused, eventually, post, reason, send_raw},
};

const ACCEPT: &str = "/confirm/accept/forgot";
const PASSWORD: &str = "battery-staple";
const NONE: &str = "No matching reset confirmation was found.";
const REFUSED: &str =
    "Error while resetting password; reset confirmation remains active until it expires.";

async fn accept(world: &World, key: &str, email: &str, password: &str) -> Answer {
    let body = json!({"key": key, "email": email, "password": password});
    world.anonymous().put(ACCEPT, &body).await
}

#[track_caller]
fn assert_reset(answer: &Answer) {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let wanted = reason(200, "Password has been reset.");
    assert_eq!(answer.json::<Value>(), wanted);
}

#[actix_web::test]
async fn an_address_may_hold_a_slash() {
    let world = World::start().await;
    world
        .peers
        .has_with("bob", json!({"emails": ["a/b@example.org"]}));
    let path = "/confirm/send/forgot/a%2Fb@example.org";
    assert_empty(&post(&world.anonymous(), path).await, 200);
    let mail = world.mail().await;
    assert_eq!(mail.to, ["a/b@example.org"]);
    let answer = accept(&world, &mail.value("resetKey"), "a/b@example.org", PASSWORD).await;
    assert_reset(&answer);
}

#[actix_web::test]
async fn the_answer_does_not_tell_whether_there_is_an_account() {
    let world = World::start().await;
    world
        .peers
        .has_with("bob", json!({"emails": ["Bob+x@Example.org"]}));
    let mut answers = Vec::new();
    for (path, email) in [
        ("/confirm/send/forgot", "bob+x@example.ORG"),
        ("/confirm/forgot", "nobody+x@example.org"),
    ] {
        let answer = post(&world.anonymous(), &format!("{path}/{email}")).await;
        assert_empty(&answer, 200);
        let names = answer.headers.keys().map(ToString::to_string);
        answers.push(names.collect::<Vec<_>>());
    }
    assert_eq!(answers[0], answers[1]);
    let mut mails = world.mails().await;
    mails.sort_by(|one, other| one.to.cmp(&other.to));
    let [known, unknown] = mails.try_into().unwrap();
    // The address as the account has it.
    assert_eq!(known.to, ["Bob+x@Example.org"]);
    let key = known.value("resetKey");
    let link = format!("{ORIGIN}/confirm-password-reset?resetKey={key}");
    assert_eq!(known.link().as_str(), link);
    assert_eq!(unknown.to, ["nobody+x@example.org"]);
    assert_eq!(unknown.link().as_str(), format!("{ORIGIN}/signup"));
    assert!(unknown.text.contains("no account"), "{}", unknown.text);
    let stored = world.document(&key).await.unwrap();
    let member = |name: &str| stored.get_str(name).unwrap().to_owned();
    assert_eq!(member("type"), "password_reset");
    assert_eq!(member("status"), "pending");
    assert_eq!(member("email"), "Bob+x@Example.org");
    assert_eq!(member("userId"), "bob");
    assert_eq!(member("templateName"), "password_reset");
    let time = |name: &str| stored.get_datetime(name).unwrap().timestamp_millis();
    assert_eq!(time("expiresAt") - time("created"), 7 * 24 * 60 * 60 * 1000);
    let confirmations = world.confirmations();
    let other = confirmations.find_one(doc! { "type": "no_account" }).await;
    let other = other.unwrap().unwrap();
    assert_eq!(other.get_str("status").unwrap(), "completed");
    assert_eq!(other.get_str("email").unwrap(), "nobody+x@example.org");
    assert!(!other.contains_key("expiresAt"));
    assert!(!unknown.raw.contains(other.get_str("_id").unwrap()));
}

#[actix_web::test]
async fn the_key_of_a_reset_is_in_its_mail_and_nowhere_else() {
    let mut world = World::without_relay().await;
    world.peers.has("bob");
    let collections = ["confirmations", "outbox", "mail_outbox", "quotas"];
    let mut seen = Vec::new();
    let path = "/confirm/send/forgot/bob@example.org";
    assert_empty(&post(&world.anonymous(), path).await, 200);
    seen.extend(world.everything(&collections).await);
    // The mail cannot leave at first, and each try has a key of its own.
    std::fs::remove_dir(world.mailbox.path()).unwrap();
    world.start_relay();
    eventually("two tries", async || {
        world.hurry().await;
        let rows = world.everything(&["mail_outbox"]).await;
        rows.iter()
            .any(|row| row.get_i32("attempts").unwrap_or_default() > 1)
    })
    .await;
    seen.extend(world.everything(&collections).await);
    std::fs::create_dir(world.mailbox.path()).unwrap();
    eventually("the mail", async || {
        world.hurry().await;
        !world.mailbox.mails().is_empty()
    })
    .await;
    let key = world.mail().await.value("resetKey");
    seen.extend(world.everything(&collections).await);
    assert!(
        seen.iter()
            .all(|document| !document.to_string().contains(&key))
    );
    // Nothing of what is stored is a key.
    let stored = world.document(&key).await.unwrap();
    let id = stored.get_str("_id").unwrap();
    let mut worthless = vec![id, id.split_once('.').unwrap().1];
    for other in stored.get_array("otherKeys").unwrap() {
        let other = other.as_document().unwrap();
        worthless.push(other.get_str("digest").unwrap());
    }
    assert!(worthless.len() > 4, "{worthless:?}");
    for worthless in worthless {
        let answer = accept(&world, worthless, "bob@example.org", PASSWORD).await;
        assert_refused(&answer, 404, NONE);
    }
    assert_reset(&accept(&world, &key, "bob@example.org", PASSWORD).await);
}

#[actix_web::test]
async fn a_reset_of_the_reference_or_an_older_version_still_works() {
    let mut world = World::without_relay().await;
    world.peers.has("bob");
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
async fn an_address_that_is_only_alike_has_no_account() {
    let world = World::without_relay().await;
    world
        .peers
        .has_with("s", json!({"emails": ["strasse@example.org"]}));
    let mut world = world;
    world.start_relay();
    let path = "/confirm/send/forgot/straße@example.org";
    assert_empty(&post(&world.anonymous(), path).await, 200);
    eventually("the look-up", async || {
        world.rows("outbox", "pending").await == 0
    })
    .await;
    let stored = world.everything(&["confirmations"]).await;
    assert_eq!(stored.len(), 1);
    assert_eq!(stored[0].get_str("type").unwrap(), "no_account");
}

#[actix_web::test]
async fn what_is_no_address_is_refused_and_nothing_happens() {
    let world = World::without_relay().await;
    for text in [
        "bob",
        "bob@",
        "@example.org",
        "a%20b@c",
        "a@b%0D%0ABcc:x@y",
        "a@b,c@d",
    ] {
        let answer = post(&world.anonymous(), &format!("/confirm/send/forgot/{text}")).await;
        assert_empty(&answer, 400);
    }
    let collections = ["confirmations", "quotas", "outbox", "mail_outbox"];
    assert!(world.everything(&collections).await.is_empty());
}

#[actix_web::test]
async fn the_key_sets_a_password_once() {
    let world = World::start().await;
    world.peers.has("bob");
    let key = world.forget("bob@example.org").await;
    assert_reset(&accept(&world, &key, "BOB@example.org", PASSWORD).await);
    assert_eq!(world.peers.account("bob")["password"], PASSWORD);
    let [(id, update)] = world.peers.asked(Ask::Update).try_into().unwrap();
    assert_eq!(id, "bob");
    let updates = json!({"password": PASSWORD, "emailVerified": true});
    assert_eq!(update["updates"], updates);
    assert_eq!(update["onlyIf"], json!({"email": "bob@example.org"}));
    assert_eq!(world.status(&key).await, "completed");
    for password in [PASSWORD, "another-password"] {
        let answer = accept(&world, &key, "bob@example.org", password).await;
        assert_refused(&answer, 404, NONE);
    }
    assert_eq!(world.peers.account("bob")["password"], PASSWORD);
}

#[actix_web::test]
async fn the_other_keys_are_worth_nothing_then() {
    let world = World::start().await;
    for id in ["bob", "carol"] {
        world.peers.has(id);
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
        world.peers.has(id);
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
    assert!(world.peers.asked(Ask::Update).is_empty());
    // Nor does it open the account that has another address by now.
    world
        .peers
        .change("bob", json!({"emails": ["moved@example.org"]}));
    for email in ["bob@example.org", "moved@example.org"] {
        let answer = accept(&world, &key, email, PASSWORD).await;
        assert_refused(&answer, 404, NONE);
    }
    world.peers.remove("bob");
    let answer = accept(&world, &key, "bob@example.org", PASSWORD).await;
    assert_refused(&answer, 404, NONE);
}

#[actix_web::test]
async fn what_is_missing_or_not_accepted_leaves_the_key_as_it_is() {
    let world = World::start().await;
    world.peers.has("bob");
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
        // What only user-api knows to be wrong.
        json!({"key": key, "email": email, "password": "refused-there"}),
    ] {
        assert_refused(&world.anonymous().put(ACCEPT, &body).await, 400, REFUSED);
    }
    assert_eq!(world.status(&key).await, "pending");
    world.peers.fail(Ask::Update, 500);
    assert_refused(&accept(&world, &key, email, PASSWORD).await, 400, REFUSED);
    world.peers.mend(Ask::Update);
    assert_eq!(world.status(&key).await, "pending");
    assert_reset(&accept(&world, &key, email, PASSWORD).await);
}

#[actix_web::test]
async fn a_key_expires() {
    let world = World::start().await;
    world.peers.has("bob");
    let key = world.forget("bob@example.org").await;
    world.expire(&key).await;
    let answer = accept(&world, &key, "bob@example.org", PASSWORD).await;
    assert_refused(&answer, 404, "Password reset confirmation has expired.");
    let answer = accept(&world, &key, "other@example.org", PASSWORD).await;
    assert_refused(&answer, 404, NONE);
    assert!(world.peers.asked(Ask::Update).is_empty());
}

#[actix_web::test]
async fn a_repeat_after_a_failure_is_the_same_change() {
    let world = World::start().await;
    world.peers.has("bob");
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
    let asked = world.peers.asked(Ask::Update);
    assert_eq!(asked[0], asked[2]);
    assert!(!asked[0].1.to_string().contains(&key));
    assert_eq!(world.peers.account("bob")["password"], PASSWORD);
}

#[actix_web::test]
async fn a_look_up_that_fails_delays_the_mail() {
    let world = World::start().await;
    world.peers.has("bob");
    world.peers.fail(Ask::People, 500);
    let path = "/confirm/send/forgot/bob@example.org";
    assert_empty(&post(&world.anonymous(), path).await, 200);
    eventually("the first try", async || {
        !world.peers.asked(Ask::People).is_empty()
    })
    .await;
    assert!(world.everything(&["confirmations"]).await.is_empty());
    world.peers.mend(Ask::People);
    eventually("the mail", async || {
        world.hurry().await;
        !world.mailbox.mails().is_empty()
    })
    .await;
    let mail = world.mail().await;
    assert_eq!(mail.to, ["bob@example.org"]);
    assert!(world.document(&mail.value("resetKey")).await.is_some());
}

#[actix_web::test]
async fn whoever_has_the_mail_of_a_child_still_has_to_know_its_birthday() {
    let world = World::start().await;
    world.peers.has_child("child", "2010-02-03");
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
    world.peers.has_child("child", "2010-02-03");
    world.peers.has_with("clinic", json!({"roles": ["clinic"]}));
    world
        .peers
        .allow("child", "clinic", json!({"custodian": {}}));
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
    world.peers.has_with(
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
    assert_eq!(world.peers.asked(Ask::Update).len(), 0);
}
