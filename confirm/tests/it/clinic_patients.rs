//! A clinic takes who shares with it as its patient.

use bson::{Document, doc};
use reqwest::Method;
use serde_json::{Value, json};
use shared_runtime::testing::Answer;
use stand_ins::clinic::Ask;

use crate::{
    oak::{FORBIDDEN, NO_INVITE, NOT_ALLOWED, OAK, PATIENTS, oak, patient_path},
    world::{World, assert_empty, assert_refused, eventually, put, send_raw},
};

const NO_PATIENT: &str = "Error creating patient";

async fn accept(world: &World, key: &str, details: Value) -> Answer {
    world.user("nina").put(&patient_path(key), &details).await
}

/// An offer whose acceptance has begun while clinic fails.
async fn begun(world: &World) -> String {
    let key = world.share(json!(["view", "note"])).await;
    world.clinic.fail(Ask::Enrol, 500);
    let answer = accept(world, &key, json!({"mrn": "M1"})).await;
    assert_refused(&answer, 500, NO_PATIENT);
    key
}

async fn assert_completed(world: &World, key: &str) {
    let stored = world.document(key).await.unwrap();
    assert_eq!(stored.get_str("status").unwrap(), "completed");
    assert!(!stored.contains_key("acceptance"));
    assert!(world.everything(&["outbox"]).await.is_empty());
    let granted = json!({"view": {}, "note": {}});
    assert_eq!(world.clinic.permissions(OAK, "alice"), Some(granted));
    let again = accept(world, key, json!({})).await;
    assert_refused(&again, 403, FORBIDDEN);
}

