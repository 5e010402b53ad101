//! People are told what happened in a clinic.

use bson::Document;
use serde_json::{Value, json};
use stand_ins::user_api;

use crate::{
    oak::{CODE, OAK},
    world::{World, assert_empty, assert_refused},
};

const PATH: &str = "/internal/clinic-notices/n1";

/// A world with the clinic and Alice.
async fn world() -> World {
    let world = World::start().await;
    world.user_api.has("alice");
    world
        .clinic
        .has_clinic(OAK, json!({ "shareCode": CODE, "name": "Oak Clinic" }));
    world
}

fn notice(event: &str) -> Value {
    json!({ "event": event, "clinicId": OAK, "userId": "alice" })
}

async fn stored(world: &World) -> Vec<Document> {
    world.everything(&["confirmations"]).await
}

#[actix_web::test]
async fn each_event_has_its_mail() {
    let world = world().await;
    for (event, subject) in [
        ("created", "Oak Clinic is set up on Tidegate"),
        ("rolesChanged", "Your role at Oak Clinic has changed"),
        ("uploadReminder", "Oak Clinic asks for your latest data"),
        (
            "connectionRequest",
            "Oak Clinic asks you to connect your device",
        ),
        ("migrationStarted", "Your patients are moving to Oak Clinic"),
        (
            "migrationCompleted",
            "Your patients have moved to Oak Clinic",
        ),
    ] {
        let path = format!("/internal/clinic-notices/{event}");
        let clinic = world.service_called("clinic");
        assert_empty(&clinic.put(&path, &notice(event)).await, 204);
        let mails = world.mails().await;
        let mail = mails.iter().find(|mail| mail.subject == subject);
        assert_eq!(mail.unwrap().to, ["alice@example.org"]);
    }
}

#[actix_web::test]
async fn a_repeat_under_the_same_id_mails_nothing() {
    let world = world().await;
    for _ in 0..2 {
        let told = world.service().put(PATH, &notice("uploadReminder")).await;
        assert_empty(&told, 204);
        assert_eq!(world.mails().await.len(), 1);
    }
    assert_eq!(stored(&world).await.len(), 1);
}

#[actix_web::test]
async fn nobody_is_told_where_there_is_no_address() {
    let world = world().await;
    world.user_api.has_with("alice", json!({ "emails": [] }));
    let told = world.service().put(PATH, &notice("created")).await;
    assert_empty(&told, 204);
    let mut gone = notice("created");
    gone["userId"] = json!("nobody");
    assert_empty(&world.service().put(PATH, &gone).await, 204);
    assert_eq!(stored(&world).await, Vec::<Document>::new());
    assert!(world.mails().await.is_empty());
}

#[actix_web::test]
async fn a_notice_that_is_none_is_refused() {
    let world = world().await;
    let mut no_clinic = notice("created");
    no_clinic["clinicId"] = json!("oak");
    for body in [json!({}), json!([]), notice("closed"), no_clinic] {
        let answer = world.service().put(PATH, &body).await;
        assert_refused(&answer, 400, "Error decoding the confirmation");
    }
    world.user_api.fail(user_api::Ask::People, 500);
    let answer = world.service().put(PATH, &notice("created")).await;
    assert_refused(&answer, 500, "Error finding the user");
    assert_eq!(stored(&world).await, Vec::<Document>::new());
}

#[actix_web::test]
async fn no_quota_keeps_a_notice_away() {
    let world = World::start_with(|config| config.limits.mails_per_recipient_per_hour = 1).await;
    world.user_api.has("alice");
    for id in ["a", "b", "c"] {
        let path = format!("/internal/clinic-notices/{id}");
        let told = world.service().put(&path, &notice("created")).await;
        assert_empty(&told, 204);
    }
    assert_eq!(world.mails().await.len(), 3);
}
