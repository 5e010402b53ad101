//! Summaries of patients' data, as the reference stored them.

use bson::{DateTime, Document, doc, oid::ObjectId};
use serde_json::{Value, json};

use crate::world::{CAROL, World};

/// The patient as its clinic sees it, whose stored document has `members`, and the list that it is
/// in.
async fn shown(members: Document) -> (Value, Value) {
    let world = World::start().await;
    let clinic = world.clinic().await;
    let id = ObjectId::parse_str(&clinic).unwrap();
    let mut stored = doc! { "clinicId": id, "userId": "a000000001", "fullName": "Alice" };
    stored.extend(members);
    let patients = world.collection("patients");
    patients.insert_one(stored).await.unwrap();
    let path = format!("/v1/clinics/{clinic}/patients");
    let alone = world.user(CAROL).get(&format!("{path}/a000000001")).await;
    let mut list: Value = world.user(CAROL).get(&path).await.json();
    (alone.json(), list["data"][0].take())
}

#[actix_web::test]
async fn a_summary_is_shown_by_its_table() {
    let numbers = doc! {
        "timeInTargetPercent": 0.75, "timeInTargetPercentDelta": -0.25,
        "hasTimeInTargetPercent": true, "timeInTargetMinutes": 90, "totalRecords": 12_i64,
        "min": 3, "max": 22.5, "hoursWithData": 7.0, "offsetPeriods": 1, "totalHours": 2,
        "timeInLowRecords": "many", "averageGlucoseMmol": f64::NAN,
    };
    let time = DateTime::from_millis(10);
    let cgm = doc! {
        "id": ObjectId::from_bytes([1; 12]),
        "config": { "schemaVersion": 5, "lowGlucoseThreshold": 3.9, "other": 1 },
        "dates": {
            "hasLastData": true, "lastData": time, "outdatedReason": ["UPLOAD", "SCHEMA"],
            "firstData": null, "other": time,
        },
        "periods": { "14d": numbers, "90d": {}, "1d": null },
    };
    let bgm = doc! { "id": "", "periods": {} };
    let stored = doc! { "summary": { "cgmStats": cgm, "bgmStats": bgm, "other": 1 } };
    let (alone, in_list) = shown(stored).await;
    assert_eq!(alone, in_list);
    let mut cgm = alone["summary"]["cgmStats"].clone();
    let periods = cgm.as_object_mut().unwrap().remove("periods").unwrap();
    assert_eq!(
        cgm,
        json!({
            "id": "010101010101010101010101",
            "config": {
                "schemaVersion": 5, "highGlucoseThreshold": 0.0, "veryHighGlucoseThreshold": 0.0,
                "lowGlucoseThreshold": 3.9, "veryLowGlucoseThreshold": 0.0,
            },
            "dates": {
                "hasFirstData": false, "hasLastData": true, "hasLastUploadDate": false,
                "hasOutdatedSince": false, "lastData": "1970-01-01T00:00:00.01Z",
                "outdatedReason": ["UPLOAD", "SCHEMA"],
            },
        })
    );
    let periods = periods.as_object().unwrap();
    assert_eq!(periods.len(), 2);
    let mut rest = periods["14d"].clone();
    for (name, value) in [
        ("timeInTargetPercent", json!(0.75)),
        ("timeInTargetPercentDelta", json!(-0.25)),
        ("hasTimeInTargetPercent", json!(true)),
        ("timeInTargetMinutes", json!(90)),
        ("totalRecords", json!(12)),
        ("min", json!(3.0)),
        ("max", json!(22.5)),
        ("hoursWithData", json!(7)),
        ("daysWithDataDelta", json!(0)),
        ("hasTimeCGMUsePercent", json!(false)),
    ] {
        let shown = rest.as_object_mut().unwrap().remove(name);
        assert_eq!(shown, Some(value), "{name}");
    }
    // What must be there and is not known is nothing.
    for (name, value) in rest.as_object().unwrap() {
        let is_nothing = *value == json!(0) || *value == json!(0.0) || *value == json!(false);
        assert!(is_nothing, "{name}: {value}");
    }
    // 31 flags and 12 numbers.
    assert_eq!(periods["90d"].as_object().unwrap().len(), 31 + 12);
    let bgm = &alone["summary"]["bgmStats"];
    assert_eq!((&bgm["id"], bgm.get("periods")), (&json!(""), None));
    assert_eq!(bgm["config"]["schemaVersion"], 0);
}

#[actix_web::test]
async fn a_patient_without_a_summary_shows_none() {
    for stored in [doc! {}, doc! { "summary": null }] {
        let (alone, in_list) = shown(stored).await;
        assert_eq!(alone.get("summary"), None);
        assert_eq!(alone, in_list);
    }
    let (empty, _) = shown(doc! { "summary": { "cgmStats": null } }).await;
    assert_eq!(empty["summary"], json!({}));
}
