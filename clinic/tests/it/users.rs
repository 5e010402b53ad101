//! What clinics hear of accounts: that one is deleted, and that one has another address.

use bson::{Document, doc, oid::ObjectId};
use futures_util::TryStreamExt;
use reqwest::Method;
use serde_json::{Value, json};
use shared_runtime::testing::{send, send_raw};

use crate::world::{CAROL, NINA, STRANGER, World, assert_empty, assert_refused, details};

const ALICE: &str = "a000000001";
const BOB: &str = "a000000002";

async fn forget(world: &World, user: &str) {
    let path = format!("/v1/users/{user}/clinics");
    assert_empty(&world.service().delete(&path).await, 200);
}

async fn tell(world: &World, user: &str, body: &Value) {
    let path = format!("/v1/users/{user}/clinics");
    assert_empty(&world.service().post(&path, body).await, 200);
}

/// How many documents there are like `filter`.
async fn count(world: &World, collection: &str, filter: Document) -> u64 {
    let collection = world.collection(collection);
    collection.count_documents(filter).await.unwrap()
}

/// The accounts of the patients of a clinic.
async fn patients(world: &World, clinic: &str) -> Vec<String> {
    let of_clinic = doc! { "clinicId": ObjectId::parse_str(clinic).unwrap() };
    let stored = world.collection("patients");
    let found = stored.distinct("userId", of_clinic).await.unwrap();
    let text = |id: bson::Bson| id.as_str().unwrap().to_owned();
    let mut ids: Vec<String> = found.into_iter().map(text).collect();
    ids.sort();
    ids
}

/// The sum of what the lanes of a clinic count.
async fn counted(world: &World, clinic: &str) -> i64 {
    let of_clinic = doc! { "_id.clinic": ObjectId::parse_str(clinic).unwrap() };
    let found = world.collection("tallies").find(of_clinic).await.unwrap();
    let lanes: Vec<Document> = found.try_collect().await.unwrap();
    lanes
        .iter()
        .filter_map(|lane| lane.get_i64("total").ok())
        .sum()
}

#[actix_web::test]
async fn a_deleted_account_is_a_patient_nowhere() {
    let world = World::start().await;
    let clinics = [world.clinic().await, world.clinic().await];
    for clinic in &clinics {
        world.share(clinic, ALICE, json!({ "view": {} })).await;
        world.share(clinic, BOB, json!({ "view": {} })).await;
    }
    let finn = world.enrol(&clinics[0], &details("Finn")).await;
    world.settled().await;
    forget(&world, ALICE).await;
    forget(&world, &finn).await;
    world.settled().await;
    for clinic in &clinics {
        assert_eq!(patients(&world, clinic).await, [BOB]);
        assert_eq!(counted(&world, clinic).await, 1);
    }
    let archived = doc! { "patient.userId": ALICE, "deletedByUserId": null };
    assert_eq!(count(&world, "patient_deletions", archived).await, 2);
    let archived = doc! { "patient.userId": &finn, "deletedTime": { "$type": "date" } };
    assert_eq!(count(&world, "patient_deletions", archived).await, 1);
    // Again, and of somebody who was never there.
    let before = world.everything().await;
    for user in [ALICE, &finn, STRANGER] {
        forget(&world, user).await;
    }
    assert_eq!(world.everything().await, before);
}

#[actix_web::test]
async fn another_administrator_keeps_the_patients() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    world.employ(&clinic, NINA, &["CLINIC_ADMIN"]).await;
    world.share(&clinic, ALICE, json!({ "view": {} })).await;
    forget(&world, CAROL).await;
    assert_eq!(patients(&world, &clinic).await, [ALICE]);
    let stored = world.clinic_document(&clinic).await.unwrap();
    assert_eq!(stored.get_array("admins").unwrap(), &vec![NINA.into()]);
    let archived = doc! { "clinician.userId": CAROL, "deletedByUserId": null };
    assert_eq!(count(&world, "clinician_deletions", archived).await, 1);
    assert_eq!(
        count(&world, "clinicians", doc! { "userId": CAROL }).await,
        0
    );
    let nina = world.user(NINA);
    let path = format!("/v1/clinics/{clinic}/patients/{ALICE}");
    assert_eq!(nina.get(&path).await.status, 200);
}

