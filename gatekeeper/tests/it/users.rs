//! What user-api asks and tells about accounts.

use std::collections::BTreeMap;

use bson::doc;
use chrono::{TimeDelta, Utc};
use futures_util::future::join_all;
use serde_json::{Value, json};

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
    world.user_api.has_unreachable("child");
    world.user_api.has("bob");
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

/// The path that ends what `user` gave until `after_now` from now.
fn grants_made(user: &str, after_now: TimeDelta) -> String {
    let until = (Utc::now() + after_now).timestamp_millis();
    format!("/internal/users/{user}/grantees?until={until}")
}

#[actix_web::test]
async fn what_an_account_gave_until_a_moment_ends_and_what_it_was_given_stays() {
    let world = World::start().await;
    let service = world.service();
    for (sharer, grantee, set) in [
        ("alice", "bob", json!({"admin": {}, "view": {}})),
        ("alice", "carol", json!({"view": {}})),
        ("bob", "alice", json!({"admin": {}})),
        ("bob", "carol", json!({"view": {}})),
    ] {
        world.grant(sharer, grantee, set).await;
    }
    world.treat(CLINIC, "alice", json!({"note": {}})).await;
    let older = doc! {"_id": "x", "sharerId": "alice", "userId": "x", "permissions": {"view": {}}};
    let perms = world.database().collection::<bson::Document>("perms");
    perms.insert_one(older).await.unwrap();

    // Nothing that was made later.
    let earlier = grants_made("alice", TimeDelta::seconds(-60));
    assert_empty(&service.delete(&earlier).await, 204);
    let members = json!({
        "alice": {"root": {}}, "bob": {"admin": {}, "view": {}}, "carol": {"view": {}},
    });
    assert_answer(&service.get("/access/alice").await, 200, &members);

    for _ in 0..2 {
        let now = grants_made("alice", TimeDelta::zero());
        assert_empty(&service.delete(&now).await, 204);
        let nobody = json!({"alice": {"root": {}}});
        assert_answer(&service.get("/access/alice").await, 200, &nobody);
        assert_eq!(service.get("/access/alice/bob").await.status, 404);
        let groups = json!({"alice": {"root": {}}, "bob": {"admin": {}}});
        assert_answer(&service.get("/access/groups/alice").await, 200, &groups);
        assert_eq!(service.get("/access/bob/carol").await.status, 200);
    }
    world.work_for(CLINIC, "dave").await;
    let by_clinic = service.get("/access/alice/dave").await;
    assert_answer(&by_clinic, 200, &json!({"note": {}}));
}

#[actix_web::test]
async fn a_time_until_which_grants_end_is_one() {
    let world = World::start().await;
    world.grant("alice", "bob", json!({"view": {}})).await;
    let refused = json!({
        "code": "InvalidContent",
        "message": "Invalid until: expected a time in milliseconds since 1970",
    });
    for query in [
        "",
        "?until=",
        "?until=now",
        "?until=1.5",
        "?until=9223372036854775807",
        "?since=1",
    ] {
        let path = format!("/internal/users/alice/grantees{query}");
        assert_answer(&world.service().delete(&path).await, 400, &refused);
    }
    assert_eq!(world.service().get("/access/alice/bob").await.status, 200);
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

/// To whom Alice gave something that they did not accept.
async fn unaccepted(world: &World) -> Value {
    let answer = world.service().get("/internal/users/alice/grantees").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let agreements: BTreeMap<String, bool> = answer.json();
    let refused = agreements.into_iter().filter(|(_, agreed)| !agreed);
    refused.map(|(grantee, _)| json!(grantee)).collect()
}

#[actix_web::test]
async fn what_a_person_gives_away_is_unaccepted_until_the_grantee_agrees() {
    let world = World::start().await;
    let (alice, service) = (world.user("alice"), world.service());
    assert_eq!(unaccepted(&world).await, json!([]));
    world.grant("alice", "admin", json!({"admin": {}})).await;
    let view = json!({"view": {}, "note": {}});
    for (giver, grantee, set) in [
        (&alice, "bob", &view),
        (&alice, "carol", &json!({"admin": {}})),
        (&world.user("admin"), "dave", &json!({"follow": {}})),
        (&service, "ellen", &view),
    ] {
        let path = format!("/access/alice/{grantee}");
        assert_answer(&giver.post(&path, set).await, 200, set);
    }
    // What others share with Alice, and with whom, is another matter.
    let answer = world.user("zoe").post("/access/zoe/alice", &view).await;
    assert_answer(&answer, 200, &view);
    assert_eq!(unaccepted(&world).await, json!(["bob", "carol", "dave"]));

    // A change by the giver says nothing about the grantees.
    for (grantee, set) in [
        ("bob", json!({"note": {}})),
        ("carol", json!({"admin": {}})),
    ] {
        let path = format!("/access/alice/{grantee}");
        assert_answer(&alice.post(&path, &set).await, 200, &set);
    }
    assert_eq!(unaccepted(&world).await, json!(["bob", "carol", "dave"]));

    let offer = json!({"sharerId": "alice", "granteeId": "bob", "permissions": view});
    let answer = service.put("/internal/grants/a-key", &offer).await;
    assert_answer(&answer, 200, &view);
    assert_eq!(unaccepted(&world).await, json!(["carol", "dave"]));
    let part = json!({"view": {}});
    let answer = world.user("bob").post("/access/alice/bob", &part).await;
    assert_answer(&answer, 200, &part);

    // It stays accepted when Alice changes it, and begins anew when it was gone.
    let answer = alice.post("/access/alice/bob", &view).await;
    assert_answer(&answer, 200, &view);
    assert_eq!(unaccepted(&world).await, json!(["carol", "dave"]));
    for set in [json!({}), view.clone()] {
        assert_eq!(alice.post("/access/alice/bob", &set).await.status, 200);
    }
    assert_eq!(unaccepted(&world).await, json!(["bob", "carol", "dave"]));

    // Whoever gives up a part of it has taken note of it, and a service vouches for its own.
    let answer = world.user("bob").post("/access/alice/bob", &part).await;
    assert_answer(&answer, 200, &part);
    let answer = service.post("/access/alice/dave", &view).await;
    assert_answer(&answer, 200, &view);
    assert_eq!(unaccepted(&world).await, json!(["carol"]));
}

#[actix_web::test]
async fn of_many_replacements_at_once_each_new_grant_is_marked() {
    let world = World::start().await;
    let alice = world.user("alice");
    let grantees: Vec<String> = (10..50).map(|number| format!("u{number}")).collect();
    let view = json!({"view": {}});
    let answers = join_all(grantees.iter().map(async |grantee| {
        let path = format!("/access/alice/{grantee}");
        alice.post(&path, &view).await.status
    }))
    .await;
    assert!(answers.iter().all(|status| *status == 200), "{answers:?}");
    assert_eq!(unaccepted(&world).await, json!(grantees));
}

#[actix_web::test]
async fn grants_without_a_mark_are_accepted() {
    let world = World::start().await;
    let perms = world.database().collection::<bson::Document>("perms");
    let older = doc! {"sharerId": "alice", "userId": "bob", "permissions": {"view": {}}};
    perms.insert_one(older).await.unwrap();
    let set = json!({"note": {}});
    let answer = world.user("alice").post("/access/alice/bob", &set).await;
    assert_answer(&answer, 200, &set);
    assert_eq!(unaccepted(&world).await, json!([]));
}
