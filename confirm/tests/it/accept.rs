//! Invitations that are accepted, and those that are not.

use bson::doc;
use reqwest::Method;
use serde_json::{Value, json};
use stand_ins::{data, gatekeeper};

use crate::world::{World, assert_ok, assert_refused, send_raw};

const PATH: &str = "/confirm/accept/invite/carol/alice";
const FORBIDDEN: &str = "Forbidden to perform requested operation";
const NO_INVITE: &str = "No matching invite was found";

/// Alice, who shares, and Carol, who is invited; and the key of the invitation.
async fn invited(permissions: Value) -> (World, String) {
    let world = World::without_relay().await;
    for id in ["alice", "carol"] {
        world.user_api.has(id);
    }
    let sent = world
        .invite("alice", "carol@example.org", permissions)
        .await;
    let key = sent["key"].as_str().unwrap().to_owned();
    (world, key)
}

#[actix_web::test]
async fn an_accepted_invitation_has_its_effect_once() {
    let (world, key) = invited(json!({"view": {}, "note": {}})).await;
    let carol = world.user("carol");
    assert_ok(&carol.put(PATH, &json!({"key": key})).await);
    let granted = json!({"view": {}, "note": {}});
    assert_eq!(
        world.gatekeeper.permissions("alice", "carol"),
        Some(granted.clone())
    );
    let offered = json!({"sharerId": "alice", "granteeId": "carol", "permissions": granted});
    assert_eq!(
        world.gatekeeper.asked(gatekeeper::Ask::Grant),
        [(key.clone(), offered)]
    );
    let stored = world.document(&key).await.unwrap();
    assert_eq!(stored.get_str("status").unwrap(), "completed");
    assert!(!stored.contains_key("acceptance"));
    let modified = stored.get_datetime("modified").unwrap().to_chrono();
    assert!((chrono::Utc::now() - modified).num_seconds() < 60);
    assert!(world.everything(&["outbox"]).await.is_empty());
    for (person, list) in [("carol", "invitations/carol"), ("alice", "invite/alice")] {
        let answer = world.user(person).get(&format!("/confirm/{list}")).await;
        assert_refused(&answer, 404, "Nothing found");
    }
    assert_refused(&carol.put(PATH, &json!({"key": key})).await, 403, FORBIDDEN);
    assert_refused(&carol.put(PATH, &json!({})).await, 404, NO_INVITE);
    let dismiss = "/confirm/dismiss/invite/carol/alice";
    assert_refused(
        &carol.put(dismiss, &json!({"key": key})).await,
        403,
        FORBIDDEN,
    );
    assert_eq!(world.gatekeeper.asked(gatekeeper::Ask::Grant).len(), 1);
}

#[actix_web::test]
async fn bodies_without_a_key_mean_the_newest_pending_invitation() {
    let (world, key) = invited(json!({"view": {}})).await;
    // An older one does not count, nor does somebody else's.
    world.set(&key, doc! { "status": "declined" }).await;
    world.user_api.has("bob");
    let email = "carol@example.org";
    world.invite("bob", email, json!({"upload": {}})).await;
    for body in [
        "",
        "  ",
        "null",
        "{}",
        r#"{"404":[]}"#,
        r#"{"key":""}"#,
        r#"{"key":null}"#,
    ] {
        world.gatekeeper.revoke("alice", "carol");
        let newer = world.invite("alice", email, json!({"note": {}})).await;
        let answer = send_raw(&world.user("carol"), Method::PUT, PATH, body).await;
        assert_ok(&answer);
        assert_eq!(
            world.gatekeeper.permissions("alice", "carol"),
            Some(json!({"note": {}}))
        );
        let newer = newer["key"].as_str().unwrap();
        assert_eq!(world.status(newer).await, "completed");
        assert_eq!(world.status(&key).await, "declined");
    }
}

#[actix_web::test]
async fn bodies_that_are_no_reference_are_refused() {
    let (world, key) = invited(json!({"view": {}})).await;
    let carol = world.user("carol");
    for body in [
        "{",
        "x",
        "1",
        "\"k\"",
        "true",
        r#"{"key":1}"#,
        r#"{"key":{"$ne":""}}"#,
        r#"{"status":[]}"#,
    ] {
        let answer = send_raw(&carol, Method::PUT, PATH, body).await;
        assert_refused(&answer, 400, "Error decoding the confirmation");
        // Who may not answer learns nothing about the body.
        let answer = send_raw(&world.user("alice"), Method::PUT, PATH, body).await;
        assert_refused(&answer, 401, "Not authorized for requested operation");
    }
    assert_eq!(world.status(&key).await, "pending");
}

