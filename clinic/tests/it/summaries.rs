//! What the data of patients says, as another service writes it.

use std::collections::BTreeMap;

use bson::{DateTime, Document, doc, oid::ObjectId};
use futures_util::TryStreamExt;
use reqwest::Method;
use serde_json::{Value, json};
use shared_runtime::testing::{matrix::Row, send};

use crate::{
    auth::{KINDS, Whom, row},
    random_patients::RANGES,
    world::{CAROL, World, assert_empty, time_of},
    wrong_body::Body,
};

const ALICE: &str = "a000000001";
const BOB: &str = "a000000002";
const CGM: &str = "5f8f8f8f8f8f8f8f8f8f8f01";
const BGM: &str = "5f8f8f8f8f8f8f8f8f8f8f02";

/// Who may call each operation.
pub(crate) fn rows() -> Vec<Row<KINDS>> {
    vec![
        row("POST /v1/patients/{patientId}/summary", Whom::Services, 400)
            .with(json!({ "cgmStats": 1 })),
        row(
            "DELETE /v1/summaries/{summaryId}/clinics",
            Whom::Services,
            204,
        ),
    ]
}

/// A body with everything that there is.
pub(crate) fn body() -> Body {
    let dates = json!({
        "hasFirstData": true, "hasLastData": true, "hasLastUploadDate": true,
        "hasOutdatedSince": true, "firstData": "2020-01-02T03:04:05Z",
        "lastData": "2020-01-02T03:04:05Z", "lastUploadDate": "2020-01-02T03:04:05Z",
        "lastUpdatedDate": "2020-01-02T03:04:05Z", "outdatedSince": "2020-01-02T03:04:05Z",
        "outdatedSinceLimit": "2020-01-02T03:04:05Z", "lastUpdatedReason": ["UPLOAD"],
        "outdatedReason": ["SCHEMA"],
    });
    let mut whole = json!({ "cgmStats": cgm(CGM, 0.5), "bgmStats": bgm(BGM, 4.5) });
    for stats in ["cgmStats", "bgmStats"] {
        whole[stats]["dates"] = dates.clone();
        whole[stats]["config"] = config();
    }
    Body::new("POST /v1/patients/{patientId}/summary", whole)
        .required(&[
            "/cgmStats/config/schemaVersion",
            "/cgmStats/config/lowGlucoseThreshold",
            "/bgmStats/config/veryHighGlucoseThreshold",
            "/cgmStats/dates/hasFirstData",
            "/bgmStats/dates/hasOutdatedSince",
            "/cgmStats/periods/14d/min",
            "/cgmStats/periods/14d/hoursWithData",
            "/cgmStats/periods/14d/standardDeviationDelta",
            "/cgmStats/periods/14d/hasTimeInVeryLowPercent",
            "/bgmStats/periods/14d/hasTotalRecords",
            "/bgmStats/periods/14d/daysWithDataDelta",
        ])
        .wrong([
            ("/cgmStats/id", json!("x")),
            ("/bgmStats/id", json!("5f8f8f8f8f8f8f8f8f8f8f010")),
            ("/cgmStats/dates/lastData", json!("2020-01-02")),
            ("/bgmStats/dates/outdatedSince", json!("yesterday")),
            ("/cgmStats/config/schemaVersion", json!(1.5)),
            ("/cgmStats/periods/14d/timeInVeryLowMinutes", json!(1.5)),
            ("/bgmStats/periods/14d/totalRecords", json!(u64::MAX)),
            ("/bgmStats/periods", json!({ "14.d": {} })),
        ])
        .optional()
}

fn config() -> Value {
    json!({
        "schemaVersion": 5, "highGlucoseThreshold": 10, "veryHighGlucoseThreshold": 13.9,
        "lowGlucoseThreshold": 3.9, "veryLowGlucoseThreshold": 3.0,
    })
}

