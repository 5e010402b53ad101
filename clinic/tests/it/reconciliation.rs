//! gatekeeper is brought in line with the patients and clinicians that there are.

use bson::{doc, oid::ObjectId};
use serde_json::{Value, json};
use shared_runtime::testing::{Person, eventually};
use stand_ins::{KEYS, gatekeeper::Ask};

use crate::world::{CAROL, NINA, World, details};

const ALICE: &str = "a000000001";
const BOB: &str = "a000000002";

async fn report(world: &World) -> Value {
    let operator = world.service_called("operator");
    let answer = operator.get("/internal/relations").await;
    assert_eq!(answer.status, 200);
    answer.json()
}

async fn start(world: &World) {
    let operator = world.service_called("operator");
    let path = "/internal/relations/reconcile";
    let answer = operator.post(path, &json!({})).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// Compares everything; how many patients and clinicians were compared, and differed.
async fn reconcile(world: &World) -> [[i64; 2]; 2] {
    start(world).await;
    eventually("the end", async || {
        report(world).await["state"] == "finished"
    })
    .await;
    world.settled().await;
    let report = report(world).await;
    assert!(report["startedTime"].is_string() && report["finishedTime"].is_string());
    ["patients", "clinicians"]
        .map(|kind| ["compared", "differing"].map(|number| report[kind][number].as_i64().unwrap()))
}

async fn sees(world: &World, clinician: &str, patient: &str) -> Option<Value> {
    let url = world.gatekeeper.url();
    let service = Person::at(&url, Some(&KEYS.server_token("user-api")));
    let answer = service.get(&format!("/access/{patient}/{clinician}")).await;
    (answer.status == 200).then(|| answer.json())
}

#[actix_web::test]
async fn what_gatekeeper_does_not_know_is_told_and_what_it_knows_too_much_is_taken() {
    let world = World::start().await;
    let nothing = json!({ "compared": 0, "differing": 0 });
    let none = json!({ "state": "none", "patients": nothing, "clinicians": nothing });
    assert_eq!(report(&world).await, none);
    let clinic = world.clinic().await;
    world.employ(&clinic, NINA, &["CLINIC_MEMBER"]).await;
    world.share(&clinic, ALICE, json!({ "view": {} })).await;
    let finn = world.enrol(&clinic, &details("Finn")).await;
    world.settled().await;
    assert_eq!(reconcile(&world).await, [[2, 0], [2, 0]]);

    // As if it had heard of none of these.
    let gone = doc! { "userId": { "$in": [ALICE, NINA] } };
    for name in ["patients", "clinicians"] {
        let stored = world.collection(name);
        stored.delete_many(gone.clone()).await.unwrap();
    }
    let id = ObjectId::parse_str(&clinic).unwrap();
    let bob = doc! {
        "clinicId": id, "userId": BOB, "fullName": "B", "permissions": { "note": {} },
    };
    world.collection("patients").insert_one(bob).await.unwrap();
    let otherwise = doc! { "$set": { "permissions": { "view": {} } } };
    let of_finn = doc! { "userId": &finn };
    world
        .collection("patients")
        .update_one(of_finn, otherwise)
        .await
        .unwrap();
    assert!(sees(&world, NINA, ALICE).await.is_some());
    assert_eq!(reconcile(&world).await, [[2, 3], [2, 1]]);
    assert_eq!(sees(&world, CAROL, BOB).await, Some(json!({ "note": {} })));
    assert_eq!(
        sees(&world, CAROL, &finn).await,
        Some(json!({ "view": {} }))
    );
    assert_eq!(sees(&world, CAROL, ALICE).await, None);
    assert_eq!(sees(&world, NINA, &finn).await, None);
    assert_eq!(reconcile(&world).await, [[2, 0], [1, 0]]);
}

#[actix_web::test]
async fn many_accounts_are_compared_in_parts_whatever_fails_in_between() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    let id = ObjectId::parse_str(&clinic).unwrap();
    let patient = |number: usize| {
        doc! {
            "clinicId": id, "userId": format!("{number:010x}"), "fullName": "A",
            "permissions": { "view": {} },
        }
    };
    let all = (0..1_100).map(patient);
    world.collection("patients").insert_many(all).await.unwrap();
    world.gatekeeper.fail(Ask::Relations, 500);
    start(&world).await;
    eventually("a try", async || world.gatekeeper.was_asked(Ask::Relations)).await;
    assert_eq!(report(&world).await["state"], "running");
    world.gatekeeper.mend_all();
    // Asked for once more, it goes on with the same.
    assert_eq!(reconcile(&world).await, [[1_100, 1_100], [1, 0]]);
    assert_eq!(
        sees(&world, CAROL, "0000000000").await,
        Some(json!({ "view": {} }))
    );
    assert_eq!(
        sees(&world, CAROL, "000000044b").await,
        Some(json!({ "view": {} }))
    );
}
