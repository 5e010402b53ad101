//! Acceptances that something interrupts: all or nothing, in the end.

use bson::{Document, doc};
use serde_json::{Value, json};
use shared_runtime::testing::Answer;
use stand_ins::{data, gatekeeper};

use crate::world::{World, assert_ok, assert_refused, eventually, patch, put};

const PATH: &str = "/confirm/accept/invite/carol/alice";
const FORBIDDEN: &str = "Forbidden to perform requested operation";
const SET_PERM: &str = "Error setting permissions";

/// Carol, invited by Bob on behalf of Alice; and the key of the invitation.
async fn invited(world: &World) -> String {
    for id in ["alice", "bob", "carol"] {
        world.user_api.has(id);
    }
    world.gatekeeper.grant("alice", "bob", json!({"admin": {}}));
    invite(world, &json!({"permissions": {"view": {}}})).await
}

async fn invite(world: &World, offer: &Value) -> String {
    let mut body = offer.clone();
    body["email"] = json!("carol@example.org");
    let path = "/confirm/send/invite/alice";
    let sent = world.user("bob").post(path, &body).await;
    assert_eq!(sent.status, 200, "{}", sent.text());
    sent.json::<Value>()["key"].as_str().unwrap().to_owned()
}

async fn accept(world: &World, key: &str) -> Answer {
    world.user("carol").put(PATH, &json!({"key": key})).await
}

/// An invitation whose acceptance has begun while gatekeeper fails.
async fn begun(world: &World) -> String {
    let key = invited(world).await;
    world.gatekeeper.fail(gatekeeper::Ask::Grant, 500);
    assert_refused(&accept(world, &key).await, 500, SET_PERM);
    key
}

async fn assert_completed_once(world: &World, key: &str) {
    let stored = world.document(key).await.unwrap();
    assert_eq!(stored.get_str("status").unwrap(), "completed");
    assert!(!stored.contains_key("acceptance"));
    assert_eq!(world.gatekeeper.applied(), [key]);
    assert_eq!(
        world.gatekeeper.permissions("alice", "carol"),
        Some(json!({"view": {}}))
    );
    assert!(world.everything(&["outbox"]).await.is_empty());
    assert_refused(&accept(world, key).await, 403, FORBIDDEN);
    assert_eq!(world.gatekeeper.applied(), [key]);
}

#[actix_web::test]
async fn what_gatekeeper_did_not_do_is_finished_by_a_repeat() {
    let world = World::without_relay().await;
    let key = begun(&world).await;
    assert_eq!(world.gatekeeper.permissions("alice", "carol"), None);
    assert_refused(&accept(&world, &key).await, 500, SET_PERM);
    world.gatekeeper.mend(gatekeeper::Ask::Grant);
    assert_ok(&accept(&world, &key).await);
    assert_completed_once(&world, &key).await;
}

#[actix_web::test]
async fn a_repeat_needs_no_key() {
    let world = World::without_relay().await;
    let key = begun(&world).await;
    world.gatekeeper.mend(gatekeeper::Ask::Grant);
    assert_ok(&world.user("carol").put(PATH, &Value::Null).await);
    assert_completed_once(&world, &key).await;
}

#[actix_web::test]
async fn nobody_changes_an_acceptance_that_has_begun() {
    let world = World::without_relay().await;
    let key = begun(&world).await;
    let alice = world.user("alice");
    let cancel = "/confirm/alice/invited/carol@example.org";
    for answer in [put(&alice, cancel).await, alice.delete(cancel).await] {
        assert_refused(&answer, 404, "No matching invite was found");
    }
    let dismiss = "/confirm/dismiss/invite/carol/alice";
    for body in [json!({"key": key}), json!({})] {
        let answer = world.user("carol").put(dismiss, &body).await;
        assert_refused(&answer, 403, FORBIDDEN);
    }
    let resend = format!("/confirm/resend/invite/{key}");
    assert_refused(&patch(&alice, &resend).await, 403, FORBIDDEN);
    let body = json!({"email": "carol@example.org", "permissions": {}});
    let answer = alice.post("/confirm/send/invite/alice", &body).await;
    assert_refused(&answer, 409, "There is already an existing invite");
    // Nor does it run out any more.
    world.expire(&key).await;
    world.gatekeeper.mend(gatekeeper::Ask::Grant);
    assert_ok(&accept(&world, &key).await);
    assert_completed_once(&world, &key).await;
}

