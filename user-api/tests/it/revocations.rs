//! What ends sessions at the very moment in which one is opened. The change is that of another
//! process, which dies as soon as it has committed: nobody looks again afterwards.

use std::{pin::pin, time::Duration};

use bson::{Document, doc};
use mongodb::{
    ClientSession,
    options::{Acknowledgment, ReadConcern, WriteConcern},
};
use serde_json::json;
use shared_runtime::{auth::TOKEN_HEADER, testing::Answer};

use crate::world::{PASSWORD, World, assert_refused};

const NEW_PASSWORD: &str = "battery-staple";

/// How long a response that must not come is waited for.
const WAIT: Duration = Duration::from_millis(300);

/// The transaction of another process, which has done its work and not committed it.
async fn changed(world: &World, update: Option<Document>, user: &str) -> ClientSession {
    let mut session = world
        .database
        .database
        .client()
        .start_session()
        .await
        .unwrap();
    session
        .start_transaction()
        .read_concern(ReadConcern::majority())
        .write_concern(WriteConcern::builder().w(Acknowledgment::Majority).build())
        .await
        .unwrap();
    let account = doc! { "userid": user };
    let users = world.users();
    match update {
        Some(update) => drop(
            users
                .update_one(account, update)
                .session(&mut session)
                .await
                .unwrap(),
        ),
        None => drop(
            users
                .delete_one(account)
                .session(&mut session)
                .await
                .unwrap(),
        ),
    }
    let tokens = world.tokens();
    let of_user = doc! { "userId": user };
    tokens
        .delete_many(of_user)
        .session(&mut session)
        .await
        .unwrap();
    session
}

/// The response to `request`, which does not come before `other` commits.
async fn answer_after(mut other: ClientSession, request: impl Future<Output = Answer>) -> Answer {
    let mut request = pin!(request);
    let early = tokio::time::timeout(WAIT, &mut request).await;
    assert!(
        early.is_err(),
        "answered while the outcome was open: {early:?}"
    );
    other.commit_transaction().await.unwrap();
    request.await
}

/// The stored hash of another password.
async fn other_hash(world: &World) -> String {
    let bob = world.user("bob").await;
    let updates = json!({ "updates": { "password": NEW_PASSWORD } });
    assert_eq!(bob.person.put("/user", &updates).await.status, 200);
    let stored = world.document(&bob.id).await.unwrap();
    stored.get_str("pwhash").unwrap().to_owned()
}

#[actix_web::test]
async fn a_log_in_with_the_old_password_waits_for_a_change_and_is_refused() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    world.verify(&alice).await;
    let update = doc! { "$set": { "pwhash": other_hash(&world).await } };
    let change = changed(&world, Some(update), &alice.id).await;
    let answer = answer_after(change, world.log_in(&alice.email, PASSWORD)).await;
    assert_refused(&answer, 401, "No user matched the given details");
    assert_eq!(alice.person.get("/user").await.status, 401);
    assert_eq!(sessions(&world, &alice.id).await, 0);
    // The new password opens sessions that nothing closes afterwards.
    let answer = world.log_in(&alice.email, NEW_PASSWORD).await;
    let person = world.app.bearer(answer.header(TOKEN_HEADER).unwrap());
    assert_eq!(person.get("/user").await.status, 200);
}

#[actix_web::test]
async fn a_log_in_is_refused_when_the_account_is_deleted_meanwhile() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    world.verify(&alice).await;
    let deletion = changed(&world, None, &alice.id).await;
    let answer = answer_after(deletion, world.log_in(&alice.email, PASSWORD)).await;
    assert_refused(&answer, 401, "No user matched the given details");
    assert_eq!(sessions(&world, &alice.id).await, 0);
}

#[actix_web::test]
async fn a_session_is_not_renewed_when_it_ends_meanwhile() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let update = doc! { "$set": { "pwhash": other_hash(&world).await } };
    let change = changed(&world, Some(update), &alice.id).await;
    let answer = answer_after(change, alice.person.get("/login")).await;
    assert_refused(&answer, 401, "No x-tidepool-session-token was found");
    assert_eq!(sessions(&world, &alice.id).await, 0);
}

#[actix_web::test]
async fn a_log_in_succeeds_although_another_one_replaces_the_legacy_hash() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    world.verify(&alice).await;
    let stored = world.document(&alice.id).await.unwrap();
    // The same password under another salt.
    let bob = world.user("bob").await;
    let hash = world.document(&bob.id).await.unwrap();
    let hash = hash.get_str("pwhash").unwrap();
    assert_ne!(stored.get_str("pwhash").unwrap(), hash);
    let update = doc! { "$set": { "pwhash": hash } };
    let upgrade = changed(&world, Some(update), &alice.id).await;
    let answer = answer_after(upgrade, world.log_in(&alice.email, PASSWORD)).await;
    assert_eq!(answer.status, 200);
    assert_eq!(sessions(&world, &alice.id).await, 1);
}

async fn sessions(world: &World, user: &str) -> u64 {
    let of_user = doc! { "userId": user };
    world.tokens().count_documents(of_user).await.unwrap()
}
