//! What reaches the database: how many round trips, and no scan of a collection.

use bson::{Document, doc};
use serde_json::{Value, json};
use shared_runtime::testing::{Profile, assert_indexed, send};

use crate::world::World;

const CLINIC: &str = "5f8f8f8f8f8f8f8f8f8f8f8f";
const OTHER_CLINIC: &str = "6a6a6a6a6a6a6a6a6a6a6a6a";

/// Documents and keys that one command may look at: what one account here has, and a few more that
/// the database tries before it has settled on an index.
const ENOUGH: i64 = 20;

#[actix_web::test]
async fn a_pair_check_is_one_round_trip_and_two_for_a_clinician() {
    let world = World::start().await;
    world.grant("alice", "bob", json!({"view": {}})).await;
    world.grant("alice", "doctor", json!({"view": {}})).await;
    for clinic in [CLINIC, OTHER_CLINIC] {
        world.treat(clinic, "alice", json!({"note": {}})).await;
        world.work_for(clinic, "doctor").await;
    }
    world.grant("alice", "carol", json!({"admin": {}})).await;
    for (reader, grantee, round_trips) in [
        (world.service(), "bob", 1),
        (world.user("alice"), "bob", 1),
        (world.user("bob"), "bob", 1),
        (world.service(), "stranger", 1),
        (world.service(), "alice", 0),
        (world.service(), "doctor", 2),
        (world.user("doctor"), "doctor", 2),
        (world.user("carol"), "bob", 1),
        (world.user("carol"), "stranger", 1),
        (world.user("carol"), "doctor", 2),
    ] {
        world.commands.take();
        let answer = reader.get(&format!("/access/alice/{grantee}")).await;
        assert!(matches!(answer.status, 200 | 404));
        let sent = world.commands.take();
        assert_eq!(sent.len(), round_trips, "{grantee}: {sent:?}");
    }
}

#[actix_web::test]
async fn the_other_operations_cost_what_they_should() {
    let world = World::start().await;
    world.grant("alice", "bob", json!({"view": {}})).await;
    let service = world.service();
    for (path, body, round_trips) in [
        ("/access/alice", None, 1),
        ("/access/groups/bob", None, 1),
        ("/access/alice/bob", Some(json!({"note": {}})), 2),
        ("/access/alice/carol", Some(json!({"note": {}})), 2),
        // Who runs an account changes under its lock, once user-api knows.
        ("/access/alice/carol", Some(json!({"admin": {}})), 11),
        ("/access/alice/carol", Some(json!({"custodian": {}})), 2),
        ("/access/alice/bob", Some(json!({})), 2),
    ] {
        world.commands.take();
        let answer = match &body {
            None => service.get(path).await,
            Some(body) => service.post(path, body).await,
        };
        assert_eq!(answer.status, 200);
        let sent = world.commands.take();
        assert_eq!(sent.len(), round_trips, "{path} {body:?}: {sent:?}");
    }
}

#[actix_web::test]
async fn no_operation_scans_a_collection() {
    let world = World::start().await;
    world.user_api.has_unreachable("child");
    for adult in ["bob", "carol"] {
        world.user_api.has(adult);
    }
    fill(&world).await;
    let profile = Profile::start(world.database()).await;
    play_every_operation(&world).await;
    let shapes = assert_indexed(&profile.end().await, ENOUGH);
    // As many as the store has queries, so that the test cannot pass by seeing none.
    assert!(shapes.len() >= 20, "{shapes:#?}");
}

/// Enough documents that an index is worth using.
async fn fill(world: &World) {
    let perms = world.database().collection::<Document>("perms");
    let documents = (0..500).map(|i| doc! {"sharerId": format!("s{}", i / 5), "userId": format!("u{i}"), "permissions": {"view": {}}});
    perms.insert_many(documents).await.unwrap();
    for name in ["patient_permissions", "clinician_permissions"] {
        let documents = (0..500).map(|i| doc! {"userId": format!("u{i}"), "clinicId": bson::oid::ObjectId::new(), "permissions": {"view": {}}});
        world
            .database()
            .collection::<Document>(name)
            .insert_many(documents)
            .await
            .unwrap();
    }
}

async fn play_every_operation(world: &World) {
    let (service, bob) = (world.service(), world.user("bob"));
    world.treat(CLINIC, "child", json!({"view": {}})).await;
    world.work_for(CLINIC, "doctor").await;
    for (grantee, set) in [
        ("bob", json!({"admin": {}})),
        ("carol", json!({"admin": {}})),
        ("dave", json!({"view": {}, "note": {}})),
    ] {
        world.grant("child", grantee, set).await;
    }
    let offer = json!({
        "sharerId": "child", "granteeId": "erin", "grantedBy": "bob", "permissions": {"view": {}},
    });
    for _ in 0..2 {
        let answer = service.put("/internal/grants/a-key", &offer).await;
        assert_eq!(answer.status, 200);
    }
    for path in [
        "/access/child",
        "/access/groups/bob",
        "/access/child/doctor",
        "/internal/users/bob/administered",
        "/internal/users/bob/grantees",
    ] {
        assert_eq!(service.get(path).await.status, 200);
    }
    let lock = "/internal/users/child/lock";
    assert_eq!(service.put(lock, &Value::Null).await.status, 200);
    assert_eq!(
        world
            .user("dave")
            .post("/access/child/dave", &json!({"view": {}}))
            .await
            .status,
        200
    );
    let conditional = bob
        .request(reqwest::Method::POST, "/access/child/dave")
        .header("if-match", "*")
        .json(&json!({"note": {}}));
    assert_eq!(send(conditional).await.status, 200);
    assert_eq!(bob.post("/access/child/dave", &json!({})).await.status, 200);
    assert_eq!(
        bob.post("/access/child/bob", &json!({"view": {}}))
            .await
            .status,
        200
    );
    assert_eq!(
        world
            .user("carol")
            .post("/access/child/carol", &Value::Null)
            .await
            .status,
        403
    );
    world
        .treat(OTHER_CLINIC, "child", json!({"custodian": {}}))
        .await;
    assert_eq!(
        world
            .user("carol")
            .post("/access/child/carol", &Value::Null)
            .await
            .status,
        200
    );
    for path in [
        format!("/internal/clinics/{CLINIC}/patients/child?revision=2"),
        format!("/internal/clinics/{CLINIC}/clinicians/doctor?revision=2"),
        "/internal/users/child/custodians".to_owned(),
        "/internal/users/bob".to_owned(),
    ] {
        assert_eq!(service.delete(&path).await.status, 204);
    }
}
