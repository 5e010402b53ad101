//! The last-admin rule.

use serde_json::{Value, json};
use shared_runtime::testing::Answer;

use crate::world::{World, assert_answer, assert_empty};

const CLINIC: &str = "5f8f8f8f8f8f8f8f8f8f8f8f";

#[track_caller]
fn assert_last_admin(answer: &Answer) {
    let reason =
        "Cannot remove the last admin of an account that has no login or recovery capability";
    assert_answer(answer, 403, &json!({"code": 403, "reason": reason}));
}

/// A child whose only admin is Bob, with Carol as a member.
async fn family() -> World {
    let world = World::start().await;
    world.user_api.has_child("child");
    for adult in ["bob", "carol"] {
        world.user_api.has_adult(adult);
    }
    world
        .grant("child", "bob", json!({"admin": {}, "view": {}}))
        .await;
    world.grant("child", "carol", json!({"view": {}})).await;
    world
}

#[actix_web::test]
async fn the_last_admin_of_a_child_stays_whoever_asks() {
    let world = family().await;
    let before = world.everything().await;
    for caller in [world.user("bob"), world.service(), world.user("child")] {
        for body in [
            json!({}),
            Value::Null,
            json!({"view": {}}),
            json!({"edit": {}, "view": {}}),
        ] {
            assert_last_admin(&caller.post("/access/child/bob", &body).await);
        }
    }
    assert_eq!(world.everything().await, before);
    // One question each, about the child alone: nobody else runs it.
    assert_eq!(world.user_api.questions(), vec!["child"; 12]);
}

#[actix_web::test]
async fn either_vocabulary_makes_an_admin() {
    let world = family().await;
    let bob = world.user("bob");
    for set in [
        json!({"custodian": {}}),
        json!({"admin": {}, "edit": {}}),
        json!({"custodian": {}, "view": {}}),
    ] {
        assert_answer(&bob.post("/access/child/bob", &set).await, 200, &set);
    }
    assert_last_admin(&bob.post("/access/child/bob", &json!({})).await);
    assert_answer(
        &bob.post("/access/child/bob", &json!({"custodian": {}, "view": {}}))
            .await,
        200,
        &json!({"custodian": {}, "view": {}}),
    );
}

#[actix_web::test]
async fn with_a_second_admin_the_first_may_go_and_then_the_second_may_not() {
    let world = family().await;
    let bob = world.user("bob");
    let answer = bob
        .post("/access/child/carol", &json!({"custodian": {}}))
        .await;
    assert_eq!(answer.status, 200);
    assert_answer(
        &bob.post("/access/child/bob", &json!({"view": {}})).await,
        200,
        &json!({"view": {}}),
    );
    assert_last_admin(
        &world
            .user("carol")
            .post("/access/child/carol", &Value::Null)
            .await,
    );
    assert_eq!(world.user_api.questions(), ["child,carol", "child"]);
}

#[actix_web::test]
async fn an_admin_whose_account_is_gone_does_not_count() {
    let world = family().await;
    world.grant("child", "ghost", json!({"admin": {}})).await;
    assert_last_admin(
        &world
            .user("bob")
            .post("/access/child/bob", &json!({}))
            .await,
    );
    // The ghost itself may be removed: Bob stays.
    assert_answer(
        &world
            .user("bob")
            .post("/access/child/ghost", &json!({}))
            .await,
        200,
        &Value::Null,
    );
}

#[actix_web::test]
async fn a_clinic_with_custodian_counts_and_one_without_does_not() {
    let world = family().await;
    world.treat(CLINIC, "child", json!({"view": {}})).await;
    assert_last_admin(
        &world
            .user("bob")
            .post("/access/child/bob", &json!({}))
            .await,
    );
    let path = format!("/internal/clinics/{CLINIC}/patients/child");
    let body = json!({"revision": 2, "permissions": {"custodian": {}, "view": {}}});
    assert_eq!(world.service().put(&path, &body).await.status, 204);
    assert_answer(
        &world
            .user("bob")
            .post("/access/child/bob", &json!({}))
            .await,
        200,
        &Value::Null,
    );
}

#[actix_web::test]
async fn a_clinic_that_left_does_not_count() {
    let world = family().await;
    world.treat(CLINIC, "child", json!({"custodian": {}})).await;
    let path = format!("/internal/clinics/{CLINIC}/patients/child?revision=2");
    assert_eq!(world.service().delete(&path).await.status, 204);
    assert_last_admin(
        &world
            .user("bob")
            .post("/access/child/bob", &json!({}))
            .await,
    );
}

#[actix_web::test]
async fn an_account_with_a_way_in_needs_no_admin() {
    for account in [
        json!({"passwordExists": true}),
        json!({"emails": ["child@example.org"], "passwordExists": false}),
    ] {
        let world = family().await;
        world.user_api.has_account("child", account);
        assert_answer(
            &world
                .user("bob")
                .post("/access/child/bob", &json!({}))
                .await,
            200,
            &Value::Null,
        );
    }
    let world = family().await;
    let invented = "unclaimed-custodial-automation+00000000000000000001@tidepool.org";
    world
        .user_api
        .has_account("child", json!({"emails": [invented]}));
    assert_last_admin(
        &world
            .user("bob")
            .post("/access/child/bob", &json!({}))
            .await,
    );
}

#[actix_web::test]
async fn an_account_that_user_api_does_not_know_is_not_protected() {
    let world = World::start().await;
    world.grant("gone", "bob", json!({"admin": {}})).await;
    assert_answer(
        &world.user("bob").post("/access/gone/bob", &json!({})).await,
        200,
        &Value::Null,
    );
}

#[actix_web::test]
async fn without_user_api_no_admin_goes() {
    let world = family().await;
    let bob = world.user("bob");
    world.user_api.fail_for_accounts();
    let before = world.everything().await;
    assert_empty(&bob.post("/access/child/bob", &json!({})).await, 500);
    assert_eq!(world.everything().await, before);
    // Other changes do not need user-api.
    assert_eq!(
        bob.post("/access/child/carol", &json!({})).await.status,
        200
    );
}

#[actix_web::test]
async fn plain_members_come_and_go_without_a_question() {
    let world = family().await;
    for body in [
        json!({"view": {}, "edit": {}}),
        json!({"view": {}}),
        json!({}),
    ] {
        assert_eq!(
            world
                .user("bob")
                .post("/access/child/carol", &body)
                .await
                .status,
            200
        );
    }
    assert!(world.user_api.questions().is_empty());
}
