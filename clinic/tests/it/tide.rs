//! TIDE reports of random patients, against a model that knows no database.

mod model;
mod replicas;

use bson::{DateTime, Document, doc, oid::ObjectId};
use futures_util::TryStreamExt;
use rand::{Rng, RngExt as _, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};

use self::model::{Report, hours_ago};
use crate::{
    many_patients::object_id,
    random_patients::{PERIODS, one, some_of},
    summaries, tags,
    world::{CAROL, World, assert_answer, assert_refused},
};

const PATIENTS: usize = 1_000;
/// Numbers with what they are often, on and beside the thresholds.
const NUMBERS: [(&str, &[f64]); 8] = [
    ("timeInVeryLowPercent", &[0.0, 0.01, 0.010_1, 0.2]),
    ("timeInAnyLowPercent", &[0.0, 0.04, 0.040_1, 0.3]),
    ("timeInTargetPercent", &[0.2, 0.699_9, 0.7, 0.9]),
    ("timeInTargetPercentDelta", &[-0.3, -0.150_1, -0.15, 0.1]),
    ("timeCGMUsePercent", &[0.1, 0.699_9, 0.7, 1.0]),
    ("timeInAnyHighPercent", &[0.0, 0.25, 0.250_1, 0.6]),
    ("timeInVeryHighPercent", &[0.0, 0.05, 0.050_1, 0.4]),
    ("timeInExtremeHighPercent", &[0.0, 0.009_9, 0.01, 0.2]),
];

fn patient(rng: &mut impl Rng, number: usize, clinic: ObjectId, tags: &[ObjectId]) -> Document {
    let mut periods = Document::new();
    for period in PERIODS {
        if rng.random_bool(0.9) {
            let mut numbers = Document::new();
            for (name, usual) in NUMBERS {
                if rng.random_bool(0.8) {
                    let fine = rng.random_bool(0.3);
                    let exact = *one(rng, usual);
                    numbers.insert(name, if fine { rng.random::<f64>() } else { exact });
                }
            }
            // The database has whole numbers as well.
            if rng.random_bool(0.1) {
                numbers.insert("timeInTargetPercent", 1);
            }
            periods.insert(period, numbers);
        }
    }
    let mut of_cgm = doc! { "periods": periods };
    if rng.random_bool(0.8) {
        let last_data = hours_ago(*one(rng, &[0, 5, 10, 20, 40, 400]));
        of_cgm.insert("dates", doc! { "lastData": last_data });
    }
    let mut patient = doc! {
        "clinicId": clinic, "userId": format!("a{number:09}"),
        "fullName": format!("Patient {number}"), "birthDate": "2001-02-03",
    };
    if rng.random_bool(0.9) {
        patient.insert("summary", doc! { "cgmStats": of_cgm });
    }
    if rng.random_bool(0.9) {
        patient.insert("tags", some_of(rng, tags));
    }
    if rng.random_bool(0.7) {
        let state = *one(rng, &["connected", "error", "disconnected"]);
        let name = *one(rng, &["dexcom", "abbott"]);
        let source = doc! { "providerName": name, "state": state };
        patient.insert("dataSources", vec![source]);
    }
    patient
}

/// Reports of whatever patients there are list whom the model lists; how many lists were full.
async fn assert_reports(
    world: &World,
    clinic: &str,
    tags: &[ObjectId],
    rng: &mut impl Rng,
    seed: u64,
) -> usize {
    let patients = world.collection("patients");
    let found = patients.find(doc! { "clinicId": object_id(clinic) });
    let patients: Vec<Document> = found.await.unwrap().try_collect().await.unwrap();
    let mut full = 0;
    for number in 0..25 {
        let report = match number {
            0 => Report::broad(tags[1]),
            _ => Report::random(rng, tags),
        };
        let path = report.path(clinic);
        let answer = world.user(CAROL).get(&path).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        let mut results = answer.json::<Value>()["results"].take();
        for list in results.as_object_mut().unwrap().values_mut() {
            let patients = list.as_array().unwrap().iter();
            *list = patients.map(|it| it["patient"]["id"].clone()).collect();
        }
        assert_eq!(results, report.wanted(&patients), "seed {seed}: {path}");
        let lists = results.as_object().unwrap().iter();
        let lists = lists.filter(|(name, _)| *name != "noData");
        let listed: usize = lists.map(|(_, list)| list.as_array().unwrap().len()).sum();
        full += usize::from(listed == 100);
    }
    full
}

