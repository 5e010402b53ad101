//! What reaches the database: no query looks at more than it returns and a few documents more.

mod orders;

use bson::{DateTime, Document, doc, oid::ObjectId};
use serde_json::{Value, json};
use shared_runtime::testing::{Person, Profile, Work, assert_indexed};

use crate::world::{CAROL, World};

const ALICE: &str = "a000000001";

/// Documents and keys beyond the length of a list that one command may look at: those that the
/// database tries before it has settled on an index.
const ENOUGH: i64 = 20;

/// Patients of a clinic among those of others: one in fifty with `tag`, `site` and the record number
/// `mrn`.
async fn fill(world: &World, clinic: &str, (tag, site): (ObjectId, ObjectId)) {
    let clinics = [ObjectId::parse_str(clinic).unwrap(), ObjectId::new()];
    let patient = |number: usize| {
        let mut patient = doc! {
            "clinicId": clinics[number % 2],
            "userId": format!("p{number:09}"),
            "fullName": format!("Patient {:04}", (number * 7_919) % 10_000),
            "birthDate": format!("1990-01-{:02}", number % 28),
            "mrn": format!("m{number}"),
            "_lane": 0,
            "_version": i64::try_from(number).unwrap(),
        };
        if number % 100 < 2 {
            let sites = vec![doc! { "id": site, "name": "North" }];
            patient.extend(doc! {
                "birthDate": "2001-02-03", "mrn": "mrn", "tags": [tag], "sites": sites,
            });
        }
        patient
    };
    let patients = world.collection("patients");
    patients.insert_many((0..2_000).map(patient)).await.unwrap();
    let tally = doc! { "_id": { "clinic": clinics[0], "lane": 0 }, "total": 1_000_i64 };
    world.collection("tallies").insert_one(tally).await.unwrap();
}

async fn work_for(world: &World, path: &str) -> (Value, Vec<Work>) {
    work_of(world, &world.user(CAROL), path).await
}

async fn work_of(world: &World, person: &Person, path: &str) -> (Value, Vec<Work>) {
    let profile = Profile::start(&world.database.database).await;
    let answer = person.get(path).await;
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    (answer.json(), profile.end().await)
}

#[actix_web::test]
async fn no_list_of_patients_looks_at_more_than_it_shows() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    let (tag, site) = (ObjectId::new(), ObjectId::new());
    fill(&world, &clinic, (tag, site)).await;
    let path = format!("/v1/clinics/{clinic}/patients");
    for (path, count) in [
        (path.clone(), 1_000),
        (format!("{path}?limit=50"), 1_000),
        (format!("{path}?offset=10&limit=10"), 1_000),
        (format!("{path}?tags={tag}"), 20),
        (format!("{path}?sites={site},{}", ObjectId::new()), 20),
        (
            format!("{path}?tags={tag}&sites={site}&search=patient&limit=50"),
            20,
        ),
        (format!("{path}?tags={tag}&sort=-lastData&sortType=cgm"), 20),
        (format!("{path}?tags={}", ObjectId::new()), 0),
    ] {
        let (list, work) = work_for(&world, &path).await;
        assert_eq!(list["meta"]["count"], count, "{path}");
        assert_eq!(list["meta"]["totalCount"], 1_000, "{path}");
        let shown = i64::try_from(list["data"].as_array().unwrap().len()).unwrap();
        let shapes = assert_indexed(&work, shown.max(20) + ENOUGH);
        assert!(shapes.len() >= 3, "{path}: {shapes:#?}");
    }
}

#[actix_web::test]
async fn pages_far_down_a_list_come_from_memory() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    fill(&world, &clinic, (ObjectId::new(), ObjectId::new())).await;
    let path = format!("/v1/clinics/{clinic}/patients");
    let (whole, _) = work_for(&world, &format!("{path}?limit=1000")).await;
    let deep = format!("{path}?offset=900&limit=10");
    // What is in memory then.
    work_for(&world, &deep).await;
    let (list, work) = work_for(&world, &deep).await;
    assert_eq!(
        list["data"].as_array(),
        Some(&whole["data"].as_array().unwrap()[900..910].to_vec())
    );
    assert_eq!(list["meta"], whole["meta"]);
    assert_indexed(&work, 10 + ENOUGH);
}

#[actix_web::test]
async fn a_report_looks_at_whom_it_shows_or_at_whoever_has_the_tags() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    let tag = ObjectId::new();
    fill(&world, &clinic, (tag, ObjectId::new())).await;
    let query = format!("period=14d&tags={tag}&lastDataCutoff=2020-01-02T03:04:05Z");
    let path = format!("/v1/clinics/{clinic}/tide_report?{query}");
    // What is in memory then.
    let (first, _) = work_for(&world, &path).await;
    let (report, work) = work_for(&world, &path).await;
    assert_eq!(first, report);
    assert_eq!(report["results"]["noData"].as_array().unwrap().len(), 20);
    let shapes = assert_indexed(&work, 20 + ENOUGH);
    assert!(shapes.len() >= 3, "{shapes:#?}");
    // Patients of the reference are not in memory.
    let uncounted = doc! { "clinicId": ObjectId::parse_str(&clinic).unwrap(), "userId": ALICE };
    let patients = world.collection("patients");
    patients.insert_one(uncounted).await.unwrap();
    let (report, work) = work_for(&world, &path).await;
    assert_eq!(first, report);
    assert_indexed(&work, 20 + ENOUGH);
}

