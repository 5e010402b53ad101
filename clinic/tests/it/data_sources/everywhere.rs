//! Data sources of a patient of many clinics: repeats, and requests at once.

use std::collections::BTreeMap;

use bson::{Bson, DateTime, Document, Timestamp, doc, oid::ObjectId};
use futures_util::{TryStreamExt as _, future::join_all};
use serde_json::json;

use super::{ALICE, connect, counted, put, shown, source};
use crate::{
    many_patients::assert_counted,
    world::{World, assert_empty},
};

const CLINICS: usize = 5;

async fn clinics(world: &World) -> Vec<String> {
    let mut clinics = Vec::new();
    for _ in 0..CLINICS {
        let clinic = world.clinic().await;
        world.share(&clinic, ALICE, json!({ "view": {} })).await;
        clinics.push(clinic);
    }
    clinics
}

/// How far each clinic is: the sum of the versions of its lanes, which moves with each counted write.
async fn versions(world: &World) -> BTreeMap<ObjectId, i64> {
    let tallies = world.collection("tallies").find(doc! {}).await.unwrap();
    let tallies: Vec<Document> = tallies.try_collect().await.unwrap();
    let mut versions = BTreeMap::new();
    for tally in tallies {
        let id = tally.get_document("_id").unwrap();
        let clinic = id.get_object_id("clinic").unwrap();
        *versions.entry(clinic).or_default() += tally.get_i64("version").unwrap();
    }
    versions
}

/// The stored data sources of Alice, one of each clinic.
async fn stored(world: &World) -> Vec<Bson> {
    let alice = doc! { "userId": ALICE };
    let patients = world.collection("patients").find(alice).await.unwrap();
    let patients: Vec<Document> = patients.try_collect().await.unwrap();
    let sources = patients.iter().map(|it| it.get("dataSources").cloned());
    sources.map(Option::unwrap).collect()
}

#[actix_web::test]
async fn a_repeat_writes_no_clinic_that_has_them() {
    let world = World::start().await;
    let clinics = clinics(&world).await;
    let sources = json!([
        source("dexcom", "connected"),
        {
            "providerName": "twiist", "state": "pending",
            "dataSourceId": "5f8f8f8f8f8f8f8f8f8f8f8f", "modifiedTime": "2020-01-02T03:04:05Z",
            "expirationTime": "2020-01-02T03:04:05.678Z", "latestDataTime": "2020-01-02T03:04:05Z",
        },
    ]);
    put(&world, ALICE, &sources).await;
    let before = versions(&world).await;
    put(&world, ALICE, &sources).await;
    assert_eq!(versions(&world).await, before);

    // Where they are others, they are written.
    connect(&world, &clinics[0], ALICE, "dexcom").await;
    let before = versions(&world).await;
    put(&world, ALICE, &sources).await;
    let after = versions(&world).await;
    for clinic in &clinics {
        let id = ObjectId::parse_str(clinic).unwrap();
        let written = i64::from(clinic == &clinics[0]);
        assert_eq!(after[&id], before[&id] + written);
        assert_eq!(shown(&world, clinic, ALICE).await["dataSources"], sources);
    }
}

#[actix_web::test]
async fn a_patient_of_very_many_clinics_has_them_everywhere() {
    let world = World::start().await;
    let patient = |number: usize| {
        let mut patient = doc! {
            "clinicId": ObjectId::new(), "userId": ALICE, "fullName": format!("Alice {number}"),
            "createdTime": DateTime::now(), "updatedTime": DateTime::now(),
        };
        // As other releases have it, and as a clock that was ahead left it.
        match number % 3 {
            0 => drop(patient.insert("dataSources", Bson::Null)),
            1 => drop(patient.insert(
                "_sourced",
                Timestamp {
                    time: u32::MAX,
                    increment: 1,
                },
            )),
            _ => {}
        }
        patient
    };
    let patients = world.collection("patients");
    patients.insert_many((0..300).map(patient)).await.unwrap();
    let twiist = doc! { "providerName": "twiist", "state": "connected" };
    for (sources, wanted) in [
        (json!([source("twiist", "connected")]), vec![twiist.into()]),
        (json!([]), vec![]),
    ] {
        put(&world, ALICE, &sources).await;
        assert_eq!(stored(&world).await, vec![Bson::Array(wanted); 300]);
    }
    assert_counted(&world).await;
}

#[actix_web::test]
async fn of_requests_at_once_one_is_the_last_everywhere() {
    let world = World::start().await;
    let clinics = clinics(&world).await;
    let replica = world.replica().await;
    let services = [world.service(), world.service_at(&replica)];
    let path = format!("/v1/patients/{ALICE}/data_sources");
    for round in 0..12 {
        let requests = (0..4).map(async |number: usize| {
            let state = ["connected", "pending", "error", "disconnected"][number];
            let sources = json!([source("dexcom", state)]);
            let service = &services[number % 2];
            assert_empty(&service.put(&path, &sources).await, 200);
        });
        join_all(requests).await;
        let stored = stored(&world).await;
        assert_eq!(stored.len(), CLINICS);
        assert!(
            stored.iter().all(|it| *it == stored[0]),
            "{round}: {stored:?}"
        );
        let state = stored[0].as_array().unwrap()[0].as_document().unwrap();
        let state = state.get_str("state").unwrap();
        let counts = json!({ "dexcom": { "total": 1, "states": { state: 1 } } });
        for clinic in &clinics {
            let numbers = counted(&world, clinic).await;
            assert_eq!(numbers["providers"], counts, "{round}");
        }
    }
    // What is said afterwards is the last.
    let sources = json!([source("abbott", "connected")]);
    assert_empty(&services[1].put(&path, &sources).await, 200);
    for clinic in &clinics {
        assert_eq!(shown(&world, clinic, ALICE).await["dataSources"], sources);
    }
}
