//! A clinic invites somebody to work for it, does so once more, and takes it back.

use bson::doc;
use reqwest::Method;
use serde_json::{Value, json};
use shared_runtime::testing::Answer;
use stand_ins::clinic::Ask;

use crate::{
    oak::{
        ADMIN, CLINICIANS, FORBIDDEN, MEMBER, NO_CLINIC, NO_INVITE, OAK, clinician_path, oak,
        own_path,
    },
    world::{
        ORIGIN, World, assert_empty, assert_ok, assert_refused, eventually, patch, put, send_raw,
    },
};

const STORED: [&str; 3] = ["confirmations", "outbox", "mail_outbox"];

async fn invite(world: &World, email: &str, roles: &[&str]) -> Answer {
    let body = json!({ "email": email, "roles": roles });
    world.user("carol").post(CLINICIANS, &body).await
}

/// Those whom the clinic waits for.
fn invited(world: &World) -> Vec<Value> {
    let mut clinicians = world.clinic.clinicians(OAK);
    clinicians.retain(|clinician| clinician["inviteId"].is_string());
    clinicians
}

/// The one invitation, which both sides know, and nothing is owed but its mail.
async fn assert_made(world: &World) -> String {
    let [invited] = invited(world).try_into().unwrap();
    let [stored] = world
        .everything(&["confirmations"])
        .await
        .try_into()
        .unwrap();
    let key = invited["inviteId"].as_str().unwrap();
    assert_eq!(stored.get_str("_id").unwrap(), key);
    assert_eq!(stored.get_str("status").unwrap(), "pending");
    assert!(!stored.contains_key("making"));
    assert!(world.everything(&["outbox"]).await.is_empty());
    assert_eq!(
        world.user("carol").get(&clinician_path(key)).await.status,
        200
    );
    key.to_owned()
}

#[actix_web::test]
async fn somebody_without_an_account_is_invited() {
    let mut world = oak().await;
    let answer = invite(&world, "Erin@Example.org", MEMBER).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let key = assert_made(&world).await;
    let wanted = json!({"inviteId": key, "email": "Erin@Example.org", "roles": MEMBER});
    assert_eq!(answer.json::<Value>(), wanted);
    let stored = world.document(&key).await.unwrap();
    assert_eq!(stored.get_str("type").unwrap(), "clinician_invitation");
    assert_eq!(
        stored.get_str("templateName").unwrap(),
        "clinician_invitation"
    );
    assert_eq!(stored.get_str("creatorId").unwrap(), "carol");
    assert_eq!(stored.get_str("userId").unwrap(), "");
    assert!(!stored.contains_key("expiresAt"));
    let clinic = doc! { "clinicId": OAK, "clinicName": "Oak Clinic" };
    assert_eq!(stored.get_document("creator").unwrap(), &clinic);
    world.start_relay();
    let mail = world.mail().await;
    assert_eq!(mail.subject, "Invitation to join Oak Clinic on Tidegate");
    assert!(mail.text.contains("carol of Tide invites you to work with"));
    let link = format!("{ORIGIN}/signup/clinician?inviteEmail=Erin%40Example.org");
    assert_eq!(mail.link().as_str(), link);
}

#[actix_web::test]
async fn somebody_with_an_account_is_known() {
    let mut world = oak().await;
    let key = world.invite_clinician("dave@example.org").await;
    let stored = world.document(&key).await.unwrap();
    assert_eq!(stored.get_str("userId").unwrap(), "dave");
    world.start_relay();
    assert_eq!(world.mail().await.link().path(), "/login");
}

