//! What user-api asks and tells about accounts.

use serde_json::json;

use crate::world::{World, assert_answer, assert_empty};

const CLINIC: &str = "5f8f8f8f8f8f8f8f8f8f8f8f";

#[actix_web::test]
async fn a_deleted_account_is_nowhere_any_more() {
    let world = World::start().await;
    let service = world.service();
    world.grant("bob", "alice", json!({"view": {}})).await;
    world.grant("alice", "bob", json!({"admin": {}})).await;
    world.grant("alice", "carol", json!({"view": {}})).await;
    world.work_for(CLINIC, "bob").await;
    world.work_for(CLINIC, "carol").await;
    world.treat(CLINIC, "bob", json!({"view": {}})).await;
    world.treat(CLINIC, "alice", json!({"view": {}})).await;
    for _ in 0..2 {
        let answer = service.delete("/internal/users/bob").await;
        assert_eq!((answer.status, answer.text()), (204, ""));
        let members = json!({"alice": {"root": {}}, "carol": {"view": {}}});
        assert_answer(&service.get("/access/alice").await, 200, &members);
        for path in ["/access/bob", "/access/groups/bob"] {
            assert_answer(&service.get(path).await, 200, &json!({"bob": {"root": {}}}));
        }
        assert_eq!(service.get("/access/alice/bob").await.status, 404);
        assert_eq!(service.get("/access/bob/carol").await.status, 404);
        assert_eq!(service.get("/access/alice/carol").await.status, 200);
    }
    let mentions_bob = |document: &bson::Document| document.to_string().contains("bob");
    assert!(!world.everything().await.iter().any(mentions_bob));
}

#[actix_web::test]
async fn the_last_admin_rule_does_not_stop_a_deletion() {
    let world = World::start().await;
    world.user_api.has_child("child");
    world.user_api.has_adult("bob");
    world.grant("child", "bob", json!({"admin": {}})).await;
    assert_eq!(
        world.service().delete("/internal/users/bob").await.status,
        204
    );
    assert_answer(
        &world.service().get("/access/child").await,
        200,
        &json!({"child": {"root": {}}}),
    );
}

#[actix_web::test]
async fn a_claimed_account_has_no_custodian_any_more() {
    let world = World::start().await;
    let service = world.service();
    for (sharer, grantee, set) in [
        ("kid", "alice", json!({"custodian": {}, "view": {"a": 1}})),
        ("kid", "bob", json!({"custodian": {}})),
        ("kid", "carol", json!({"admin": {}, "note": {}})),
        ("other", "alice", json!({"custodian": {}})),
        ("alice", "kid", json!({"custodian": {}})),
    ] {
        world.grant(sharer, grantee, set).await;
    }
    for _ in 0..2 {
        let answer = service.delete("/internal/users/kid/custodians").await;
        assert_empty(&answer, 204);
        let members = json!({
            "kid": {"root": {}}, "alice": {"view": {"a": 1}}, "carol": {"admin": {}, "note": {}},
        });
        assert_answer(&service.get("/access/kid").await, 200, &members);
        assert_eq!(service.get("/access/kid/bob").await.status, 404);
        let custodian = json!({"custodian": {}});
        for path in ["/access/other/alice", "/access/alice/kid"] {
            assert_answer(&service.get(path).await, 200, &custodian);
        }
    }
    // Of the pair that held nothing else, no empty set is left.
    assert_eq!(world.everything().await.len(), 4);
}

#[actix_web::test]
async fn user_api_learns_which_accounts_somebody_runs() {
    let world = World::start().await;
    let path = "/internal/users/bob/administered";
    assert_answer(&world.service().get(path).await, 200, &json!([]));
    world.grant("a", "bob", json!({"admin": {}})).await;
    world
        .grant("b", "bob", json!({"custodian": {}, "view": {}}))
        .await;
    world.grant("b", "dave", json!({"admin": {}})).await;
    world.grant("b", "carol", json!({"custodian": {}})).await;
    world.grant("b", "ellen", json!({"view": {}})).await;
    world
        .grant("c", "bob", json!({"view": {}, "edit": {}}))
        .await;
    world.grant("d", "carol", json!({"admin": {}})).await;
    world.treat(CLINIC, "a", json!({"custodian": {}})).await;
    world.treat(CLINIC, "b", json!({"view": {}})).await;
    world.work_for(CLINIC, "bob").await;
    let expected = json!([
        {"userid": "a", "otherAdmins": [], "clinicCustodian": true},
        {"userid": "b", "otherAdmins": ["carol", "dave"], "clinicCustodian": false},
    ]);
    assert_answer(&world.service().get(path).await, 200, &expected);
}

#[actix_web::test]
async fn many_accounts_cost_no_more_questions() {
    let world = World::start().await;
    for count in [1, 30] {
        for i in 0..count {
            world
                .grant(&format!("child{i}"), "bob", json!({"admin": {}}))
                .await;
        }
        world.service().get("/status").await;
        world.commands.take();
        let answer = world
            .service()
            .get("/internal/users/bob/administered")
            .await;
        assert_eq!(answer.json::<Vec<serde_json::Value>>().len(), count);
        assert_eq!(world.commands.take().len(), 3);
    }
}