#[actix_web::test]
async fn the_sole_administrator_leaves_the_patients_that_the_clinic_made() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    world.employ(&clinic, NINA, &["CLINIC_MEMBER"]).await;
    let invited =
        json!({ "email": "i@example.org", "inviteId": "an-invite", "roles": ["CLINIC_ADMIN"] });
    let path = format!("/v1/clinics/{clinic}/clinicians");
    assert_eq!(world.service().post(&path, &invited).await.status, 200);
    world.share(&clinic, ALICE, json!({ "view": {} })).await;
    world.share(&clinic, CAROL, json!({ "view": {} })).await;
    let mut with_email = details("Mia");
    with_email["email"] = json!("mia@example.org");
    let mut made = [
        world.enrol(&clinic, &details("Finn")).await,
        world.enrol(&clinic, &with_email).await,
    ];
    made.sort();
    let before = world.clinic_document(&clinic).await.unwrap();
    forget(&world, CAROL).await;
    assert_eq!(patients(&world, &clinic).await, made);
    assert_eq!(counted(&world, &clinic).await, 2);
    let archived = doc! { "patient.userId": ALICE, "deletedByUserId": null };
    assert_eq!(count(&world, "patient_deletions", archived).await, 1);
    let after = world.clinic_document(&clinic).await.unwrap();
    assert!(after.get_array("admins").unwrap().is_empty());
    for kept in ["name", "shareCodes", "canonicalShareCode"] {
        assert_eq!(after.get(kept), before.get(kept), "{kept}");
    }
    let invite = doc! { "inviteId": "an-invite" };
    assert_eq!(count(&world, "clinicians", invite).await, 1);
    world.settled().await;
    let heard = world.gatekeeper.log();
    let gone = format!("{clinic}/{ALICE}");
    assert!(
        heard
            .iter()
            .any(|asked| asked.about == gone && asked.body.is_null())
    );
    // Nina leaves nobody behind who ran it; the invitation is left.
    forget(&world, NINA).await;
    assert_eq!(patients(&world, &clinic).await, made);
}

#[actix_web::test]
async fn a_member_leaves_a_clinic_as_it_is_unless_nobody_is_left_there() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    world.employ(&clinic, NINA, &["CLINIC_MEMBER"]).await;
    world.share(&clinic, ALICE, json!({ "view": {} })).await;
    forget(&world, NINA).await;
    assert_eq!(patients(&world, &clinic).await, [ALICE]);
    // A database of the reference, which kept the patients of a clinic without administrators.
    let clinicians = world.collection("clinicians");
    let demote = doc! { "$set": { "roles": ["CLINIC_MEMBER"] } };
    clinicians.update_many(doc! {}, demote).await.unwrap();
    forget(&world, CAROL).await;
    assert!(patients(&world, &clinic).await.is_empty());
}

#[actix_web::test]
async fn many_patients_go_with_all_that_is_known_of_them() {
    const STORED: usize = 450;
    const MADE: usize = 45;
    let world = World::start().await;
    let clinic = world.clinic().await;
    let id = ObjectId::parse_str(&clinic).unwrap();
    let finn = world.enrol(&clinic, &details("Finn")).await;
    // As the reference wrote them, those that are custodial between the others.
    let patient = |number: usize| {
        let is_made = number.is_multiple_of(STORED / MADE);
        let mut permissions = doc! { "view": {} };
        if is_made {
            permissions.insert("custodian", doc! {});
        }
        doc! {
            "clinicId": id, "userId": format!("{number:010x}"), "fullName": "A",
            "permissions": permissions, "unknown": { "member": true },
        }
    };
    let all = (0..STORED).map(patient);
    world.collection("patients").insert_many(all).await.unwrap();
    forget(&world, CAROL).await;
    let mut left = patients(&world, &clinic).await;
    assert_eq!(left.len(), MADE + 1);
    left.retain(|id| *id == finn);
    assert_eq!(left.len(), 1);
    let archived = doc! { "patient.unknown.member": true, "patient.clinicId": id };
    let archived = count(&world, "patient_deletions", archived).await;
    assert_eq!(usize::try_from(archived), Ok(STORED - MADE));
    let gone = doc! { "userId": CAROL };
    assert_eq!(count(&world, "clinicians", gone).await, 0);
}

#[actix_web::test]
async fn a_clinic_that_is_missing_is_told_once_all_others_are_done() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    let missing = doc! { "clinicId": ObjectId::new(), "userId": CAROL, "roles": ["CLINIC_ADMIN"] };
    world
        .collection("clinicians")
        .insert_one(missing)
        .await
        .unwrap();
    let path = format!("/v1/users/{CAROL}/clinics");
    let answer = world.service().delete(&path).await;
    assert_refused(&answer, 404, "clinic not found");
    let own = world.clinic_document(&clinic).await.unwrap();
    assert!(own.get_array("admins").unwrap().is_empty());
    assert_eq!(
        count(&world, "clinicians", doc! { "userId": CAROL }).await,
        1
    );
}

