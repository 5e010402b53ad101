//! Clinics that are too large for one request.

use std::collections::BTreeMap;

use actix_web::rt;
use bson::{DateTime, Document, doc, oid::ObjectId};
use clinic::State;
use mongodb::{
    error::{Error, TRANSIENT_TRANSACTION_ERROR},
    options::ReadConcern,
};
use serde_json::Value;
use shared_runtime::testing::{Profile, assert_indexed, eventually};
use tokio_util::sync::CancellationToken;

use super::{Pair, count, site, stored, tag};
use crate::{
    many_patients::{assert_counted, object_id},
    world::{CAROL, World, assert_empty},
};

/// Patients of each clinic.
const MANY: i32 = 1_000;
/// How many of them are patients of both.
const BOTH: i32 = 100;
const LANES: i32 = 4;

fn account(number: i32) -> String {
    format!("a{number:09}")
}

/// Stores patients with these labels, every fifth as the reference does it.
async fn populate(world: &World, clinic: &str, first: i32, (tag, site): (&str, &str)) {
    let clinic = object_id(clinic);
    let now = DateTime::now();
    let (mut patients, mut lanes) = (Vec::new(), BTreeMap::<i32, i64>::new());
    for number in first..first + MANY {
        let sites = vec![doc! { "id": object_id(site), "name": "North" }];
        let mut patient = doc! {
            "clinicId": clinic, "userId": account(number), "fullName": format!("Patient {number}"),
            "birthDate": "2001-02-03", "mrn": format!("m{number}"), "requireUniqueMrn": false,
            "permissions": { "view": {} }, "tags": [object_id(tag)], "sites": sites,
            "createdTime": now, "updatedTime": now,
        };
        if number % 5 > 0 {
            let lane = number % LANES;
            let version = lanes.entry(lane).or_default();
            *version += 1;
            patient.extend(doc! { "_lane": lane, "_version": *version });
        }
        patients.push(patient);
    }
    world
        .collection("patients")
        .insert_many(patients)
        .await
        .unwrap();
    for (lane, number) in lanes {
        let counts = doc! {
            "version": number, "total": number, "plan": number,
            format!("tags.{tag}"): number, format!("sites.{site}"): number,
        };
        let id = doc! { "clinic": clinic, "lane": lane };
        let tallies = world.collection("tallies");
        let add = tallies.update_one(doc! { "_id": id }, doc! { "$inc": counts });
        add.upsert(true).await.unwrap();
    }
}

/// The clinics of each patient, at one moment.
async fn whose(pair: &Pair) -> BTreeMap<String, Vec<ObjectId>> {
    loop {
        match look(pair).await {
            // There is no snapshot yet that has what was just made.
            Err(error) if error.contains_label(TRANSIENT_TRANSACTION_ERROR) => {}
            seen => return seen.unwrap(),
        }
    }
}

async fn look(pair: &Pair) -> Result<BTreeMap<String, Vec<ObjectId>>, Error> {
    let client = pair.world.database.database.client();
    let mut session = client.start_session().await?;
    let started = session.start_transaction();
    started.read_concern(ReadConcern::snapshot()).await?;
    let patients = pair.world.collection("patients");
    let found = patients.find(doc! { "userId": { "$regex": "^a" } });
    let found = found.projection(doc! { "clinicId": 1, "userId": 1 });
    let mut found = found.session(&mut session).await?;
    let mut seen = BTreeMap::<String, Vec<ObjectId>>::new();
    while let Some(patient) = found.next(&mut session).await {
        let patient = patient?;
        let user = patient.get_str("userId").unwrap().to_owned();
        let clinic = patient.get_object_id("clinicId").unwrap();
        seen.entry(user).or_default().push(clinic);
    }
    session.abort_transaction().await?;
    Ok(seen)
}

/// Each patient is in exactly one clinic, but those of both, who are in the target in any case.
async fn assert_in_one(pair: &Pair) {
    let seen = whose(pair).await;
    assert_eq!(seen.len(), usize::try_from(2 * MANY - BOTH).unwrap());
    let both = MANY - BOTH..MANY;
    for (user, clinics) in seen {
        let number: i32 = user[1..].parse().unwrap();
        if both.contains(&number) {
            assert!(clinics.contains(&object_id(&pair.target)), "{user}");
        } else {
            assert_eq!(clinics.len(), 1, "{user}");
        }
    }
}

/// Two clinics that share some patients, and whose merge was begun.
async fn begun() -> Pair {
    let mut pair = Pair::start_with(0).await;
    let (source, target) = (&pair.source, &pair.target);
    let labels = (
        tag(&pair, source, "A").await,
        site(&pair, source, "North").await,
    );
    populate(&pair.world, source, 0, (&labels.0, &labels.1)).await;
    let labels = (
        tag(&pair, target, "B").await,
        site(&pair, target, "North").await,
    );
    populate(&pair.world, target, MANY - BOTH, (&labels.0, &labels.1)).await;
    pair.world.settled().await;
    pair.world.rest();
    pair
}

async fn progress(world: &World) -> (i64, bool) {
    let merge = stored(world, "merges", doc! {}).await.remove(0);
    let numbers = ["kept", "moved", "merged"].map(|name| merge.get_i64(name).unwrap());
    (numbers.iter().sum(), merge.contains_key("doneTime"))
}