#[actix_web::test]
async fn a_clinic_takes_a_patient_with_what_it_says_about_it() {
    let world = oak().await;
    let key = world
        .share(json!({"view": {}, "note": {}, "custodian": {}, "follow": {}}))
        .await;
    let details = json!({
        "fullName": "Alice A.", "birthDate": "1990-01-02", "mrn": "M1", "diagnosisType": "type1",
        "tags": ["5f8f8f8f8f8f8f8f8f8f8f80"], "sites": [{"id": "5f8f8f8f8f8f8f8f8f8f8f81", "name": "S"}],
        "glycemicRanges": {"type": "preset", "preset": "adaStandard"},
    });
    let answer = accept(&world, &key, details.clone()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let mut wanted = details;
    wanted["id"] = json!("alice");
    wanted["permissions"] = json!({"view": {}, "note": {}});
    assert_eq!(answer.json::<Value>(), wanted);
    assert_completed(&world, &key).await;
    let list = world.user("nina").get(PATIENTS).await;
    assert_eq!(list.json::<Value>(), json!([]));
}

#[actix_web::test]
async fn a_clinic_need_not_say_anything() {
    let world = oak().await;
    for body in ["", " ", "null", "{}", r#"{"mrn":null,"fullName":""}"#] {
        let key = world.share(json!(["view", "note"])).await;
        let path = patient_path(&key);
        let answer = send_raw(&world.user("nina"), Method::PUT, &path, body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        world.clinic.forget_patient(OAK, "alice");
    }
    for (_, body) in world.clinic.asked(Ask::Enrol) {
        assert_eq!(body, json!({"permissions": {"view": {}, "note": {}}}));
    }
}

#[actix_web::test]
async fn what_cannot_be_read_is_refused() {
    let world = oak().await;
    let key = world.share(json!(["view"])).await;
    for body in [
        "x",
        "[]",
        "1",
        r#"{"mrn":1}"#,
        r#"{"tags":"x"}"#,
        r#"{"sites":["x"]}"#,
    ] {
        let path = patient_path(&key);
        let answer = send_raw(&world.user("nina"), Method::PUT, &path, body).await;
        assert_refused(&answer, 400, NO_PATIENT);
    }
    world.clinic.fail(Ask::Enrol, 400);
    let answer = accept(&world, &key, json!({"birthDate": "yesterday"})).await;
    assert_refused(&answer, 400, NO_PATIENT);
    let stored = world.document(&key).await.unwrap();
    assert_eq!(stored.get_str("status").unwrap(), "pending");
    assert!(!stored.contains_key("acceptance"));
    assert!(world.everything(&["outbox"]).await.is_empty());
}

#[actix_web::test]
async fn a_medical_record_number_is_asked_for_and_is_unique() {
    let world = oak().await;
    let settings = json!({"mrnSettings": {"required": true, "unique": true}});
    world.clinic.has_clinic(OAK, settings);
    let key = world.share(json!(["view", "note"])).await;
    for details in [json!({}), json!({"mrn": ""}), json!({"mrn": "  "})] {
        let answer = accept(&world, &key, details).await;
        assert_refused(
            &answer,
            400,
            "Error creating patient because MRN is required",
        );
    }
    assert!(world.clinic.asked(Ask::Enrol).is_empty());
    world
        .clinic
        .has_patient_with(OAK, "dave", json!({"mrn": "M1"}));
    let answer = accept(&world, &key, json!({"mrn": "M1"})).await;
    assert_refused(
        &answer,
        400,
        "Error creating patient because MRN must be unique",
    );
    assert_eq!(world.clinic.permissions(OAK, "alice"), None);
    assert_eq!(accept(&world, &key, json!({"mrn": "M2"})).await.status, 200);
    assert_completed(&world, &key).await;
}

#[actix_web::test]
async fn who_is_a_patient_already_is_shown_as_that() {
    let world = oak().await;
    let key = world.share(json!(["view", "note"])).await;
    let known = json!({"view": {}, "note": {}});
    world.clinic.has_patient(OAK, "alice", known.clone());
    let answer = accept(&world, &key, json!({"mrn": "M1"})).await;
    assert_eq!(
        answer.json::<Value>(),
        json!({"id": "alice", "permissions": known})
    );
    assert_completed(&world, &key).await;
}

#[actix_web::test]
async fn only_what_is_pending_and_the_clinics_own_is_taken() {
    let world = oak().await;
    let key = world.share(json!(["view"])).await;
    assert_refused(&accept(&world, "nonsense", json!({})).await, 404, NO_INVITE);
    for status in ["declined", "canceled", "completed"] {
        world.set(&key, doc! { "status": status }).await;
        assert_refused(&accept(&world, &key, json!({})).await, 403, FORBIDDEN);
    }
    world.set(&key, doc! { "status": "pending" }).await;
    world.expire(&key).await;
    assert_refused(&accept(&world, &key, json!({})).await, 403, FORBIDDEN);
    let future = bson::DateTime::from_millis(4_000_000_000_000);
    let members = doc! { "expiresAt": future, "type": "clinician_invitation" };
    world.set(&key, members).await;
    assert_refused(&accept(&world, &key, json!({})).await, 403, FORBIDDEN);
    let other = doc! { "type": "careteam_invitation", "clinicId": "6e8f8f8f8f8f8f8f8f8f8f8f" };
    world.set(&key, other).await;
    assert_refused(&accept(&world, &key, json!({})).await, 404, NO_INVITE);
    for person in ["alice", "dave"] {
        let answer = put(&world.user(person), &patient_path(&key)).await;
        assert_refused(&answer, 401, NOT_ALLOWED);
    }
    assert!(world.clinic.asked(Ask::Enrol).is_empty());
}

#[actix_web::test]
async fn who_may_no_longer_share_lets_no_clinic_in() {
    let world = oak().await;
    world
        .gatekeeper
        .grant("alice", "dave", json!({"admin": {}}));
    let body = json!({"shareCode": crate::oak::CODE, "permissions": {"view": {}}});
    let sent = world.user("dave").post(crate::oak::SHARE, &body).await;
    let key = sent.json::<Value>()["key"].as_str().unwrap().to_owned();
    world.gatekeeper.revoke("alice", "dave");
    assert_refused(&accept(&world, &key, json!({})).await, 403, FORBIDDEN);
    assert_eq!(world.status(&key).await, "canceled");
    assert_eq!(world.clinic.permissions(OAK, "alice"), None);
}

#[actix_web::test]
async fn an_account_that_is_gone_is_no_patient() {
    let world = oak().await;
    let key = world.share(json!(["view"])).await;
    world.clinic.fail(Ask::Enrol, 404);
    assert_refused(&accept(&world, &key, json!({})).await, 403, FORBIDDEN);
    assert_eq!(world.status(&key).await, "canceled");
    assert!(world.everything(&["outbox"]).await.is_empty());
}

#[actix_web::test]
async fn what_clinic_did_not_do_is_finished_by_a_repeat() {
    let world = oak().await;
    let key = begun(&world).await;
    assert_eq!(world.clinic.permissions(OAK, "alice"), None);
    world.clinic.mend_all();
    let answer = accept(&world, &key, json!({"mrn": "M1"})).await;
    assert_eq!(answer.json::<Value>()["mrn"], "M1");
    assert_completed(&world, &key).await;
}

#[actix_web::test]
async fn what_clinic_did_and_did_not_tell_is_finished_by_a_repeat() {
    let world = oak().await;
    let key = begun(&world).await;
    let granted = json!({"view": {}, "note": {}});
    world.clinic.has_patient(OAK, "alice", granted);
    world.clinic.mend_all();
    // Nor does it run out any more.
    world.expire(&key).await;
    assert_eq!(accept(&world, &key, json!({})).await.status, 200);
    assert_completed(&world, &key).await;
}

#[actix_web::test]
async fn without_a_repeat_it_is_finished_a_little_later_and_told_once() {
    let mut world = oak().await;
    let key = begun(&world).await;
    let cancel = world.user("alice").delete(&patient_path(&key)).await;
    assert_refused(&cancel, 403, FORBIDDEN);
    world.clinic.mend_all();
    world.hurry().await;
    world.start_relay();
    eventually("the acceptance", async || {
        world.status(&key).await == "completed"
    })
    .await;
    world.settled().await;
    // With what the clinic said in the request.
    let answer = accept(&world, &key, json!({})).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json::<Value>()["mrn"], "M1");
    assert_completed(&world, &key).await;
}

#[actix_web::test]
async fn what_the_outbox_is_refused_is_open_again() {
    let mut world = oak().await;
    let key = begun(&world).await;
    world.clinic.fail(Ask::Enrol, 400);
    world.hurry().await;
    world.start_relay();
    world.settled().await;
    let stored = world.document(&key).await.unwrap();
    assert_eq!(stored.get_str("status").unwrap(), "pending");
    assert!(!stored.contains_key("acceptance"));
    world.clinic.mend_all();
    assert_eq!(accept(&world, &key, json!({})).await.status, 200);
    assert_completed(&world, &key).await;
}

#[actix_web::test]
async fn each_outage_has_its_status_and_leaves_nothing_half_done() {
    let world = oak().await;
    for (ask, text) in [
        (Ask::Clinician, "Error finding the user"),
        (Ask::Mrn, NO_PATIENT),
        (Ask::Enrol, NO_PATIENT),
    ] {
        let key = world.share(json!(["view", "note"])).await;
        for status in [500, 503] {
            world.clinic.fail(ask, status);
            assert_refused(&accept(&world, &key, json!({})).await, 500, text);
        }
        world.clinic.mend_all();
        assert_eq!(accept(&world, &key, json!({})).await.status, 200);
        assert_completed(&world, &key).await;
        world.clinic.forget_patient(OAK, "alice");
    }
    for (ask, text) in [
        (Ask::ShareCode, "Error finding the clinic"),
        (Ask::Patient, "Error finding the user"),
    ] {
        world.clinic.fail(ask, 500);
        let body = json!({"shareCode": crate::oak::CODE, "permissions": {}});
        let answer = world.user("alice").post(crate::oak::SHARE, &body).await;
        assert_refused(&answer, 500, text);
        world.clinic.mend_all();
    }
}

#[actix_web::test]
async fn what_is_said_about_somebody_goes_with_the_account() {
    let world = oak().await;
    let key = begun(&world).await;
    let service = world.service();
    assert_empty(&service.delete("/internal/users/dave").await, 204);
    assert_eq!(world.rows("outbox", "pending").await, 1);
    let rows = world.database.database.collection::<Document>("outbox");
    let dead = doc! { "$set": { "state": "dead" } };
    rows.update_many(doc! {}, dead).await.unwrap();
    for _ in 0..2 {
        assert_empty(&service.delete("/internal/users/alice").await, 204);
        assert!(world.everything(&["outbox"]).await.is_empty());
        assert_eq!(world.status(&key).await, "canceled");
    }
    world.clinic.mend_all();
    assert_refused(&accept(&world, &key, json!({})).await, 403, FORBIDDEN);
    assert_eq!(world.clinic.permissions(OAK, "alice"), None);
}

#[actix_web::test]
async fn two_acceptances_at_once_are_one() {
    let world = oak().await;
    for _ in 0..10 {
        let key = world.share(json!(["view", "note"])).await;
        let (one, other) = futures_util::join!(
            accept(&world, &key, json!({"mrn": "M1"})),
            accept(&world, &key, json!({"mrn": "M1"})),
        );
        let mut statuses = [one.status, other.status];
        statuses.sort_unstable();
        assert!(matches!(statuses, [200, 200 | 403]), "{statuses:?}");
        assert_completed(&world, &key).await;
        world.clinic.forget_patient(OAK, "alice");
    }
}

#[actix_web::test]
async fn of_a_cancellation_and_an_acceptance_one_wins() {
    let world = oak().await;
    for round in 0..10 {
        let key = world.share(json!(["view", "note"])).await;
        let (alice, path) = (world.user("alice"), patient_path(&key));
        let (accepted, canceled) = if round % 2 == 0 {
            futures_util::join!(accept(&world, &key, json!({})), alice.delete(&path))
        } else {
            let (canceled, accepted) =
                futures_util::join!(alice.delete(&path), accept(&world, &key, json!({})));
            (accepted, canceled)
        };
        let outcome = (accepted.status, canceled.status);
        let is_patient = world.clinic.permissions(OAK, "alice").is_some();
        match outcome {
            (200, 403) => assert!(is_patient && world.status(&key).await == "completed"),
            (403, 200) => assert!(!is_patient && world.status(&key).await == "canceled"),
            _ => panic!("{outcome:?}"),
        }
        assert!(world.everything(&["outbox"]).await.is_empty());
        world.clinic.forget_patient(OAK, "alice");
    }
}
