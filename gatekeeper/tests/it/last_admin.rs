//! The last-admin rule.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use shared_runtime::testing::Answer;
use stand_ins::user_api::Ask;
use tokio::join;

use crate::world::{World, assert_answer, assert_empty};

const CLINIC: &str = "5f8f8f8f8f8f8f8f8f8f8f8f";

#[track_caller]
fn assert_last_admin(answer: &Answer) {
    let reason =
        "Cannot remove the last admin of an account that has no login or recovery capability";
    assert_answer(answer, 403, &json!({"code": 403, "reason": reason}));
}

fn told(account: &str, version: i64, holders: &[&str]) -> (String, Value) {
    let notice = json!({"version": version, "holders": holders});
    (account.to_owned(), notice)
}

/// A child whose only admin is Bob, with Carol as a member.
async fn family() -> World {
    let world = World::start().await;
    world.user_api.has_unreachable("child");
    for adult in ["bob", "carol"] {
        world.user_api.has(adult);
    }
    world
        .grant("child", "bob", json!({"admin": {}, "view": {}}))
        .await;
    world.grant("child", "carol", json!({"view": {}})).await;
    world.user_api.take_asked(Ask::Holders);
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
    // One question each: nobody else runs it.
    let question = told("child", 1, &["bob"]);
    assert_eq!(world.user_api.take_asked(Ask::Holders), vec![question; 12]);
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
    let both = ["bob", "carol"];
    assert_eq!(
        world.user_api.take_asked(Ask::Holders),
        [
            told("child", 1, &both),
            told("child", 2, &both),
            // Bob has left.
            told("child", 3, &["carol"]),
            told("child", 3, &["carol"]),
        ]
    );
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
        json!({"emails": null}),
        json!({"emails": ["child@example.org"], "passwordExists": false}),
    ] {
        let world = family().await;
        world.user_api.has_with("child", account);
        assert_answer(
            &world
                .user("bob")
                .post("/access/child/bob", &json!({}))
                .await,
            200,
            &Value::Null,
        );
    }
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
    world.user_api.fail(Ask::Holders, 500);
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
    assert!(world.user_api.take_asked(Ask::Holders).is_empty());
}

#[actix_web::test]
async fn user_api_is_told_before_somebody_begins_to_run_an_account() {
    let world = family().await;
    let bob = world.user("bob");
    let offer = json!({"sharerId": "child", "granteeId": "erin", "permissions": {"admin": {}}});
    let service = world.service();
    world.grant("child", "dave", json!({"custodian": {}})).await;
    assert_eq!(
        service.put("/internal/grants/key", &offer).await.status,
        200
    );
    assert_eq!(
        world.user_api.take_asked(Ask::Holders),
        [
            told("child", 1, &["bob", "dave"]),
            told("child", 2, &["bob", "dave", "erin"]),
        ]
    );
    // Not again, where nothing begins.
    let all = json!({"custodian": {}, "view": {}});
    world.grant("child", "dave", all).await;
    assert_eq!(
        service.put("/internal/grants/key", &offer).await.status,
        200
    );
    assert!(world.user_api.take_asked(Ask::Holders).is_empty());

    world.user_api.fail(Ask::Holders, 500);
    let before = world.everything().await;
    let admin = json!({"admin": {}});
    assert_empty(&bob.post("/access/child/carol", &admin).await, 500);
    let offer = json!({"sharerId": "child", "granteeId": "fay", "permissions": {"admin": {}}});
    assert_empty(&service.put("/internal/grants/other", &offer).await, 500);
    assert_eq!(world.everything().await, before);
}

#[actix_web::test]
async fn what_user_api_said_does_not_count_once_the_account_is_locked() {
    let world = family().await;
    let adult = json!({"emails": ["child@example.org"], "passwordExists": false});
    world.user_api.has_with("child", adult);
    world
        .user_api
        .slow(Ask::Holders, Duration::from_millis(500));
    let (bob, service) = (world.user("bob"), world.service());
    let (left, ()) = join!(bob.post("/access/child/bob", &Value::Null), async {
        // user-api has said that the child can be reached, and then its address goes.
        let deadline = Instant::now() + Duration::from_secs(10);
        while world.user_api.take_asked(Ask::Holders).is_empty() {
            assert!(Instant::now() < deadline, "user-api was not told");
            tokio::task::yield_now().await;
        }
        world.user_api.has_unreachable("child");
        let locked = service
            .put("/internal/users/child/lock", &Value::Null)
            .await;
        let who = json!({"version": 2, "holders": ["bob"], "clinicCustodian": false});
        assert_answer(&locked, 200, &who);
    });
    assert_last_admin(&left);
    assert_eq!(
        world.user_api.take_asked(Ask::Holders),
        [told("child", 2, &["bob"])]
    );
}

#[actix_web::test]
async fn a_lock_tells_who_runs_the_account() {
    let world = family().await;
    world.grant("child", "dave", json!({"custodian": {}})).await;
    world.treat(CLINIC, "child", json!({"custodian": {}})).await;
    let service = world.service();
    // A clinic that comes to run the account locks nothing.
    for (account, version, holders, clinic) in [
        ("child", 3, json!(["bob", "dave"]), true),
        ("child", 4, json!(["bob", "dave"]), true),
        ("nobody", 1, json!([]), false),
    ] {
        let path = format!("/internal/users/{account}/lock");
        let who = json!({"version": version, "holders": holders, "clinicCustodian": clinic});
        assert_answer(&service.put(&path, &json!({})).await, 200, &who);
    }
}
