//! What is about a clinic against those who work for it.

use serde_json::{Value, json};
use shared_runtime::testing::send;

use crate::{
    oak::{
        ADMIN, CLINICIANS, MEMBER, NOT_ALLOWED, OAK, PATIENTS, clinician_path, oak, patient_path,
    },
    world::assert_refused,
};

const ELM: &str = "6e8f8f8f8f8f8f8f8f8f8f8f";

#[actix_web::test]
async fn who_runs_the_clinic_may_more_than_who_works_for_it() {
    let world = oak().await;
    world.clinic.has_clinic(ELM, json!({}));
    world.clinic.has_clinician(ELM, "dave", ADMIN);
    world.clinic.has_clinician(OAK, "paul", &["PRESCRIBER"]);
    world
        .clinic
        .has_clinician(OAK, "both", &[MEMBER[0], ADMIN[0]]);
    let key = world.invite_clinician("erin@example.org").await;
    let invitation = clinician_path(&key);
    let body = json!({"email": "erin@example.org", "roles": MEMBER});
    for (method, path, body) in [
        ("POST", CLINICIANS, body),
        ("GET", &invitation, Value::Null),
        ("PATCH", &invitation, Value::Null),
    ] {
        for person in ["nina", "paul", "dave", "alice"] {
            let request = world.user(person).request(method.parse().unwrap(), path);
            let answer = send(request.json(&body)).await;
            assert_refused(&answer, 401, NOT_ALLOWED);
        }
        for person in [world.user("carol"), world.user("both"), world.service()] {
            let answer = send(person.request(method.parse().unwrap(), path).json(&body)).await;
            assert!(matches!(answer.status, 200 | 409), "{}", answer.text());
        }
    }
    for person in ["nina", "paul", "dave", "alice"] {
        let answer = world.user(person).delete(&invitation).await;
        assert_refused(&answer, 401, NOT_ALLOWED);
    }
    assert_eq!(world.status(&key).await, "pending");
    assert_eq!(world.user("both").delete(&invitation).await.status, 200);
}

#[actix_web::test]
async fn every_clinician_sees_who_shares() {
    let world = oak().await;
    world.clinic.has_clinician(OAK, "paul", &["PRESCRIBER"]);
    for person in ["carol", "nina", "paul"] {
        assert_eq!(
            world.user(person).get(PATIENTS).await.status,
            200,
            "{person}"
        );
    }
    for person in ["dave", "alice"] {
        assert_refused(&world.user(person).get(PATIENTS).await, 401, NOT_ALLOWED);
    }
}

#[actix_web::test]
async fn what_is_no_clinic_has_no_invitations() {
    let world = oak().await;
    for id in [
        "x",
        "5F8F8F8F8F8F8F8F8F8F8F8F",
        "%00",
        "5f8f8f8f8f8f8f8f8f8f8f8f0",
    ] {
        for path in ["patients", "clinicians/k", "patients/k"] {
            let path = format!("/v1/clinics/{id}/invites/{path}");
            let answer = world.user("carol").get(&path).await;
            assert!(
                matches!(answer.status, 404 | 405),
                "{path}: {}",
                answer.status
            );
        }
    }
}

#[actix_web::test]
async fn keys_of_any_form_are_looked_up() {
    let world = oak().await;
    let long = "k".repeat(2000);
    for key in ["%00", "..%2f..", "$ne", "%7B%22$ne%22:1%7D", &long] {
        let answer = world.user("nina").put(&patient_path(key), &json!({})).await;
        assert_eq!(answer.status, 404, "{key}: {}", answer.text());
        let carol = world.user("carol");
        assert_eq!(carol.get(&clinician_path(key)).await.status, 404, "{key}");
        assert_eq!(
            carol.delete(&clinician_path(key)).await.status,
            200,
            "{key}"
        );
        let own = format!("/v1/clinicians/dave/invites/{key}");
        let dave = world.user("dave");
        assert_eq!(dave.put(&own, &Value::Null).await.status, 404, "{key}");
        assert_eq!(dave.delete(&own).await.status, 200, "{key}");
    }
}
