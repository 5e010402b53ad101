//! Offers that were accepted, as the service that mails invitations tells them.

use bson::{Document, doc};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use shared_runtime::testing::{Answer, send};

use crate::world::{World, assert_answer, assert_unauthorized};

const CLINIC: &str = "5f8f8f8f8f8f8f8f8f8f8f8f";
const KEY: &str = "Zm9ydHktdHdvIGlzIGEgbnVtYmVyIQ-_";

/// Bob's offer from Alice, made by `granted_by`.
fn offer(granted_by: &Value, permissions: &Value) -> Value {
    json!({
        "sharerId": "alice", "granteeId": "bob", "grantedBy": granted_by,
        "permissions": permissions,
    })
}

async fn apply(world: &World, grant_id: &str, body: &Value) -> Answer {
    let path = format!("/internal/grants/{grant_id}");
    world.service().put(&path, body).await
}

/// What Bob can do on Alice's account; `null` for nothing.
async fn access(world: &World) -> Value {
    let answer = world.service().get("/access/alice/bob").await;
    match answer.status {
        404 => Value::Null,
        _ => answer.json(),
    }
}

async fn revoke(world: &World) {
    let answer = world
        .user("alice")
        .post("/access/alice/bob", &json!({}))
        .await;
    assert_answer(&answer, 200, &Value::Null);
}

#[track_caller]
fn assert_not_shared(answer: &Answer) {
    let body = json!({"code": 403, "reason": "The sender may no longer share this account"});
    assert_answer(answer, 403, &body);
}

#[actix_web::test]
async fn an_accepted_offer_is_granted() {
    let world = World::start().await;
    for (key, granted_by) in [("a", json!(null)), ("b", json!("alice"))] {
        let body = offer(&granted_by, &json!({"notes": {}, "view": {}, "root": {}}));
        let granted = json!({"note": {}, "view": {}});
        assert_answer(&apply(&world, key, &body).await, 200, &granted);
        assert_eq!(access(&world).await, granted);
        revoke(&world).await;
    }
    let mut body = offer(&json!(null), &json!({"view": {}}));
    body.as_object_mut().unwrap().remove("grantedBy");
    assert_answer(&apply(&world, KEY, &body).await, 200, &json!({"view": {}}));
}

#[actix_web::test]
async fn an_offer_of_former_times_grants_what_can_be_granted() {
    let world = World::start().await;
    let body = offer(
        &json!(null),
        &json!({"custom": {}, "edit": {"n": 1.0}, "x": {}}),
    );
    let granted = json!({"edit": {"n": 1}});
    assert_answer(&apply(&world, "a", &body).await, 200, &granted);
    assert_eq!(access(&world).await, granted);
    revoke(&world).await;
    let body = offer(&json!(null), &json!({"custom": {}}));
    assert_answer(&apply(&world, "b", &body).await, 200, &json!({}));
    assert_eq!(access(&world).await, Value::Null);
}

#[actix_web::test]
async fn an_offer_is_added_to_what_the_grantee_has() {
    let world = World::start().await;
    world.treat(CLINIC, "alice", json!({"edit": {}})).await;
    world.work_for(CLINIC, "bob").await;
    let held = json!({"admin": {}, "view": {"messages": false}});
    world.grant("alice", "bob", held).await;
    let body = offer(&json!(null), &json!({"view": {"a": 1}, "follow": {"b": 2}}));
    let direct = json!({"admin": {}, "follow": {"b": 2}, "view": {"messages": false}});
    assert_answer(&apply(&world, KEY, &body).await, 200, &direct);
    let all = json!({"admin": {}, "edit": {}, "follow": {"b": 2}, "view": {"messages": false}});
    assert_eq!(access(&world).await, all);
    // What comes from the clinic did not become the grantee's own.
    let members: Value = world.service().get("/access/alice").await.json();
    assert_eq!(members, json!({"alice": {"root": {}}, "bob": direct}));
}

#[actix_web::test]
async fn a_repeat_changes_nothing() {
    let world = World::start().await;
    let body = offer(&json!(null), &json!({"view": {}}));
    apply(&world, KEY, &body).await;
    world
        .grant("alice", "bob", json!({"note": {"a": 1}, "view": {"b": 2}}))
        .await;
    let before = world.everything().await;
    assert_answer(&apply(&world, KEY, &body).await, 200, &json!({"view": {}}));
    assert_eq!(world.everything().await, before);
}

#[actix_web::test]
async fn a_repeat_gives_nothing_back_that_was_revoked() {
    let world = World::start().await;
    world.grant("alice", "carol", json!({"admin": {}})).await;
    let body = offer(&json!("carol"), &json!({"view": {}}));
    assert_eq!(apply(&world, KEY, &body).await.status, 200);
    revoke(&world).await;
    assert_answer(&apply(&world, KEY, &body).await, 200, &json!({"view": {}}));
    assert_eq!(access(&world).await, Value::Null);
    // Nor does it matter then whether the sender may still share.
    world.grant("alice", "carol", json!({})).await;
    assert_answer(&apply(&world, KEY, &body).await, 200, &json!({"view": {}}));
    assert_eq!(access(&world).await, Value::Null);
    // Another offer is another offer.
    let body = offer(&json!(null), &json!({"note": {}}));
    assert_eq!(apply(&world, "other", &body).await.status, 200);
    assert_eq!(access(&world).await, json!({"note": {}}));
}