#[actix_web::test]
async fn the_clinic_sees_its_invitation() {
    let world = oak().await;
    let key = world.invite_clinician("dave@example.org").await;
    let shown: Value = world.user("carol").get(&clinician_path(&key)).await.json();
    assert_eq!(shown["key"], key);
    assert_eq!(shown["type"], "clinician_invitation");
    assert_eq!(shown["creator"]["clinicName"], "Oak Clinic");
    assert_eq!(shown["creator"]["profile"]["fullName"], "carol of Tide");
    assert_eq!(shown["restrictions"], Value::Null);
    assert_eq!(shown.get("expiresAt"), None);
    world.set(&key, doc! { "status": "declined" }).await;
    let answer = world.user("carol").get(&clinician_path(&key)).await;
    assert_refused(&answer, 404, NO_INVITE);
    let answer = world.user("carol").get(&clinician_path("nonsense")).await;
    assert_eq!(answer.status, 404);
    assert_eq!(
        answer.json::<Value>(),
        json!({"message": "clinician not found"})
    );
}

#[actix_web::test]
async fn what_clinic_refuses_is_said_in_its_words_and_leaves_nothing() {
    let world = oak().await;
    for (email, roles, status, message) in [
        (
            "erin@example.org",
            &[][..],
            400,
            "request body has an error: /roles: at least one",
        ),
        (
            "nina@example.org",
            MEMBER,
            409,
            "duplicate: clinician is already a member of the clinic",
        ),
    ] {
        let answer = invite(&world, email, roles).await;
        assert_eq!(answer.status, status);
        assert_eq!(answer.json::<Value>(), json!({ "message": message }));
        assert!(world.everything(&STORED).await.is_empty());
    }
    world.clinic.fail(Ask::Invite, 422);
    let answer = invite(&world, "erin@example.org", MEMBER).await;
    assert_eq!(answer.status, 422);
    assert!(world.everything(&STORED).await.is_empty());
}

#[actix_web::test]
async fn what_is_no_invitation_is_refused() {
    let world = oak().await;
    let carol = world.user("carol");
    for body in [
        "",
        "x",
        "[]",
        r#"{"email":1}"#,
        r#"{"email":"a@b.co","roles":"x"}"#,
        r#"{"roles":[1]}"#,
    ] {
        let answer = send_raw(&carol, Method::POST, CLINICIANS, body).await;
        assert_refused(&answer, 400, "Error decoding the confirmation");
    }
    for body in [
        json!({}),
        json!({"email": "x", "roles": MEMBER}),
        json!({"email": ""}),
    ] {
        assert_empty(&carol.post(CLINICIANS, &body).await, 400);
    }
    let unknown = "/v1/clinics/6e8f8f8f8f8f8f8f8f8f8f8f/invites/clinicians";
    let body = json!({"email": "erin@example.org", "roles": MEMBER});
    let answer = world.service().post(unknown, &body).await;
    assert_refused(&answer, 404, NO_CLINIC);
    assert!(world.everything(&STORED).await.is_empty());
}

