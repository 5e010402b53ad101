//! How many mails one account causes and one address gets in an hour.

use bson::{Document, doc};
use serde_json::{Value, json};
use shared_runtime::testing::{Answer, Person};

use crate::world::{World, assert_empty, assert_refused, patch, post};

const STORED: [&str; 4] = ["confirmations", "outbox", "mail_outbox", "quotas"];

/// The limits: by sender, to recipient, and to recipient where anybody asks.
async fn limited(by: u32, to: u32, asked: u32) -> World {
    let world = World::without_relay_with(|config| {
        config.limits.mails_per_sender_per_hour = by;
        config.limits.mails_per_recipient_per_hour = to;
        config.limits.anonymous_mails_per_recipient_per_hour = asked;
    })
    .await;
    for id in ["alice", "bob", "carol"] {
        world.peers.has(id);
    }
    world
}

async fn invite(person: &Person, sharer: &str, email: &str) -> Answer {
    let body = json!({"email": email, "permissions": {}});
    person
        .post(&format!("/confirm/send/invite/{sharer}"), &body)
        .await
}

#[track_caller]
fn assert_too_many(answer: &Answer) {
    assert_refused(answer, 429, "Too many requests; try again later");
    let wait: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((3500..=3600).contains(&wait), "{wait}");
}

/// Lets the hours that are counted be over.
async fn let_an_hour_pass(world: &World) {
    let quotas = world.database.database.collection::<Document>("quotas");
    let over = doc! { "$set": { "endsAt": bson::DateTime::now() } };
    quotas.update_many(doc! {}, over).await.unwrap();
}

#[actix_web::test]
async fn an_address_gets_so_many_mails_whichever_account_sends_them() {
    let world = limited(0, 3, 0).await;
    let sent = invite(&world.user("alice"), "alice", "dave@example.org").await;
    assert_eq!(sent.status, 200);
    let key = sent.json::<Value>()["key"].as_str().unwrap().to_owned();
    let resend = format!("/confirm/resend/invite/{key}");
    assert_eq!(patch(&world.user("alice"), &resend).await.status, 200);
    let third = invite(&world.user("bob"), "bob", "DAVE@example.org").await;
    assert_eq!(third.status, 200);
    let before = world.everything(&STORED).await;
    // Whichever way the fourth takes.
    assert_too_many(&invite(&world.user("carol"), "carol", "Dave@Example.org").await);
    assert_too_many(&invite(&world.service(), "carol", "dave@example.org").await);
    assert_too_many(&patch(&world.user("alice"), &resend).await);
    world.peers.has("dave");
    let answer = world
        .user("dave")
        .post("/confirm/send/signup/dave", &json!({}))
        .await;
    assert_too_many(&answer);
    assert_eq!(world.everything(&STORED).await, before);
    // Others are not in the way, nor is what Dave himself may need.
    let other = invite(&world.user("alice"), "alice", "erin@example.org").await;
    assert_eq!(other.status, 200);
    let forgot = "/confirm/send/forgot/dave@example.org";
    assert_empty(&post(&world.anonymous(), forgot).await, 200);
    let_an_hour_pass(&world).await;
    assert_eq!(patch(&world.user("alice"), &resend).await.status, 200);
}

#[actix_web::test]
async fn an_account_causes_so_many_mails_for_whomever_it_acts() {
    let world = limited(3, 0, 0).await;
    world.peers.allow("alice", "bob", json!({"admin": {}}));
    world.peers.allow("carol", "bob", json!({"custodian": {}}));
    let bob = world.user("bob");
    let sent = invite(&bob, "alice", "one@example.org").await;
    let key = sent.json::<Value>()["key"].as_str().unwrap().to_owned();
    let resend = format!("/confirm/resend/invite/{key}");
    assert_eq!(patch(&bob, &resend).await.status, 200);
    assert_empty(
        &bob.post("/confirm/send/signup/carol", &json!({})).await,
        200,
    );
    assert_too_many(&invite(&bob, "bob", "two@example.org").await);
    assert_too_many(&invite(&bob, "alice", "two@example.org").await);
    assert_too_many(&patch(&bob, &resend).await);
    assert_too_many(&bob.post("/confirm/send/signup/bob", &json!({})).await);
    // Another account has its own, and services none.
    assert_eq!(
        invite(&world.user("alice"), "alice", "two@example.org")
            .await
            .status,
        200
    );
    for index in 0..5 {
        let email = format!("service{index}@example.org");
        assert_eq!(invite(&world.service(), "bob", &email).await.status, 200);
    }
    let_an_hour_pass(&world).await;
    assert_eq!(invite(&bob, "bob", "two@example.org").await.status, 200);
}

