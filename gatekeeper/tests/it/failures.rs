//! A database that fails: 500 without a body, and nothing told about the inside.

use bson::doc;
use serde_json::json;

use crate::world::{World, assert_empty};

const CLINIC: &str = "5f8f8f8f8f8f8f8f8f8f8f8f";

/// Takes away the indexes that the lists name, so that they fail.
async fn break_lists(world: &World) {
    let perms = world.database().collection::<bson::Document>("perms");
    for index in ["grantee_sharer", "sharer_grantee"] {
        perms.drop_index(index).await.unwrap();
    }
}

/// Makes every look at what `user` may do fail: as a clinician, whose clinics cannot be read.
async fn break_pairs_of(world: &World, user: &str) {
    world.work_for(CLINIC, user).await;
    let name = "clinician_permissions";
    let clinicians = world.database().collection::<bson::Document>(name);
    clinicians.drop().await.unwrap();
    world
        .database()
        .run_command(doc! {
            "create": name,
            "viewOn": "perms",
            "pipeline": [{"$project": {"userId": {"$divide": ["$userId", 0]}}}],
        })
        .await
        .unwrap();
}

#[actix_web::test]
async fn a_failure_in_the_look_up_of_the_caller() {
    let world = World::start().await;
    break_pairs_of(&world, "member").await;
    let member = world.user("member");
    for path in [
        "/access/alice",
        "/access/groups/alice",
        "/access/alice/other",
    ] {
        assert_empty(&member.get(path).await, 500);
    }
    assert_empty(&member.post("/access/alice/other", &json!({})).await, 500);
    assert_empty(&member.post("/access/alice/member", &json!({})).await, 500);
}

#[actix_web::test]
async fn a_failure_in_the_read() {
    let world = World::start().await;
    break_pairs_of(&world, "other").await;
    break_lists(&world).await;
    for path in [
        "/access/alice",
        "/access/groups/alice",
        "/access/alice/other",
    ] {
        assert_empty(&world.user("alice").get(path).await, 500);
    }
}

#[actix_web::test]
async fn a_failure_in_the_write() {
    let world = World::start().await;
    world
        .database()
        .run_command(doc! {"collMod": "perms", "validator": {"permissions": {"$exists": false}}})
        .await
        .unwrap();
    let alice = world.user("alice");
    for set in [json!({"view": {}}), json!({"admin": {}})] {
        assert_empty(&alice.post("/access/alice/bob", &set).await, 500);
    }
    assert!(world.everything().await.is_empty());
}

#[actix_web::test]
async fn a_failure_in_the_read_back() {
    let world = World::start().await;
    break_pairs_of(&world, "bob").await;
    assert_empty(
        &world
            .user("alice")
            .post("/access/alice/bob", &json!({"view": {}}))
            .await,
        500,
    );
}
