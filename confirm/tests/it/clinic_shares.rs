//! Who shares with a clinic: the invitation, its mail, and how it ends without being taken.

use bson::doc;
use reqwest::Method;
use serde_json::{Value, json};

use crate::{
    oak::{
        ADMIN, CODE, FORBIDDEN, NO_CLINIC, NO_INVITE, NOT_ALLOWED, OAK, PATIENTS, SHARE, oak,
        patient_path,
    },
    world::{World, assert_empty, assert_refused, eventually, send_raw, timeless},
};

fn offer() -> Value {
    json!({ "shareCode": CODE, "permissions": {"view": {}, "note": {}} })
}

#[actix_web::test]
async fn an_account_is_offered_to_the_clinic_of_the_code() {
    let world = oak().await;
    let sent = world.user("alice").post(SHARE, &offer()).await;
    assert_eq!(sent.status, 200, "{}", sent.text());
    let profile = json!({"fullName": "alice of Tide", "patient": {
        "birthday": "", "diagnosisDate": "", "isOtherPerson": false, "fullName": "",
    }});
    let wanted = json!({
        "type": "careteam_invitation", "status": "pending", "email": "", "clinicId": OAK,
        "creatorId": "alice", "creator": {"profile": profile, "userid": "alice"},
        "context": {"view": {}, "note": {}}, "modified": "0001-01-01T00:00:00Z",
        "restrictions": null, "invitedBy": "alice", "permissions": {"view": {}, "note": {}},
    });
    let sent: Value = sent.json();
    assert_eq!(timeless(sent.clone(), 7), wanted);
    let stored = world.document(sent["key"].as_str().unwrap()).await.unwrap();
    assert_eq!(
        stored.get_str("templateName").unwrap(),
        "patient_clinic_invitation"
    );
    assert_eq!(stored.get_str("email").unwrap(), "");
    assert_eq!(
        stored.get_document("context").unwrap(),
        &doc! { "view": {}, "note": {} }
    );
    for (person, path) in [("nina", PATIENTS), ("alice", "/confirm/invite/alice")] {
        let list: Value = world.user(person).get(path).await.json();
        assert_eq!(list, json!([sent]), "{path}");
    }
}

#[actix_web::test]
async fn a_clinic_to_which_nobody_offers_anything_has_an_empty_list() {
    let world = oak().await;
    let answer = world.user("carol").get(PATIENTS).await;
    assert_eq!((answer.status, answer.text()), (200, "[]"));
}

#[actix_web::test]
async fn those_who_run_the_clinic_get_one_mail() {
    let mut world = oak().await;
    world.clinic.has_clinician(OAK, "erin", ADMIN);
    world.start_relay();
    world.share(json!(["view"])).await;
    let mail = world.mail().await;
    assert_eq!(mail.to, ["carol@example.org", "erin@example.org"]);
    assert_eq!(mail.subject, "New share invitation for Oak Clinic");
    assert!(
        mail.text
            .contains("alice of Tide would like to share data with")
    );
}

#[actix_web::test]
async fn a_clinic_that_wants_no_such_mails_gets_none() {
    let mut world = oak().await;
    let suppressed = json!({"suppressedNotifications": {"patientClinicInvitation": true}});
    world.clinic.has_clinic(OAK, suppressed);
    world.start_relay();
    world.share(json!(["view"])).await;
    assert_eq!(world.mails().await.len(), 0);
}

#[actix_web::test]
async fn the_mail_waits_for_clinic() {
    let mut world = oak().await;
    world.share(json!(["view"])).await;
    world.clinic.fail(stand_ins::clinic::Ask::Clinicians, 500);
    world.start_relay();
    eventually("a failed try", async || {
        let tried = doc! { "lastError": { "$exists": true } };
        let rows = world
            .database
            .database
            .collection::<bson::Document>("mail_outbox");
        rows.count_documents(tried).await.unwrap() == 1
    })
    .await;
    world.clinic.mend_all();
    world.hurry().await;
    assert_eq!(world.mails().await.len(), 1);
}

#[actix_web::test]
async fn what_is_no_offer_is_refused_and_stored_nowhere() {
    let world = oak().await;
    let alice = world.user("alice");
    for body in [
        "",
        "x",
        "[]",
        "1",
        r#"{"shareCode":1}"#,
        r#"{"shareCode":{"$ne":""}}"#,
    ] {
        let answer = send_raw(&alice, Method::POST, SHARE, body).await;
        assert_refused(&answer, 400, "Error decoding the confirmation");
    }
    for body in [
        json!({}),
        json!({"shareCode": CODE}),
        json!({"shareCode": "", "permissions": {}}),
        json!({"permissions": {"view": {}}}),
    ] {
        assert_empty(&alice.post(SHARE, &body).await, 400);
    }
    let body = json!({"shareCode": CODE, "permissions": ["banana"]});
    let answer = alice.post(SHARE, &body).await;
    assert_refused(&answer, 400, "Unknown permissions: banana");
    for code in [
        "ABCD-EFGH-JKLN",
        "abcd-efgh-jklm",
        "../x",
        "\0",
        &"A".repeat(5000),
    ] {
        let body = json!({"shareCode": code, "permissions": {"view": {}}});
        assert_refused(&alice.post(SHARE, &body).await, 404, NO_CLINIC);
    }
    let answer = world.user("dave").post(SHARE, &offer()).await;
    assert_refused(&answer, 401, NOT_ALLOWED);
    assert!(
        world
            .everything(&["confirmations", "mail_outbox"])
            .await
            .is_empty()
    );
}

