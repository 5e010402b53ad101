//! Those who run the clinic leave it, and what is left then is seen in the database.

use bson::{Document, doc, oid::ObjectId};
use serde_json::{Value, json};
use shared_runtime::testing::assert_empty;

use super::{Oak, assert_refused, pair, patients::Enrolled, text};
use crate::{
    confirmations::eventually,
    people::{Member, delete_account, log_in, sign_up},
};

/// Nina leaves the clinic, and its patients are nothing to her any more. Carol, the last who runs
/// it, cannot leave.
pub(super) async fn nina_leaves_and_carol_cannot(
    oak: &Oak<'_>,
    nina: &Member,
    enrolled: &Enrolled,
) {
    let of_nina = oak.path(format!("/clinicians/{}", nina.id));
    assert_empty(&nina.at_origin.delete(&of_nina).await, 200);
    assert_eq!(nina.at_origin.get(&oak.path("/patients")).await.status, 403);
    let carol = &oak.carol;
    let gone = carol.at_origin.get(&of_nina).await;
    assert_refused(&gone, 404, "clinician not found");
    for patient in [&enrolled.finn, &enrolled.mia, &enrolled.pia] {
        eventually("gatekeeper knows that Nina has left", async || {
            pair(nina, patient).await.is_none()
        })
        .await;
        assert!(pair(carol, patient).await.is_some());
    }

    let of_carol = oak.path(format!("/clinicians/{}", carol.id));
    let refused = carol.at_origin.delete(&of_carol).await;
    let message = "constraint violation: the clinic must have at least one admin";
    assert_refused(&refused, 422, message);
    assert_eq!(carol.at_origin.get(&of_carol).await.status, 200);
}

/// Carol's account is deleted. She was the last who ran Oak Clinic; at Elm Clinic she was one of two
/// and a patient as well.
pub(super) async fn carols_account_is_deleted(oak: &Oak<'_>, alice: &Member, enrolled: &Enrolled) {
    let carol = &oak.carol;
    let paul = sign_up(oak.platform, "paul").await;
    let bob = sign_up(oak.platform, "bob").await;
    let elm = elm(oak, &paul, &bob).await;
    share(oak, &oak.id, &bob).await;

    // Nobody deletes the account of a clinician; one is made an ordinary account first.
    assert_eq!(delete_account(carol).await, 401);
    let ordinary = json!({ "updates": { "roles": ["patient"] } });
    let path = format!("/auth/user/{}", carol.id);
    assert_eq!(oak.service.put(&path, &ordinary).await.status, 200);
    assert_eq!(delete_account(carol).await, 204);
    eventually("clinic knows that the account is gone", async || {
        let of_carol = doc! { "userId": &carol.id };
        count(oak, "clinicians", &of_carol).await == 0
            && count(oak, "patients", &of_carol).await == 0
    })
    .await;
    assert_eq!(log_in(oak.platform, &carol.address).await, 401);

    // A patient who is deleted is one nowhere.
    let archived = doc! { "patient.userId": &carol.id, "patient.clinicId": elm };
    assert_eq!(count(oak, "patient_deletions", &archived).await, 1);
    // A clinic that others run loses a clinician and nothing else.
    let other = clinic(oak, elm).await;
    assert_eq!(
        other.get_array("admins").unwrap(),
        &vec![paul.id.as_str().into()]
    );
    assert_eq!(patients(oak, elm).await, [bob.id.as_str()]);
    // A clinic that nobody runs keeps those for whom it made an account, with an address or without.
    let of_oak = clinic(oak, oak.object_id()).await;
    assert!(of_oak.get_array("admins").unwrap().is_empty());
    assert_eq!(
        of_oak.get_str("canonicalShareCode").unwrap(),
        oak.share_code
    );
    let mut kept = vec![enrolled.finn.clone(), enrolled.pia.clone()];
    kept.sort();
    assert_eq!(patients(oak, oak.object_id()).await, kept);
    // Those who shared are gone: Alice by herself, Bob, and Mia, who had claimed her account, because
    // nobody is there.
    let by_herself = doc! { "patient.userId": &alice.id, "deletedByUserId": &alice.id };
    assert_eq!(count(oak, "patient_deletions", &by_herself).await, 1);
    for id in [&bob.id, &enrolled.mia] {
        let left_alone = doc! {
            "patient.userId": id, "patient.clinicId": oak.object_id(), "deletedByUserId": null,
        };
        assert_eq!(count(oak, "patient_deletions", &left_alone).await, 1);
    }
    for id in [elm, oak.object_id()] {
        let archived = doc! { "clinician.userId": &carol.id, "clinician.clinicId": id };
        assert_eq!(count(oak, "clinician_deletions", &archived).await, 1);
    }
    // Who is invited still is.
    let invited = doc! { "clinicId": oak.object_id(), "email": "olga@elm.example" };
    assert_eq!(count(oak, "clinicians", &invited).await, 1);
    assert_eq!(
        count(oak, "clinicians", &doc! { "clinicId": oak.object_id() }).await,
        1
    );
    for patient in &kept {
        let path = format!("/access/{patient}/{}", carol.id);
        assert_eq!(oak.service.get(&path).await.status, 404);
    }
}

/// Elm Clinic, which Paul opened. Carol is an administrator there, and a patient as Bob is.
async fn elm(oak: &Oak<'_>, paul: &Member, bob: &Member) -> ObjectId {
    let profile = json!({ "name": "Elm Clinic", "preferredBgUnits": "mmol/L" });
    let answer = paul.at_origin.post("/v1/clinics", &profile).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let elm = text(&answer.json::<Value>()["id"]);
    let carol = &oak.carol;
    let body = json!({ "id": carol.id, "email": carol.address, "roles": ["CLINIC_ADMIN"] });
    let path = format!("/v1/clinics/{elm}/clinicians");
    assert_eq!(oak.service.post(&path, &body).await.status, 200);
    share(oak, &elm, carol).await;
    share(oak, &elm, bob).await;
    ObjectId::parse_str(&elm).unwrap()
}

/// Makes somebody who has an account a patient.
async fn share(oak: &Oak<'_>, clinic: &str, member: &Member) {
    let path = format!("/v1/clinics/{clinic}/patients/{}", member.id);
    let body = json!({ "permissions": { "view": {} } });
    let answer = oak.service.post(&path, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

async fn count(oak: &Oak<'_>, collection: &str, filter: &Document) -> u64 {
    let collection = oak.stored(collection);
    collection.count_documents(filter.clone()).await.unwrap()
}

async fn clinic(oak: &Oak<'_>, id: ObjectId) -> Document {
    let found = oak.stored("clinics").find_one(doc! { "_id": id }).await;
    found.unwrap().expect("the clinic stays")
}

/// The accounts of the patients of a clinic.
async fn patients(oak: &Oak<'_>, clinic: ObjectId) -> Vec<String> {
    let stored = oak.stored("patients");
    let found = stored.distinct("userId", doc! { "clinicId": clinic }).await;
    let mut ids: Vec<String> = found
        .unwrap()
        .iter()
        .map(|id| id.as_str().unwrap().to_owned())
        .collect();
    ids.sort();
    ids
}