#[actix_web::test]
async fn an_invitation_is_mailed_again_under_its_key() {
    let mut world = oak().await;
    let key = world.invite_clinician("erin@example.org").await;
    world.start_relay();
    assert_eq!(world.mails().await.len(), 1);
    // Meanwhile there is an account.
    world.user_api.has("erin");
    let answer = patch(&world.user("carol"), &clinician_path(&key)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json::<Value>()["key"], key);
    let mails = world.mails().await;
    assert_eq!(mails.len(), 2);
    assert_eq!(mails[1].link().path(), "/login");
    let stored = world.document(&key).await.unwrap();
    assert_eq!(stored.get_str("userId").unwrap(), "erin");
    // One of which clinic alone knows is made again.
    for lost in ["removed", "canceled"] {
        if lost == "removed" {
            let all = world.confirmations();
            all.delete_one(doc! { "_id": &key }).await.unwrap();
        } else {
            world.set(&key, doc! { "status": lost }).await;
        }
        let answer = patch(&world.user("carol"), &clinician_path(&key)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_made(&world).await;
    }
    assert_eq!(world.mails().await.len(), 4);
    let answer = patch(&world.user("carol"), &clinician_path("nonsense")).await;
    assert_eq!(
        answer.json::<Value>(),
        json!({"message": "clinician not found"})
    );
}

#[actix_web::test]
async fn another_kind_of_confirmation_is_not_mailed_as_an_invitation() {
    let world = oak().await;
    let key = world.invite_clinician("erin@example.org").await;
    for members in [
        doc! { "type": "password_reset" },
        doc! { "type": "clinician_invitation", "clinicId": "6e8f8f8f8f8f8f8f8f8f8f8f" },
    ] {
        world.set(&key, members).await;
        let answer = patch(&world.user("carol"), &clinician_path(&key)).await;
        assert_refused(&answer, 404, NO_INVITE);
    }
}

#[actix_web::test]
async fn an_invitation_is_taken_back_on_both_sides() {
    let world = oak().await;
    let key = world.invite_clinician("dave@example.org").await;
    let carol = world.user("carol");
    for _ in 0..2 {
        assert_ok(&carol.delete(&clinician_path(&key)).await);
        assert_eq!(world.status(&key).await, "canceled");
        assert_eq!(invited(&world), [Value::Null; 0]);
    }
    assert!(world.everything(&["outbox"]).await.is_empty());
    let answer = put(&world.user("dave"), &own_path("dave", &key)).await;
    assert_refused(&answer, 404, NO_INVITE);
    assert_ok(&carol.delete(&clinician_path("nonsense")).await);
    // One of which clinic alone knows.
    let key = world.invite_clinician("dave@example.org").await;
    let all = world.confirmations();
    all.delete_one(doc! { "_id": &key }).await.unwrap();
    assert_ok(&carol.delete(&clinician_path(&key)).await);
    assert_eq!(invited(&world), [Value::Null; 0]);
}

#[actix_web::test]
async fn what_was_taken_back_while_clinic_failed_is_told_later() {
    let mut world = oak().await;
    let key = world.invite_clinician("dave@example.org").await;
    world.clinic.fail(Ask::Uninvite, 500);
    let answer = world.user("carol").delete(&clinician_path(&key)).await;
    assert_refused(&answer, 500, "Error finding the confirmation");
    assert_eq!(world.status(&key).await, "canceled");
    let answer = put(&world.user("dave"), &own_path("dave", &key)).await;
    assert_refused(&answer, 404, NO_INVITE);
    world.clinic.mend_all();
    world.hurry().await;
    world.start_relay();
    world.settled().await;
    assert_eq!(invited(&world), [Value::Null; 0]);
    assert_ok(&world.user("carol").delete(&clinician_path(&key)).await);
}

#[actix_web::test]
async fn what_clinic_did_not_hear_is_finished_by_a_repeat() {
    let world = oak().await;
    for status in [500, 503, 401] {
        world.clinic.fail(Ask::Invite, status);
        let answer = invite(&world, "erin@example.org", MEMBER).await;
        assert_refused(&answer, 500, NO_CLINIC);
    }
    assert_eq!(world.rows("mail_outbox", "pending").await, 0);
    world.clinic.mend_all();
    let answer = invite(&world, "ERIN@example.org", MEMBER).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_made(&world).await;
    assert_eq!(world.rows("mail_outbox", "pending").await, 1);
    assert_eq!(invite(&world, "erin@example.org", MEMBER).await.status, 409);
    assert_made(&world).await;
}

#[actix_web::test]
async fn what_clinic_heard_and_did_not_tell_is_finished_by_a_repeat() {
    let world = oak().await;
    world.clinic.fail(Ask::Invite, 500);
    invite(&world, "erin@example.org", MEMBER).await;
    let [begun] = world
        .everything(&["confirmations"])
        .await
        .try_into()
        .unwrap();
    let key = begun.get_str("_id").unwrap();
    world.clinic.mend_all();
    world
        .clinic
        .has_invited(OAK, key, "erin@example.org", MEMBER);
    let answer = invite(&world, "erin@example.org", MEMBER).await;
    assert_eq!(answer.json::<Value>()["inviteId"], key);
    assert_eq!(assert_made(&world).await, key);
}

#[actix_web::test]
async fn without_a_repeat_it_is_finished_a_little_later_and_told_once() {
    let mut world = oak().await;
    world.clinic.fail(Ask::Invite, 500);
    invite(&world, "dave@example.org", MEMBER).await;
    // Until then nobody sees it.
    let dave = world.user("dave");
    assert_refused(
        &dave.get("/v1/clinicians/dave/invites").await,
        404,
        "Nothing found",
    );
    let [begun] = world
        .everything(&["confirmations"])
        .await
        .try_into()
        .unwrap();
    let key = begun.get_str("_id").unwrap();
    assert_refused(&put(&dave, &own_path("dave", key)).await, 404, NO_INVITE);
    let carol = world.user("carol");
    assert_refused(&carol.delete(&clinician_path(key)).await, 403, FORBIDDEN);
    world.clinic.mend_all();
    world.hurry().await;
    world.start_relay();
    eventually("the mail", async || world.mailbox.mails().len() == 1).await;
    world.settled().await;
    let answer = invite(&world, "dave@example.org", MEMBER).await;
    assert_eq!(answer.json::<Value>()["inviteId"], key);
    assert_eq!(assert_made(&world).await, key);
    assert_eq!(invite(&world, "dave@example.org", MEMBER).await.status, 409);
    assert_eq!(world.mails().await.len(), 1);
}

#[actix_web::test]
async fn what_clinic_refuses_to_the_outbox_is_gone() {
    let mut world = oak().await;
    world.clinic.fail(Ask::Invite, 500);
    invite(&world, "erin@example.org", MEMBER).await;
    world.clinic.mend_all();
    world
        .clinic
        .has_invited(OAK, "another", "erin@example.org", MEMBER);
    world.hurry().await;
    world.start_relay();
    world.settled().await;
    assert!(world.everything(&STORED).await.is_empty());
}

#[actix_web::test]
async fn another_wish_for_the_same_address_is_clinics_to_refuse() {
    let world = oak().await;
    world.clinic.fail(Ask::Invite, 500);
    invite(&world, "erin@example.org", MEMBER).await;
    world.clinic.mend_all();
    assert_eq!(invite(&world, "erin@example.org", ADMIN).await.status, 409);
    assert_made(&world).await;
}

#[actix_web::test]
async fn of_many_invitations_at_once_one_is_made() {
    let world = oak().await;
    let invitations = (0..8).map(|_| invite(&world, "erin@example.org", MEMBER));
    let answers = futures_util::future::join_all(invitations).await;
    assert!(answers.iter().any(|answer| answer.status == 200));
    assert!(
        answers
            .iter()
            .all(|answer| matches!(answer.status, 200 | 409))
    );
    assert_made(&world).await;
}

#[actix_web::test]
async fn each_outage_has_its_status_and_leaves_nothing() {
    let world = oak().await;
    let key = world.invite_clinician("dave@example.org").await;
    let (carol, path) = (world.user("carol"), clinician_path(&key));
    let before = world.everything(&STORED).await;
    let user = "Error finding the user";
    for (ask, text) in [(Ask::Clinician, user), (Ask::Clinic, NO_CLINIC)] {
        world.clinic.fail(ask, 500);
        assert_refused(&invite(&world, "erin@example.org", MEMBER).await, 500, text);
        assert_refused(&patch(&carol, &path).await, 500, text);
        world.clinic.mend_all();
    }
    world.clinic.fail(Ask::Invited, 500);
    assert_refused(&carol.get(&path).await, 500, NO_CLINIC);
    assert_refused(&patch(&carol, &path).await, 500, NO_CLINIC);
    world.clinic.mend_all();
    world.user_api.fail(stand_ins::user_api::Ask::People, 500);
    assert_refused(&invite(&world, "erin@example.org", MEMBER).await, 500, user);
    assert_eq!(world.everything(&STORED).await, before);
}
