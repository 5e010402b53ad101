//! What confirm is told of deleted accounts.

use bson::{DateTime, Document, Timestamp, doc};
use serde_json::{Value, json};
use shared_runtime::config::PeerSettings;
use stand_ins::{Confirm, confirm::Ask};

use crate::world::{User, World, assert_empty, eventually};

/// A world that has this confirm.
async fn world_with(confirm: &Confirm) -> World {
    let url = confirm.url();
    World::start_with(|config| config.confirm = Some(PeerSettings { url })).await
}

/// How many deletions confirm has heard of.
fn heard(confirm: &Confirm) -> usize {
    confirm.forgotten().len()
}

async fn delete(world: &World, user: &User) {
    let path = format!("/user/{}", user.id);
    assert_empty(&world.service().await.delete(&path).await, 204);
}

async fn rows(world: &World, filter: Document) -> u64 {
    world.outbox().count_documents(filter).await.unwrap()
}

#[actix_web::test]
async fn confirm_is_told_of_a_deletion_until_it_has_heard() {
    let confirm = Confirm::start();
    let world = world_with(&confirm).await;
    let alice = world.user("alice").await;
    confirm.fail(Ask::Forget, 500);
    delete(&world, &alice).await;

    let notice = doc! { "payload.receiver": "confirm" };
    let row = world
        .outbox()
        .find_one(notice.clone())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(row.get_str("key").unwrap(), format!("confirm:{}", alice.id));
    // No name and no address, for which nobody has a use.
    let payload = row.get_document("payload").unwrap().clone();
    assert_eq!(
        bson::deserialize_from_document::<Value>(payload).unwrap(),
        json!({ "receiver": "confirm", "userid": alice.id })
    );
    // Nor does gatekeeper wait for confirm.
    eventually("the notice to gatekeeper", async || {
        world.gatekeeper.has_forgotten(&alice.id)
    })
    .await;
    assert_eq!(rows(&world, notice.clone()).await, 1);

    confirm.mend(Ask::Forget);
    eventually("the end of the row", async || {
        rows(&world, notice.clone()).await == 0
    })
    .await;
    assert_eq!(heard(&confirm), 1);
}

/// Has the sweep begin at once.
async fn begin_sweep(world: &World) {
    let due = doc! { "$set": { "nextAttemptAt": bson::DateTime::now() } };
    let sweep = doc! { "topic": "users.sweep" };
    let updated = world.outbox().update_one(sweep, due).await.unwrap();
    assert_eq!(updated.matched_count, 1);
}

#[actix_web::test]
async fn the_sweep_asks_gatekeeper_when_confirm_has_heard() {
    let confirm = Confirm::start();
    let world = world_with(&confirm).await;
    let alice = world.user("alice").await;
    delete(&world, &alice).await;
    eventually("the notices", async || {
        rows(&world, doc! { "topic": { "$ne": "users.sweep" } }).await == 0
    })
    .await;
    // Until it has heard, confirm may finish an acceptance that was begun before.
    let granted = json!({ "view": {} });
    world.gatekeeper.grant(&alice.id, "bob", granted.clone());
    confirm.fail(Ask::Forget, 500);
    begin_sweep(&world).await;
    eventually("a sweep that fails", async || {
        rows(&world, doc! { "attempts": { "$gt": 0 } }).await == 1
    })
    .await;
    assert_eq!(
        world.gatekeeper.permissions(&alice.id, "bob"),
        Some(granted)
    );
    confirm.mend(Ask::Forget);
    begin_sweep(&world).await;
    eventually("the end of all rows", async || {
        rows(&world, doc! {}).await == 0
    })
    .await;
    assert_eq!(world.gatekeeper.permissions(&alice.id, "bob"), None);
}

#[actix_web::test]
async fn the_sweep_tells_confirm_again() {
    let confirm = Confirm::start();
    let world = world_with(&confirm).await;
    let alice = world.user("alice").await;
    delete(&world, &alice).await;
    eventually("the first notice", async || heard(&confirm) == 1).await;
    begin_sweep(&world).await;
    eventually("the second notice", async || heard(&confirm) == 2).await;
    eventually("the end of all rows", async || {
        rows(&world, doc! {}).await == 0
    })
    .await;
}

#[actix_web::test]
async fn where_there_is_no_confirm_nobody_is_told() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    delete(&world, &alice).await;
    eventually("the notice to gatekeeper", async || {
        world.gatekeeper.has_forgotten(&alice.id)
    })
    .await;
    let notice = doc! { "payload.receiver": "confirm" };
    assert_eq!(rows(&world, notice).await, 0);
}

#[actix_web::test]
async fn the_rows_of_an_earlier_release_are_delivered() {
    let confirm = Confirm::start();
    let world = world_with(&confirm).await;
    let alice = world.user("alice").await;
    let id = alice.id.as_str();
    let to_gatekeeper = doc! { "userid": id, "username": &alice.email, "fullName": "Alice Lee" };
    for (receiver, payload) in [
        ("gatekeeper", to_gatekeeper),
        ("confirm", doc! { "userid": id }),
    ] {
        let row = doc! {
            "key": format!("{receiver}:{id}"), "topic": format!("users.delete.{receiver}"),
            "payload": payload, "sequence": Timestamp { time: 0, increment: 0 },
            "state": "pending", "attempts": 0, "nextAttemptAt": DateTime::now(),
            "enqueuedAt": DateTime::now(),
        };
        world.outbox().insert_one(row).await.unwrap();
    }
    eventually("the end of all rows", async || {
        rows(&world, doc! {}).await == 0
    })
    .await;
    assert_eq!(heard(&confirm), 1);
    assert!(world.gatekeeper.has_forgotten(&alice.id));
}