#[actix_web::test]
async fn a_patient_and_who_has_offered_already_are_refused() {
    let world = oak().await;
    let alice = world.user("alice");
    let key = world.share(json!(["view"])).await;
    let duplicate = "There is already an existing invite";
    assert_refused(&alice.post(SHARE, &offer()).await, 409, duplicate);
    world.expire(&key).await;
    let newer = world.share(json!(["view"])).await;
    assert_eq!(world.status(&key).await, "canceled");
    assert_eq!(world.status(&newer).await, "pending");
    world.set(&newer, doc! { "status": "declined" }).await;
    world.share(json!(["view"])).await;
    world.clinic.has_patient(OAK, "alice", json!({"view": {}}));
    let answer = alice.post(SHARE, &offer()).await;
    assert_refused(&answer, 409, "The user is already a patient of the clinic");
}

#[actix_web::test]
async fn of_many_offers_at_once_one_is_made() {
    let world = oak().await;
    let alice = world.user("alice");
    let body = offer();
    let answers = futures_util::future::join_all((0..8).map(|_| alice.post(SHARE, &body))).await;
    let made = answers.iter().filter(|answer| answer.status == 200);
    assert_eq!(made.count(), 1);
    assert!(
        answers
            .iter()
            .all(|answer| matches!(answer.status, 200 | 409))
    );
    assert_eq!(world.everything(&["confirmations"]).await.len(), 1);
}

#[actix_web::test]
async fn the_sender_cancels_and_the_clinic_declines() {
    let world = oak().await;
    world.user_api.has("erin");
    world
        .gatekeeper
        .grant("alice", "erin", json!({"custodian": {}}));
    for (person, status) in [
        ("alice", "canceled"),
        ("erin", "canceled"),
        ("nina", "declined"),
        ("carol", "declined"),
    ] {
        let key = world.share(json!(["view"])).await;
        let ended = world.user(person).delete(&patient_path(&key)).await;
        assert_eq!(ended.status, 200, "{}", ended.text());
        let ended: Value = ended.json();
        assert_eq!(ended["status"], status, "{person}");
        assert_eq!(ended["creator"]["userid"], "alice");
        assert_eq!(world.status(&key).await, status);
    }
    let key = world.share(json!(["view"])).await;
    let ended = world.service().delete(&patient_path(&key)).await;
    assert_eq!(ended.json::<Value>()["status"], "declined");
}

#[actix_web::test]
async fn what_was_declined_can_be_declined_again_and_canceled_and_nothing_else() {
    let world = oak().await;
    let key = world.share(json!(["view"])).await;
    let path = patient_path(&key);
    let (nina, alice) = (world.user("nina"), world.user("alice"));
    for (person, status) in [(&nina, 200), (&nina, 200), (&alice, 200), (&alice, 403)] {
        assert_eq!(person.delete(&path).await.status, status);
    }
    world.set(&key, doc! { "status": "completed" }).await;
    for person in [&nina, &alice] {
        assert_refused(&person.delete(&path).await, 403, FORBIDDEN);
    }
    assert_eq!(world.status(&key).await, "completed");
}

#[actix_web::test]
async fn others_end_nothing() {
    let world = oak().await;
    let key = world.share(json!(["view"])).await;
    let answer = world.user("dave").delete(&patient_path(&key)).await;
    assert_refused(&answer, 401, NOT_ALLOWED);
    for person in ["alice", "nina", "dave"] {
        let answer = world.user(person).delete(&patient_path("nonsense")).await;
        assert_refused(&answer, 403, NO_INVITE);
    }
    // Another clinic's clinician has nothing to do with it.
    let elm = "6e8f8f8f8f8f8f8f8f8f8f8f";
    world.clinic.has_clinic(elm, json!({}));
    world.clinic.has_clinician(elm, "dave", ADMIN);
    let path = format!("/v1/clinics/{elm}/invites/patients/{key}");
    assert_refused(&world.user("dave").delete(&path).await, 403, NO_INVITE);
    assert_eq!(world.status(&key).await, "pending");
}

#[actix_web::test]
async fn without_a_clinic_service_there_are_no_such_operations() {
    let world = World::without_relay_with(|config| config.clinic = None).await;
    world.user_api.has("alice");
    let alice = world.user("alice");
    let own = "/v1/clinicians/alice/invites";
    for answer in [
        alice.post(SHARE, &offer()).await,
        alice.get(PATIENTS).await,
        alice.delete(&patient_path("k")).await,
        alice.get(own).await,
        alice.put(&format!("{own}/k"), &Value::Null).await,
        alice.delete(&format!("{own}/k")).await,
    ] {
        assert_eq!((answer.status, answer.text()), (404, "404 page not found"));
    }
}
