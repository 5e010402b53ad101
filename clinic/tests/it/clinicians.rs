//! Clinicians.

use bson::{Bson, doc, oid::ObjectId};
use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::world::{CAROL, NINA, World, assert_empty, assert_refused};

const LAST_ADMIN: &str = "constraint violation: the clinic must have at least one admin";

async fn admins(world: &World, clinic: &str) -> Vec<Bson> {
    let clinic = world.clinic_document(clinic).await.unwrap();
    clinic.get_array("admins").unwrap().clone()
}

#[actix_web::test]
async fn a_clinician_is_added_changed_and_removed() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    let path = format!("/v1/clinics/{clinic}/clinicians");
    let body = json!({ "id": NINA, "email": "Nina@Example.org", "roles": ["CLINIC_ADMIN"] });
    let nina: Value = world.service().post(&path, &body).await.json();
    assert_eq!(nina["email"], "nina@example.org");
    assert!(nina.get("name").is_none() && nina.get("inviteId").is_none());
    assert_eq!(
        admins(&world, &clinic).await,
        [Bson::from(CAROL), NINA.into()]
    );

    let of_nina = format!("{path}/{NINA}");
    let body = json!({ "email": "ignored@example.org", "name": "Nina", "roles": ["PRESCRIBER", "CLINIC_MEMBER"] });
    let changed: Value = world.user(CAROL).put(&of_nina, &body).await.json();
    assert_eq!(changed["name"], "Nina");
    assert_eq!(changed["email"], "nina@example.org");
    assert_eq!(changed["roles"], json!(["PRESCRIBER", "CLINIC_MEMBER"]));
    assert_eq!(admins(&world, &clinic).await, [Bson::from(CAROL)]);
    let same = json!({ "email": "", "roles": ["CLINIC_MEMBER", "PRESCRIBER"] });
    let changed: Value = world.user(CAROL).put(&of_nina, &same).await.json();
    assert!(changed.get("name").is_none());
    let stored = world
        .collection("clinicians")
        .find_one(doc! { "userId": NINA })
        .await
        .unwrap()
        .unwrap();
    let updates = stored.get_array("rolesUpdates").unwrap();
    let wanted = doc! { "roles": ["PRESCRIBER", "CLINIC_MEMBER"], "updatedBy": CAROL };
    assert_eq!(updates, &[Bson::from(wanted)]);

    assert_empty(&world.user(CAROL).delete(&of_nina).await, 200);
    assert_refused(
        &world.user(CAROL).get(&of_nina).await,
        404,
        "clinician not found",
    );
    assert_refused(
        &world.user(CAROL).delete(&of_nina).await,
        404,
        "clinician not found",
    );
    assert_refused(
        &world.user(CAROL).put(&of_nina, &body).await,
        404,
        "clinician not found",
    );
    let archive = world.collection("clinician_deletions");
    let archived = archive.find_one(doc! {}).await.unwrap().unwrap();
    assert_eq!(
        archived
            .get_document("clinician")
            .unwrap()
            .get_str("userId")
            .unwrap(),
        NINA
    );
    assert_eq!(archived.get_str("deletedByUserId").unwrap(), CAROL);
}

#[actix_web::test]
async fn nobody_is_twice_in_a_clinic() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    let path = format!("/v1/clinics/{clinic}/clinicians");
    let add = async |body: Value| world.service().post(&path, &body).await;
    let roles = ["CLINIC_MEMBER"];
    let first = json!({ "id": NINA, "inviteId": "x", "email": "n@example.org", "roles": roles });
    assert_eq!(add(first).await.status, 200);
    let message = "duplicate: clinician is already a member of the clinic";
    for body in [
        json!({ "id": NINA, "email": "other@example.org", "roles": roles }),
        json!({ "inviteId": "x", "email": "other@example.org", "roles": roles }),
        json!({ "email": "N@example.org", "roles": roles }),
    ] {
        assert_refused(&add(body).await, 409, message);
    }
    let body = json!({ "inviteId": "y", "email": "y@example.org", "roles": roles });
    let answers = join_all((0..8).map(|_| add(body.clone()))).await;
    let made = answers.iter().filter(|answer| answer.status == 200).count();
    let refused = answers.iter().filter(|answer| answer.status == 409).count();
    assert_eq!((made, refused), (1, 7));
}

