//! Documents as the reference wrote them.

use bson::{Binary, Document, doc, spec::BinarySubtype};
use chrono::{Duration, Utc};
use serde_json::{Value, json};
use stand_ins::{gatekeeper, user_api};

use crate::world::{World, assert_empty, assert_ok, assert_refused, patch, put};

const ACCEPT: &str = "/confirm/accept/invite/carol/alice";

fn binary(json: &str) -> Binary {
    Binary {
        subtype: BinarySubtype::Generic,
        bytes: json.as_bytes().to_vec(),
    }
}

/// What the reference wrote for an invitation by Alice of Carol.
fn invitation(key: &str, context: &str) -> Document {
    let created = Utc::now() - Duration::days(1);
    doc! {
        "_id": key, "clinicId": "", "context": binary(context),
        "created": bson::DateTime::from_chrono(created), "creator": {},
        "creatorId": "alice", "email": "carol@example.org",
        "expiresAt": bson::DateTime::from_chrono(created + Duration::days(7)),
        "modified": bson::DateTime::from_millis(-62_135_596_800_000), "status": "pending",
        "templateName": "careteam_invitation", "type": "careteam_invitation", "userId": "",
    }
}

async fn world_with(documents: Vec<Document>) -> World {
    let world = World::without_relay().await;
    for id in ["alice", "carol"] {
        world.user_api.has(id);
    }
    world.confirmations().insert_many(documents).await.unwrap();
    world
}

