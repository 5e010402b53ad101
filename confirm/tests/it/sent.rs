//! Invitations that were sent: listed, sent again, canceled.

use bson::doc;
use serde_json::{Value, json};
use stand_ins::user_api;

use crate::world::{World, assert_empty, assert_refused, patch, put, timeless};

const LIST: &str = "/confirm/invite/alice";
const NO_INVITE: &str = "No matching invite was found";
const FORBIDDEN: &str = "Forbidden to perform requested operation";

fn key_of(invitation: &Value) -> &str {
    invitation["key"].as_str().unwrap()
}

#[actix_web::test]
async fn the_sender_sees_what_was_not_accepted() {
    let world = World::without_relay().await;
    world.user_api.has("alice");
    let alice = world.user("alice");
    assert_refused(&alice.get(LIST).await, 404, "Nothing found");
    let mut sent = Vec::new();
    for email in [
        "a@example.org",
        "b@example.org",
        "c@example.org",
        "d@example.org",
    ] {
        sent.push(world.invite("alice", email, json!({"view": {}})).await);
    }
    world
        .set(key_of(&sent[0]), doc! { "status": "declined" })
        .await;
    world
        .set(key_of(&sent[1]), doc! { "status": "completed" })
        .await;
    world
        .set(key_of(&sent[2]), doc! { "status": "canceled" })
        .await;
    world.expire(key_of(&sent[3])).await;
    // What others send, and other kinds, are in other lists.
    world.user_api.has("bob");
    world.invite("bob", "alice@example.org", json!({})).await;
    world.sign_up("alice").await;
    let listed: Vec<Value> = alice.get(LIST).await.json();
    let seen: Vec<_> = listed
        .iter()
        .map(|one| (&one["key"], &one["status"]))
        .collect();
    assert_eq!(
        seen,
        [
            (&sent[3]["key"], &json!("pending")),
            (&sent[0]["key"], &json!("declined"))
        ]
    );
    assert_eq!(
        timeless(listed[1].clone(), 7),
        json!({
            "type": "careteam_invitation", "email": "a@example.org", "creatorId": "alice",
            "creator": {"userid": "alice", "profile": {
                "fullName": "alice of Tide",
                "patient": {"birthday": "", "diagnosisDate": "", "isOtherPerson": false, "fullName": ""},
            }},
            "context": {"permissions": {"view": {}}}, "modified": "0001-01-01T00:00:00Z",
            "status": "declined", "restrictions": null, "invitedBy": "alice",
            "permissions": {"view": {}},
        })
    );
}

#[actix_web::test]
async fn invitations_to_clinics_are_in_the_list() {
    let world = World::without_relay().await;
    world.user_api.has("alice");
    let clinic = "5f8f8f8f8f8f8f8f8f8f8f8f";
    let made = doc! {
        "_id": "k", "type": "careteam_invitation", "status": "pending", "creatorId": "alice",
        "email": "", "userId": "", "clinicId": clinic, "created": bson::DateTime::now(),
        "creator": {"clinicId": clinic, "clinicName": "Harbor"}, "context": {"view": {}},
    };
    world.confirmations().insert_one(made).await.unwrap();
    let listed: Vec<Value> = world.user("alice").get(LIST).await.json();
    assert_eq!(listed.len(), 1);
    let shown = |name: &str| &listed[0][name];
    assert_eq!(
        (shown("email"), shown("clinicId")),
        (&json!(""), &json!(clinic))
    );
    assert_eq!(shown("creator")["clinicName"], "Harbor");
    assert_eq!(shown("permissions"), &json!({"view": {}}));
    // Neither sent again nor canceled here.
    let answer = patch(&world.user("alice"), "/confirm/resend/invite/k").await;
    assert_refused(&answer, 403, FORBIDDEN);
}

#[actix_web::test]
async fn a_list_without_profiles_is_still_a_list() {
    let world = World::without_relay().await;
    world.user_api.has("alice");
    world.invite("alice", "a@example.org", json!({})).await;
    world.user_api.fail(user_api::Ask::People, 500);
    let listed: Vec<Value> = world.user("alice").get(LIST).await.json();
    assert_eq!(listed[0]["creator"], json!({"profile": null, "userid": ""}));
}

