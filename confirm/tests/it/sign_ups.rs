//! Confirmations of sign-ups: made, sent, shown, sent again.

use bson::doc;
use reqwest::Method;
use serde_json::{Value, json};
use stand_ins::user_api;

use crate::world::{ORIGIN, World, assert_empty, assert_refused, send_raw, timeless};

const EXISTS: &str = "User already has an existing valid signup confirmation";
const NONE: &str = "No matching signup confirmation was found";
const CLINIC: &str = "5f8f8f8f8f8f8f8f8f8f8f8f";

#[actix_web::test]
async fn who_signed_up_gets_a_mail_with_the_key() {
    let world = World::start().await;
    world
        .user_api
        .has_with("alice", json!({"emailVerified": false}));
    let path = "/confirm/send/signup/alice";
    // What the browser client sends.
    let answer = world.user("alice").post(path, &json!({"404": []})).await;
    assert_empty(&answer, 200);
    let mail = world.mail().await;
    assert_eq!(mail.to, ["alice@example.org"]);
    assert!(mail.subject.contains("Verify"), "{}", mail.subject);
    let key = mail.value("signupKey");
    assert_eq!(key.len(), 32);
    let link = format!("{ORIGIN}/login?signupEmail=alice%40example.org&signupKey={key}");
    assert_eq!(mail.link().as_str(), link);
    assert!(mail.html.contains("signupKey="), "{}", mail.html);
    let mut stored = world.document(&key).await.unwrap();
    let created = stored.get_datetime("created").unwrap().timestamp_millis();
    let expires_at = stored.get_datetime("expiresAt").unwrap().timestamp_millis();
    assert_eq!(expires_at - created, 31 * 24 * 60 * 60 * 1000);
    stored.remove("created");
    stored.remove("expiresAt");
    let unset = bson::DateTime::parse_rfc3339_str("0001-01-01T00:00:00Z").unwrap();
    assert_eq!(
        stored,
        doc! {
            "_id": &key, "type": "signup_confirmation", "status": "pending",
            "email": "alice@example.org", "userId": "alice", "creatorId": "", "creator": {},
            "modified": unset, "templateName": "signup_confirmation",
        }
    );
}

