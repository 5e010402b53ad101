//! What goes with an account that is deleted.

use bson::{Document, doc};
use chrono::{DateTime, TimeDelta, Utc};
use reqwest::Method;
use serde_json::{Value, json};
use shared_runtime::testing::send;
use stand_ins::gatekeeper;

use crate::world::{World, assert_empty, assert_refused};

const CLINIC: &str = "5f8f8f8f8f8f8f8f8f8f8f8f";
const PATH: &str = "/internal/users/bob";

#[actix_web::test]
async fn what_the_account_asked_and_was_asked_goes_and_what_it_asked_for_a_clinic_stays() {
    let world = World::without_relay().await;
    let mut documents = Vec::new();
    // The name says who made it and who is asked, and whether a clinic is in it; `x` goes.
    for (name, creator, user, clinic) in [
        ("x by bob", "bob", "", None),
        ("x by bob for carol", "bob", "carol", None),
        ("x for bob", "alice", "bob", None),
        ("x for bob from nobody", "", "bob", None),
        ("x for bob with a clinic", "alice", "bob", Some(CLINIC)),
        ("x by bob with an empty clinic", "bob", "", Some("")),
        ("by bob with a clinic", "bob", "", Some(CLINIC)),
        (
            "by bob with a clinic for carol",
            "bob",
            "carol",
            Some(CLINIC),
        ),
        ("by others", "alice", "carol", None),
        ("by Bob in capitals", "BOB", "Bob", None),
        ("by nobody for nobody", "", "", None),
    ] {
        let kinds = [
            "careteam_invitation",
            "signup_confirmation",
            "clinician_invitation",
        ];
        for (kind, status) in kinds.into_iter().zip(["pending", "completed", "declined"]) {
            let mut document = doc! {
                "_id": format!("{name}, {kind}"), "type": kind, "status": status,
                "creatorId": creator, "userId": user, "email": "bob@example.org",
                "created": bson::DateTime::now(), "context": {},
            };
            if let Some(clinic) = clinic {
                document.insert("clinicId", clinic);
            }
            documents.push(document);
        }
    }
    world.confirmations().insert_many(&documents).await.unwrap();
    let service = world.service();
    assert_empty(&service.delete(PATH).await, 204);
    let is_kept = |document: &Document| !document.get_str("_id").unwrap().starts_with('x');
    documents.retain(is_kept);
    documents.sort_by_key(|document| document.get_str("_id").unwrap().to_owned());
    assert_eq!(world.everything(&["confirmations"]).await, documents);
    assert_empty(&service.delete(PATH).await, 204);
    assert_empty(&service.delete("/internal/users/unknown").await, 204);
    assert_eq!(world.everything(&["confirmations"]).await, documents);
}

#[actix_web::test]
async fn mails_about_what_is_gone_are_not_sent() {
    let mut world = World::without_relay().await;
    world.user_api.has("bob");
    world.sign_up("bob").await;
    world.invite("bob", "carol@example.org", json!({})).await;
    assert_empty(&world.service().delete(PATH).await, 204);
    world.user_api.remove("bob");
    world.start_relay();
    assert_eq!(world.mails().await.len(), 0);
    assert_eq!(world.rows("mail_outbox", "dead").await, 0);
}

#[actix_web::test]
async fn an_acceptance_that_has_begun_ends_with_the_account() {
    let mut world = World::without_relay().await;
    for id in ["bob", "carol"] {
        world.user_api.has(id);
    }
    let sent = world
        .invite("bob", "carol@example.org", json!({"view": {}}))
        .await;
    world.gatekeeper.fail(gatekeeper::Ask::Grant, 500);
    let path = "/confirm/accept/invite/carol/bob";
    let body = json!({"key": sent["key"]});
    let answer = world.user("carol").put(path, &body).await;
    assert_refused(&answer, 500, "Error setting permissions");
    assert_empty(&world.service().delete(PATH).await, 204);
    world.gatekeeper.mend(gatekeeper::Ask::Grant);
    world.hurry().await;
    world.start_relay();
    world.settled().await;
    let answer = world.user("carol").put(path, &body).await;
    assert_refused(&answer, 404, "No matching invite was found");
    assert_eq!(world.gatekeeper.permissions("bob", "carol"), None);
}

