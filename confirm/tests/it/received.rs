//! Invitations as the invited side sees them: whose they are, and since when.

use bson::doc;
use serde_json::{Value, json};
use stand_ins::{gatekeeper, user_api};

use crate::world::{World, assert_empty, assert_refused, timeless};

const LIST: &str = "/confirm/invitations/carol";
const ACCEPT: &str = "/confirm/accept/invite/carol/alice";
const DISMISS: &str = "/confirm/dismiss/invite/carol/alice";
const NOTHING: &str = "Nothing found";
const FORBIDDEN: &str = "Forbidden to perform requested operation";
const NO_INVITE: &str = "No matching invite was found";

fn key_of(invitation: &Value) -> &str {
    invitation["key"].as_str().unwrap()
}

#[actix_web::test]
async fn the_invited_sees_what_can_be_answered() {
    let world = World::without_relay().await;
    for id in ["alice", "bob", "carol", "dave", "erin"] {
        world.user_api.has(id);
    }
    let mut sent = Vec::new();
    for sharer in ["alice", "bob", "dave", "erin"] {
        let email = "carol@example.org";
        sent.push(world.invite(sharer, email, json!({"view": {}})).await);
    }
    world
        .set(key_of(&sent[1]), doc! { "status": "declined" })
        .await;
    world
        .set(key_of(&sent[2]), doc! { "status": "canceled" })
        .await;
    world.invite("alice", "bob@example.org", json!({})).await;
    let listed: Vec<Value> = world.user("carol").get(LIST).await.json();
    // As the sender got them.
    assert_eq!(listed, [sent[3].clone(), sent[0].clone()]);
    assert_eq!(timeless(listed[1].clone(), 7)["invitedBy"], "alice");
    world
        .gatekeeper
        .grant("carol", "parent", json!({"admin": {}}));
    for reader in [world.service(), world.user("parent")] {
        assert_eq!(reader.get(LIST).await.json::<Vec<Value>>(), listed);
    }
    let stranger = world.user("bob").get(LIST).await;
    assert_refused(&stranger, 401, "Not authorized for requested operation");
}

#[actix_web::test]
async fn nobody_and_somebody_without_address_have_an_empty_list() {
    let world = World::without_relay().await;
    world.user_api.has("alice");
    world.user_api.has_with(
        "carol",
        json!({"emails": null, "username": null, "emailVerified": null}),
    );
    world.invite("alice", "carol@example.org", json!({})).await;
    assert_refused(&world.user("carol").get(LIST).await, 404, NOTHING);
    let path = "/confirm/invitations/nobody";
    assert_refused(&world.service().get(path).await, 404, NOTHING);
    assert_refused(&world.user("nobody").get(path).await, 404, NOTHING);
}

#[actix_web::test]
async fn invitations_wait_for_the_account() {
    let world = World::without_relay().await;
    world.user_api.has("alice");
    world.user_api.has("bob");
    let first = world
        .invite("alice", "Carol@Example.org", json!({"view": {}}))
        .await;
    let second = world
        .invite("bob", "carol@example.org", json!({"note": {}}))
        .await;
    let other = world.invite("bob", "cárol@example.org", json!({})).await;
    world.user_api.has("carol");
    let listed: Vec<Value> = world.user("carol").get(LIST).await.json();
    assert_eq!(listed, [second, first.clone()]);
    let stored = world.document(key_of(&first)).await.unwrap();
    assert_eq!(stored.get_str("userId").unwrap(), "carol");
    let stored = world.document(key_of(&other)).await.unwrap();
    assert_eq!(stored.get_str("userId").unwrap(), "");
}

#[actix_web::test]
async fn accepting_and_dismissing_need_no_look_at_the_list_first() {
    let world = World::without_relay().await;
    world.user_api.has("alice");
    for with_key in [true, false] {
        for (path, status) in [(ACCEPT, "completed"), (DISMISS, "declined")] {
            world.user_api.remove("carol");
            let sent = world.invite("alice", "carol@example.org", json!({})).await;
            world.user_api.has("carol");
            let body = if with_key {
                json!({"key": key_of(&sent)})
            } else {
                Value::Null
            };
            let answer = world.user("carol").put(path, &body).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            assert_eq!(world.status(key_of(&sent)).await, status);
            world.confirmations().delete_many(doc! {}).await.unwrap();
        }
    }
}