#[actix_web::test]
async fn other_members_of_the_body_narrow_what_is_meant() {
    let (world, key) = invited(json!({"view": {}})).await;
    let carol = world.user("carol");
    for member in [
        json!({"type": "signup_confirmation"}),
        json!({"status": "completed"}),
        json!({"email": "other@example.org"}),
        json!({"creatorId": "bob"}),
        json!({"clinicId": "5f8f8f8f8f8f8f8f8f8f8f8f"}),
    ] {
        let mut body = member;
        assert_refused(&carol.put(PATH, &body).await, 404, NO_INVITE);
        body["key"] = json!(key);
        assert_refused(&carol.put(PATH, &body).await, 404, NO_INVITE);
    }
    // The invitation as the list shows it.
    let listed: Vec<Value> = carol.get("/confirm/invitations/carol").await.json();
    assert_ok(&carol.put(PATH, &listed[0]).await);
}

#[actix_web::test]
async fn only_the_addressee_and_who_runs_that_account_accept() {
    let (world, key) = invited(json!({"view": {}})).await;
    world.user_api.has("dave");
    let body = json!({"key": key});
    // Somebody else's name in the path changes nothing.
    for (person, path) in [
        ("dave", "/confirm/accept/invite/dave/alice"),
        ("carol", "/confirm/accept/invite/carol/dave"),
        ("alice", "/confirm/accept/invite/alice/carol"),
    ] {
        let answer = world.user(person).put(path, &body).await;
        assert_refused(&answer, 403, FORBIDDEN);
        let answer = world.service().put(path, &body).await;
        assert_refused(&answer, 403, FORBIDDEN);
    }
    world
        .gatekeeper
        .grant("carol", "dave", json!({"view": {}, "upload": {}}));
    for person in ["dave", "alice"] {
        let answer = world.user(person).put(PATH, &body).await;
        assert_refused(&answer, 401, "Not authorized for requested operation");
    }
    assert!(world.gatekeeper.asked(gatekeeper::Ask::Grant).is_empty());
    world
        .gatekeeper
        .grant("carol", "dave", json!({"custodian": {}}));
    assert_ok(&world.user("dave").put(PATH, &body).await);
    assert_eq!(
        world.gatekeeper.permissions("alice", "carol"),
        Some(json!({"view": {}}))
    );
    assert_eq!(world.gatekeeper.permissions("alice", "dave"), None);
}

#[actix_web::test]
async fn a_service_accepts_for_an_account() {
    let (world, key) = invited(json!({"view": {}})).await;
    assert_ok(&world.service().put(PATH, &json!({"key": key})).await);
    assert_eq!(world.status(&key).await, "completed");
}

#[actix_web::test]
async fn what_was_answered_or_ran_out_is_not_accepted() {
    let (world, key) = invited(json!({"view": {}})).await;
    let carol = world.user("carol");
    let body = json!({"key": key});
    for status in ["declined", "canceled", "completed"] {
        world.set(&key, doc! { "status": status }).await;
        assert_refused(&carol.put(PATH, &body).await, 403, FORBIDDEN);
        assert_refused(&carol.put(PATH, &json!({})).await, 404, NO_INVITE);
        assert_eq!(world.status(&key).await, status);
    }
    world.set(&key, doc! { "status": "pending" }).await;
    world.expire(&key).await;
    assert_refused(&carol.put(PATH, &body).await, 403, FORBIDDEN);
    assert_refused(&carol.put(PATH, &json!({})).await, 403, FORBIDDEN);
    assert_refused(
        &carol.put(PATH, &json!({"key": "unknown"})).await,
        404,
        NO_INVITE,
    );
    for kind in [
        "clinician_invitation",
        "signup_confirmation",
        "password_reset",
        "no_account",
    ] {
        let mut other = world.document(&key).await.unwrap();
        other.insert("_id", kind);
        other.insert("type", kind);
        other.remove("expiresAt");
        world.confirmations().insert_one(other).await.unwrap();
        assert_refused(
            &carol.put(PATH, &json!({"key": kind})).await,
            403,
            FORBIDDEN,
        );
    }
    let clinic = doc! { "clinicId": "5f8f8f8f8f8f8f8f8f8f8f8f", "expiresAt": null };
    world.set(&key, clinic).await;
    assert_refused(&carol.put(PATH, &body).await, 403, FORBIDDEN);
    assert_refused(&carol.put(PATH, &json!({})).await, 404, NO_INVITE);
    assert!(world.gatekeeper.asked(gatekeeper::Ask::Grant).is_empty());
}

#[actix_web::test]
async fn rights_beyond_the_offer_stay() {
    let (world, _) = invited(json!({"view": {}, "note": {}})).await;
    // Given by another way since the invitation.
    world.gatekeeper.grant(
        "alice",
        "carol",
        json!({"upload": {}, "view": {"since": 1}}),
    );
    assert_ok(&world.user("carol").put(PATH, &json!({})).await);
    let joined = json!({"upload": {}, "view": {"since": 1}, "note": {}});
    assert_eq!(world.gatekeeper.permissions("alice", "carol"), Some(joined));
}

