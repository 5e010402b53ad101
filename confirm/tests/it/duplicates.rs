//! Invitations of somebody who is invited already, or has rights already.

use bson::doc;
use serde_json::{Value, json};

use crate::world::{World, assert_empty, assert_refused};

const PATH: &str = "/confirm/send/invite/alice";
const MEMBER: &str = "The user is already an existing member";
const EXISTS: &str = "There is already an existing invite";

#[actix_web::test]
async fn a_second_invitation_waits_for_the_answer_to_the_first() {
    let world = World::without_relay().await;
    world.user_api.has("alice");
    let alice = world.user("alice");
    let body = |email: &str| json!({"email": email, "permissions": {"view": {}}});
    let first = alice.post(PATH, &body("carol@example.org")).await;
    let key = first.json::<Value>()["key"].as_str().unwrap().to_owned();
    for email in ["carol@example.org", "Carol@Example.ORG"] {
        assert_refused(&alice.post(PATH, &body(email)).await, 409, EXISTS);
    }
    // Another sharer's invitation is another one, and so is another address.
    world.user_api.has("bob");
    world
        .invite("bob", "carol@example.org", json!({"view": {}}))
        .await;
    for email in [
        "cárol@example.org",
        "carol+a@example.org",
        "carol@example.or",
    ] {
        assert_eq!(alice.post(PATH, &body(email)).await.status, 200, "{email}");
    }
    for status in ["declined", "canceled", "completed"] {
        world.set(&key, doc! { "status": status }).await;
        let next = alice.post(PATH, &body("carol@example.org")).await;
        assert_eq!(next.status, 200, "{status}");
        let next: Value = next.json();
        world
            .confirmations()
            .delete_one(doc! { "_id": next["key"].as_str().unwrap() })
            .await
            .unwrap();
    }
    world.set(&key, doc! { "status": "pending" }).await;
    world.expire(&key).await;
    let next = alice.post(PATH, &body("carol@example.org")).await;
    assert_eq!(next.status, 200, "{}", next.text());
    // Nor can the old one be sent again beside the new one.
    assert_eq!(world.status(&key).await, "canceled");
}

#[actix_web::test]
async fn addresses_that_only_the_database_takes_for_the_same_are_different() {
    let world = World::without_relay().await;
    world.user_api.has("alice");
    world
        .user_api
        .has_with("s", json!({"emails": ["strasse@example.org"]}));
    world.gatekeeper.grant("alice", "s", json!({"view": {}}));
    let alice = world.user("alice");
    let body = |email: &str| json!({"email": email, "permissions": {"view": {}}});
    // Her member has another address.
    let sent = alice.post(PATH, &body("straße@example.org")).await;
    assert_eq!(sent.status, 200, "{}", sent.text());
    let sent: Value = sent.json();
    let stored = world.document(sent["key"].as_str().unwrap()).await.unwrap();
    assert_eq!(stored.get_str("userId").unwrap(), "");
    assert_refused(
        &alice.post(PATH, &body("strasse@example.org")).await,
        409,
        MEMBER,
    );
    world.gatekeeper.revoke("alice", "s");
    let other = alice.post(PATH, &body("strasse@example.org")).await;
    assert_eq!(other.status, 200, "{}", other.text());
    let other: Value = other.json();
    // Each is canceled by its own address.
    let cancel = |email| format!("/confirm/alice/invited/{email}");
    assert_empty(&alice.delete(&cancel("straße@example.org")).await, 200);
    assert_eq!(
        world.status(sent["key"].as_str().unwrap()).await,
        "canceled"
    );
    assert_eq!(
        world.status(other["key"].as_str().unwrap()).await,
        "pending"
    );
    let again = alice.delete(&cancel("STRAßE@example.org")).await;
    assert_refused(&again, 404, "No matching invite was found");
}

#[actix_web::test]
async fn a_member_is_not_invited_again_unless_to_follow() {
    let world = World::without_relay().await;
    world.user_api.has("alice");
    world.user_api.has("carol");
    let alice = world.user("alice");
    let body =
        |permissions: Value| json!({"email": "carol@example.org", "permissions": permissions});
    world.gatekeeper.grant(
        "alice",
        "carol",
        json!({"view": {"since": 1}, "custom": {}}),
    );
    let answer = alice.post(PATH, &body(json!({"note": {}}))).await;
    assert_refused(&answer, 409, MEMBER);
    let answer = alice
        .post(PATH, &body(json!({"view": {}, "follow": {}})))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let sent: Value = answer.json();
    let union = json!({"view": {"since": 1}, "custom": {}, "follow": {}});
    assert_eq!(sent["context"], json!({ "permissions": union }));
    let stored = world.document(sent["key"].as_str().unwrap()).await.unwrap();
    let template = stored.get_str("templateName").unwrap();
    assert_eq!(template, "careteam_invitation_with_alerting");
    world
        .gatekeeper
        .grant("alice", "carol", json!({"follow": {}}));
    world.confirmations().delete_many(doc! {}).await.unwrap();
    let answer = alice
        .post(PATH, &body(json!({"view": {}, "follow": {}})))
        .await;
    assert_refused(&answer, 409, MEMBER);
}

#[actix_web::test]
async fn nobody_invites_themselves() {
    let world = World::without_relay().await;
    world.user_api.has("alice");
    for permissions in [json!({"view": {}}), json!({"follow": {}})] {
        let body = json!({"email": "Alice@example.org", "permissions": permissions});
        assert_refused(&world.user("alice").post(PATH, &body).await, 409, MEMBER);
    }
}
