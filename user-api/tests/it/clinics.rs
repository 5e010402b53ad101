//! What clinic is told of accounts, and asked about those that are made for its patients.

use bson::{DateTime, Document, Timestamp, doc};
use serde_json::{Value, json};
use shared_runtime::{config::PeerSettings, testing::Answer};
use stand_ins::{Clinic, clinic::Ask};

use crate::world::{PASSWORD, World, assert_empty, assert_refused, eventually};

const OAK: &str = "5f8f8f8f8f8f8f8f8f8f8f8f";
const ELM: &str = "5f8f8f8f8f8f8f8f8f8f8f90";
const KID: &str = "kid@example.org";

/// A world that has this clinic.
async fn world_with(clinic: &Clinic) -> World {
    let url = clinic.url();
    World::start_with(|config| config.clinic = Some(PeerSettings { url })).await
}

async fn rows(world: &World, filter: Document) -> u64 {
    world.outbox().count_documents(filter).await.unwrap()
}

/// Waits until no row of a topic is left.
async fn settled(world: &World, topic: &str) {
    eventually("the end of the rows", async || {
        rows(world, doc! { "topic": topic }).await == 0
    })
    .await;
}

/// Has the rows of a topic carried out, though it is early.
async fn hurry(world: &World, topic: &str) {
    let due = doc! { "$set": { "nextAttemptAt": DateTime::now() } };
    let rows = world.outbox();
    rows.update_many(doc! { "topic": topic }, due)
        .await
        .unwrap();
    settled(world, topic).await;
}

/// Lets the accounts that wait for a patient have waited long enough.
async fn long_ago(world: &World) {
    let long_ago = doc! { "$set": { "awaitedBy.since": DateTime::from_millis(1) } };
    let waiting = doc! { "awaitedBy": { "$exists": true } };
    world.users().update_many(waiting, long_ago).await.unwrap();
}

/// Waits until no account waits for a patient.
async fn nobody_waits(world: &World) {
    let waiting = doc! { "awaitedBy": { "$exists": true } };
    eventually("the end of the waits", async || {
        let waiting = world.users().count_documents(waiting.clone()).await;
        waiting.unwrap() == 0
    })
    .await;
}

async fn create(world: &World, clinic: &str, body: &Value) -> Answer {
    let service = world.service().await;
    service
        .post(&format!("/v1/clinics/{clinic}/users"), body)
        .await
}

async fn created(world: &World, clinic: &str, body: &Value) -> String {
    let answer = create(world, clinic, body).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let account: Value = answer.json();
    assert_eq!(account["passwordExists"], false);
    account["userid"].as_str().unwrap().to_owned()
}

fn kid() -> Value {
    json!({ "username": KID, "emails": [KID] })
}