#[actix_web::test]
async fn who_invited_on_behalf_of_the_account_vouches_for_it() {
    let (world, _) = invited(json!({})).await;
    world.user_api.has("bob");
    world.gatekeeper.grant("alice", "bob", json!({"admin": {}}));
    world.user_api.has("dave");
    let body = json!({"email": "dave@example.org", "permissions": {"view": {}}});
    let answer = world
        .user("bob")
        .post("/confirm/send/invite/alice", &body)
        .await;
    assert_eq!(answer.status, 200);
    let path = "/confirm/accept/invite/dave/alice";
    assert_ok(&world.user("dave").put(path, &json!({})).await);
    let [(_, grant)] = world
        .gatekeeper
        .asked(gatekeeper::Ask::Grant)
        .try_into()
        .unwrap();
    assert_eq!(grant["grantedBy"], "bob");
}

#[actix_web::test]
async fn an_offer_of_nothing_is_accepted_without_a_grant() {
    let (world, key) = invited(json!({})).await;
    assert_ok(&world.user("carol").put(PATH, &json!({})).await);
    assert_eq!(world.status(&key).await, "completed");
    assert!(world.gatekeeper.asked(gatekeeper::Ask::Grant).is_empty());
}

#[actix_web::test]
async fn what_nobody_can_be_given_is_left_out() {
    let (world, _) = invited(json!({"root": {}, "view": {}, "note": null})).await;
    assert_ok(&world.user("carol").put(PATH, &json!({})).await);
    assert_eq!(
        world.gatekeeper.permissions("alice", "carol"),
        Some(json!({"view": {}}))
    );
}

#[actix_web::test]
async fn alerts_are_the_followers_whatever_the_sender_wrote() {
    let (world, key) = invited(json!({})).await;
    world
        .confirmations()
        .delete_one(doc! { "_id": key })
        .await
        .unwrap();
    let body = json!({
        "email": "carol@example.org", "permissions": {"follow": {}},
        "alertsConfig": {
            "userId": "mallory", "followedUserId": "mallory", "uploadId": "u1", "other": 1,
            "high": {"enabled": true, "threshold": {"units": "mmol/L", "value": 10.5}},
        },
    });
    let answer = world
        .user("alice")
        .post("/confirm/send/invite/alice", &body)
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_ok(&world.user("carol").put(PATH, &json!({})).await);
    let wanted = json!({
        "userId": "carol", "followedUserId": "alice", "uploadId": "u1",
        "high": {"enabled": true, "threshold": {"units": "mmol/L", "value": 10.5}},
    });
    let path = "/v1/users/alice/followers/carol/alerts".to_owned();
    assert_eq!(world.data.alerts(), [(path, wanted)]);
    assert_eq!(
        world.gatekeeper.permissions("alice", "carol"),
        Some(json!({"follow": {}}))
    );
}

#[actix_web::test]
async fn without_alerts_the_data_service_is_not_asked() {
    let (world, _) = invited(json!({"follow": {}})).await;
    assert_ok(&world.user("carol").put(PATH, &json!({})).await);
    assert!(world.data.asked(data::Ask::Alerts).is_empty());
}

#[actix_web::test]
async fn without_a_data_service_alerts_are_dropped() {
    let world = World::without_relay_with(|config| config.data = None).await;
    for id in ["alice", "carol"] {
        world.user_api.has(id);
    }
    let body = json!({
        "email": "carol@example.org", "permissions": {"follow": {}},
        "alertsConfig": {"uploadId": "u1"},
    });
    world
        .user("alice")
        .post("/confirm/send/invite/alice", &body)
        .await;
    assert_ok(&world.user("carol").put(PATH, &json!({})).await);
    assert!(world.data.asked(data::Ask::Alerts).is_empty());
    assert_eq!(
        world.gatekeeper.permissions("alice", "carol"),
        Some(json!({"follow": {}}))
    );
}

#[actix_web::test]
async fn a_member_gets_what_was_asked_for_and_nothing_that_was_taken_away_since() {
    let (world, key) = invited(json!({})).await;
    world
        .confirmations()
        .delete_one(doc! { "_id": key })
        .await
        .unwrap();
    let held = json!({"view": {"since": 1}, "note": {}});
    world.gatekeeper.grant("alice", "carol", held);
    let sent = world
        .invite("alice", "carol@example.org", json!({"follow": {}}))
        .await;
    let shown = json!({"view": {"since": 1}, "note": {}, "follow": {}});
    assert_eq!(sent["permissions"], shown);
    world
        .gatekeeper
        .grant("alice", "carol", json!({"view": {"since": 2}}));
    assert_ok(&world.user("carol").put(PATH, &json!({})).await);
    let granted = json!({"view": {"since": 2}, "follow": {}});
    assert_eq!(
        world.gatekeeper.permissions("alice", "carol"),
        Some(granted.clone())
    );
}
