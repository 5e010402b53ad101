//! Changes of every patient of a clinic that is too large for one request: what is shown meanwhile,
//! and that they are finished through any kill.

mod filters;

use actix_web::rt;
use bson::{Bson, Document, doc};
use clinic::State;
use futures_util::TryStreamExt;
use reqwest::Method;
use serde_json::{Value, json};
use shared_runtime::testing::{eventually, send};
use tokio_util::sync::CancellationToken;

use crate::{
    many_patients::{MANY, account, assert_counted, object_id, populate},
    sites, tags,
    world::{CAROL, World, assert_empty, details},
};

/// A world whose workers do nothing until they are started.
async fn resting() -> World {
    let mut world = World::start_with(|config| config.jobs.lease_s = 1).await;
    world.rest();
    world
}

/// Patients whose documents match.
async fn stored(world: &World, filter: Document) -> u64 {
    world
        .collection("patients")
        .count_documents(filter)
        .await
        .unwrap()
}

/// How many patients the jobs have written.
async fn progress(world: &World) -> i64 {
    let jobs = world.collection("jobs").find(doc! {}).await.unwrap();
    let jobs: Vec<Document> = jobs.try_collect().await.unwrap();
    jobs.iter()
        .map(|job| job.get_i64("patients").unwrap())
        .sum()
}

async fn are_done(world: &World) -> bool {
    let jobs = world.collection("jobs");
    jobs.count_documents(doc! { "doneTime": null })
        .await
        .unwrap()
        == 0
}

/// A replica that works until it is killed.
async fn worker(world: &World) -> rt::task::JoinHandle<()> {
    let state = State::connect(&world.config).await.unwrap();
    rt::spawn(async move { state.relay(&CancellationToken::new()).await })
}

async fn finish(world: &World) {
    let worker = worker(world).await;
    eventually("the end of all jobs", async || are_done(world).await).await;
    worker.abort();
    assert_counted(world).await;
}