#[actix_web::test]
async fn a_clinic_that_was_a_legacy_account_is_left_as_well() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    let set = doc! { "$set": { "isMigrated": false } };
    world
        .collection("clinics")
        .update_one(doc! {}, set)
        .await
        .unwrap();
    forget(&world, CAROL).await;
    let stored = world.clinic_document(&clinic).await.unwrap();
    assert!(stored.get_array("admins").unwrap().is_empty());
}

#[actix_web::test]
async fn an_address_is_noted_everywhere() {
    let world = World::start().await;
    let clinics = [world.clinic().await, world.clinic().await];
    world.employ(&clinics[1], ALICE, &["CLINIC_MEMBER"]).await;
    for clinic in &clinics {
        world.share(clinic, ALICE, json!({ "view": {} })).await;
    }
    let old = doc! { "userId": ALICE, "email": "Al@Example.org" };
    tell(&world, ALICE, &json!({ "email": "Al@Example.org" })).await;
    assert_eq!(count(&world, "patients", old.clone()).await, 2);
    assert_eq!(count(&world, "clinicians", old.clone()).await, 1);
    for clinic in &clinics {
        assert_eq!(counted(&world, clinic).await, 1);
    }
    // Patients lose it, clinicians do not.
    tell(&world, ALICE, &json!({})).await;
    assert_eq!(count(&world, "patients", old.clone()).await, 0);
    assert_eq!(count(&world, "clinicians", old.clone()).await, 1);
    let path = format!("/v1/clinics/{}/patients/{ALICE}", clinics[0]);
    let shown: Value = world.user(CAROL).get(&path).await.json();
    assert_eq!(shown.get("email"), None);
    tell(&world, ALICE, &json!({ "email": "Al@Example.org" })).await;
    let path = format!("/v1/users/{ALICE}/clinics");
    let bare = send(world.service().request(Method::POST, &path)).await;
    assert_empty(&bare, 200);
    assert_eq!(count(&world, "patients", old).await, 0);
    tell(&world, STRANGER, &json!({ "email": "s@example.org" })).await;
}

#[actix_web::test]
async fn an_address_of_another_clinician_changes_nothing() {
    let world = World::start().await;
    let clinics = [world.clinic().await, world.clinic_of(NINA).await];
    world.employ(&clinics[0], NINA, &["CLINIC_MEMBER"]).await;
    world.share(&clinics[1], NINA, json!({ "view": {} })).await;
    let before = world.everything().await;
    let stored = world.collection("clinicians");
    let carol = stored
        .find_one(doc! { "userId": CAROL })
        .await
        .unwrap()
        .unwrap();
    let email = carol.get_str("email").unwrap();
    let path = format!("/v1/users/{NINA}/clinics");
    let answer = world
        .service()
        .post(&path, &json!({ "email": email }))
        .await;
    assert_refused(&answer, 422, "constraint violation: duplicate email");
    assert_eq!(world.everything().await, before);
}

#[actix_web::test]
async fn what_is_no_address_is_refused() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    world.share(&clinic, ALICE, json!({ "view": {} })).await;
    let before = world.everything().await;
    let path = format!("/v1/users/{ALICE}/clinics");
    let service = world.service();
    for text in [
        "alice",
        "alice@example",
        "@example.org",
        "a b@example.org",
        "a@b@example.org",
    ] {
        let answer = service.post(&path, &json!({ "email": text })).await;
        assert_refused(&answer, 400, "email: failed to pass regex validation");
    }
    for body in [
        json!({ "email": "" }),
        json!({ "email": null }),
        json!({ "email": 1 }),
        json!([]),
        json!("x"),
    ] {
        assert_eq!(service.post(&path, &body).await.status, 400, "{body}");
    }
    let untyped = send_raw(&service, Method::POST, &path, "{}".to_owned()).await;
    assert_eq!(untyped.status, 400);
    for path in ["/v1/users/x/clinics", "/v1/users/ABCDEF0123/clinics"] {
        assert_eq!(service.post(path, &json!({})).await.status, 400, "{path}");
        assert_eq!(service.delete(path).await.status, 400, "{path}");
    }
    assert_eq!(world.everything().await, before);
}
