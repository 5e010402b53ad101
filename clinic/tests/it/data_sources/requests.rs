//! Requests to connect providers: many at once, and where the reference stored nothing.

use bson::{Bson, DateTime, doc};
use chrono::Utc;
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use shared_runtime::testing::send;

use super::{ALICE, connect, mails, put, shown, source};
use crate::world::{CAROL, World, assert_empty, time_of};

/// A clinic with Alice, whose data is to come from two providers.
async fn clinic(world: &World) -> String {
    let clinic = world.clinic().await;
    world.share(&clinic, ALICE, json!({ "view": {} })).await;
    let sources = json!([source("dexcom", "pending"), source("twiist", "pending")]);
    put(world, ALICE, &sources).await;
    clinic
}

fn requests(patient: &Value, provider: &str) -> usize {
    let requests = patient["connectionRequests"][provider].as_array();
    requests.unwrap().len()
}

#[actix_web::test]
async fn eight_requests_at_once_are_noted_and_are_one_mail() {
    let world = World::start().await;
    let clinic = clinic(&world).await;
    let replica = world.replica().await;
    let persons = [world.user(CAROL), world.user_at(&replica, CAROL)];
    let asked = (0..8).map(async |number| {
        let provider = ["dexcom", "twiist"][number % 4 / 2];
        let path = format!("/v1/clinics/{clinic}/patients/{ALICE}/connect/{provider}");
        let request = persons[number % 2].request(Method::POST, &path);
        assert_empty(&send(request).await, 204);
    });
    join_all(asked).await;
    let patient = shown(&world, &clinic, ALICE).await;
    for provider in ["dexcom", "twiist"] {
        assert_eq!(requests(&patient, provider), 4);
    }
    for source in patient["dataSources"].as_array().unwrap() {
        assert!(time_of(&source["expirationTime"]) > Utc::now());
    }
    world.settled().await;
    assert_eq!(mails(&world), 1);
}

#[actix_web::test]
async fn requests_are_noted_where_null_was_stored() {
    let world = World::start().await;
    let clinic = clinic(&world).await;
    let patients = world.collection("patients");
    let other = vec![doc! { "providerName": "other", "createdTime": DateTime::from_millis(0) }];
    for (stored, last_dexcom, dexcom) in [
        (Bson::Null, None, 1),
        (Bson::Null, Some(DateTime::from_millis(0)), 2),
        (
            doc! { "dexcom": null, "twiist": null, "other": &other }.into(),
            None,
            1,
        ),
    ] {
        let members = doc! {
            "providerConnectionRequests": stored, "lastRequestedDexcomConnectTime": last_dexcom,
        };
        let alice = doc! { "userId": ALICE };
        let stored = patients.update_one(alice, doc! { "$set": members });
        assert_eq!(stored.await.unwrap().matched_count, 1);
        for provider in ["twiist", "dexcom", "twiist"] {
            connect(&world, &clinic, ALICE, provider).await;
        }
        let patient = shown(&world, &clinic, ALICE).await;
        assert_eq!(requests(&patient, "dexcom"), dexcom);
        assert_eq!(requests(&patient, "twiist"), 2);
    }
    // Of whom we know nothing stays.
    let kept = doc! { "providerConnectionRequests.other": other };
    assert_eq!(patients.count_documents(kept).await.unwrap(), 1);
}