async fn patient(world: &World, clinic: &str, user: &str) -> Value {
    let path = format!("/v1/clinics/{clinic}/patients/{user}");
    let answer = world.user(CAROL).get(&path).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

/// The account of a patient whose document matches.
async fn one_with(world: &World, filter: Document) -> String {
    let found = world.collection("patients").find_one(filter).await.unwrap();
    found.unwrap().get_str("userId").unwrap().to_owned()
}

#[actix_web::test]
async fn a_small_clinic_is_done_before_the_answer() {
    let world = resting().await;
    let clinic = world.clinic().await;
    let tag = tags::create(&world, &clinic, "A").await;
    let mut finn = details("Finn");
    finn["tags"] = json!([tag]);
    world.enrol(&clinic, &finn).await;
    let path = format!("/v1/clinics/{clinic}/patient_tags/{tag}");
    assert_empty(&world.user(CAROL).delete(&path).await, 204);
    assert!(are_done(&world).await);
    assert_eq!(stored(&world, doc! { "tags": object_id(&tag) }).await, 0);
    assert_counted(&world).await;
}

#[actix_web::test]
async fn a_removal_shows_at_once_and_is_finished_through_kills() {
    let world = resting().await;
    let clinic = world.clinic().await;
    let gone = tags::create(&world, &clinic, "Gone").await;
    let kept = tags::create(&world, &clinic, "Kept").await;
    let labels = doc! { "tags": [object_id(&kept), object_id(&gone)] };
    populate(&world, &clinic, &labels).await;
    let has = doc! { "tags": object_id(&gone) };
    let path = format!("/v1/clinics/{clinic}/patient_tags/{gone}");
    assert_empty(&world.user(CAROL).delete(&path).await, 204);
    let left = stored(&world, has.clone()).await;
    assert_eq!(left, 300);
    let unwritten = one_with(&world, has.clone()).await;
    assert_eq!(
        patient(&world, &clinic, &unwritten).await["tags"],
        json!([kept])
    );
    let shown: Value = world
        .service()
        .get(&format!("/v1/clinics/{clinic}"))
        .await
        .json();
    let tags = json!([{ "id": kept, "name": "Kept", "numPatients": MANY }]);
    assert_eq!(shown["patientTags"], tags);

    for _ in 0..2 {
        let before = progress(&world).await;
        let worker = worker(&world).await;
        eventually("a batch", async || {
            assert_counted(&world).await;
            progress(&world).await > before || are_done(&world).await
        })
        .await;
        worker.abort();
    }
    finish(&world).await;
    assert_eq!(stored(&world, has).await, 0);
    // Every patient was counted on the way, those of the reference as well, by the job or before it.
    assert!((MANY - MANY / 5..=MANY).contains(&progress(&world).await));
    assert_eq!(stored(&world, doc! { "_lane": null }).await, 0);
    let jobs = world.collection("jobs").find_one(doc! {}).await.unwrap();
    assert!(jobs.unwrap().get_datetime("doneTime").is_ok());
}

#[actix_web::test]
async fn whoever_is_changed_meanwhile_has_what_was_said_last() {
    let world = resting().await;
    let clinic = world.clinic().await;
    let tag = tags::create(&world, &clinic, "A").await;
    let labels = doc! { "tags": [object_id(&tag)] };
    populate(&world, &clinic, &labels).await;
    let has = doc! { "tags": object_id(&tag), "_lane": { "$ne": null } };
    let of_clinic = format!("/v1/clinics/{clinic}/patients");
    let (carol, service) = (world.user(CAROL), world.service());
    let remove = format!("{of_clinic}/delete_tag/{tag}");
    assert_empty(&send(service.request(Method::POST, &remove)).await, 200);

    // Given the tag again after all lost it.
    let again = one_with(&world, has.clone()).await;
    let mut body = details("Again");
    body["tags"] = json!([tag]);
    let updated: Value = carol
        .put(&format!("{of_clinic}/{again}"), &body)
        .await
        .json();
    assert_eq!(updated["tags"], json!([tag]));
    // Given it as one of some.
    let some = one_with(
        &world,
        doc! { "userId": { "$ne": &again }, "$and": [has.clone()] },
    )
    .await;
    let assign = format!("{of_clinic}/assign_tag/{tag}");
    assert_empty(&service.post(&assign, &json!([some])).await, 200);
    // Changed otherwise.
    let other = doc! { "userId": { "$nin": [&again, &some] }, "$and": [has.clone()] };
    let other = one_with(&world, other).await;
    let updated = carol
        .put(&format!("{of_clinic}/{other}"), &details("Other"))
        .await;
    assert_eq!(updated.json::<Value>()["tags"], Value::Null);
    // Enrolled with it.
    let limits = format!("/v1/clinics/{clinic}/settings/patient_count");
    assert_eq!(service.put(&limits, &json!({})).await.status, 200);
    let new = world.enrol(&clinic, &body).await;
    assert_counted(&world).await;

    finish(&world).await;
    let mut wanted = [again, some, new].to_vec();
    wanted.sort();
    let patients = world.collection("patients");
    let found = patients.find(doc! { "tags": object_id(&tag) });
    let found: Vec<Document> = found
        .sort(doc! { "userId": 1 })
        .await
        .unwrap()
        .try_collect()
        .await
        .unwrap();
    let found: Vec<&str> = found
        .iter()
        .map(|patient| patient.get_str("userId").unwrap())
        .collect();
    assert_eq!(found, wanted);
    assert_eq!(patient(&world, &clinic, &other).await["tags"], Value::Null);
}

#[actix_web::test]
async fn several_changes_are_made_in_their_order_by_several_workers() {
    let world = resting().await;
    let clinic = world.clinic().await;
    let tag = tags::create(&world, &clinic, "East").await;
    let north = sites::create(&world, &clinic, "North").await;
    let south = sites::create(&world, &clinic, "South").await;
    let site = |id: &str, name: &str| doc! { "id": object_id(id), "name": name };
    let labels = doc! { "tags": [object_id(&tag)], "sites": [site(&north, "North")] };
    populate(&world, &clinic, &labels).await;
    let of_clinic = format!("/v1/clinics/{clinic}");
    let service = world.service();
    let count = json!(MANY);

    let path = format!("{of_clinic}/sites/{north}");
    let body = json!({ "id": north, "name": "NORTH" });
    let renamed: Value = service.put(&path, &body).await.json();
    assert_eq!(renamed["patients"], count);
    let path = format!("{of_clinic}/patient_tags/{tag}/site");
    let east: Value = send(service.request(Method::POST, &path)).await.json();
    assert_eq!((&east["name"], &east["patients"]), (&json!("East"), &count));
    let path = format!("{of_clinic}/sites/{south}/merge");
    let merged: Value = service.post(&path, &json!({ "id": north })).await.json();
    assert_eq!(
        (&merged["name"], &merged["patients"]),
        (&json!("South"), &count)
    );
    let path = format!("{of_clinic}/sites/{south}");
    let body = json!({ "id": south, "name": "Süden" });
    assert_eq!(service.put(&path, &body).await.status, 200);
    assert!(!are_done(&world).await);

    let shown = [1, 2, MANY - 2, MANY - 1].map(account);
    let wanted = json!([
        { "id": east["id"], "name": "East" }, { "id": south, "name": "Süden" },
    ]);
    for user in &shown {
        let patient = patient(&world, &clinic, user).await;
        assert_eq!(
            (&patient["sites"], &patient["tags"]),
            (&wanted, &Value::Null)
        );
    }
    let workers = [worker(&world).await, worker(&world).await];
    eventually("the end of all jobs", async || {
        assert_counted(&world).await;
        are_done(&world).await
    })
    .await;
    for worker in workers {
        worker.abort();
    }
    let east = site(east["id"].as_str().unwrap(), "East");
    let all: Bson = vec![Bson::from(east), site(&south, "Süden").into()].into();
    let done = doc! { "sites": all, "tags": [] };
    assert_eq!(stored(&world, done).await, u64::try_from(MANY).unwrap());
    assert_counted(&world).await;
}

#[actix_web::test]
async fn everybody_gets_a_tag_once() {
    let world = resting().await;
    let clinic = world.clinic().await;
    let tag = tags::create(&world, &clinic, "A").await;
    populate(&world, &clinic, &doc! {}).await;
    let patients = world.collection("patients");
    // Those who have it already are counted with it first.
    let some = doc! { "userId": { "$in": [account(1), account(2)] } };
    let path = format!("/v1/clinics/{clinic}/patients/assign_tag/{tag}");
    let listed = json!([account(1), account(2)]);
    assert_empty(&world.service().post(&path, &listed).await, 200);
    let before: Vec<Document> = patients
        .find(some.clone())
        .await
        .unwrap()
        .try_collect()
        .await
        .unwrap();
    assert_empty(
        &send(world.service().request(Method::POST, &path)).await,
        200,
    );
    assert!(!are_done(&world).await);
    finish(&world).await;
    let all = u64::try_from(MANY).unwrap();
    assert_eq!(
        stored(&world, doc! { "tags": [object_id(&tag)] }).await,
        all
    );
    let after: Vec<Document> = patients
        .find(some)
        .await
        .unwrap()
        .try_collect()
        .await
        .unwrap();
    assert_eq!(after, before);
}

#[actix_web::test]
async fn a_clinic_that_goes_takes_its_jobs_along() {
    let world = resting().await;
    let clinic = world.clinic().await;
    let tag = tags::create(&world, &clinic, "A").await;
    let path = format!("/v1/clinics/{clinic}");
    let carol = world.user(CAROL);
    assert_empty(
        &carol.delete(&format!("{path}/patient_tags/{tag}")).await,
        204,
    );
    assert_empty(&carol.delete(&path).await, 204);
    for name in ["jobs", "tallies"] {
        let left = world
            .collection(name)
            .count_documents(doc! {})
            .await
            .unwrap();
        assert_eq!(left, 0, "{name}");
    }
}
