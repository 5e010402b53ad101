//! Reports that are to go out to hospital records.

use bson::{DateTime, Document, doc, oid::ObjectId};
use futures_util::TryStreamExt;
use serde_json::{Value, json};

use crate::{
    hospital::{connect, connected_clinic, order, patient, receiving, settings, store},
    redox_match::{found, request},
    world::{World, assert_empty, assert_refused},
};

const DAY: &str = "2001-02-03";

async fn scheduled(world: &World) -> Vec<Document> {
    let scheduled = world.collection("scheduledSummaryAndReportsOrders");
    let found = scheduled.find(doc! {}).sort(doc! { "createdTime": 1 });
    found.await.unwrap().try_collect().await.unwrap()
}

#[actix_web::test]
async fn reports_are_scheduled_with_the_last_order_and_the_one_before() {
    let world = receiving().await;
    let clinic = connected_clinic(&world).await;
    let ana = patient(&world, &clinic, "Ana Elm", DAY, "MRN-1").await;
    patient(&world, &clinic, "Zoe Elm", DAY, "MRN-2").await;
    let message = |number| order(number, "X", ("Ana", "Elm"), DAY, "MRN-1");
    let first = store(&world, &message(1)).await;
    let id = store(&world, &message(2)).await;
    for id in [&first, &id] {
        found(&world, &request(id, &["MRN"], Some("ENABLE_REPORTS"))).await;
    }
    let of_clinic = format!("/v1/clinics/{clinic}/ehr/sync");
    let of_patient = format!("/v1/patients/{ana}/ehr/sync");
    let sync = async |path: &str| world.service().post(path, &Value::Null).await;
    let before = DateTime::now();
    assert_empty(&sync(&of_clinic).await, 202);
    let once = scheduled(&world).await;
    assert_eq!(once.len(), 1);
    let report = &once[0];
    assert_eq!(report.get_str("userId").ok(), Some(ana.as_str()));
    assert_eq!(report.get_object_id("clinicId").unwrap().to_hex(), clinic);
    let time = *report.get_datetime("createdTime").unwrap();
    assert!(before <= time && time <= DateTime::now());
    assert!(!report.contains_key("precedingDocument"));
    let of_order = report.get_document("lastMatchedOrder").unwrap();
    assert_eq!(of_order.get_object_id("_id").unwrap().to_hex(), id);
    let members: Vec<&str> = of_order.keys().map(std::convert::AsRef::as_ref).collect();
    assert_eq!(members, ["_id", "meta", "message"]);
    assert_empty(&sync(&of_patient).await, 202);
    let twice = scheduled(&world).await;
    assert_eq!(twice.len(), 2);
    let preceding = doc! { "_id": report.get_object_id("_id").unwrap(), "createdTime": time };
    assert_eq!(
        *twice[1].get_document("precedingDocument").unwrap(),
        preceding
    );

    // Clinics that want no reports upon an upload get none of a patient.
    let mut quiet = settings();
    quiet["scheduledReports"]["onUploadEnabled"] = json!(false);
    connect(&world, &clinic, &quiet).await;
    assert_empty(&sync(&of_patient).await, 202);
    assert_empty(&sync("/v1/patients/a0000000ff/ehr/sync").await, 202);
    assert_eq!(scheduled(&world).await.len(), 2);
    assert_empty(&sync(&of_clinic).await, 202);
    assert_eq!(scheduled(&world).await.len(), 3);
    quiet["enabled"] = json!(false);
    connect(&world, &clinic, &quiet).await;
    let missing = "not found: couldn't find a matching clinic";
    assert_refused(&sync(&of_clinic).await, 404, missing);
    let nowhere = format!("/v1/clinics/{}/ehr/sync", "0".repeat(24));
    assert_refused(&sync(&nowhere).await, 404, missing);
    assert_eq!(scheduled(&world).await.len(), 3);
}

#[actix_web::test]
async fn all_reports_of_a_large_clinic_are_scheduled_once() {
    let world = receiving().await;
    let clinic = connected_clinic(&world).await;
    let id = store(&world, &order(1, "X", ("Ana", "Elm"), DAY, "MRN-1")).await;
    let (order, oak) = (
        ObjectId::parse_str(&id).unwrap(),
        ObjectId::parse_str(&clinic).unwrap(),
    );
    let orders = vec![doc! { "id": order, "dataModel": "Order", "eventType": "New" }];
    let reports = doc! { "active": true, "provider": "redox", "matchedMessages": orders };
    let patients = (0..2_345).map(|number| {
        doc! {
            "clinicId": oak, "userId": format!("{number:010x}"), "fullName": "P", "mrn": null,
            "ehrSubscriptions": { "summaryAndReports": reports.clone() },
        }
    });
    world
        .collection("patients")
        .insert_many(patients)
        .await
        .unwrap();
    let path = format!("/v1/clinics/{clinic}/ehr/sync");
    assert_empty(&world.service().post(&path, &Value::Null).await, 202);
    world.settled().await;
    let scheduled = scheduled(&world).await;
    assert_eq!(scheduled.len(), 2_345);
    let times: Vec<_> = scheduled
        .iter()
        .map(|report| report.get_datetime("createdTime").unwrap())
        .collect();
    assert!(times.iter().all(|time| *time == times[0]));
    assert!(
        scheduled
            .iter()
            .all(|report| !report.contains_key("precedingDocument"))
    );
}
