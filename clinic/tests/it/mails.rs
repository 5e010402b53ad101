//! What confirm is asked to mail.

use bson::{DateTime, doc};
use chrono::{TimeDelta, Utc};
use serde_json::{Value, json};
use shared_runtime::testing::eventually;
use shared_types::{ClinicEvent, ClinicNotice};
use stand_ins::{confirm::Ask, user_api};

use crate::world::{CAROL, NINA, World, details};

const PATIENT: &str = "a000000001";

fn notice(event: ClinicEvent, clinic: &str, user: &str) -> ClinicNotice {
    ClinicNotice {
        event,
        clinic_id: clinic.parse().unwrap(),
        user_id: user.into(),
    }
}

/// Who was asked to claim an account, with what was said of it.
fn claims(world: &World) -> Vec<(String, Value)> {
    world.confirm.asked(Ask::Claim)
}

fn with_email(email: &str) -> Value {
    let mut details = details("Mia");
    details["email"] = json!(email);
    details
}

#[actix_web::test]
async fn whoever_opens_a_clinic_is_told() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    world.settled().await;
    let wanted = [notice(ClinicEvent::Created, &clinic, CAROL)];
    assert_eq!(world.confirm.clinic_notices(), wanted);
}

#[actix_web::test]
async fn a_clinician_is_told_of_roles_that_others_change() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    world.employ(&clinic, NINA, &["CLINIC_MEMBER"]).await;
    let path = |user: &str| format!("/v1/clinics/{clinic}/clinicians/{user}");
    let roles = |roles: &[&str]| json!({ "email": "n@example.org", "roles": roles });
    let carol = world.user(CAROL);
    for body in [
        roles(&["CLINIC_MEMBER"]),
        roles(&["CLINIC_MEMBER", "PRESCRIBER"]),
        roles(&["PRESCRIBER", "CLINIC_MEMBER"]),
    ] {
        assert_eq!(carol.put(&path(NINA), &body).await.status, 200);
    }
    let own = roles(&["CLINIC_ADMIN", "PRESCRIBER"]);
    assert_eq!(carol.put(&path(CAROL), &own).await.status, 200);
    world.settled().await;
    let mut told = world.confirm.clinic_notices();
    told.retain(|notice| notice.event == ClinicEvent::RolesChanged);
    assert_eq!(told, [notice(ClinicEvent::RolesChanged, &clinic, NINA)]);
}

#[actix_web::test]
async fn a_patient_is_reminded() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    world.share(&clinic, PATIENT, json!({ "view": {} })).await;
    let path = format!("/v1/clinics/{clinic}/patients/{PATIENT}/upload_reminder");
    let carol = world.user(CAROL);
    for _ in 0..2 {
        assert_eq!(carol.post(&path, &json!({})).await.status, 200);
        world.settled().await;
    }
    let mut told = world.confirm.clinic_notices();
    told.retain(|notice| notice.event == ClinicEvent::UploadReminder);
    let wanted = notice(ClinicEvent::UploadReminder, &clinic, PATIENT);
    assert_eq!(told, [wanted]);

    // Asking again and again puts the next one off for nobody.
    let patients = world.collection("patients");
    let of_patient = doc! { "userId": PATIENT };
    for (minutes, reminders) in [(9, 1), (11, 2)] {
        let last = DateTime::from_chrono(Utc::now() - TimeDelta::minutes(minutes));
        let earlier = doc! { "$set": { "lastUploadReminderTime": last } };
        let changed = patients.update_one(of_patient.clone(), earlier);
        changed.await.unwrap();
        let shown: Value = carol.post(&path, &json!({})).await.json();
        let time = shown["lastUploadReminderTime"].as_str().unwrap();
        let time: chrono::DateTime<Utc> = time.parse().unwrap();
        assert_eq!(time > last.to_chrono(), reminders == 2, "{shown}");
        world.settled().await;
        let mut told = world.confirm.clinic_notices();
        told.retain(|notice| notice.event == ClinicEvent::UploadReminder);
        assert_eq!(told.len(), reminders);
    }
}

#[actix_web::test]
async fn the_demo_patient_is_nobody_to_be_reminded() {
    let demo = "d000000001";
    let world = World::start_with(|config| config.clinics.demo_patient = Some(demo.into())).await;
    world.user_api.has_child(demo, "1999-09-09");
    let clinic = world.clinic().await;
    let path = format!("/v1/clinics/{clinic}/patients/{demo}/upload_reminder");
    assert_eq!(world.user(CAROL).post(&path, &json!({})).await.status, 200);
    world.settled().await;
    let wanted = [notice(ClinicEvent::Created, &clinic, CAROL)];
    assert_eq!(world.confirm.clinic_notices(), wanted);
}

#[actix_web::test]
async fn a_notice_that_fails_is_told_once_in_the_end() {
    let world = World::start().await;
    world.confirm.fail(Ask::ClinicNotice, 500);
    let clinic = world.clinic().await;
    eventually("the first try", async || {
        !world.confirm.asked(Ask::ClinicNotice).is_empty()
    })
    .await;
    assert_eq!(world.confirm.clinic_notices(), []);
    world.confirm.mend(Ask::ClinicNotice);
    world.settled().await;
    let wanted = [notice(ClinicEvent::Created, &clinic, CAROL)];
    assert_eq!(world.confirm.clinic_notices(), wanted);
    let mut asked = world.confirm.asked(Ask::ClinicNotice);
    asked.dedup();
    assert_eq!(asked.len(), 1, "{asked:?}");
}