#[actix_web::test]
async fn without_a_repeat_it_is_finished_a_little_later_and_told_once() {
    let mut world = World::without_relay().await;
    let key = begun(&world).await;
    world.gatekeeper.mend(gatekeeper::Ask::Grant);
    world.hurry().await;
    world.start_relay();
    eventually("the acceptance", async || {
        world.status(&key).await == "completed"
    })
    .await;
    world.settled().await;
    assert_eq!(world.gatekeeper.applied(), [&*key]);
    assert_ok(&accept(&world, &key).await);
    assert_completed_once(&world, &key).await;
}

#[actix_web::test]
async fn a_late_repeat_needs_no_key_either() {
    let mut world = World::without_relay().await;
    let key = begun(&world).await;
    world.gatekeeper.mend(gatekeeper::Ask::Grant);
    world.hurry().await;
    world.start_relay();
    world.settled().await;
    assert_ok(&world.user("carol").put(PATH, &Value::Null).await);
    let again = world.user("carol").put(PATH, &Value::Null).await;
    assert_refused(&again, 404, "No matching invite was found");
    assert_completed_once(&world, &key).await;
}

#[actix_web::test]
async fn an_offer_that_gatekeeper_cannot_take_is_canceled() {
    let world = World::without_relay().await;
    let key = invited(&world).await;
    world.gatekeeper.fail(gatekeeper::Ask::Grant, 400);
    let answer = accept(&world, &key).await;
    assert_refused(&answer, 400, "Error validating the confirmation context");
    let stored = world.document(&key).await.unwrap();
    assert_eq!(stored.get_str("status").unwrap(), "canceled");
    assert!(!stored.contains_key("acceptance"));
    assert!(world.everything(&["outbox"]).await.is_empty());
    world.gatekeeper.mend(gatekeeper::Ask::Grant);
    assert_refused(&accept(&world, &key).await, 403, FORBIDDEN);
    assert!(world.gatekeeper.applied().is_empty());
}

#[actix_web::test]
async fn the_outbox_waits_for_gatekeeper() {
    let mut world = World::without_relay().await;
    let key = begun(&world).await;
    world.start_relay();
    eventually("a failed try", async || {
        world.hurry().await;
        let rows = world.everything(&["outbox"]).await;
        rows.iter().any(|row| {
            row.get_i32("attempts").is_ok_and(|tries| tries >= 2)
                || row.get_i64("attempts").is_ok_and(|tries| tries >= 2)
        })
    })
    .await;
    assert_eq!(world.status(&key).await, "pending");
    world.gatekeeper.mend(gatekeeper::Ask::Grant);
    eventually("the acceptance", async || {
        world.hurry().await;
        world.status(&key).await == "completed"
    })
    .await;
    assert_eq!(world.gatekeeper.applied(), [&*key]);
}

#[actix_web::test]
async fn who_may_no_longer_share_cannot_let_anybody_in() {
    let world = World::without_relay().await;
    let key = invited(&world).await;
    world.gatekeeper.grant("alice", "bob", json!({"view": {}}));
    assert_refused(&accept(&world, &key).await, 403, FORBIDDEN);
    let stored = world.document(&key).await.unwrap();
    assert_eq!(stored.get_str("status").unwrap(), "canceled");
    assert!(!stored.contains_key("acceptance"));
    assert_eq!(world.gatekeeper.permissions("alice", "carol"), None);
    assert!(world.everything(&["outbox"]).await.is_empty());
    for (person, list) in [("carol", "invitations/carol"), ("alice", "invite/alice")] {
        let answer = world.user(person).get(&format!("/confirm/{list}")).await;
        assert_refused(&answer, 404, "Nothing found");
    }
    // That Bob may again changes nothing.
    world.gatekeeper.grant("alice", "bob", json!({"admin": {}}));
    assert_refused(&accept(&world, &key).await, 403, FORBIDDEN);
    assert!(world.gatekeeper.applied().is_empty());
}

#[actix_web::test]
async fn who_sends_it_again_vouches_for_it() {
    let world = World::without_relay().await;
    let key = invited(&world).await;
    let resend = format!("/confirm/resend/invite/{key}");
    let sent = patch(&world.user("alice"), &resend).await;
    assert_eq!(sent.status, 200, "{}", sent.text());
    let sent: Value = sent.json();
    let key = sent["key"].as_str().unwrap().to_owned();
    world.gatekeeper.revoke("alice", "bob");
    assert_ok(&accept(&world, &key).await);
    assert_completed_once(&world, &key).await;
}