/// A summary by sensor with a period that has every form of number.
pub(crate) fn cgm(id: &str, very_low: f64) -> Value {
    let mut period = json!({
        "timeInVeryLowPercent": very_low, "timeInVeryLowPercentDelta": -0.25,
        "timeInVeryLowMinutes": 90, "timeCGMUsePercent": 0.75, "totalRecords": 12,
        "min": 3, "minDelta": 0.5, "max": 22.5, "maxDelta": 1, "daysWithData": 7,
        "daysWithDataDelta": 0, "hoursWithData": 100, "hoursWithDataDelta": -4,
        "standardDeviation": 2.5, "standardDeviationDelta": 0.1, "coefficientOfVariation": 0.3,
        "coefficientOfVariationDelta": 0,
    });
    let mut flagged: Vec<String> = ["Percent", "Minutes", "Records"]
        .iter()
        .flat_map(|unit| {
            let of_ranges = RANGES.map(|range| format!("hasTimeIn{range}{unit}"));
            of_ranges
                .into_iter()
                .chain([format!("hasTimeCGMUse{unit}")])
        })
        .collect();
    flagged.push("hasGlucoseManagementIndicator".to_owned());
    add_flags(&mut period, flagged);
    json!({ "id": id, "periods": { "14d": period } })
}

/// The same by meter.
fn bgm(id: &str, average: f64) -> Value {
    let mut period = json!({
        "averageGlucoseMmol": average, "totalRecords": 3, "min": 3, "minDelta": 0, "max": 9.5,
        "maxDelta": 0, "daysWithData": 2, "daysWithDataDelta": 0,
    });
    let flagged = ["Percent", "Records"]
        .iter()
        .flat_map(|unit| RANGES.map(|range| format!("hasTimeIn{range}{unit}")));
    let flagged = flagged.collect();
    add_flags(&mut period, flagged);
    json!({ "id": id, "periods": { "14d": period } })
}

fn add_flags(period: &mut Value, flagged: Vec<String>) {
    let of_both = [
        "hasAverageGlucoseMmol",
        "hasAverageDailyRecords",
        "hasTotalRecords",
    ];
    for name in flagged.into_iter().chain(of_both.map(str::to_owned)) {
        period[name] = json!(true);
    }
}

/// Two clinics; [`ALICE`] is a patient of both, and [`BOB`] of the first one.
async fn clinics(world: &World) -> [String; 2] {
    let clinics = [world.clinic().await, world.clinic().await];
    for clinic in &clinics {
        world.share(clinic, ALICE, json!({ "view": {} })).await;
    }
    world.share(&clinics[0], BOB, json!({ "view": {} })).await;
    clinics
}

async fn shown(world: &World, clinic: &str, user: &str) -> Value {
    let path = format!("/v1/clinics/{clinic}/patients/{user}");
    world.user(CAROL).get(&path).await.json()
}

/// Writes a summary wherever `user` is a patient.
pub(crate) async fn write(world: &World, user: &str, body: &Value) {
    let path = format!("/v1/patients/{user}/summary");
    assert_empty(&world.service().post(&path, body).await, 200);
}

/// Removes the summary of `user`; the status.
pub(crate) async fn remove(world: &World, user: &str) -> u16 {
    let path = format!("/v1/patients/{user}/summary");
    let request = world.service().request(Method::POST, &path);
    send(request).await.status
}

/// Every stored patient by clinic and account.
async fn stored(world: &World) -> BTreeMap<(ObjectId, String), Document> {
    let patients = world.collection("patients").find(doc! {}).await.unwrap();
    let patients: Vec<Document> = patients.try_collect().await.unwrap();
    let key = |patient: &Document| {
        let user = patient.get_str("userId").unwrap().to_owned();
        (patient.get_object_id("clinicId").unwrap(), user)
    };
    patients.into_iter().map(|it| (key(&it), it)).collect()
}

