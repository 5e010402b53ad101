//! Databases that the reference wrote: their patients are counted while the service runs.

use std::collections::BTreeMap;

use bson::{Document, doc, oid::ObjectId};
use futures_util::TryStreamExt;
use serde_json::json;
use shared_runtime::testing::{TestDatabase, eventually};

use crate::world::{CAROL, World, details};

const ALICE: &str = "a000000001";

/// Patients as the reference wrote them.
fn patients(clinic: &str, number: usize) -> Vec<Document> {
    let clinic = ObjectId::parse_str(clinic).unwrap();
    let tag = ObjectId::from_bytes([7; 12]);
    let patient = |number: usize| {
        let mut patient = doc! {
            "clinicId": clinic, "userId": format!("{number:010x}"), "fullName": format!("P {number}"),
            "birthDate": "2001-02-03", "email": null, "mrn": null, "targetDevices": null,
            "permissions": { "view": {} }, "requireUniqueMrn": false,
        };
        if number.is_multiple_of(3) {
            patient.insert("tags", vec![tag]);
        }
        if number.is_multiple_of(5) {
            let source = doc! { "providerName": "twiist", "state": "connected" };
            patient.insert("dataSources", vec![source]);
        }
        patient
    };
    (0..number).map(patient).collect()
}

/// `total`, `plan` and the patients with a tag, by clinic, as they are counted and as they are.
async fn compared(world: &World) -> [BTreeMap<ObjectId, [i64; 3]>; 2] {
    let mut counted = BTreeMap::<ObjectId, [i64; 3]>::new();
    let lanes = world.collection("tallies").find(doc! {}).await.unwrap();
    for lane in lanes.try_collect::<Vec<Document>>().await.unwrap() {
        let id = lane
            .get_document("_id")
            .unwrap()
            .get_object_id("clinic")
            .unwrap();
        let tags = lane.get_document("tags").ok();
        let tags = tags.map(|tags| tags.iter().filter_map(|(_, count)| count.as_i64()).sum());
        let sums = counted.entry(id).or_default();
        sums[0] += lane.get_i64("total").unwrap_or_default();
        sums[1] += lane.get_i64("plan").unwrap_or_default();
        sums[2] += tags.unwrap_or(0);
    }
    let mut there = BTreeMap::<ObjectId, [i64; 3]>::new();
    let patients = world.collection("patients").find(doc! {}).await.unwrap();
    for patient in patients.try_collect::<Vec<Document>>().await.unwrap() {
        let sums = there
            .entry(patient.get_object_id("clinicId").unwrap())
            .or_default();
        sums[0] += 1;
        sums[1] += i64::from(!patient.contains_key("dataSources"));
        sums[2] += i64::from(patient.contains_key("tags"));
    }
    [counted, there]
}

async fn uncounted(world: &World) -> u64 {
    let patients = world.collection("patients");
    patients
        .count_documents(doc! { "_lane": null })
        .await
        .unwrap()
}

#[actix_web::test]
async fn patients_of_the_reference_are_counted_whatever_is_cut_off() {
    let world = World::start().await;
    let clinics = [
        world.clinic().await,
        world.clinic().await,
        world.clinic().await,
    ];
    world.settled().await;
    let World { database, .. } = world;
    let stored: Vec<Document> = clinics
        .iter()
        .zip([3_000, 7, 2_000])
        .flat_map(|(clinic, number)| patients(clinic, number))
        .collect();
    let all = database.database.collection::<Document>("patients");
    all.insert_many(stored).await.unwrap();

    let world = World::start_in(database, |_| {}).await;
    eventually("the first ones", async || uncounted(&world).await < 5_007).await;
    // Whoever comes, changes and goes meanwhile counts once.
    world.share(&clinics[2], ALICE, json!({ "view": {} })).await;
    world.share(&clinics[0], ALICE, json!({ "view": {} })).await;
    let path = |clinic: &str, user: &str| format!("/v1/clinics/{clinic}/patients/{user}");
    let carol = world.user(CAROL);
    let changed = carol
        .put(&path(&clinics[2], "0000000001"), &details("Changed"))
        .await;
    assert_eq!(changed.status, 200);
    for (clinic, user) in [(&clinics[2], "0000000000"), (&clinics[0], ALICE)] {
        assert_eq!(carol.delete(&path(clinic, user)).await.status, 204);
    }
    let World { database, .. } = world;

    let world = World::start_in(database, |_| {}).await;
    eventually("the rest", async || uncounted(&world).await == 0).await;
    world.settled().await;
    let [counted, there] = compared(&world).await;
    assert_eq!(counted, there);
    assert_eq!(there.values().map(|sums| sums[0]).sum::<i64>(), 5_007);
}

#[actix_web::test]
async fn where_all_are_counted_nothing_changes() {
    let world = World::start_in(TestDatabase::create().await, |_| {}).await;
    let clinic = world.clinic().await;
    world.share(&clinic, ALICE, json!({ "view": {} })).await;
    world.settled().await;
    let before = world.everything().await;
    let World { database, .. } = world;
    let world = World::start_in(database, |_| {}).await;
    world.settled().await;
    assert_eq!(world.everything().await, before);
}
