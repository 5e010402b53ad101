//! Searches of patients, which are answered from memory: they show what a plain list of the database
//! shows, and everything that was written before.

use bson::{doc, oid::ObjectId};
use futures_util::future::join_all;
use rand::{Rng, RngExt as _, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};
use shared_runtime::testing::{Person, Profile, assert_indexed};

use crate::{
    many_patients::{MANY, populate},
    random_patients::{NAMES, one},
    world::{CAROL, World, details, id_of},
};

async fn list(person: &Person, clinic: &str, query: &str) -> Value {
    let path = format!("/v1/clinics/{clinic}/patients?limit=1000&{query}");
    let answer = person.get(&path).await;
    assert_eq!(answer.status, 200, "{query}: {}", answer.text());
    answer.json()
}

async fn assert_found(persons: &[&Person], clinic: &str, name: &str, count: u64) {
    for person in persons {
        let found = list(person, clinic, &format!("search={name}")).await;
        assert_eq!(found["meta"]["count"], count, "{name}");
        assert_eq!(found["data"].as_array().unwrap().len() as u64, count);
    }
}

#[actix_web::test]
async fn a_search_sees_what_any_replica_wrote_before_it() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    let carol = world.user(CAROL);
    let replica = world.replica().await;
    let other = world.user_at(&replica, CAROL);
    let everywhere = [&carol, &other];
    let path = format!("/v1/clinics/{clinic}/patients");
    // All at once, so that each search finds changes of others to be read as well.
    let lives = (0..12).map(async |number| {
        let (first, second) = (format!("Needle{number:02}"), format!("Thread{number:02}"));
        let created = everywhere[number % 2].post(&path, &details(&first)).await;
        assert_eq!(created.status, 200, "{}", created.text());
        let path = format!("{path}/{}", id_of(&created.json()));
        assert_found(&everywhere, &clinic, &first.to_uppercase(), 1).await;
        let renamed = carol.put(&path, &details(&second)).await;
        assert_eq!(renamed.status, 200, "{}", renamed.text());
        assert_found(&everywhere, &clinic, &first, 0).await;
        assert_found(&everywhere, &clinic, &second, 1).await;
        if number % 3 > 0 {
            let deleted = other.delete(&path).await;
            assert_eq!(deleted.status, 204, "{}", deleted.text());
            assert_found(&everywhere, &clinic, &second, 0).await;
        }
    });
    join_all(lives).await;
    assert_found(&everywhere, &clinic, "thread", 4).await;
}

fn random_name(rng: &mut impl Rng) -> String {
    format!("{} {}", one(rng, &NAMES).0, one(rng, &NAMES).0)
}

#[actix_web::test]
async fn after_any_writes_a_search_shows_what_a_plain_list_shows() {
    let seed = rand::rng().random::<u64>();
    let mut rng = StdRng::seed_from_u64(seed);
    let world = World::start().await;
    let clinic = world.clinic().await;
    let carol = world.user(CAROL);
    let path = format!("/v1/clinics/{clinic}/patients");
    let mut patients: Vec<String> = Vec::new();
    for round in 0..60 {
        let name = random_name(&mut rng);
        if patients.is_empty() || rng.random_bool(0.5) {
            patients.push(world.enrol(&clinic, &details(&name)).await);
        } else {
            let place = rng.random_range(0..patients.len());
            let path = format!("{path}/{}", patients[place]);
            let answer = if rng.random_bool(0.5) {
                carol.put(&path, &details(&name)).await
            } else {
                patients.swap_remove(place);
                carol.delete(&path).await
            };
            assert!(answer.status < 300, "{}", answer.text());
        }
        if round % 3 > 0 {
            continue;
        }
        let all = list(&carol, &clinic, "").await;
        for (search, part) in [("an", "an"), ("%C3%89", "é"), ("B%20", "b "), ("E", "e")] {
            let is_found = |patient: &&Value| {
                let name = patient["fullName"].as_str().unwrap();
                name.to_lowercase().contains(part)
            };
            let wanted: Vec<&Value> = all["data"]
                .as_array()
                .unwrap()
                .iter()
                .filter(is_found)
                .collect();
            let found = list(&carol, &clinic, &format!("search={search}")).await;
            assert_eq!(found["data"], json!(wanted), "seed {seed}: {search}");
            assert_eq!(found["meta"]["count"], wanted.len(), "seed {seed}");
            assert_eq!(found["meta"]["totalCount"], patients.len(), "seed {seed}");
        }
    }
}

#[actix_web::test]
async fn only_what_changed_is_read_again() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    let limit = doc! { "patientCountSettings.hardLimit.plan": 100_000 };
    world.set_clinic(&clinic, limit).await;
    populate(&world, &clinic, &doc! {}).await;
    let uncounted = doc! { "_lane": null };
    let patients = world.collection("patients");
    patients.delete_many(uncounted).await.unwrap();
    let all = list(&world.user(CAROL), &clinic, "search=patient").await;
    assert_eq!(all["meta"]["count"], MANY - MANY / 5);
    for name in ["Quentin", "Quirin"] {
        world.enrol(&clinic, &details(name)).await;
        let profile = Profile::start(&world.database.database).await;
        assert_found(&[&world.user(CAROL)], &clinic, name, 1).await;
        assert_indexed(&profile.end().await, 20);
    }
}

#[actix_web::test]
async fn a_database_that_was_put_back_is_read_anew() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    world.enrol(&clinic, &details("Finn")).await;
    let carol = world.user(CAROL);
    assert_found(&[&carol], &clinic, "finn", 1).await;
    let id = ObjectId::parse_str(&clinic).unwrap();
    let (patients, tallies) = (world.collection("patients"), world.collection("tallies"));
    patients.delete_many(doc! { "clinicId": id }).await.unwrap();
    tallies
        .delete_many(doc! { "_id.clinic": id })
        .await
        .unwrap();
    assert_found(&[&carol], &clinic, "finn", 0).await;
}

#[actix_web::test]
async fn without_memory_the_database_searches() {
    let world = World::start_with(|config| config.search.memory_bytes = 0).await;
    let clinic = world.clinic().await;
    world.enrol(&clinic, &details("Finn")).await;
    assert_found(&[&world.user(CAROL)], &clinic, "FIN", 1).await;
}