#[actix_web::test]
async fn an_address_that_is_not_verified_opens_nothing() {
    let world = World::without_relay().await;
    world.user_api.has("alice");
    world
        .user_api
        .has_with("carol", json!({"emailVerified": false}));
    let sent = world
        .invite("alice", "carol@example.org", json!({"view": {}}))
        .await;
    let carol = world.user("carol");
    assert_refused(&carol.get(LIST).await, 404, NOTHING);
    let with_key = json!({"key": key_of(&sent)});
    for path in [ACCEPT, DISMISS] {
        assert_refused(&carol.put(path, &with_key).await, 403, FORBIDDEN);
        assert_refused(&carol.put(path, &Value::Null).await, 404, NO_INVITE);
    }
    assert!(world.gatekeeper.asked(gatekeeper::Ask::Grant).is_empty());
    assert_eq!(world.status(key_of(&sent)).await, "pending");
    world
        .user_api
        .change("carol", json!({"emailVerified": true}));
    assert_eq!(carol.get(LIST).await.status, 200);
}

#[actix_web::test]
async fn an_address_that_is_only_alike_opens_nothing() {
    let world = World::without_relay().await;
    world.user_api.has("alice");
    let sent = world
        .invite("alice", "strasse@example.org", json!({"view": {}}))
        .await;
    let with_key = json!({"key": key_of(&sent)});
    for email in [
        "straße@example.org",
        "strässe@example.org",
        "strasse@example.com",
    ] {
        world
            .user_api
            .has_with("carol", json!({"emails": [email, "strasse@example.org"]}));
        let carol = world.user("carol");
        assert_refused(&carol.get(LIST).await, 404, NOTHING);
        assert_refused(&carol.put(ACCEPT, &with_key).await, 403, FORBIDDEN);
        assert_refused(&carol.put(ACCEPT, &json!({})).await, 404, NO_INVITE);
    }
    let stored = world.document(key_of(&sent)).await.unwrap();
    assert_eq!(stored.get_str("userId").unwrap(), "");
}

#[actix_web::test]
async fn an_invitation_that_is_somebodys_is_not_given_to_another() {
    let world = World::without_relay().await;
    for id in ["alice", "carol"] {
        world.user_api.has(id);
    }
    let sent = world.invite("alice", "carol@example.org", json!({})).await;
    // Carol moves, and Mallory takes her old address.
    world
        .user_api
        .change("carol", json!({"emails": ["moved@example.org"]}));
    world
        .user_api
        .has_with("mallory", json!({"emails": ["carol@example.org"]}));
    let mallory = world.user("mallory");
    let list = mallory.get("/confirm/invitations/mallory").await;
    assert_refused(&list, 404, NOTHING);
    let path = "/confirm/accept/invite/mallory/alice";
    let answer = mallory.put(path, &json!({"key": key_of(&sent)})).await;
    assert_refused(&answer, 403, FORBIDDEN);
    assert_eq!(world.user("carol").get(LIST).await.status, 200);
}

#[actix_web::test]
async fn the_list_needs_user_api_and_the_answer_does_not_depend_on_profiles() {
    let world = World::without_relay().await;
    for id in ["alice", "carol"] {
        world.user_api.has(id);
    }
    world.invite("alice", "carol@example.org", json!({})).await;
    world.user_api.fail(user_api::Ask::People, 500);
    let answer = world.user("carol").get(LIST).await;
    assert_refused(&answer, 500, "Error finding the user");
    world.user_api.mend(user_api::Ask::People);
    world.user_api.remove("alice");
    let asked = world.user_api.asked(user_api::Ask::People).len();
    let listed: Vec<Value> = world.user("carol").get(LIST).await.json();
    assert_eq!(listed[0]["creator"], json!({"profile": null, "userid": ""}));
    // Who has no profile is not asked for twice.
    assert_eq!(world.user_api.asked(user_api::Ask::People).len() - asked, 1);
}