#[actix_web::test]
async fn a_sender_who_does_not_run_the_account_shares_nothing() {
    let world = World::start().await;
    let nearly = json!({"view": {}, "edit": {}, "note": {}, "upload": {}, "follow": {}});
    world.grant("alice", "member", nearly).await;
    world.treat(CLINIC, "alice", json!({"view": {}})).await;
    world.work_for(CLINIC, "doctor").await;
    let before = world.everything().await;
    for sender in ["member", "doctor", "stranger", "bob"] {
        let body = offer(&json!(sender), &json!({"view": {}}));
        assert_not_shared(&apply(&world, KEY, &body).await);
    }
    assert_eq!(world.everything().await, before);
    // The refusal did not use the id up.
    world.grant("alice", "member", json!({"admin": {}})).await;
    let body = offer(&json!("member"), &json!({"view": {}}));
    assert_answer(&apply(&world, KEY, &body).await, 200, &json!({"view": {}}));
    assert_eq!(access(&world).await, json!({"view": {}}));
}

#[actix_web::test]
async fn whoever_runs_the_account_shares_it() {
    let world = World::start().await;
    world.grant("alice", "admin", json!({"admin": {}})).await;
    world
        .grant("alice", "custodian", json!({"custodian": {}}))
        .await;
    world.treat(CLINIC, "alice", json!({"custodian": {}})).await;
    world.work_for(CLINIC, "doctor").await;
    for sender in ["admin", "custodian", "doctor"] {
        let body = offer(&json!(sender), &json!({"view": {}}));
        assert_answer(
            &apply(&world, sender, &body).await,
            200,
            &json!({"view": {}}),
        );
        assert_eq!(access(&world).await, json!({"view": {}}));
        revoke(&world).await;
    }
    // Not any more when the clinic lets go of the patient.
    let path = format!("/internal/clinics/{CLINIC}/patients/alice?revision=2");
    assert_eq!(world.service().delete(&path).await.status, 204);
    let body = offer(&json!("doctor"), &json!({"view": {}}));
    assert_not_shared(&apply(&world, "late", &body).await);
    assert_eq!(access(&world).await, Value::Null);
}

#[actix_web::test]
async fn nothing_is_stored_of_an_account_on_itself_or_an_empty_offer() {
    let world = World::start().await;
    let own = json!({"sharerId": "alice", "granteeId": "alice", "permissions": {"view": {}}});
    assert_answer(&apply(&world, KEY, &own).await, 200, &json!({"root": {}}));
    let empty = offer(&json!(null), &json!({}));
    assert_answer(&apply(&world, KEY, &empty).await, 200, &json!({}));
    assert!(world.everything().await.is_empty());
    world.grant("alice", "bob", json!({"note": {}})).await;
    assert_answer(
        &apply(&world, "other", &empty).await,
        200,
        &json!({"note": {}}),
    );
}

#[actix_web::test]
async fn repeats_at_once_have_one_effect() {
    let world = World::start().await;
    for round in 0..20 {
        let key = format!("round-{round}");
        let body = offer(&json!(null), &json!({"view": {}}));
        let answers = join_all((0..8).map(|_| apply(&world, &key, &body))).await;
        for answer in &answers {
            assert_answer(answer, 200, &json!({"view": {}}));
        }
        assert_eq!(access(&world).await, json!({"view": {}}));
        revoke(&world).await;
        apply(&world, &key, &body).await;
        assert_eq!(access(&world).await, Value::Null, "round {round}");
    }
    let applied = world.database().collection::<Document>("applied_grants");
    assert_eq!(applied.count_documents(doc! {}).await.unwrap(), 20);
}

#[actix_web::test]
async fn offers_of_one_pair_at_once_all_have_their_effect() {
    let world = World::start().await;
    let offers = ["view", "note", "upload", "edit", "follow"];
    let answers = join_all(offers.map(async |name| {
        let body = offer(&json!(null), &json!({ name: {} }));
        apply(&world, name, &body).await.status
    }))
    .await;
    assert_eq!(answers, [200; 5]);
    let all = json!({"edit": {}, "follow": {}, "note": {}, "upload": {}, "view": {}});
    assert_eq!(access(&world).await, all);
}

