//! What reaches the database: no query looks at more than it returns and a few documents more.

use bson::{doc, oid::ObjectId};
use serde_json::Value;
use shared_runtime::testing::{Profile, Work, assert_indexed};

use crate::world::{CAROL, World};

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
    let profile = Profile::start(&world.database.database).await;
    let answer = world.user(CAROL).get(path).await;
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