#[actix_web::test]
async fn every_clinic_of_the_patient_shows_it_at_once() {
    let world = World::start().await;
    let clinics = clinics(&world).await;
    let before = shown(&world, &clinics[0], ALICE).await;
    let others = shown(&world, &clinics[0], BOB).await;
    let mut whole = body().whole;
    whole["cgmStats"]["periods"]["14d"]["totalHours"] = json!("unknown");
    whole["cgmStats"]["other"] = json!({});
    write(&world, ALICE, &whole).await;
    for clinic in &clinics {
        let patient = shown(&world, clinic, ALICE).await;
        let mut wanted = body().whole;
        for stats in ["cgmStats", "bgmStats"] {
            wanted[stats]["config"]["highGlucoseThreshold"] = json!(10.0);
            let period = &mut wanted[stats]["periods"]["14d"];
            for name in ["min", "minDelta", "maxDelta", "coefficientOfVariationDelta"] {
                if let Some(number) = period[name].as_f64() {
                    period[name] = json!(number);
                } else {
                    period.as_object_mut().unwrap().remove(name);
                }
            }
        }
        assert_eq!(patient["summary"], wanted);
        assert!(time_of(&patient["updatedTime"]) > time_of(&before["updatedTime"]));
    }
    assert_eq!(shown(&world, &clinics[0], BOB).await, others);

    // As the reference writes and reads it.
    for ((_, user), patient) in stored(&world).await {
        let Ok(summary) = patient.get_document("summary") else {
            assert_eq!(user, BOB);
            continue;
        };
        let stats = summary.get_document("cgmStats").unwrap();
        assert_eq!(stats.get_str("id").unwrap(), CGM);
        let dates = stats.get_document("dates").unwrap();
        let last = DateTime::parse_rfc3339_str("2020-01-02T03:04:05Z").unwrap();
        assert_eq!(dates.get_datetime("lastData").unwrap(), &last);
        let period = stats.get_document("periods").unwrap();
        let period = period.get_document("14d").unwrap();
        assert_eq!(period.get("min"), Some(&bson::Bson::Double(3.0)));
        assert_eq!(period.get("totalRecords"), Some(&bson::Bson::Int64(12)));
        assert!(!period.contains_key("totalHours"));
    }
}