#[actix_web::test]
async fn whoever_left_meanwhile_is_told_nothing() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    world.settled().await;
    world.share(&clinic, PATIENT, json!({ "view": {} })).await;
    world.settled().await;
    world.confirm.fail(Ask::ClinicNotice, 500);
    let patient = format!("/v1/clinics/{clinic}/patients/{PATIENT}");
    let reminder = format!("{patient}/upload_reminder");
    let carol = world.user(CAROL);
    assert_eq!(carol.post(&reminder, &json!({})).await.status, 200);
    eventually("the first try", async || {
        world.confirm.asked(Ask::ClinicNotice).len() > 1
    })
    .await;
    assert_eq!(carol.delete(&patient).await.status, 204);
    world.confirm.mend(Ask::ClinicNotice);
    world.settled().await;
    assert_eq!(world.confirm.clinic_notices().len(), 1);
}

#[actix_web::test]
async fn patients_with_an_address_are_asked_to_claim_their_accounts() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    let silent = world.enrol(&clinic, &details("Finn")).await;
    let mia = world.enrol(&clinic, &with_email("mia@example.org")).await;
    world.share(&clinic, PATIENT, json!({ "view": {} })).await;
    world.settled().await;
    let by = |clinic: &str| json!({ "clinicId": clinic, "invitedBy": CAROL });
    assert_eq!(claims(&world), [(mia.clone(), by(&clinic))]);

    let path = |user: &str| format!("/v1/clinics/{clinic}/patients/{user}");
    let carol = world.user(CAROL);
    // The same address is no news.
    let same = with_email("mia@example.org");
    assert_eq!(carol.put(&path(&mia), &same).await.status, 200);
    let given = with_email("finn@example.org");
    assert_eq!(carol.put(&path(&silent), &given).await.status, 200);
    world.settled().await;
    assert_eq!(claims(&world)[1..], [(silent.clone(), by(&clinic))]);

    let told = format!("/v1/users/{silent}/clinics");
    let body = json!({ "email": "finn.b@example.org" });
    assert_eq!(world.service().post(&told, &body).await.status, 200);
    world.settled().await;
    assert_eq!(claims(&world)[2..], [(silent, by(&clinic))]);
}

#[actix_web::test]
async fn the_profile_of_an_account_that_a_clinic_made_says_what_the_clinic_knows() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    let mut known = with_email("mia@example.org");
    known["mrn"] = json!("m-1");
    let mia = world.enrol(&clinic, &known).await;
    world.settled().await;
    let profile = |mia: &str| world.user_api.account(mia)["profile"].clone();
    let patient =
        |birthday: &str| json!({ "birthday": birthday, "mrn": "m-1", "isOtherPerson": false });
    let wanted = json!({ "fullName": "Mia", "patient": patient("2001-02-03") });
    assert_eq!(profile(&mia), wanted);

    // What else is said there stays.
    let mut other = patient("2001-02-03");
    other["diagnosisDate"] = json!("2010-01-01");
    world
        .user_api
        .profile(&mia, json!({ "fullName": "M", "patient": other }));
    known["birthDate"] = json!("2001-02-04");
    let path = format!("/v1/clinics/{clinic}/patients/{mia}");
    let carol = world.user(CAROL);
    assert_eq!(carol.put(&path, &known).await.status, 200);
    world.settled().await;
    let mut changed = patient("2001-02-04");
    changed["diagnosisDate"] = json!("2010-01-01");
    assert_eq!(
        profile(&mia),
        json!({ "fullName": "Mia", "patient": changed })
    );

    // Whoever has claimed the account says it from then on.
    let custodian = format!("{path}/permissions/custodian");
    assert_eq!(world.service().delete(&custodian).await.status, 204);
    known["fullName"] = json!("Mia of the Clinic");
    assert_eq!(carol.put(&path, &known).await.status, 200);
    world.settled().await;
    assert_eq!(profile(&mia)["fullName"], "Mia");
}

#[actix_web::test]
async fn a_claim_waits_until_the_profile_has_the_birthday() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    let mut known = with_email("mia@example.org");
    let email = known.as_object_mut().unwrap().remove("email").unwrap();
    let mia = world.enrol(&clinic, &known).await;
    world.settled().await;
    world.user_api.fail(user_api::Ask::Describe, 500);
    known["email"] = email;
    known["birthDate"] = json!("2001-02-04");
    let path = format!("/v1/clinics/{clinic}/patients/{mia}");
    assert_eq!(world.user(CAROL).put(&path, &known).await.status, 200);
    eventually("the first try", async || {
        !world.user_api.asked(user_api::Ask::Describe).is_empty()
    })
    .await;
    assert_eq!(claims(&world), []);
    world.user_api.mend(user_api::Ask::Describe);
    world.settled().await;
    assert_eq!(claims(&world).len(), 1);
}

#[actix_web::test]
async fn a_claim_of_an_account_that_is_gone_is_left_alone() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    world.settled().await;
    world.confirm.fail(Ask::Claim, 404);
    world.enrol(&clinic, &with_email("mia@example.org")).await;
    world.settled().await;
    assert_eq!(claims(&world).len(), 1);
}