#[actix_web::test]
async fn an_invitation_that_cannot_be_read_is_left_out() {
    let world = World::without_relay().await;
    let mut sent = Vec::new();
    for sharer in ["alice", "bob", "dave"] {
        world.user_api.has(sharer);
        sent.push(world.invite(sharer, "carol@example.org", json!({})).await);
    }
    let carol = world.user("carol");
    world.set(key_of(&sent[0]), doc! { "context": 1 }).await;
    world
        .set(key_of(&sent[1]), doc! { "created": "once" })
        .await;
    // As much before the account exists as after.
    world.user_api.has("carol");
    for _ in 0..2 {
        let listed: Vec<Value> = carol.get(LIST).await.json();
        assert_eq!(listed, [sent[2].clone()]);
    }
    let listed = world.user("bob").get("/confirm/invite/bob").await;
    assert_refused(&listed, 404, NOTHING);
    // A decision does not pass over what may be the one that counts.
    let path = "/confirm/alice/invited/carol@example.org";
    assert_eq!(world.user("alice").delete(path).await.status, 500);
    assert_eq!(carol.put(ACCEPT, &Value::Null).await.status, 500);
    assert_eq!(world.status(key_of(&sent[0])).await, "pending");
    let metrics = world.anonymous().get("/metrics").await;
    let counted = "unreadable_documents_total{collection=\"confirmations\"}";
    assert!(metrics.text().contains(counted), "{}", metrics.text());
}

#[actix_web::test]
async fn more_inviters_than_one_question_takes_are_all_named() {
    let world = World::without_relay().await;
    world.user_api.has("carol");
    let mut documents = Vec::new();
    for index in 0..450 {
        let sharer = format!("sharer{index}");
        world.user_api.has(&sharer);
        documents.push(doc! {
            "_id": format!("key{index}"), "type": "careteam_invitation", "status": "pending",
            "userId": "carol", "creatorId": sharer, "email": "carol@example.org",
            "created": bson::DateTime::now(), "context": {"view": {}},
        });
    }
    world.confirmations().insert_many(documents).await.unwrap();
    let listed: Vec<Value> = world.user("carol").get(LIST).await.json();
    assert_eq!(listed.len(), 450);
    for one in listed {
        assert_eq!(one["creator"]["userid"], one["creatorId"]);
    }
}

#[actix_web::test]
async fn the_sender_still_sees_what_was_declined() {
    let world = World::without_relay().await;
    for id in ["alice", "carol"] {
        world.user_api.has(id);
    }
    let sent = world
        .invite("alice", "carol@example.org", json!({"view": {}}))
        .await;
    let carol = world.user("carol");
    assert_empty(
        &carol.put(DISMISS, &json!({"key": key_of(&sent)})).await,
        200,
    );
    assert_refused(&carol.get(LIST).await, 404, NOTHING);
    let listed: Vec<Value> = world
        .user("alice")
        .get("/confirm/invite/alice")
        .await
        .json();
    assert_eq!(listed[0]["status"], "declined");
    assert_ne!(listed[0]["modified"], "0001-01-01T00:00:00Z");
    assert_refused(
        &carol.put(ACCEPT, &json!({"key": key_of(&sent)})).await,
        403,
        FORBIDDEN,
    );
    // Again is no mistake; without the key there is nothing left to answer.
    assert_empty(
        &carol.put(DISMISS, &json!({"key": key_of(&sent)})).await,
        200,
    );
    assert_refused(&carol.put(DISMISS, &json!({})).await, 404, NO_INVITE);
    let path = "/confirm/alice/invited/carol@example.org";
    assert_empty(&world.user("alice").delete(path).await, 200);
    assert_refused(
        &carol.put(DISMISS, &json!({"key": key_of(&sent)})).await,
        403,
        FORBIDDEN,
    );
}

#[actix_web::test]
async fn an_address_that_was_not_proven_finds_nothing() {
    let world = World::without_relay().await;
    world.user_api.has("alice");
    // Verified with another address, which then changed; anybody can do that.
    world.user_api.has_with(
        "mallory",
        json!({"emails": ["carol@example.org"], "provenEmail": "mallory@example.org"}),
    );
    let body = json!({"email": "carol@example.org", "permissions": {"view": {}}});
    let sent = world
        .user("alice")
        .post("/confirm/send/invite/alice", &body)
        .await;
    assert_eq!(sent.status, 200);
    let key = sent.json::<Value>()["key"].clone();
    let mallory = world.user("mallory");
    let listed = mallory.get("/confirm/invitations/mallory").await;
    assert_refused(&listed, 404, "Nothing found");
    let path = "/confirm/accept/invite/mallory/alice";
    let accepted = mallory.put(path, &json!({ "key": key })).await;
    assert_refused(&accepted, 403, "Forbidden to perform requested operation");
    assert_eq!(world.gatekeeper.asked(gatekeeper::Ask::Grant).len(), 0);
}