#[actix_web::test]
async fn bodies_that_say_nothing_are_taken() {
    let world = World::without_relay().await;
    for (index, body) in ["", " ", "null", "{}", r#"{"404":[]}"#, r#"{"a":{"b":1}}"#]
        .into_iter()
        .enumerate()
    {
        let id = format!("user{index}");
        world.user_api.has(&id);
        let path = format!("/confirm/send/signup/{id}");
        let answer = send_raw(&world.user(&id), Method::POST, &path, body).await;
        assert_empty(&answer, 200);
    }
    assert_eq!(world.rows("mail_outbox", "pending").await, 6);
}

#[actix_web::test]
async fn a_confirmation_that_stands_keeps_out_another() {
    let world = World::without_relay().await;
    world.user_api.has("alice");
    let key = world.sign_up("alice").await;
    let alice = world.user("alice");
    for path in ["/confirm/send/signup/alice", "/confirm/signup/alice"] {
        let answer = alice.post(path, &json!({})).await;
        assert_refused(&answer, 403, EXISTS);
    }
    // The case of the address is no other address.
    world
        .user_api
        .change("alice", json!({"emails": ["ALICE@example.org"]}));
    let answer = alice.post("/confirm/signup/alice", &json!({})).await;
    assert_refused(&answer, 403, EXISTS);
    world.set(&key, doc! { "status": "completed" }).await;
    world.expire(&key).await;
    let answer = alice.post("/confirm/signup/alice", &json!({})).await;
    assert_refused(&answer, 403, EXISTS);
    assert_eq!(world.rows("mail_outbox", "pending").await, 1);
}

#[actix_web::test]
async fn what_was_answered_with_no_or_ran_out_is_replaced() {
    let world = World::without_relay().await;
    world.user_api.has("alice");
    let mut key = world.sign_up("alice").await;
    for status in ["canceled", "declined", "pending"] {
        world.set(&key, doc! { "status": status }).await;
        if status == "pending" {
            world.expire(&key).await;
        }
        let next = world.sign_up("alice").await;
        assert_ne!(next, key);
        assert_eq!(world.document(&key).await, None);
        key = next;
    }
    assert_eq!(world.everything(&["confirmations"]).await.len(), 1);
}

#[actix_web::test]
async fn another_address_replaces_the_confirmation_whatever_its_status() {
    let world = World::start().await;
    world.user_api.has("alice");
    let old = world.sign_up("alice").await;
    world.settled().await;
    world.set(&old, doc! { "status": "completed" }).await;
    world
        .user_api
        .change("alice", json!({"emails": ["new@example.org"]}));
    let new = world.sign_up("alice").await;
    assert_ne!(old, new);
    assert_eq!(world.document(&old).await, None);
    let stored = world.document(&new).await.unwrap();
    assert_eq!(stored.get_str("email").unwrap(), "new@example.org");
    let mails = world.mails().await;
    assert_eq!(mails.len(), 2);
    assert_eq!(mails[1].to, ["new@example.org"]);
    assert_eq!(mails[1].value("signupKey"), new);
}

#[actix_web::test]
async fn an_account_without_address_loses_its_confirmation() {
    let world = World::without_relay().await;
    world.user_api.has("alice");
    world.sign_up("alice").await;
    world
        .user_api
        .change("alice", json!({"emails": null, "username": null}));
    for path in ["/confirm/send/signup/alice", "/confirm/signup/alice"] {
        let answer = world.user("alice").post(path, &json!({})).await;
        assert_empty(&answer, 200);
    }
    assert!(world.everything(&["confirmations"]).await.is_empty());
    assert_eq!(world.rows("mail_outbox", "pending").await, 1);
}

/// The account, who asks, the body, and the wanted template, creator and clinic.
type Occasion = (
    Value,
    &'static str,
    Value,
    &'static str,
    &'static str,
    Option<&'static str>,
);

#[actix_web::test]
async fn the_mail_fits_the_account_and_who_asks() {
    let world = World::without_relay().await;
    let (clinic, adult) = (json!({"roles": ["clinic"]}), json!({}));
    let child = json!({"passwordExists": false});
    world.user_api.has_with("oldclinic", clinic.clone());
    world.user_api.has("parent");
    let for_clinic = json!({"clinicId": CLINIC, "invitedBy": "doctor"});
    let none = json!({});
    let occasions: [Occasion; 8] = [
        (
            clinic,
            "",
            none.clone(),
            "signup_clinic_confirmation",
            "",
            None,
        ),
        (
            adult.clone(),
            "",
            for_clinic.clone(),
            "signup_confirmation",
            "",
            None,
        ),
        (
            adult,
            "parent",
            none.clone(),
            "signup_confirmation",
            "",
            None,
        ),
        (
            child.clone(),
            "",
            for_clinic.clone(),
            "signup_custodial_new_clinic_experience_confirmation",
            "doctor",
            Some(CLINIC),
        ),
        (
            child.clone(),
            "",
            none.clone(),
            "signup_custodial_confirmation",
            "",
            None,
        ),
        (
            child.clone(),
            "oldclinic",
            none.clone(),
            "signup_custodial_clinic_confirmation",
            "oldclinic",
            None,
        ),
        (
            child.clone(),
            "parent",
            none,
            "signup_custodial_confirmation",
            "parent",
            None,
        ),
        // Only services speak for clinics.
        (
            child,
            "parent",
            for_clinic,
            "signup_custodial_confirmation",
            "parent",
            None,
        ),
    ];
    for (index, (account, asker, body, template, creator, clinic)) in
        occasions.into_iter().enumerate()
    {
        let id = format!("user{index}");
        world.user_api.has_with(&id, account);
        let caller = if asker.is_empty() {
            world.service()
        } else {
            world.gatekeeper.grant(&id, asker, json!({"custodian": {}}));
            world.user(asker)
        };
        let answer = caller
            .post(&format!("/confirm/send/signup/{id}"), &body)
            .await;
        assert_empty(&answer, 200);
        let confirmations = world.confirmations();
        let stored = confirmations.find_one(doc! { "userId": &id }).await;
        let stored = stored.unwrap().unwrap();
        assert_eq!(stored.get_str("templateName").unwrap(), template, "{index}");
        assert_eq!(stored.get_str("creatorId").unwrap(), creator, "{index}");
        assert_eq!(stored.get_str("clinicId").ok(), clinic, "{index}");
    }
}

#[actix_web::test]
async fn a_clinic_that_asks_once_more_is_noted_and_the_mail_stays_the_same() {
    let world = World::without_relay().await;
    world.user_api.has_child("child", "2010-01-02");
    world
        .gatekeeper
        .grant("child", "parent", json!({"custodian": {}}));
    world.user_api.has("parent");
    let parent = world.user("parent");
    let path = "/confirm/send/signup/child";
    assert_empty(&parent.post(path, &json!({})).await, 200);
    world
        .user_api
        .change("child", json!({"emails": ["moved@example.org"]}));
    let body = json!({"clinicId": CLINIC, "invitedBy": "doctor"});
    assert_empty(&world.service().post(path, &body).await, 200);
    let stored = world.everything(&["confirmations"]).await;
    assert_eq!(stored.len(), 1);
    let member = |name| stored[0].get_str(name).unwrap();
    assert_eq!(member("email"), "moved@example.org");
    assert_eq!(member("clinicId"), CLINIC);
    assert_eq!(member("creatorId"), "doctor");
    assert_eq!(member("templateName"), "signup_custodial_confirmation");
}

#[actix_web::test]
async fn a_confirmation_is_made_without_a_mail_and_shown_without_its_key() {
    let world = World::start().await;
    world.user_api.has("alice");
    let path = "/confirm/signup/alice";
    let made = world.user("alice").post(path, &Value::Null).await;
    assert_eq!(made.status, 200, "{}", made.text());
    let made: Value = made.json();
    assert_eq!(made["key"], "");
    let wanted = json!({
        "type": "signup_confirmation", "email": "alice@example.org", "creatorId": "",
        "creator": {"profile": null, "userid": ""}, "context": null,
        "modified": "0001-01-01T00:00:00Z", "status": "pending", "restrictions": null,
    });
    assert_eq!(timeless(made.clone(), 31), wanted);
    assert_eq!(world.mails().await.len(), 0);
    // Whoever could read the key could verify an address without having the mail.
    let shown: Value = world.user("alice").get(path).await.json();
    assert_eq!(shown, made);
    world.gatekeeper.grant("alice", "bob", json!({"admin": {}}));
    assert_eq!(world.user("bob").get(path).await.json::<Value>(), made);
    let shown: Value = world.service().get(path).await.json();
    let key = shown["key"].as_str().unwrap().to_owned();
    assert!(world.document(&key).await.is_some());
    assert_eq!(timeless(shown, 31), wanted);
}

#[actix_web::test]
async fn a_service_that_makes_a_confirmation_gets_its_key() {
    let world = World::without_relay().await;
    world.user_api.has_child("child", "2010-01-02");
    let body = json!({"clinicId": CLINIC, "invitedBy": "doctor"});
    let made = world.service().post("/confirm/signup/child", &body).await;
    let made: Value = made.json();
    assert!(
        world
            .document(made["key"].as_str().unwrap())
            .await
            .is_some()
    );
    let wanted = json!({
        "type": "signup_confirmation", "email": "child@example.org", "creatorId": "doctor",
        "clinicId": CLINIC, "creator": {"profile": null, "userid": ""}, "context": null,
        "modified": "0001-01-01T00:00:00Z", "status": "pending", "restrictions": null,
    });
    assert_eq!(timeless(made, 31), wanted);
}

#[actix_web::test]
async fn a_clinic_is_named_by_its_id() {
    let world = World::without_relay().await;
    world.user_api.has_child("child", "2010-01-02");
    for clinic in [
        "harbor",
        "5f8f8f8f8f8f8f8f8f8f8f8",
        "5F8F8F8F8F8F8F8F8F8F8F8F",
    ] {
        let body = json!({"clinicId": clinic, "invitedBy": "doctor"});
        for path in ["/confirm/send/signup/child", "/confirm/signup/child"] {
            let answer = world.service().post(path, &body).await;
            assert_refused(&answer, 400, "Error decoding the confirmation");
        }
    }
    assert!(world.everything(&["confirmations"]).await.is_empty());
}

#[actix_web::test]
async fn only_the_newest_pending_confirmation_is_shown() {
    let world = World::without_relay().await;
    world.user_api.has("alice");
    let (service, path) = (world.service(), "/confirm/signup/alice");
    assert_refused(&service.get(path).await, 404, NONE);
    let key = world.sign_up("alice").await;
    let mut older = world.document(&key).await.unwrap();
    older.insert("_id", "an-older-one");
    older.insert("created", bson::DateTime::from_millis(0));
    world.confirmations().insert_one(older).await.unwrap();
    assert_eq!(service.get(path).await.json::<Value>()["key"], key.as_str());
    for status in ["completed", "canceled", "declined"] {
        world.set(&key, doc! { "status": status }).await;
        let shown: Value = service.get(path).await.json();
        assert_eq!(shown["key"], "an-older-one");
    }
}

#[actix_web::test]
async fn an_account_that_is_not_known_has_no_sign_up() {
    let world = World::without_relay().await;
    for path in ["/confirm/send/signup/nobody", "/confirm/signup/nobody"] {
        for caller in [world.service(), world.user("nobody")] {
            let answer = caller.post(path, &json!({})).await;
            assert_refused(&answer, 404, "Error finding the user");
        }
    }
    world.user_api.has("alice");
    world.user_api.fail(user_api::Ask::People, 500);
    let service = world.service();
    let answer = service.post("/confirm/send/signup/alice", &json!({})).await;
    assert_refused(&answer, 404, "Error finding the user");
}