#[actix_web::test]
async fn every_shape_of_context_is_shown_and_granted() {
    let world = world_with(vec![invitation("k", "{}")]).await;
    for (index, (context, permissions)) in [
        (r#"{"view":{},"note":{}}"#, json!({"view": {}, "note": {}})),
        (
            r#"{"permissions":{"view":{}},"nickname":"Aunt"}"#,
            json!({"view": {}}),
        ),
        (
            r#"{"permissions":{"view":{}},"upload":{},"nickname":""}"#,
            json!({"view": {}}),
        ),
        (
            r#"{"view":{},"follow":{},"nickname":"Aunt","alertsConfig":{"uploadId":"u"}}"#,
            json!({"view": {}, "follow": {}}),
        ),
        (r#"{"notes":{}}"#, json!({"note": {}})),
        (r#"{"view":{},"alertsConfig":null}"#, json!({"view": {}})),
    ]
    .into_iter()
    .enumerate()
    {
        let key = format!("k{index}");
        world.confirmations().delete_many(doc! {}).await.unwrap();
        let old = invitation(&key, context);
        world.confirmations().insert_one(old).await.unwrap();
        world.gatekeeper.revoke("alice", "carol");
        let carol = world.user("carol");
        let listed: Vec<Value> = carol.get("/confirm/invitations/carol").await.json();
        assert_eq!(listed.len(), 1, "{context}");
        let shown: Value = serde_json::from_str(context).unwrap();
        assert_eq!(listed[0]["context"], shown);
        assert_eq!(listed[0]["permissions"], permissions, "{context}");
        assert_eq!(listed[0]["modified"], "0001-01-01T00:00:00Z");
        assert!(listed[0].get("clinicId").is_none());
        assert_ok(&carol.put(ACCEPT, &json!({"key": key})).await);
        assert_eq!(
            world.gatekeeper.permissions("alice", "carol"),
            Some(permissions)
        );
        assert_eq!(world.status(&key).await, "completed");
        // Who gave it is not known, so it is the account itself.
        let (id, grant) = world
            .gatekeeper
            .asked(gatekeeper::Ask::Grant)
            .pop()
            .unwrap();
        assert_eq!((id, grant.get("grantedBy")), (key, None));
    }
}

#[actix_web::test]
async fn names_that_are_no_permissions_are_shown_and_grant_nothing() {
    let context = r#"{"custom":{},"view":{}}"#;
    let world = world_with(vec![invitation("k", context)]).await;
    let carol = world.user("carol");
    let listed: Vec<Value> = carol.get("/confirm/invitations/carol").await.json();
    assert_eq!(listed[0]["permissions"], json!({"custom": {}, "view": {}}));
    assert_ok(&carol.put(ACCEPT, &json!({"key": "k"})).await);
    assert_eq!(
        world.gatekeeper.permissions("alice", "carol"),
        Some(json!({"view": {}}))
    );
    assert_eq!(world.status("k").await, "completed");
}

#[actix_web::test]
async fn a_context_that_cannot_be_granted_is_told() {
    let world = world_with(vec![invitation("k", "{}")]).await;
    for (context, text) in [
        (
            r#"{"permissions":[1]}"#,
            "Error decoding the confirmation context",
        ),
        (
            r#"{"view":true}"#,
            "Error decoding the confirmation context",
        ),
        ("[]", "Error decoding the confirmation context"),
        ("null", "Error decoding the confirmation context"),
        (
            r#"{"follow":{},"alertsConfig":{"low":1}}"#,
            "Error decoding the confirmation context",
        ),
        (
            r#"{"view":{},"alertsConfig":{}}"#,
            "Error validating the confirmation context",
        ),
    ] {
        world.confirmations().delete_many(doc! {}).await.unwrap();
        let old = invitation("k", context);
        world.confirmations().insert_one(old).await.unwrap();
        let carol = world.user("carol");
        assert_eq!(carol.get("/confirm/invitations/carol").await.status, 200);
        assert_refused(&carol.put(ACCEPT, &json!({})).await, 400, text);
        assert_eq!(world.status("k").await, "pending");
        assert!(world.gatekeeper.asked(gatekeeper::Ask::Grant).is_empty());
    }
}

#[actix_web::test]
async fn members_that_are_missing_are_unknown() {
    let made = bson::DateTime::now();
    let world = world_with(vec![doc! {
        "_id": "k", "type": "careteam_invitation", "status": "pending", "created": made,
        "creatorId": "alice", "email": "carol@example.org", "context": binary("{}"),
    }])
    .await;
    let listed: Vec<Value> = world
        .user("carol")
        .get("/confirm/invitations/carol")
        .await
        .json();
    let mut shown = listed[0].clone();
    shown.as_object_mut().unwrap().remove("creator");
    let created = made
        .to_chrono()
        .to_rfc3339_opts(chrono::SecondsFormat::Millis, true);
    let wanted = json!({
        "key": "k", "type": "careteam_invitation", "email": "carol@example.org",
        "creatorId": "alice", "context": {}, "created": created,
        "modified": "0001-01-01T00:00:00Z", "status": "pending", "restrictions": null,
        "invitedBy": "alice", "permissions": {},
    });
    assert_eq!(shown, wanted);
    // It never runs out.
    assert_ok(&world.user("carol").put(ACCEPT, &Value::Null).await);
}

#[actix_web::test]
async fn an_invitation_without_anything_offered_is_declined_and_canceled() {
    let mut bare = invitation("k", "{}");
    bare.remove("context");
    let world = world_with(vec![bare]).await;
    let listed: Vec<Value> = world
        .user("alice")
        .get("/confirm/invite/alice")
        .await
        .json();
    assert_eq!(listed[0]["context"], Value::Null);
    assert!(listed[0].get("permissions").is_none_or(Value::is_null));
    let dismiss = "/confirm/dismiss/invite/carol/alice";
    assert_empty(&world.user("carol").put(dismiss, &json!({})).await, 200);
    assert_eq!(world.status("k").await, "declined");
    let cancel = "/confirm/alice/invited/CAROL@example.org";
    assert_empty(&put(&world.user("alice"), cancel).await, 200);
    let stored = world.document("k").await.unwrap();
    assert_eq!(stored.get_str("status").unwrap(), "canceled");
    // The rest stays as it was.
    assert_eq!(stored.get_str("userId").unwrap(), "carol");
    assert_eq!(stored.get_str("clinicId").unwrap(), "");
}

#[actix_web::test]
async fn an_old_invitation_keeps_out_a_second_one_and_is_sent_again_with_the_mail_of_its_kind() {
    let mut old = invitation("k", r#"{"view":{},"follow":{}}"#);
    old.insert("templateName", "");
    let mut world = world_with(vec![old]).await;
    world.start_relay();
    let alice = world.user("alice");
    let body = json!({"email": "Carol@example.org", "permissions": {}});
    let answer = alice.post("/confirm/send/invite/alice", &body).await;
    assert_refused(&answer, 409, "There is already an existing invite");
    let sent = patch(&alice, "/confirm/resend/invite/k").await;
    assert_eq!(sent.status, 200, "{}", sent.text());
    let sent: Value = sent.json();
    let mail = world.mail().await;
    assert_eq!(mail.to, ["carol@example.org"]);
    assert_eq!(mail.link().path(), "/login");
    let stored = world.document(sent["key"].as_str().unwrap()).await.unwrap();
    assert_eq!(stored.get_str("templateName").unwrap(), "");
}

#[actix_web::test]
async fn an_old_sign_up_is_verified() {
    let mut old = invitation("k", "null");
    for (name, value) in [
        ("type", "signup_confirmation"),
        ("userId", "carol"),
        ("creatorId", ""),
    ] {
        old.insert(name, value);
    }
    old.insert("templateName", "");
    let world = world_with(vec![old]).await;
    world
        .user_api
        .change("carol", json!({"emailVerified": false}));
    let shown: Value = world.service().get("/confirm/signup/carol").await.json();
    assert_eq!(
        (&shown["key"], &shown["context"]),
        (&json!("k"), &Value::Null)
    );
    assert_empty(
        &put(&world.anonymous(), "/confirm/accept/signup/k").await,
        200,
    );
    assert_eq!(world.user_api.account("carol")["emailVerified"], true);
    assert_eq!(world.status("k").await, "completed");
}

#[actix_web::test]
async fn an_old_reset_that_names_no_account_is_for_the_account_of_its_address() {
    let mut old = invitation("k", "null");
    old.insert("type", "password_reset");
    old.insert("creatorId", "");
    let world = world_with(vec![old]).await;
    let body = json!({"key": "k", "email": "Carol@example.org", "password": "battery-staple"});
    let answer = world.anonymous().put("/confirm/accept/forgot", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let [(id, update)] = world
        .user_api
        .asked(user_api::Ask::Update)
        .try_into()
        .unwrap();
    assert_eq!(id, "carol");
    assert_eq!(update["onlyIf"], json!({"email": "carol@example.org"}));
    assert_eq!(world.status("k").await, "completed");
}

#[actix_web::test]
async fn an_old_reset_whose_account_is_gone_opens_nothing() {
    let mut old = invitation("k", "null");
    old.insert("type", "password_reset");
    old.insert("email", "gone@example.org");
    let world = world_with(vec![old]).await;
    let body = json!({"key": "k", "email": "gone@example.org", "password": "battery-staple"});
    let answer = world.anonymous().put("/confirm/accept/forgot", &body).await;
    assert_refused(&answer, 404, "No matching reset confirmation was found.");
}

#[actix_web::test]
async fn a_context_that_is_stored_by_us_comes_back_as_it_was() {
    let world = world_with(Vec::from([invitation("other", "{}")])).await;
    let offer =
        json!({"view": {"n": 1, "x": 1.5, "big": 5_000_000_000_i64, "t": "ü", "a": [1, null]}});
    let sent = world
        .invite("alice", "dave@example.org", offer.clone())
        .await;
    assert_eq!(sent["permissions"], offer);
    let listed: Vec<Value> = world
        .user("alice")
        .get("/confirm/invite/alice")
        .await
        .json();
    assert_eq!(listed[0]["permissions"], offer);
    let stored = world.document(sent["key"].as_str().unwrap()).await.unwrap();
    assert!(stored.get_document("context").is_ok());
}