/// The path that cancels what bob sent until `until`.
fn sent_until(until: DateTime<Utc>) -> String {
    format!("{PATH}/invitations?until={}", until.timestamp_millis())
}

#[actix_web::test]
async fn what_an_account_sent_until_a_moment_is_canceled_and_what_it_was_asked_stays() {
    let world = World::without_relay().await;
    let now = Utc::now();
    let mut documents = Vec::new();
    // The name says what becomes of it; `x` is canceled.
    for (name, kind, status, creator, user, age) in [
        (
            "x pending",
            "careteam_invitation",
            "pending",
            "bob",
            "carol",
            60,
        ),
        (
            "x declined",
            "careteam_invitation",
            "declined",
            "bob",
            "carol",
            60,
        ),
        (
            "x for nobody yet",
            "careteam_invitation",
            "pending",
            "bob",
            "",
            60,
        ),
        (
            "accepted",
            "careteam_invitation",
            "completed",
            "bob",
            "carol",
            60,
        ),
        (
            "sent later",
            "careteam_invitation",
            "pending",
            "bob",
            "carol",
            -60,
        ),
        (
            "received",
            "careteam_invitation",
            "pending",
            "carol",
            "bob",
            60,
        ),
        (
            "sign-up",
            "signup_confirmation",
            "pending",
            "bob",
            "bob",
            60,
        ),
        ("reset", "password_reset", "pending", "", "bob", 60),
    ] {
        documents.push(doc! {
            "_id": name, "type": kind, "status": status, "creatorId": creator, "userId": user,
            "email": "somebody@example.org", "context": {},
            "created": bson::DateTime::from_chrono(now - TimeDelta::seconds(age)),
        });
    }
    world.confirmations().insert_many(&documents).await.unwrap();
    for _ in 0..2 {
        assert_empty(&world.service().delete(&sent_until(now)).await, 204);
        for before in &documents {
            let name = before.get_str("_id").unwrap();
            let stored = world.confirmations();
            let after = stored.find_one(doc! { "_id": name }).await;
            let after = after.unwrap().unwrap();
            if name.starts_with('x') {
                assert_eq!(after.get_str("status").unwrap(), "canceled", "{name}");
            } else {
                assert_eq!(after, *before, "{name}");
            }
        }
    }
    for query in ["", "?until=", "?until=soon", "?since=1"] {
        let path = format!("{PATH}/invitations{query}");
        let answer = world.service().delete(&path).await;
        assert_refused(&answer, 400, "Error decoding the confirmation");
    }
}

#[actix_web::test]
async fn a_canceled_invitation_can_neither_be_accepted_nor_sent_again() {
    let mut world = World::without_relay().await;
    for id in ["bob", "carol", "dave"] {
        world.user_api.has(id);
    }
    let view = json!({"view": {}});
    let begun = world.invite("bob", "carol@example.org", view.clone()).await;
    let waiting = world.invite("bob", "dave@example.org", view).await;
    world.gatekeeper.fail(gatekeeper::Ask::Grant, 500);
    let accept = async |world: &World, invitee: &str, invitation: &Value| {
        let path = format!("/confirm/accept/invite/{invitee}/bob");
        let body = json!({"key": invitation["key"]});
        world.user(invitee).put(&path, &body).await
    };
    let answer = accept(&world, "carol", &begun).await;
    assert_refused(&answer, 500, "Error setting permissions");
    assert_empty(&world.service().delete(&sent_until(Utc::now())).await, 204);
    world.gatekeeper.mend(gatekeeper::Ask::Grant);
    world.hurry().await;
    world.start_relay();
    world.settled().await;
    for (invitee, invitation) in [("carol", &begun), ("dave", &waiting)] {
        let answer = accept(&world, invitee, invitation).await;
        assert_eq!(answer.status, 403, "{}", answer.text());
        assert_eq!(world.gatekeeper.permissions("bob", invitee), None);
    }
    let path = format!(
        "/confirm/resend/invite/{}",
        waiting["key"].as_str().unwrap()
    );
    let request = world.user("bob").request(Method::PATCH, &path);
    assert_eq!(send(request).await.status, 403);
    assert_eq!(world.rows("outbox", "dead").await, 0);
}