#[actix_web::test]
async fn a_sender_who_leaves_at_that_moment_shares_before_or_not_at_all() {
    let world = World::start().await;
    world.user_api.has("alice");
    let carol = world.user("carol");
    let mut seen = [0, 0];
    for round in 0..50 {
        world.grant("alice", "carol", json!({"admin": {}})).await;
        let key = format!("round-{round}");
        let body = offer(&json!("carol"), &json!({"view": {}}));
        let (left, granted) = tokio::join!(
            carol.post("/access/alice/carol", &Value::Null),
            apply(&world, &key, &body),
        );
        assert_eq!(left.status, 200);
        let expected = match granted.status {
            200 => json!({"view": {}}),
            403 => Value::Null,
            other => panic!("round {round}: {other} {}", granted.text()),
        };
        seen[usize::from(granted.status == 403)] += 1;
        assert_eq!(access(&world).await, expected, "round {round}");
        revoke(&world).await;
    }
    assert_eq!(seen.iter().sum::<usize>(), 50);
}

#[actix_web::test]
async fn what_is_no_grant_is_refused() {
    let world = World::start().await;
    let service = world.service();
    let good = offer(&json!(null), &json!({"view": {}}));
    let refused = |message: &str| json!({"code": "InvalidContent", "message": message});
    for id in ["%20", "a.b", "$ne", "a%2Fb", "%C3%A9", &"x".repeat(65)] {
        assert_answer(
            &apply(&world, id, &good).await,
            400,
            &refused("Invalid grant id: expected 1 to 64 letters, digits, - or _"),
        );
    }
    let name = "Invalid permissions: a name must not be empty, start with $ or contain . or NUL";
    let account = "Invalid account id: expected a text that is not empty";
    for (member, value, message) in [
        ("sharerId", json!(""), account),
        ("granteeId", json!(""), account),
        ("grantedBy", json!(""), account),
        (
            "permissions",
            json!({"view": true}),
            "Invalid permissions: the value of a permission must be an object",
        ),
        ("permissions", json!({"$set": {}}), name),
        ("permissions", json!({"a.b": {}}), name),
    ] {
        let mut body = good.clone();
        body[member] = value;
        assert_answer(&apply(&world, KEY, &body).await, 400, &refused(message));
    }
    for body in [
        "",
        "null",
        "[]",
        "1",
        "{}",
        "{",
        r#"{"sharerId":"alice","granteeId":"bob"}"#,
        r#"{"sharerId":"alice","permissions":{}}"#,
        r#"{"granteeId":"bob","permissions":{}}"#,
        r#"{"sharerId":"alice","granteeId":"bob","permissions":null}"#,
        r#"{"sharerId":"alice","granteeId":"bob","permissions":[]}"#,
        r#"{"sharerId":{"$ne":1},"granteeId":"bob","permissions":{}}"#,
        r#"{"sharerId":"alice","granteeId":1,"permissions":{}}"#,
        r#"{"sharerId":"alice","granteeId":"bob","permissions":{},"more":1}"#,
    ] {
        let path = format!("/internal/grants/{KEY}");
        let answer = send(service.request(Method::PUT, &path).body(body)).await;
        assert_eq!(answer.status, 400, "{body}");
        assert_eq!(answer.json::<Value>()["code"], "InvalidContent", "{body}");
    }
    let names: serde_json::Map<_, _> = (0..65).map(|i| (format!("a{i}"), json!({}))).collect();
    let too_many = offer(&json!(null), &names.into());
    let message = "Invalid permissions: at most 64 names and 16 levels";
    assert_answer(&apply(&world, KEY, &too_many).await, 400, &refused(message));
    assert_eq!(access(&world).await, Value::Null);
    let applied = world.database().collection::<Document>("applied_grants");
    assert_eq!(applied.count_documents(doc! {}).await.unwrap(), 0);
}

#[actix_web::test]
async fn only_services_tell_of_offers() {
    let world = World::start().await;
    world.grant("alice", "admin", json!({"admin": {}})).await;
    let body = offer(&json!(null), &json!({"view": {}}));
    let path = format!("/internal/grants/{KEY}");
    for user in ["alice", "admin", "bob", "confirm"] {
        assert_unauthorized(&world.user(user).put(&path, &body).await);
    }
    assert_eq!(access(&world).await, Value::Null);
}

#[actix_web::test]
async fn the_database_forgets_what_was_applied_after_400_days() {
    let world = World::start().await;
    let body = offer(&json!(null), &json!({"view": {}}));
    apply(&world, KEY, &body).await;
    let applied = world.database().collection::<Document>("applied_grants");
    let document = applied.find_one(doc! {}).await.unwrap().unwrap();
    // No account is named, so there is nothing to remove when one is deleted.
    assert_eq!(document.keys().collect::<Vec<_>>(), ["_id", "at"]);
    let age = chrono::Utc::now() - document.get_datetime("at").unwrap().to_chrono();
    assert!(age.num_minutes().abs() < 5);
    let indexes = world
        .database()
        .run_command(doc! {"listIndexes": "applied_grants"})
        .await
        .unwrap();
    let indexes = indexes.get_document("cursor").unwrap();
    let expiry = indexes.get_array("firstBatch").unwrap()[1]
        .as_document()
        .unwrap();
    assert_eq!(expiry.get_document("key").unwrap(), &doc! {"at": 1});
    let seconds = expiry.get_i32("expireAfterSeconds").unwrap();
    assert_eq!(seconds, 400 * 24 * 3600);
}