#[actix_web::test]
async fn sending_again_lasts_as_long_again_and_mails_again() {
    let world = World::start().await;
    world.user_api.has("alice");
    world.gatekeeper.grant("alice", "bob", json!({"admin": {}}));
    let sent = world
        .invite("alice", "carol@example.org", json!({"view": {}}))
        .await;
    let key = key_of(&sent);
    world.settled().await;
    let long_ago = bson::DateTime::from_millis(1_700_000_000_000);
    world
        .set(
            key,
            doc! { "created": long_ago, "expiresAt": long_ago, "modified": long_ago },
        )
        .await;
    let path = format!("/confirm/resend/invite/{key}");
    let answer = patch(&world.user("bob"), &path).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let renewed: Value = answer.json();
    assert_ne!(renewed["key"], key);
    assert_eq!(timeless(renewed.clone(), 7), timeless(sent.clone(), 7));
    let listed: Vec<Value> = world.user("alice").get(LIST).await.json();
    assert_eq!(listed, std::slice::from_ref(&renewed));
    let (old, key) = (key, key_of(&renewed));
    assert!(world.document(old).await.is_none());
    // Bob vouches for it from here on.
    let stored = world.document(key).await.unwrap();
    assert_eq!(stored.get_str("senderId").unwrap(), "bob");
    let mails = world.mails().await;
    assert_eq!(mails.len(), 2);
    assert_eq!(mails[0].to, mails[1].to);
    assert_eq!(mails[0].text, mails[1].text);
    assert_ne!(mails[0].message_id, mails[1].message_id);
    // An invitation that had expired can be accepted again, with its present key.
    world.user_api.has("carol");
    let path = "/confirm/accept/invite/carol/alice";
    let dismiss = "/confirm/dismiss/invite/carol/alice";
    for path in [path, dismiss] {
        let answer = world.user("carol").put(path, &json!({"key": old})).await;
        assert_refused(&answer, 404, "No matching invite was found");
    }
    let answer = world.user("carol").put(path, &json!({"key": key})).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[actix_web::test]
async fn who_has_not_heard_of_the_new_key_sends_it_again_by_an_old_one() {
    let world = World::start().await;
    for id in ["alice", "carol", "dave"] {
        world.user_api.has(id);
    }
    let sent = world
        .invite("alice", "carol@example.org", json!({"view": {}}))
        .await;
    let path = format!("/confirm/resend/invite/{}", key_of(&sent));
    let alice = world.user("alice");
    let mut keys = vec![key_of(&sent).to_owned()];
    for _ in 0..3 {
        let again: Value = patch(&alice, &path).await.json();
        assert_eq!(timeless(again.clone(), 7), timeless(sent.clone(), 7));
        assert!(!keys.iter().any(|key| again["key"] == key.as_str()));
        keys.push(key_of(&again).to_owned());
        world.settled().await;
    }
    assert_eq!(world.mails().await.len(), 4);
    assert_eq!(world.everything(&["confirmations"]).await.len(), 1);
    // It is for its sender only, and never answers it.
    for other in ["carol", "dave"] {
        assert_refused(&patch(&world.user(other), &path).await, 403, FORBIDDEN);
    }
    let accept = "/confirm/accept/invite/carol/alice";
    for key in &keys[..3] {
        let answer = world
            .user("carol")
            .put(accept, &json!({ "key": key }))
            .await;
        assert_refused(&answer, 404, "No matching invite was found");
    }
    let answer = world
        .user("carol")
        .put(accept, &json!({ "key": keys[3] }))
        .await;
    assert_eq!((answer.status, answer.text()), (200, "OK"));
    assert_refused(&patch(&alice, &path).await, 403, FORBIDDEN);
}

#[actix_web::test]
async fn only_a_pending_invitation_is_sent_again() {
    let world = World::without_relay().await;
    world.user_api.has("alice");
    let sent = world.invite("alice", "carol@example.org", json!({})).await;
    let (key, alice) = (key_of(&sent), world.user("alice"));
    let path = format!("/confirm/resend/invite/{key}");
    for status in ["declined", "canceled", "completed"] {
        world.set(key, doc! { "status": status }).await;
        assert_refused(&patch(&alice, &path).await, 403, FORBIDDEN);
    }
    world
        .set(
            key,
            doc! { "status": "pending", "type": "signup_confirmation" },
        )
        .await;
    assert_refused(&patch(&alice, &path).await, 403, FORBIDDEN);
    let unknown = patch(&alice, "/confirm/resend/invite/unknown").await;
    assert_refused(&unknown, 403, FORBIDDEN);
    world.set(key, doc! { "type": "careteam_invitation" }).await;
    assert_refused(&patch(&world.user("carol"), &path).await, 403, FORBIDDEN);
    assert_eq!(world.rows("mail_outbox", "pending").await, 1);
    assert_eq!(patch(&alice, &path).await.status, 200);
    assert_eq!(world.rows("mail_outbox", "pending").await, 2);
}

#[actix_web::test]
async fn a_mail_that_waits_is_not_sent_twice() {
    let mut world = World::without_relay().await;
    world.user_api.has("alice");
    let sent = world.invite("alice", "carol@example.org", json!({})).await;
    let path = format!("/confirm/resend/invite/{}", key_of(&sent));
    tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    assert_eq!(patch(&world.user("alice"), &path).await.status, 200);
    assert_eq!(world.rows("mail_outbox", "pending").await, 2);
    world.start_relay();
    assert_eq!(world.mails().await.len(), 1);
}

#[actix_web::test]
async fn an_invitation_is_canceled_by_its_address() {
    let world = World::without_relay().await;
    world.user_api.has("alice");
    let alice = world.user("alice");
    for (status, email, path) in [
        (
            "pending",
            "a@example.org",
            "/confirm/alice/invited/a@example.org",
        ),
        ("declined", "b@example.org", "/alice/invited/B@EXAMPLE.org"),
        (
            "pending",
            "c+d@example.org",
            "/confirm/alice/invited/c+d@example.org",
        ),
        (
            "pending",
            "g/h@example.org",
            "/confirm/alice/invited/g%2Fh@example.org",
        ),
        (
            "pending",
            "e+f@example.org",
            "/confirm/alice/invited/e%2Bf%40example.org",
        ),
    ] {
        for delete in [false, true] {
            let sent = world.invite("alice", email, json!({"view": {}})).await;
            let key = key_of(&sent);
            world.set(key, doc! { "status": status }).await;
            let cancel = async || {
                if delete {
                    alice.delete(path).await
                } else {
                    put(&alice, path).await
                }
            };
            assert_empty(&cancel().await, 200);
            assert_eq!(world.status(key).await, "canceled");
            let stored = world.document(key).await.unwrap();
            let modified = stored.get_datetime("modified").unwrap().to_chrono();
            assert!((chrono::Utc::now() - modified).num_seconds() < 60);
            assert_refused(&cancel().await, 404, NO_INVITE);
        }
    }
}

#[actix_web::test]
async fn a_space_is_no_plus() {
    let world = World::without_relay().await;
    world.user_api.has("alice");
    world.invite("alice", "c+d@example.org", json!({})).await;
    for address in [
        "c%20d@example.org",
        "cd@example.org",
        "c%252Bd@example.org",
        ".*",
    ] {
        let path = format!("/confirm/alice/invited/{address}");
        assert_refused(&put(&world.user("alice"), &path).await, 404, NO_INVITE);
    }
}

#[actix_web::test]
async fn what_was_accepted_cannot_be_canceled() {
    let world = World::without_relay().await;
    for id in ["alice", "carol"] {
        world.user_api.has(id);
    }
    let sent = world
        .invite("alice", "carol@example.org", json!({"view": {}}))
        .await;
    let path = "/confirm/accept/invite/carol/alice";
    assert_eq!(
        world.user("carol").put(path, &Value::Null).await.status,
        200
    );
    let path = "/confirm/alice/invited/carol@example.org";
    let alice = world.user("alice");
    assert_refused(&put(&alice, path).await, 404, NO_INVITE);
    assert_refused(&alice.delete(path).await, 404, NO_INVITE);
    assert_eq!(world.status(key_of(&sent)).await, "completed");
    assert_eq!(
        world.gatekeeper.permissions("alice", "carol"),
        Some(json!({"view": {}}))
    );
}

#[actix_web::test]
async fn the_newest_of_several_is_canceled() {
    let world = World::without_relay().await;
    world.user_api.has("alice");
    let old = world
        .invite("alice", "carol@example.org", json!({"view": {}}))
        .await;
    world.set(key_of(&old), doc! { "status": "declined" }).await;
    let new = world
        .invite("alice", "carol@example.org", json!({"view": {}}))
        .await;
    let (alice, path) = (
        world.user("alice"),
        "/confirm/alice/invited/carol@example.org",
    );
    assert_empty(&put(&alice, path).await, 200);
    assert_eq!(world.status(key_of(&new)).await, "canceled");
    assert_eq!(world.status(key_of(&old)).await, "declined");
    assert_empty(&put(&alice, path).await, 200);
    assert_refused(&put(&alice, path).await, 404, NO_INVITE);
}

#[actix_web::test]
async fn others_invitations_are_not_canceled() {
    let world = World::without_relay().await;
    for id in ["alice", "bob"] {
        world.user_api.has(id);
    }
    let sent = world.invite("alice", "carol@example.org", json!({})).await;
    let bob = world.user("bob");
    let answer = put(&bob, "/confirm/bob/invited/carol@example.org").await;
    assert_refused(&answer, 404, NO_INVITE);
    let answer = put(&bob, "/confirm/alice/invited/carol@example.org").await;
    assert_refused(&answer, 401, "Not authorized for requested operation");
    assert_eq!(world.status(key_of(&sent)).await, "pending");
}