#[actix_web::test]
async fn reports_list_whom_a_plain_model_lists_after_any_writes() {
    let seed = rand::rng().random::<u64>();
    let mut rng = StdRng::seed_from_u64(seed);
    let world = World::start().await;
    let clinic = world.clinic().await;
    let mut tags = Vec::new();
    for name in ["One", "Two", "Three"] {
        tags.push(object_id(&tags::create(&world, &clinic, name).await));
    }
    let patients = world.collection("patients");
    let some = (0..PATIENTS).map(|number| patient(&mut rng, number, object_id(&clinic), &tags));
    let some: Vec<Document> = some.collect();
    patients.insert_many(some).await.unwrap();
    // As the reference stored them.
    let full = assert_reports(&world, &clinic, &tags, &mut rng, seed).await;
    assert!(full > 0, "seed {seed}");

    // As this service does.
    let all = doc! { "clinicId": object_id(&clinic) };
    let counted = doc! { "$set": { "_lane": 0, "_version": 1_i64 } };
    patients.update_many(all, counted).await.unwrap();
    let total = i64::try_from(PATIENTS).unwrap();
    let tally = doc! {
        "_id": { "clinic": object_id(&clinic), "lane": 0 },
        "version": 1_i64, "total": total, "plan": total,
    };
    let tallies = world.collection("tallies");
    tallies.insert_one(tally).await.unwrap();
    assert_reports(&world, &clinic, &tags, &mut rng, seed).await;

    let admin = world.user(CAROL);
    for number in 0..40 {
        let path = format!("/v1/clinics/{clinic}/patients/a{number:09}");
        if number % 4 == 0 {
            assert_eq!(admin.delete(&path).await.status, 204);
            continue;
        }
        let given = some_of(&mut rng, &tags).into_iter();
        let given: Vec<String> = given.map(ObjectId::to_hex).collect();
        let body = json!({
            "fullName": "Anna", "birthDate": "2001-02-03", "tags": given,
            "dataSources": [{ "providerName": "dexcom", "state": "error" }],
        });
        let answer = admin.put(&path, &body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    assert_reports(&world, &clinic, &tags, &mut rng, seed).await;

    for number in 40..60 {
        let mut stats = summaries::cgm("5f8f8f8f8f8f8f8f8f8f8f01", rng.random());
        let last_data = hours_ago(1).try_to_rfc3339_string().unwrap();
        stats["dates"] = json!({
            "hasFirstData": false, "hasLastData": true, "hasLastUploadDate": false,
            "hasOutdatedSince": false, "lastData": last_data,
        });
        let user = format!("a{number:09}");
        summaries::write(&world, &user, &json!({ "cgmStats": stats })).await;
        let user = format!("a{:09}", number + 20);
        summaries::remove(&world, &user).await;
        if number % 10 == 0 {
            assert_reports(&world, &clinic, &tags, &mut rng, seed).await;
        }
    }
    assert_reports(&world, &clinic, &tags, &mut rng, seed).await;

    let path = format!("/v1/clinics/{clinic}/patient_tags/{}", tags[0]);
    let deleted = admin.delete(&path).await;
    assert!(deleted.status < 300, "{}", deleted.text());
    assert_reports(&world, &clinic, &tags, &mut rng, seed).await;
}

#[actix_web::test]
async fn a_report_says_what_was_asked_and_shows_what_is_known() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    let (tag, source) = (ObjectId::new(), ObjectId::new());
    let last_data = hours_ago(1);
    let reviewed = DateTime::from_millis(1_700_000_000_120);
    let stored = doc! {
        "clinicId": object_id(&clinic), "userId": "a000000001", "fullName": "Ann",
        "birthDate": "2001-02-03", "email": "ann@example.org", "tags": [tag], "mrn": "m",
        "reviews": [{ "clinicianId": CAROL, "time": reviewed }],
        "dataSources": [{ "providerName": "dexcom", "state": "connected", "dataSourceId": source }],
        "summary": { "cgmStats": {
            "dates": { "lastData": last_data, "hasLastData": true },
            "periods": {
                "7d": { "timeInVeryLowPercent": 0.02, "timeCGMUseMinutes": 90, "min": 3.0 },
                "14d": { "timeInVeryLowPercent": 0.5 },
            },
        } },
    };
    let bare = doc! {
        "clinicId": object_id(&clinic), "userId": "a000000002", "tags": [tag],
    };
    let patients = world.collection("patients");
    patients.insert_many([stored, bare]).await.unwrap();
    let path = format!(
        "/v1/clinics/{clinic}/tide_report?period=7d&tags={tag}&categories=timeInVeryLowPercent\
         ,timeInVeryLowPercent&lastDataCutoff=2020-01-02T01:00:00.50%2B01:00"
    );
    let shown = world.user(CAROL).get(&path).await;
    let last_data = shown.json::<Value>()["results"]["timeInVeryLowPercent"][0]["lastData"].clone();
    let report = json!({
        "config": {
            "schemaVersion": 2, "clinicId": clinic, "period": "7d",
            "lastDataCutoff": "2020-01-02T00:00:00.5Z", "tags": [tag.to_hex()],
            "veryLowGlucoseThreshold": 3.0, "lowGlucoseThreshold": 3.9,
            "highGlucoseThreshold": 10.0, "veryHighGlucoseThreshold": 13.9,
            "extremeHighGlucoseThreshold": 19.4,
            "filters": {
                "timeInVeryLowPercent": ">0.01", "timeInAnyLowPercent": ">0.04",
                "dropInTimeInTargetPercent": "<-0.15", "timeInTargetPercent": "<0.7",
                "timeCGMUsePercent": "<0.7",
            },
        },
        "results": {
            "timeInVeryLowPercent": [{
                "patient": {
                    "id": "a000000001", "fullName": "Ann", "email": "ann@example.org",
                    "tags": [tag.to_hex()],
                    "reviews": [{ "clinicianId": CAROL, "time": "2023-11-14T22:13:20.12Z" }],
                    "dataSources": [{
                        "providerName": "dexcom", "state": "connected",
                        "dataSourceId": source.to_hex(),
                    }],
                },
                "lastData": last_data, "timeInVeryLowPercent": 0.02, "timeCGMUseMinutes": 90,
            }],
            "noData": [{
                "patient": {
                    "id": "a000000002", "tags": [tag.to_hex()], "reviews": [], "dataSources": null,
                },
            }],
        },
    });
    assert_answer(&shown, 200, &report);
    assert!(last_data.is_string());

    let nowhere = path.replace(&clinic, &ObjectId::new().to_hex());
    let empty = world.service().get(&nowhere).await;
    let results = json!({ "timeInVeryLowPercent": [], "noData": [] });
    assert_eq!(empty.json::<Value>()["results"], results);

    let zero = path.replace("2020-01-02T01:00:00.50%2B01:00", "0001-01-01T00:00:00Z");
    let refused = world.user(CAROL).get(&zero).await;
    assert_refused(&refused, 400, "bad request: no lastDataCutoff provided");
}