#[actix_web::test]
async fn the_last_administrator_stays() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    world.employ(&clinic, NINA, &["CLINIC_ADMIN"]).await;
    let path = |user: &str| format!("/v1/clinics/{clinic}/clinicians/{user}");
    let demoted = json!({ "email": "", "roles": ["CLINIC_MEMBER"] });
    for _ in 0..4 {
        // Each removes the other, at the same moment.
        let (carol, nina, service) = (world.user(CAROL), world.user(NINA), world.service());
        let (to_nina, to_carol) = (path(NINA), path(CAROL));
        let answers = join_all([
            Box::pin(carol.put(&to_nina, &demoted)) as futures_util::future::LocalBoxFuture<'_, _>,
            Box::pin(nina.delete(&to_carol)),
            Box::pin(service.put(&to_carol, &demoted)),
        ])
        .await;
        for answer in answers {
            assert!(
                [200, 403, 404, 422].contains(&answer.status),
                "{}",
                answer.text()
            );
        }
        let left = admins(&world, &clinic).await;
        assert_eq!(left.len(), 1, "{left:?}");
        let last = left[0].as_str().unwrap();
        assert_refused(&service.delete(&path(last)).await, 422, LAST_ADMIN);
        assert_refused(&service.put(&path(last), &demoted).await, 422, LAST_ADMIN);
        let other = if last == CAROL { NINA } else { CAROL };
        service.delete(&path(other)).await;
        world.employ(&clinic, other, &["CLINIC_ADMIN"]).await;
    }
}

#[actix_web::test]
async fn a_legacy_account_takes_no_clinicians() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    let id = ObjectId::parse_str(&clinic).unwrap();
    let unset = doc! { "$unset": { "isMigrated": "" } };
    world
        .collection("clinics")
        .update_one(doc! { "_id": id }, unset)
        .await
        .unwrap();
    let path = format!("/v1/clinics/{clinic}/clinicians");
    let body = json!({ "email": "n@example.org", "roles": ["CLINIC_MEMBER"] });
    let message = "constraint violation: clinic is not migrated";
    let before = world.everything().await;
    let service = world.service();
    assert_refused(&service.post(&path, &body).await, 422, message);
    assert_refused(
        &service.put(&format!("{path}/{CAROL}"), &body).await,
        422,
        message,
    );
    assert_refused(
        &service.delete(&format!("{path}/{CAROL}")).await,
        422,
        message,
    );
    assert_eq!(world.everything().await, before);
    let unknown = "/v1/clinics/000000000000000000000000/clinicians";
    assert_refused(&service.post(unknown, &body).await, 404, "clinic not found");
}

#[actix_web::test]
async fn clinicians_are_found_by_parts_of_names_and_addresses() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    let path = format!("/v1/clinics/{clinic}/clinicians");
    for (number, name, roles) in [
        (1, "Ann (North)", ["CLINIC_MEMBER"]),
        (2, "Ben", ["PRESCRIBER"]),
        (3, "Cleo", ["CLINIC_MEMBER"]),
    ] {
        let email = format!("{}{number}@north.example", &name[..1]);
        let body = json!({ "inviteId": name, "email": email, "name": name, "roles": roles });
        assert_eq!(world.service().post(&path, &body).await.status, 200);
    }
    let carol = world.user(CAROL);
    let listed = async |query: &str| -> Vec<Value> {
        let found: Vec<Value> = carol.get(&format!("{path}?{query}")).await.json();
        found
            .into_iter()
            .map(|mut found| found["name"].take())
            .collect()
    };
    let of_carol = format!("{CAROL} of Tide");
    assert_eq!(
        listed("").await,
        ["Cleo", "Ben", "Ann (North)", of_carol.as_str()]
    );
    assert_eq!(listed("limit=2&offset=1").await, ["Ben", "Ann (North)"]);
    assert_eq!(listed("search=NN%20(").await, ["Ann (North)"]);
    assert_eq!(
        listed("search=north.").await,
        ["Cleo", "Ben", "Ann (North)"]
    );
    assert_eq!(listed("search=.*").await, [""; 0]);
    assert_eq!(listed("search=%00").await, [""; 0]);
    assert_eq!(listed("email=B2@North.example").await, ["Ben"]);
    assert_eq!(listed("role=CLINIC_MEMBER").await, ["Cleo", "Ann (North)"]);
    assert_eq!(listed("role=CLINIC_MEMBER&search=cle").await, ["Cleo"]);
    assert_eq!(carol.get(&format!("{path}?search=")).await.status, 400);
    let unknown = "/v1/clinics/000000000000000000000000/clinicians";
    let nobody: Value = world.service().get(unknown).await.json();
    assert_eq!(nobody, json!([]));
}

#[actix_web::test]
async fn the_clinics_of_a_clinician_are_listed_the_newest_first() {
    let world = World::start().await;
    let first = world.clinic().await;
    let second = world.clinic().await;
    let path = format!("/v1/clinicians/{CAROL}/clinics");
    let listed = async |query: &str| -> Vec<Value> {
        let found: Vec<Value> = world
            .user(CAROL)
            .get(&format!("{path}{query}"))
            .await
            .json();
        for relation in &found {
            assert_eq!(relation["clinician"]["id"], CAROL);
        }
        found
            .into_iter()
            .map(|mut found| found["clinic"]["id"].take())
            .collect()
    };
    assert_eq!(listed("").await, [second.as_str(), &first]);
    assert_eq!(listed("?offset=1").await, [first.as_str()]);
    let none: Value = world
        .service()
        .get("/v1/clinicians/0000000000/clinics")
        .await
        .json();
    assert_eq!(none, json!([]));
}