#[actix_web::test]
async fn lists_are_sorted_and_filtered_by_what_was_written_last() {
    let world = World::start().await;
    let [clinic, _] = clinics(&world).await;
    let list = async |query: &str| {
        let path = format!("/v1/clinics/{clinic}/patients?sortType=cgm&period=14d&{query}");
        let answer = world.user(CAROL).get(&path).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let list: Value = answer.json();
        let ids = list["data"].as_array().unwrap().iter();
        ids.map(|it| it["id"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let sort = "sort=-timeInVeryLowPercent";
    for (alice, bob, order, low) in [
        (0.01, 0.02, [BOB, ALICE], vec![BOB]),
        (0.03, 0.02, [ALICE, BOB], vec![ALICE, BOB]),
        (0.03, 0.0, [ALICE, BOB], vec![ALICE]),
    ] {
        write(&world, ALICE, &json!({ "cgmStats": cgm(CGM, alice) })).await;
        write(&world, BOB, &json!({ "cgmStats": cgm(BGM, bob) })).await;
        assert_eq!(list(sort).await, order);
        let filtered = format!("{sort}&cgm.timeInVeryLowPercent=%3E%3D0.02");
        assert_eq!(list(&filtered).await, low);
    }
    assert_eq!(remove(&world, ALICE).await, 200);
    assert_eq!(list(sort).await, [BOB, ALICE]);
}

#[actix_web::test]
async fn its_parts_are_replaced_each_alone() {
    let world = World::start().await;
    let [clinic, _] = clinics(&world).await;
    let parts = async || {
        let summary = shown(&world, &clinic, ALICE).await["summary"].clone();
        let average = |stats: &str, name: &str| summary[stats]["periods"]["14d"][name].as_f64();
        (
            average("cgmStats", "timeInVeryLowPercent"),
            average("bgmStats", "averageGlucoseMmol"),
        )
    };
    let mut without_id = cgm(CGM, 0.75);
    without_id.as_object_mut().unwrap().remove("id");
    for (body, wanted) in [
        (json!({ "cgmStats": cgm(CGM, 0.5) }), (Some(0.5), None)),
        (json!({ "bgmStats": bgm(BGM, 4.5) }), (Some(0.5), Some(4.5))),
        (
            json!({ "cgmStats": cgm(CGM, 0.25) }),
            (Some(0.25), Some(4.5)),
        ),
        (
            json!({ "cgmStats": without_id, "bgmStats": bgm(BGM, 5.5) }),
            (Some(0.25), Some(5.5)),
        ),
        (json!({}), (Some(0.25), Some(5.5))),
        (json!({ "cgmStats": { "id": "" } }), (None, Some(5.5))),
    ] {
        let before = shown(&world, &clinic, ALICE).await;
        write(&world, ALICE, &body).await;
        assert_eq!(parts().await, wanted, "{body}");
        let after = shown(&world, &clinic, ALICE).await;
        assert!(time_of(&after["updatedTime"]) > time_of(&before["updatedTime"]));
    }
    assert_eq!(remove(&world, ALICE).await, 200);
    assert_eq!(shown(&world, &clinic, ALICE).await.get("summary"), None);
    assert_eq!(remove(&world, "a000000009").await, 204);
    let path = "/v1/patients/a000000009/summary";
    let nobody = world.service().post(path, &body().whole).await;
    assert_empty(&nobody, 204);
}

#[actix_web::test]
async fn what_is_no_summary_is_replaced() {
    let world = World::start().await;
    let clinics = clinics(&world).await;
    for other in [doc! { "summary": null }, doc! { "summary": ["x"] }] {
        let of_alice = doc! {
            "userId": ALICE, "clinicId": ObjectId::parse_str(&clinics[1]).unwrap(),
        };
        let patients = world.collection("patients");
        let changed = patients.update_one(of_alice, doc! { "$set": other });
        assert_eq!(changed.await.unwrap().modified_count, 1);
        write(&world, ALICE, &json!({ "cgmStats": cgm(CGM, 0.5) })).await;
        for clinic in &clinics {
            let patient = shown(&world, clinic, ALICE).await;
            assert_eq!(patient["summary"]["cgmStats"]["id"], CGM);
        }
    }
}

#[actix_web::test]
async fn a_summary_is_deleted_by_its_id() {
    let world = World::start().await;
    let clinics = clinics(&world).await;
    let both = json!({ "cgmStats": cgm(CGM, 0.5), "bgmStats": bgm(BGM, 4.5) });
    write(&world, ALICE, &both).await;
    write(&world, BOB, &json!({ "cgmStats": cgm("1", 0.5) })).await;
    // Another program may have written it so.
    let id = ObjectId::parse_str(CGM).unwrap();
    let first = ObjectId::parse_str(&clinics[0]).unwrap();
    let patients = world.collection("patients");
    let of_alice = doc! { "userId": ALICE, "clinicId": first };
    let as_object = doc! { "$set": { "summary.cgmStats.id": id } };
    patients.update_one(of_alice, as_object).await.unwrap();
    let before = shown(&world, &clinics[1], ALICE).await;

    let delete = async |id: &str| {
        let path = format!("/v1/summaries/{id}/clinics");
        world.service().delete(&path).await
    };
    assert_empty(&delete("5f8f8f8f8f8f8f8f8f8f8f8f").await, 204);
    assert_empty(&delete(CGM).await, 200);
    for clinic in &clinics {
        let summary = shown(&world, clinic, ALICE).await["summary"].clone();
        assert_eq!(summary.get("cgmStats"), None);
        assert_eq!(summary["bgmStats"]["id"], BGM);
    }
    let after = shown(&world, &clinics[1], ALICE).await;
    assert_eq!(after["updatedTime"], before["updatedTime"]);
    assert_empty(&delete(CGM).await, 204);
    assert_empty(&delete(BGM).await, 200);
    let bob = shown(&world, &clinics[0], BOB).await;
    assert_eq!(bob["summary"]["cgmStats"]["id"], "1");
    assert_empty(&delete("1").await, 200);
    assert_empty(&delete("1").await, 204);
}