#[actix_web::test]
async fn an_unknown_address_is_limited_as_a_known_one() {
    let world = limited(1, 1, 3).await;
    world.sign_up("alice").await;
    for (email, signed_up) in [("alice@example.org", 200), ("nobody@example.org", 404)] {
        let forgot = format!("/confirm/send/forgot/{email}");
        let resend = format!("/confirm/resend/signup/{email}");
        let anonymous = world.anonymous();
        assert_empty(&post(&anonymous, &forgot).await, 200);
        assert_eq!(post(&anonymous, &resend).await.status, signed_up);
        let alias = format!("/confirm/forgot/{}", email.to_uppercase());
        assert_empty(&post(&anonymous, &alias).await, 200);
        let before = world.everything(&STORED).await;
        assert_too_many(&post(&anonymous, &forgot).await);
        assert_too_many(&post(&anonymous, &resend).await);
        assert_eq!(world.everything(&STORED).await, before);
    }
    // Strangers keep nobody's mails away.
    let invited = invite(&world.user("bob"), "bob", "nobody@example.org").await;
    assert_eq!(invited.status, 200);
    let_an_hour_pass(&world).await;
    let forgot = "/confirm/send/forgot/alice@example.org";
    assert_empty(&post(&world.anonymous(), forgot).await, 200);
}

#[actix_web::test]
async fn what_is_refused_uses_nothing_up() {
    let world = limited(2, 2, 2).await;
    let alice = world.user("alice");
    assert_eq!(
        invite(&alice, "alice", "dave@example.org").await.status,
        200
    );
    for _ in 0..5 {
        let again = invite(&alice, "alice", "dave@example.org").await;
        assert_refused(&again, 409, "There is already an existing invite");
        assert_empty(&invite(&alice, "alice", "nonsense").await, 400);
    }
    world.sign_up("bob").await;
    for _ in 0..5 {
        let again = world
            .user("bob")
            .post("/confirm/send/signup/bob", &json!({}))
            .await;
        assert_eq!(again.status, 403);
    }
    assert_eq!(
        invite(&alice, "alice", "erin@example.org").await.status,
        200
    );
    assert_too_many(&invite(&alice, "alice", "frank@example.org").await);
}

#[actix_web::test]
async fn many_at_once_are_counted_one_by_one() {
    let world = limited(4, 0, 0).await;
    let alice = world.user("alice");
    let emails: Vec<String> = (0..10).map(|i| format!("d{i}@example.org")).collect();
    let answers = emails.iter().map(|email| invite(&alice, "alice", email));
    let answers = futures_util::future::join_all(answers).await;
    let sent = answers.iter().filter(|answer| answer.status == 200).count();
    let refused = answers.iter().filter(|answer| answer.status == 429).count();
    assert_eq!((sent, refused), (4, 6));
    assert_eq!(world.rows("mail_outbox", "pending").await, 4);
}

#[actix_web::test]
async fn zero_is_no_limit() {
    let world = limited(0, 0, 0).await;
    let path = "/confirm/send/forgot/dave@example.org";
    for _ in 0..40 {
        assert_empty(&post(&world.anonymous(), path).await, 200);
    }
}

#[actix_web::test]
async fn no_address_is_kept_in_the_quotas() {
    let world = limited(3, 3, 3).await;
    invite(&world.user("alice"), "alice", "dave@example.org").await;
    let quotas = world.everything(&["quotas"]).await;
    assert_eq!(quotas.len(), 2);
    for quota in &quotas {
        let shown = quota.to_string();
        assert!(
            !shown.contains("dave") && !shown.contains("alice"),
            "{shown}"
        );
    }
    let indexes = world.database.database.collection::<Document>("quotas");
    let names = indexes.list_index_names().await.unwrap();
    assert!(names.contains(&"endsAt_1".to_owned()), "{names:?}");
}
