//! Who asks for a new password, and the mail that answers.

use bson::doc;
use serde_json::json;
use stand_ins::user_api;

use crate::{
    resets::{NONE, PASSWORD, accept, assert_reset},
    world::{ORIGIN, World, assert_empty, assert_refused, eventually, post},
};

#[actix_web::test]
async fn an_address_may_hold_a_slash() {
    let world = World::start().await;
    world
        .user_api
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
        .user_api
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
    world.user_api.has("bob");
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
async fn an_address_that_is_only_alike_has_no_account() {
    let world = World::without_relay().await;
    world
        .user_api
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
async fn a_look_up_that_fails_delays_the_mail() {
    let world = World::start().await;
    world.user_api.has("bob");
    world.user_api.fail(user_api::Ask::People, 500);
    let path = "/confirm/send/forgot/bob@example.org";
    assert_empty(&post(&world.anonymous(), path).await, 200);
    eventually("the first try", async || {
        !world.user_api.asked(user_api::Ask::People).is_empty()
    })
    .await;
    assert!(world.everything(&["confirmations"]).await.is_empty());
    world.user_api.mend(user_api::Ask::People);
    eventually("the mail", async || {
        world.hurry().await;
        !world.mailbox.mails().is_empty()
    })
    .await;
    let mail = world.mail().await;
    assert_eq!(mail.to, ["bob@example.org"]);
    assert!(world.document(&mail.value("resetKey")).await.is_some());
}
