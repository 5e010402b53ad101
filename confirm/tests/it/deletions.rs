//! What goes with an account that is deleted.

use bson::{Document, doc};
use serde_json::{Value, json};

use crate::{
    peers::Ask,
    world::{World, assert_empty, assert_refused},
};

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
    world.peers.has("bob");
    world.sign_up("bob").await;
    world.invite("bob", "carol@example.org", json!({})).await;
    assert_empty(&world.service().delete(PATH).await, 204);
    world.peers.remove("bob");
    world.start_relay();
    assert_eq!(world.mails().await.len(), 0);
    assert_eq!(world.rows("mail_outbox", "dead").await, 0);
}

#[actix_web::test]
async fn an_acceptance_that_has_begun_ends_with_the_account() {
    let mut world = World::without_relay().await;
    for id in ["bob", "carol"] {
        world.peers.has(id);
    }
    let sent = world
        .invite("bob", "carol@example.org", json!({"view": {}}))
        .await;
    world.peers.fail(Ask::Grant, 500);
    let path = "/confirm/accept/invite/carol/bob";
    let body = json!({"key": sent["key"]});
    let answer = world.user("carol").put(path, &body).await;
    assert_refused(&answer, 500, "Error setting permissions");
    assert_empty(&world.service().delete(PATH).await, 204);
    world.peers.mend(Ask::Grant);
    world.hurry().await;
    world.start_relay();
    world.settled().await;
    let answer = world.user("carol").put(path, &body).await;
    assert_refused(&answer, 404, "No matching invite was found");
    assert_eq!(world.peers.permissions("bob", "carol"), Value::Null);
}
