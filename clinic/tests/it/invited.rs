//! Who is invited into a clinic.

use serde_json::{Value, json};

use crate::world::{CAROL, NINA, World, assert_empty, assert_refused, patch};

const INVITE: &str = "an-invitation";

async fn invite(world: &World, clinic: &str, roles: &[&str]) -> String {
    let path = format!("/v1/clinics/{clinic}/clinicians");
    let body = json!({ "inviteId": INVITE, "email": "nina@example.org", "roles": roles });
    assert_eq!(world.service().post(&path, &body).await.status, 200);
    format!("/v1/clinics/{clinic}/invites/clinicians/{INVITE}/clinician")
}

#[actix_web::test]
async fn whoever_accepts_becomes_a_clinician() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    let path = invite(&world, &clinic, &["CLINIC_ADMIN"]).await;
    let service = world.service();
    let invited: Value = service.get(&path).await.json();
    assert_eq!(invited["inviteId"], INVITE);
    assert!(invited.get("id").is_none());

    world.user_api.has(NINA);
    let accepted: Value = patch(&service, &path, &json!({ "userId": NINA }))
        .await
        .json();
    assert_eq!(accepted["id"], NINA);
    assert_eq!(accepted["name"], format!("{NINA} of Tide"));
    assert!(accepted.get("inviteId").is_none());
    assert_refused(&service.get(&path).await, 404, "clinician not found");
    let again = patch(&service, &path, &json!({ "userId": NINA })).await;
    assert_refused(&again, 404, "clinician not found");
    // Nina runs the clinic as well, so Carol may leave.
    let of_carol = format!("/v1/clinics/{clinic}/clinicians/{CAROL}");
    assert_empty(&world.user(NINA).delete(&of_carol).await, 200);
}

#[actix_web::test]
async fn an_invitation_goes_without_a_trace() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    let path = invite(&world, &clinic, &["CLINIC_MEMBER"]).await;
    let service = world.service();
    assert_empty(&service.delete(&path).await, 200);
    assert_refused(&service.delete(&path).await, 404, "clinician not found");
    let answer = patch(&service, &path, &json!({ "userId": NINA })).await;
    assert_refused(&answer, 404, "clinician not found");
    let archived = world.collection("clinician_deletions");
    assert_eq!(archived.count_documents(bson::doc! {}).await.unwrap(), 0);
}

#[actix_web::test]
async fn a_clinician_is_not_invited_into_its_own_clinic() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    let path = invite(&world, &clinic, &["CLINIC_MEMBER"]).await;
    let answer = patch(&world.service(), &path, &json!({ "userId": CAROL })).await;
    assert_refused(
        &answer,
        409,
        "duplicate: clinician is already a member of the clinic",
    );
    let invited: Value = world.service().get(&path).await.json();
    assert_eq!(invited["inviteId"], INVITE);
}