#[actix_web::test]
async fn a_refusal_that_the_outbox_gets_cancels_as_well() {
    let mut world = World::without_relay().await;
    let key = begun(&world).await;
    world.gatekeeper.revoke("alice", "bob");
    world.gatekeeper.mend(gatekeeper::Ask::Grant);
    world.hurry().await;
    world.start_relay();
    eventually("the cancellation", async || {
        world.status(&key).await == "canceled"
    })
    .await;
    world.settled().await;
    assert_refused(&accept(&world, &key).await, 403, FORBIDDEN);
    assert!(world.gatekeeper.applied().is_empty());
    assert!(
        !world
            .document(&key)
            .await
            .unwrap()
            .contains_key("acceptance")
    );
}

#[actix_web::test]
async fn alerts_that_were_not_stored_are_stored_by_a_repeat() {
    let world = World::without_relay().await;
    let first = invited(&world).await;
    world
        .confirmations()
        .delete_one(doc! { "_id": first })
        .await
        .unwrap();
    let offer = json!({"permissions": {"follow": {}}, "alertsConfig": {"uploadId": "u1"}});
    let key = invite(&world, &offer).await;
    world.data.fail(data::Ask::Alerts, 500);
    for _ in 0..2 {
        let answer = accept(&world, &key).await;
        assert_refused(&answer, 500, "Error creating alerts configuration");
    }
    assert_eq!(world.status(&key).await, "pending");
    assert_eq!(
        world.gatekeeper.permissions("alice", "carol"),
        Some(json!({"follow": {}}))
    );
    world.data.mend(data::Ask::Alerts);
    assert_ok(&accept(&world, &key).await);
    assert_eq!(world.gatekeeper.applied(), [&*key]);
    assert_eq!(world.data.alerts().len(), 1);
    assert_refused(&accept(&world, &key).await, 403, FORBIDDEN);
}

async fn forbid(world: &World, what: Document) {
    let rule = doc! { "collMod": "confirmations", "validator": what };
    world.database.database.run_command(rule).await.unwrap();
}

#[actix_web::test]
async fn a_database_that_fails_before_the_grant() {
    let world = World::without_relay().await;
    let key = invited(&world).await;
    forbid(&world, doc! { "acceptance": { "$exists": false } }).await;
    let answer = accept(&world, &key).await;
    assert_refused(&answer, 500, "Error saving the confirmation");
    assert!(world.gatekeeper.asked(gatekeeper::Ask::Grant).is_empty());
    assert!(world.everything(&["outbox"]).await.is_empty());
    // Nothing was begun, so it can be canceled.
    forbid(&world, doc! {}).await;
    let cancel = "/confirm/alice/invited/carol@example.org";
    assert_eq!(put(&world.user("alice"), cancel).await.status, 200);
    assert_refused(&accept(&world, &key).await, 403, FORBIDDEN);
}

#[actix_web::test]
async fn a_database_that_fails_after_the_grant() {
    let world = World::without_relay().await;
    let key = invited(&world).await;
    forbid(&world, doc! { "status": { "$ne": "completed" } }).await;
    let answer = accept(&world, &key).await;
    assert_refused(&answer, 500, "Error saving the confirmation");
    assert_eq!(world.gatekeeper.applied(), [&*key]);
    let cancel = "/confirm/alice/invited/carol@example.org";
    let answer = put(&world.user("alice"), cancel).await;
    assert_refused(&answer, 404, "No matching invite was found");
    forbid(&world, doc! {}).await;
    assert_ok(&accept(&world, &key).await);
    assert_completed_once(&world, &key).await;
}

#[actix_web::test]
async fn a_gatekeeper_that_is_not_there() {
    let world = World::without_relay_with(|config| {
        "http://127.0.0.1:9".clone_into(&mut config.gatekeeper.url);
    })
    .await;
    for id in ["alice", "carol"] {
        world.user_api.has(id);
    }
    let sent = doc! {
        "_id": "a-key", "type": "careteam_invitation", "status": "pending", "userId": "carol",
        "creatorId": "alice", "email": "carol@example.org", "context": {"view": {}},
        "created": bson::DateTime::now(),
    };
    world.confirmations().insert_one(sent).await.unwrap();
    assert_refused(&accept(&world, "a-key").await, 500, SET_PERM);
    assert_eq!(world.rows("outbox", "pending").await, 1);
}
