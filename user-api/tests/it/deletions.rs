//! The deletion of accounts, and what follows from it.

use bson::doc;
use futures_util::future::join;
use reqwest::Method;
use serde_json::{Value, json};
use shared_runtime::testing::{Answer, Person, send};
use stand_ins::gatekeeper::Ask;

use crate::world::{PASSWORD, User, World, assert_empty, assert_refused, eventually};

async fn delete(person: &Person, id: &str, body: &Value) -> Answer {
    let request = person
        .request(Method::DELETE, &format!("/user/{id}"))
        .body(body.to_string());
    send(request).await
}

pub(crate) async fn delete_own(user: &User) -> Answer {
    delete(&user.person, &user.id, &json!({ "password": PASSWORD })).await
}

#[actix_web::test]
async fn the_owner_confirms_with_the_password() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    for body in [
        json!(""),
        json!({}),
        json!({ "password": "" }),
        json!({ "password": "wrong-password" }),
        json!({ "password": { "$ne": "" } }),
    ] {
        let answer = delete(&alice.person, &alice.id, &body).await;
        assert_refused(&answer, 403, "Missing id and/or password");
    }
    let answer = alice
        .person
        .delete(&format!("/v1/users/{}", alice.id))
        .await;
    assert_refused(&answer, 403, "Missing id and/or password");
    assert_eq!(alice.person.get("/user").await.status, 200);
    assert_empty(&delete_own(&alice).await, 204);
}

#[actix_web::test]
async fn a_deletion_ends_everything_at_once_and_reaches_gatekeeper() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    world.verify(&alice).await;
    let profile = json!({ "fullName": "Alice Lee" });
    let path = format!("/metadata/{}/profile", alice.id);
    assert_eq!(alice.person.put(&path, &profile).await.status, 200);
    world
        .gatekeeper
        .grant(&alice.id, "bob", json!({ "view": {} }));
    world.gatekeeper.fail_each(&Ask::REMOVALS, 500);
    assert_empty(&delete_own(&alice).await, 204);

    assert_eq!(alice.person.get("/user").await.status, 401);
    assert_eq!(world.log_in(&alice.email, PASSWORD).await.status, 401);
    let service = world.service().await;
    assert_eq!(
        service.get(&format!("/user/{}", alice.id)).await.status,
        404
    );
    assert_eq!(service.get(&path).await.status, 404);
    assert_eq!(
        world
            .tokens()
            .count_documents(doc! { "userId": &alice.id })
            .await
            .unwrap(),
        0
    );

    let notice = doc! { "topic": "users.deleted" };
    let row = world
        .outbox()
        .find_one(notice.clone())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        row.get_str("key").unwrap(),
        format!("gatekeeper:{}", alice.id)
    );
    assert_eq!(
        bson::deserialize_from_document::<Value>(row.get_document("payload").unwrap().clone())
            .unwrap(),
        json!({ "receiver": "gatekeeper", "userid": alice.id })
    );
    assert!(!world.gatekeeper.has_forgotten(&alice.id));
    world.gatekeeper.mend_all();
    eventually("the notice", async || {
        world.gatekeeper.has_forgotten(&alice.id)
    })
    .await;
    assert_eq!(world.gatekeeper.permissions(&alice.id, "bob"), None);
    eventually("the end of the row", async || {
        world
            .outbox()
            .count_documents(notice.clone())
            .await
            .unwrap()
            == 0
    })
    .await;
    // The name is free again.
    world.user("alice").await;
}

#[actix_web::test]
async fn services_and_who_runs_the_account_need_no_password() {
    let world = World::start().await;
    let bob = world.user("bob").await;
    let service = world.service().await;
    let alice = world.user("alice").await;
    for names in [json!({ "view": {}, "edit": {} }), json!({})] {
        world.gatekeeper.grant(&alice.id, &bob.id, names);
        assert_empty(
            &bob.person.delete(&format!("/user/{}", alice.id)).await,
            401,
        );
    }
    for (index, names) in [json!({ "admin": {} }), json!({ "custodian": {} })]
        .into_iter()
        .enumerate()
    {
        let user = world.user(&format!("user{index}")).await;
        world.gatekeeper.grant(&user.id, &bob.id, names);
        assert_empty(
            &bob.person.delete(&format!("/auth/user/{}", user.id)).await,
            204,
        );
        assert_eq!(world.document(&user.id).await, None);
    }
    let path = format!("/user/{}", alice.id);
    assert_empty(&service.delete(&path).await, 204);
    assert_empty(&service.delete(&path).await, 204);
    assert_empty(&bob.person.delete(&path).await, 401);
    for person in [world.anonymous(), world.app.bearer("x"), alice.person] {
        assert_empty(&person.delete(&path).await, 401);
    }
    world.gatekeeper.fail_each(&Ask::READS, 500);
    assert_empty(&bob.person.delete(&path).await, 500);
}

#[actix_web::test]
async fn ids_that_name_nothing_delete_nothing() {
    let world = World::start().await;
    world.user("alice").await;
    let service = world.service().await;
    for id in [
        "null",
        "*",
        ".*",
        "undefined",
        "%00",
        "%7B%22$ne%22:null%7D",
    ] {
        assert_empty(&service.delete(&format!("/user/{id}")).await, 204);
    }
    assert_eq!(service.delete("/user/").await.status, 404);
    assert_eq!(service.delete("/user").await.status, 405);
    assert_eq!(world.users().count_documents(doc! {}).await.unwrap(), 1);
    assert_eq!(world.outbox().count_documents(doc! {}).await.unwrap(), 0);
}

#[actix_web::test]
async fn accounts_of_clinics_and_their_staff_are_kept() {
    let world = World::start().await;
    let service = world.service().await;
    for role in ["clinic", "clinician"] {
        let user = world.user_with_roles(role, &["patient", role]).await;
        assert_empty(&delete_own(&user).await, 401);
        assert_empty(&service.delete(&format!("/user/{}", user.id)).await, 401);
    }
}

#[actix_web::test]
async fn a_log_in_during_the_deletion_opens_no_session() {
    let world = World::start().await;
    for round in 0..10 {
        let alice = world.user(&format!("alice{round}")).await;
        world.verify(&alice).await;
        let (deleted, logged_in) =
            join(delete_own(&alice), world.log_in(&alice.email, PASSWORD)).await;
        assert_eq!(deleted.status, 204);
        if let Some(token) = logged_in.header("x-tidepool-session-token") {
            assert_eq!(world.app.bearer(token).get("/user").await.status, 401);
        }
        assert_eq!(
            world
                .tokens()
                .count_documents(doc! { "userId": &alice.id })
                .await
                .unwrap(),
            0
        );
    }
}

#[actix_web::test]
async fn sessions_that_outlive_their_account_are_swept() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    assert_empty(&delete_own(&alice).await, 204);
    let stray = doc! { "_id": "stray", "isServer": false, "userId": &alice.id };
    world.tokens().insert_one(stray).await.unwrap();
    let due = doc! { "$set": { "nextAttemptAt": bson::DateTime::now() } };
    let sweep = doc! { "topic": "users.sweep" };
    assert_eq!(
        world
            .outbox()
            .update_one(sweep, due)
            .await
            .unwrap()
            .matched_count,
        1
    );
    eventually("the sweep", async || {
        world
            .tokens()
            .count_documents(doc! { "userId": &alice.id })
            .await
            .unwrap()
            == 0
    })
    .await;
}