#[actix_web::test]
async fn nobody_is_looked_for_among_all_patients() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    fill(&world, &clinic, (ObjectId::new(), ObjectId::new())).await;
    for query in [
        "mrn=MRN",
        "birthDate=2001-02-03",
        "mrn=MRN&birthDate=2001-02-03",
    ] {
        let (list, work) = work_for(&world, &format!("/v1/patients?limit=50&{query}")).await;
        assert_eq!(list.as_array().unwrap().len(), 20, "{query}");
        assert_indexed(&work, 20 + ENOUGH);
    }
    let (_, work) = work_for(&world, "/v1/patients").await;
    assert_indexed(&work, ENOUGH);
}

/// A thousand clinics, one in fifty connected to hospital records; `clinic` has a thousand clinicians,
/// CAROL works for 300 of the clinics and ALICE is a patient of these.
async fn fill_with_clinics(world: &World, clinic: &str) {
    let oak = ObjectId::parse_str(clinic).unwrap();
    let ids: Vec<ObjectId> = (0..1_000).map(|_| ObjectId::new()).collect();
    let time = |number: usize| DateTime::from_millis(i64::try_from(number).unwrap() * 1_000);
    let (mut clinics, mut clinicians) = (Vec::new(), Vec::new());
    let mut patients: Vec<Document> = Vec::new();
    for (number, id) in ids.iter().enumerate() {
        let code = format!("AAAA-AAAA-{number:04}");
        clinics.push(doc! {
            "_id": id, "name": format!("Clinic {number}"), "createdTime": time(number),
            "shareCodes": [&code], "canonicalShareCode": &code,
            "ehrSettings": { "enabled": number % 50 == 0, "sourceId": "s" },
        });
        let clinician = |clinic: &ObjectId, user: String| {
            doc! {
                "clinicId": clinic, "email": format!("{user}@example.org"), "userId": user,
                "roles": ["CLINIC_MEMBER"], "createdTime": time(number),
            }
        };
        clinicians.push(clinician(&oak, format!("d{number:09}")));
        if number < 300 {
            clinicians.push(clinician(id, CAROL.to_owned()));
            patients.push(doc! {
                "clinicId": id, "userId": ALICE, "fullName": format!("Alice {number}"),
                "permissions": { "view": {} },
            });
        }
    }
    world
        .collection("clinics")
        .insert_many(clinics)
        .await
        .unwrap();
    let store = world.collection("clinicians");
    store.insert_many(clinicians).await.unwrap();
    world
        .collection("patients")
        .insert_many(patients)
        .await
        .unwrap();
}

#[actix_web::test]
async fn no_list_of_clinics_or_clinicians_looks_at_more_than_it_shows() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    fill_with_clinics(&world, &clinic).await;
    let (service, carol, alice) = (world.service(), world.user(CAROL), world.user(ALICE));
    let of_carol = format!("/v1/clinicians/{CAROL}/clinics?limit=20");
    let of_alice = format!("/v1/patients/{ALICE}/clinics?limit=20");
    let clinicians = format!("/v1/clinics/{clinic}/clinicians");
    for (person, path, count) in [
        (&service, "/v1/clinics?limit=20".to_owned(), 20),
        (
            &service,
            "/v1/clinics?shareCode=AAAA-AAAA-0007".to_owned(),
            1,
        ),
        (
            &service,
            "/v1/clinics?createdTimeStart=1970-01-01T00:05:00Z&limit=20".to_owned(),
            20,
        ),
        (
            &service,
            "/v1/clinics?ehrEnabled=true&limit=20".to_owned(),
            20,
        ),
        (&carol, format!("{clinicians}?limit=20"), 20),
        (
            &carol,
            format!("{clinicians}?email=d000000007@example.org"),
            1,
        ),
        (&carol, of_carol.clone(), 20),
        (&alice, of_alice.clone(), 20),
    ] {
        let (list, work) = work_of(&world, person, &path).await;
        assert_eq!(list.as_array().unwrap().len(), count, "{path}");
        assert_indexed(&work, 20 + ENOUGH);
    }
}

#[actix_web::test]
async fn no_summary_or_data_source_is_looked_for_among_all() {
    let mut world = World::start().await;
    let clinic = world.clinic().await;
    fill(&world, &clinic, (ObjectId::new(), ObjectId::new())).await;
    let patients = world.collection("patients");
    let summarized = doc! { "$set": { "summary": {
        "cgmStats": { "id": "1" }, "bgmStats": { "id": "2" },
    } } };
    patients.update_many(doc! {}, summarized).await.unwrap();
    for number in 0..3 {
        let other = ObjectId::new();
        let alice = doc! {
            "clinicId": other, "userId": ALICE, "fullName": "Alice", "_lane": 0,
            "_version": i64::from(number),
        };
        patients.insert_one(alice).await.unwrap();
    }
    world.settled().await;
    world.rest();
    let (service, database) = (world.service(), &world.database.database);
    let summary = json!({ "cgmStats": { "id": "3" }, "bgmStats": { "id": "4" } });
    let sources = json!([{ "providerName": "dexcom", "state": "pending" }]);
    let of_alice = format!("/v1/patients/{ALICE}");
    let profile = Profile::start(database).await;
    let written = service.post(&format!("{of_alice}/summary"), &summary).await;
    assert_eq!(written.status, 200);
    for id in ["3", "4"] {
        let path = format!("/v1/summaries/{id}/clinics");
        assert_eq!(service.delete(&path).await.status, 200);
    }
    let work = profile.end().await;
    let shapes = assert_indexed(&work, ENOUGH);
    // One update reaches all clinics; each deletion looks for both parts. No document is read.
    assert_eq!(shapes.len(), 3, "{shapes:#?}");
    assert!(
        work.iter().all(|work| work.operation() == "update"),
        "{work:?}"
    );

    let profile = Profile::start(database).await;
    let written = service
        .put(&format!("{of_alice}/data_sources"), &sources)
        .await;
    assert_eq!(written.status, 200);
    assert_indexed(&profile.end().await, ENOUGH);
}