async fn worker(world: &World) -> rt::task::JoinHandle<()> {
    let state = State::connect(&world.config).await.unwrap();
    rt::spawn(async move { state.relay(&CancellationToken::new()).await })
}

/// How many patients of a clinic a search finds, and how many the clinic has.
async fn searched(pair: &Pair, clinic: &str) -> (Value, Value) {
    let path = format!("/v1/clinics/{clinic}/patients?search=patient&limit=20");
    let found: Value = pair.world.service().get(&path).await.json();
    for patient in found["data"].as_array().into_iter().flatten() {
        let of_clinic = doc! { "clinicId": object_id(clinic), "userId": patient["id"].as_str() };
        assert_eq!(count(&pair.world, "patients", of_clinic).await, 1);
    }
    let stored = doc! { "clinicId": object_id(clinic), "fullName": { "$regex": "^Patient" } };
    let stored = count(&pair.world, "patients", stored).await;
    (found["meta"]["count"].clone(), stored.into())
}

#[actix_web::test]
async fn a_merge_is_finished_through_kills_and_nobody_is_lost_or_seen_twice() {
    let pair = begun().await;
    let (world, source, target) = (&pair.world, &pair.source, &pair.target);
    // What is searched in is in memory from here on.
    for clinic in [source, target] {
        searched(&pair, clinic).await;
    }
    let code = world.clinic_document(source).await.unwrap();
    let code = code.get_str("canonicalShareCode").unwrap().to_owned();
    let code = format!("/v1/clinics/share_code/{code}");
    assert_empty(&pair.merge().await, 200);
    assert_in_one(&pair).await;
    loop {
        let (before, is_done) = progress(world).await;
        if is_done {
            break;
        }
        let worker = worker(world).await;
        eventually("a batch", async || {
            assert_in_one(&pair).await;
            assert_counted(world).await;
            assert_eq!(world.service().get(&code).await.status, 200);
            let (now, is_done) = progress(world).await;
            now > before || is_done
        })
        .await;
        worker.abort();
        for clinic in [source, target] {
            eventually("a search of who is there", async || {
                if clinic == source && progress(world).await.1 {
                    return true;
                }
                let (found, stored) = searched(&pair, clinic).await;
                found == stored
            })
            .await;
        }
    }
    assert_in_one(&pair).await;
    assert_counted(world).await;
    let seen = whose(&pair).await;
    assert!(seen.values().all(|clinics| clinics == &[object_id(target)]));
    let found: Value = world.service().get(&code).await.json();
    assert_eq!(&found["id"], target);
    let shown: Value = world
        .service()
        .get(&format!("/v1/clinics/{target}"))
        .await
        .json();
    let numbers = |list: &str| -> Vec<(Value, Value)> {
        let list = shown[list].as_array().unwrap().iter();
        list.map(|one| (one["name"].clone(), one["numPatients"].clone()))
            .collect()
    };
    let many = Value::from(MANY);
    let labelled = |one: &str, other: &str| {
        vec![
            (Value::from(one), many.clone()),
            (Value::from(other), many.clone()),
        ]
    };
    assert_eq!(numbers("patientTags"), labelled("B", "A"));
    assert_eq!(numbers("sites"), labelled("North", "North (2)"));
    let both = doc! { "tags": { "$size": 2 }, "sites.1.name": "North (2)" };
    assert_eq!(
        count(world, "patients", both).await,
        u64::try_from(BOTH).unwrap()
    );
    assert_planned(&pair).await;
    // Everybody is heard of: those who moved in both clinics.
    let worker = worker(world).await;
    let mut left = u64::MAX;
    while left > 0 {
        eventually("a delivery", async || {
            count(world, "outbox", doc! {}).await < left
        })
        .await;
        left = count(world, "outbox", doc! {}).await;
    }
    worker.abort();
    assert!(super::sees(world, CAROL, &account(1)).await.is_some());
}

/// Each patient has its item in the plan, once, however often it was cut off.
async fn assert_planned(pair: &Pair) {
    for (action, number) in [
        ("MOVE", MANY - BOTH),
        ("MERGE", BOTH),
        ("MERGE_INTO", BOTH),
        ("RETAIN", MANY - BOTH),
    ] {
        let planned: Document = doc! { "type": "patient", "plan.action": action };
        let planned = count(&pair.world, "merge_plans", planned).await;
        assert_eq!(planned, u64::try_from(number).unwrap(), "{action}");
    }
}

#[actix_web::test]
async fn no_batch_looks_at_more_than_its_patients() {
    let pair = begun().await;
    assert_empty(&pair.merge().await, 200);
    let profile = Profile::start(&pair.world.database.database).await;
    let worker = worker(&pair.world).await;
    while let (before, false) = progress(&pair.world).await {
        eventually("a batch", async || {
            let (now, is_done) = progress(&pair.world).await;
            now > before || is_done
        })
        .await;
    }
    worker.abort();
    let work = profile.end().await;
    let collections = ["patients", "clinicians", "clinics", "merges", "merge_plans"];
    let of_merge = work
        .iter()
        .filter(|one| collections.contains(&one.collection()))
        // What this test asks.
        .filter(|one| {
            let filter = one.command().get_document("filter");
            !filter.is_ok_and(Document::is_empty)
        });
    // A batch has 200, and the database tries more than one index at first.
    assert!(assert_indexed(of_merge, 600).len() > 5);
}