async fn change(world: &World, id: &str, updates: Value) {
    let service = world.service().await;
    let body = json!({ "updates": updates });
    let answer = service.put(&format!("/user/{id}"), &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[actix_web::test]
async fn clinic_hears_of_a_deletion_until_it_has_heard_and_before_gatekeeper_once_more() {
    let clinic = Clinic::start();
    let world = world_with(&clinic).await;
    let alice = world.user("alice").await;
    clinic.fail(Ask::Forget, 500);
    let path = format!("/user/{}", alice.id);
    assert_empty(&world.service().await.delete(&path).await, 204);
    let key = format!("clinic:{}", alice.id);
    let failed = doc! { "key": &key, "attempts": { "$gt": 0 } };
    eventually("a first try", async || {
        rows(&world, failed.clone()).await == 1
    })
    .await;
    assert!(clinic.forgotten().is_empty());
    clinic.mend_all();
    settled(&world, "users.deleted").await;
    assert_eq!(clinic.forgotten(), [alice.id.as_str()]);
    hurry(&world, "users.sweep").await;
    assert_eq!(clinic.forgotten().len(), 2);
}

#[actix_web::test]
async fn clinic_hears_the_address_that_an_account_has() {
    let clinic = Clinic::start();
    let world = world_with(&clinic).await;
    let alice = world.user("alice").await;
    clinic.fail(Ask::Address, 500);
    for name in ["one", "two"] {
        let email = format!("{name}@example.org");
        change(
            &world,
            &alice.id,
            json!({ "username": email, "emails": [email] }),
        )
        .await;
    }
    // Neither of these changes it.
    change(&world, &alice.id, json!({ "password": "another-password" })).await;
    change(&world, &alice.id, json!({ "emailVerified": true })).await;
    let waiting = doc! { "topic": "users.address-changed" };
    assert_eq!(rows(&world, waiting.clone()).await, 2);
    let row = world.outbox().find_one(waiting).await.unwrap().unwrap();
    let payload = row.get_document("payload").unwrap();
    assert_eq!(*payload, doc! { "userid": &alice.id });
    clinic.mend_all();
    settled(&world, "users.address-changed").await;
    let last = Some("two@example.org".to_owned());
    assert_eq!(clinic.addresses(&alice.id), [last.clone(), last]);
}

#[actix_web::test]
async fn clinic_hears_that_an_account_has_no_address_any_more() {
    let clinic = Clinic::start();
    let world = world_with(&clinic).await;
    let finn = created(&world, OAK, &kid()).await;
    world.gatekeeper.grant(&finn, "somebody", json!({}));
    world.gatekeeper.let_clinic_run(&finn);
    change(&world, &finn, json!({ "emails": [] })).await;
    settled(&world, "users.address-changed").await;
    assert_eq!(clinic.addresses(&finn), [None]);
}

#[actix_web::test]
async fn the_other_addresses_of_an_account_are_not_told() {
    let clinic = Clinic::start();
    let world = world_with(&clinic).await;
    let alice = world.user("alice").await;
    change(&world, &alice.id, json!({ "emails": [&alice.email, KID] })).await;
    assert_eq!(
        rows(&world, doc! { "topic": "users.address-changed" }).await,
        0
    );
    change(&world, &alice.id, json!({ "emails": [KID, &alice.email] })).await;
    settled(&world, "users.address-changed").await;
    assert_eq!(clinic.addresses(&alice.id), [Some(KID.to_owned())]);
}

#[actix_web::test]
async fn clinic_hears_that_another_account_has_proven_an_address() {
    let clinic = Clinic::start();
    let world = world_with(&clinic).await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    world.verify(&bob).await;
    change(&world, &bob.id, json!({ "emails": [&bob.email, KID] })).await;
    change(
        &world,
        &alice.id,
        json!({ "username": KID, "emails": [KID] }),
    )
    .await;
    settled(&world, "users.address-changed").await;
    let proof = json!({ "updates": { "emailVerified": true }, "onlyIf": { "email": KID } });
    let path = format!("/user/{}", bob.id);
    assert_eq!(world.service().await.put(&path, &proof).await.status, 200);
    settled(&world, "users.address-changed").await;
    assert_eq!(clinic.addresses(&alice.id), [Some(KID.to_owned()), None]);
}

#[actix_web::test]
async fn an_address_that_clinic_cannot_take_is_set_aside() {
    let clinic = Clinic::start();
    let world = world_with(&clinic).await;
    let alice = world.user("alice").await;
    clinic.fail(Ask::Address, 422);
    change(
        &world,
        &alice.id,
        json!({ "username": KID, "emails": [KID] }),
    )
    .await;
    let dead = doc! { "topic": "users.address-changed", "state": "dead" };
    eventually("a dead row", async || rows(&world, dead.clone()).await == 1).await;
}

#[actix_web::test]
async fn a_claim_ends_the_custody_of_clinics() {
    let clinic = Clinic::start();
    let world = world_with(&clinic).await;
    let finn = created(&world, OAK, &kid()).await;
    let made = json!({ "custodian": {}, "view": {}, "note": {} });
    clinic.has_patient(OAK, &finn, made);
    clinic.has_patient(ELM, &finn, json!({ "view": {} }));
    change(&world, &finn, json!({ "password": PASSWORD })).await;
    let rest = json!({ "view": {}, "note": {} });
    assert_eq!(clinic.permissions(OAK, &finn), Some(rest));
    assert_eq!(clinic.asked(Ask::EndCustody).len(), 1);
    assert_eq!(rows(&world, doc! { "topic": "users.claimed" }).await, 0);
}

#[actix_web::test]
async fn a_claim_succeeds_without_clinic_which_hears_of_it_later() {
    let clinic = Clinic::start();
    let world = world_with(&clinic).await;
    let finn = created(&world, OAK, &kid()).await;
    clinic.has_patient(OAK, &finn, json!({ "custodian": {}, "view": {} }));
    clinic.fail(Ask::EndCustody, 500);
    change(&world, &finn, json!({ "password": PASSWORD })).await;
    assert_eq!(rows(&world, doc! { "topic": "users.claimed" }).await, 1);
    clinic.mend_all();
    hurry(&world, "users.claimed").await;
    assert_eq!(clinic.permissions(OAK, &finn), Some(json!({ "view": {} })));
}

#[actix_web::test]
async fn an_account_stays_once_its_clinic_has_the_patient() {
    let clinic = Clinic::start();
    let world = world_with(&clinic).await;
    let finn = created(&world, OAK, &kid()).await;
    let nameless = created(&world, OAK, &json!({})).await;
    for id in [&finn, &nameless] {
        clinic.has_patient(OAK, id, json!({ "custodian": {} }));
    }
    long_ago(&world).await;
    nobody_waits(&world).await;
    for id in [&finn, &nameless] {
        assert!(world.document(id).await.is_some());
    }
    // The clinic has it, and gets no other.
    let again = create(&world, OAK, &kid()).await;
    assert_refused(&again, 409, "User already exists");
}

#[actix_web::test]
async fn an_account_whose_patient_never_comes_goes_again() {
    let clinic = Clinic::start();
    let world = world_with(&clinic).await;
    let finn = created(&world, OAK, &kid()).await;
    let nameless = created(&world, OAK, &json!({})).await;
    // As long as clinic does not answer, nothing is known.
    clinic.fail(Ask::Patient, 500);
    long_ago(&world).await;
    eventually("a look", async || clinic.asked(Ask::Patient).len() >= 2).await;
    assert!(world.document(&finn).await.is_some());
    clinic.mend_all();
    nobody_waits(&world).await;
    for id in [&finn, &nameless] {
        assert_eq!(world.document(id).await, None);
    }
    settled(&world, "users.deleted").await;
    assert!(world.gatekeeper.has_forgotten(&finn));
    // The address is free.
    created(&world, ELM, &kid()).await;
}

#[actix_web::test]
async fn a_claimed_account_stays_whatever_clinic_has() {
    let clinic = Clinic::start();
    let world = world_with(&clinic).await;
    let finn = created(&world, OAK, &kid()).await;
    change(&world, &finn, json!({ "password": PASSWORD })).await;
    let again = create(&world, OAK, &kid()).await;
    assert_refused(&again, 409, "User already exists");
    long_ago(&world).await;
    nobody_waits(&world).await;
    assert!(world.document(&finn).await.is_some());
}

#[actix_web::test]
async fn a_clinic_that_asks_again_gets_the_account_that_it_has_not_used() {
    let clinic = Clinic::start();
    let world = world_with(&clinic).await;
    let finn = created(&world, OAK, &kid()).await;
    let mut other_case = kid();
    other_case["emails"] = json!(["KID@example.org"]);
    other_case["username"] = json!("KID@example.org");
    assert_eq!(created(&world, OAK, &other_case).await, finn);
    let elsewhere = create(&world, ELM, &kid()).await;
    assert_refused(&elsewhere, 409, "User already exists");
    let by_hand = create(&world, "0123", &kid()).await;
    assert_refused(&by_hand, 409, "User already exists");
    long_ago(&world).await;
    nobody_waits(&world).await;
    assert_eq!(world.document(&finn).await, None);
}

#[actix_web::test]
async fn who_asks_again_has_as_much_time_as_the_first() {
    let clinic = Clinic::start();
    let world = world_with(&clinic).await;
    let finn = created(&world, OAK, &kid()).await;
    let awaited = async || {
        let account = world.document(&finn).await.unwrap();
        account.get_document("awaitedBy").unwrap().clone()
    };
    // As long as clinic does not answer, the account stays.
    clinic.fail(Ask::Patient, 500);
    long_ago(&world).await;
    let first = awaited().await;
    let asked = DateTime::now();
    assert_eq!(created(&world, OAK, &kid()).await, finn);
    let second = awaited().await;
    assert_ne!(first.get("mark"), second.get("mark"));
    assert!(second.get_datetime("since").unwrap() >= &asked);
}

#[actix_web::test]
async fn rows_of_earlier_releases_look_after_their_accounts() {
    let clinic = Clinic::start();
    let world = world_with(&clinic).await;
    let finn = created(&world, OAK, &kid()).await;
    let undated = doc! { "$unset": { "awaitedBy.since": "" } };
    let users = world.users();
    users.update_many(doc! {}, undated).await.unwrap();
    let account = world.document(&finn).await.unwrap();
    let mark = account.get_document("awaitedBy").unwrap().get_str("mark");
    let row = doc! {
        "key": format!("enrolling:{finn}"), "topic": "users.enrolling",
        "payload": { "userid": &finn, "clinicId": OAK, "mark": mark.unwrap() },
        "sequence": Timestamp { time: 1, increment: 1 }, "state": "pending", "attempts": 0,
        "nextAttemptAt": DateTime::now(), "enqueuedAt": DateTime::now(),
    };
    world.outbox().insert_one(row).await.unwrap();
    settled(&world, "users.enrolling").await;
    nobody_waits(&world).await;
    assert_eq!(world.document(&finn).await, None);
}

#[actix_web::test]
async fn an_account_is_made_with_what_its_clinic_knows() {
    let clinic = Clinic::start();
    let world = world_with(&clinic).await;
    let profile = json!({
        "fullName": "Finn", "patient": { "birthday": "2010-01-31", "mrn": "7" },
    });
    let service = world.service().await;
    for clinic in [OAK, "0123"] {
        let finn = created(&world, clinic, &json!({ "profile": &profile })).await;
        let stored = service.get(&format!("/metadata/{finn}/profile")).await;
        assert_eq!(stored.json::<Value>(), profile);
    }
    let before = world.users().count_documents(doc! {}).await.unwrap();
    for invalid in [
        json!("Finn"),
        json!([]),
        json!({ "fullName": 1 }),
        json!({ "patient": { "birthday": "2001-02-29" } }),
    ] {
        let answer = create(&world, OAK, &json!({ "profile": invalid })).await;
        assert_refused(&answer, 400, "Invalid user details were given");
    }
    let after = world.users().count_documents(doc! {}).await.unwrap();
    assert_eq!(after, before);
}

#[actix_web::test]
async fn of_20_requests_for_one_address_all_get_one_account() {
    let clinic = Clinic::start();
    let world = world_with(&clinic).await;
    let body = kid();
    let answers = (0..20).map(|_| created(&world, OAK, &body));
    let mut ids = futures_util::future::join_all(answers).await;
    ids.dedup();
    assert_eq!(ids.len(), 1);
}

#[actix_web::test]
async fn where_there_is_no_clinic_accounts_wait_for_none() {
    let world = World::start().await;
    let finn = created(&world, OAK, &kid()).await;
    assert!(
        !world
            .document(&finn)
            .await
            .unwrap()
            .contains_key("awaitedBy")
    );
    change(
        &world,
        &finn,
        json!({ "username": "b@example.org", "emails": ["b@example.org"] }),
    )
    .await;
    assert_eq!(rows(&world, doc! {}).await, 0);
}
