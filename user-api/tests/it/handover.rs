//! An account that somebody made with another's address, once its owner has it.

use bson::doc;
use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use shared_runtime::{config::PeerSettings, testing::Answer};
use stand_ins::{Confirm, confirm, gatekeeper::Ask};

use crate::world::{PASSWORD, World, eventually};

const VICTIM: &str = "victim@example.org";
const NEW_PASSWORD: &str = "battery-staple";

async fn world_with(confirm: &Confirm) -> World {
    let url = confirm.url();
    World::start_with(|config| config.confirm = Some(PeerSettings { url })).await
}

/// Makes a service's change; `body` has `updates` and what stands beside it.
async fn update(world: &World, id: &str, body: &Value) -> Answer {
    let answer = world
        .service()
        .await
        .put(&format!("/user/{id}"), body)
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer
}

/// What confirm has changed when the mail to `email` was read.
fn reset(email: &str) -> Value {
    json!({
        "updates": { "password": NEW_PASSWORD, "emailVerified": true },
        "onlyIf": { "email": email }, "idempotencyKey": "a key",
    })
}

/// Lets `account` share with bob, and carol with `account`.
fn share(world: &World, account: &str) {
    let admin = json!({ "admin": {}, "view": {} });
    world.gatekeeper.grant(account, "bob", admin);
    world
        .gatekeeper
        .grant("carol", account, json!({ "view": {} }));
}

fn bob_has(world: &World, account: &str) -> bool {
    world.gatekeeper.permissions(account, "bob").is_some()
}

/// Makes the row that is there due.
async fn hurry(world: &World) {
    let due = doc! { "$set": { "nextAttemptAt": bson::DateTime::now() } };
    let row = doc! { "topic": "users.handed-over" };
    let updated = world.outbox().update_one(row, due).await.unwrap();
    assert_eq!(updated.matched_count, 1);
}

async fn rows(world: &World) -> u64 {
    world.outbox().count_documents(doc! {}).await.unwrap()
}

#[actix_web::test]
async fn what_the_maker_gave_away_ends_with_the_first_proof() {
    let confirm = Confirm::start();
    let world = world_with(&confirm).await;
    let maker = world.user("victim").await;
    let profile = json!({ "fullName": "Victim" });
    let path = format!("/metadata/{}/profile", maker.id);
    assert_eq!(maker.person.put(&path, &profile).await.status, 200);
    share(&world, &maker.id);
    let before = Utc::now().timestamp_millis();

    update(&world, &maker.id, &reset(VICTIM)).await;
    assert!(!bob_has(&world, &maker.id));
    let given = world.gatekeeper.permissions("carol", &maker.id);
    assert_eq!(given, Some(json!({ "view": {} })));
    let service = world.service().await;
    assert_eq!(service.get(&path).await.json::<Value>(), profile);
    // What is made from then on is the new owner's, but for a moment.
    let until = confirm.cancellations(&maker.id);
    let moment = before..before + 60_000;
    assert!(until.len() == 1 && moment.contains(&until[0]), "{until:?}");

    // What was written at that moment ends a little later.
    share(&world, &maker.id);
    let moment = DateTime::from_timestamp_millis(until[0]).unwrap();
    world.gatekeeper.date_grants(&maker.id, moment);
    hurry(&world).await;
    eventually("the row is gone", async || rows(&world).await == 0).await;
    assert!(!bob_has(&world, &maker.id));
    assert_eq!(confirm.cancellations(&maker.id), [until[0]; 2]);

    // A repeat does nothing, nor does the next password that is forgotten.
    share(&world, &maker.id);
    update(&world, &maker.id, &reset(VICTIM)).await;
    let mut again = reset(VICTIM);
    again["idempotencyKey"] = json!("another key");
    again["updates"]["password"] = json!("another-password");
    update(&world, &maker.id, &again).await;
    assert!(bob_has(&world, &maker.id));
    let handed_over = doc! { "topic": "users.handed-over" };
    let rows = world.outbox().count_documents(handed_over).await;
    assert_eq!(rows.unwrap(), 0);
}

#[actix_web::test]
async fn no_other_address_or_session_of_the_maker_is_left() {
    let world = World::start().await;
    let body = json!({
        "username": "maker@example.org", "emails": ["maker@example.org"], "password": PASSWORD,
    });
    let made = world.anonymous().post("/user", &body).await;
    let token = made.header("x-tidepool-session-token").unwrap();
    let maker = world.app.bearer(token);
    let id = made.json::<Value>()["userid"].as_str().unwrap().to_owned();
    // The maker had a key mailed to an address before it came second.
    let emails = json!({ "updates": { "emails": [VICTIM, "maker@example.org"] } });
    assert_eq!(maker.put("/user", &emails).await.status, 200);
    share(&world, &id);
    update(&world, &id, &reset("Victim@Example.org")).await;
    assert!(!bob_has(&world, &id));
    let service = world.service().await;
    let record: Value = service.get(&format!("/user/{id}")).await.json();
    assert_eq!(record["emails"], json!([VICTIM]));
    assert_eq!(record["username"], json!(VICTIM));
    assert_eq!(record["emailVerified"], json!(true));
    assert_eq!(maker.get("/user").await.status, 401);
    let key = json!({
        "updates": { "emailVerified": true }, "onlyIf": { "email": "maker@example.org" },
    });
    let proven = service.put(&format!("/user/{id}"), &key).await;
    assert_eq!(proven.status, 409, "{}", proven.text());
    for (name, password, status) in [
        ("maker@example.org", PASSWORD, 401),
        ("maker@example.org", NEW_PASSWORD, 401),
        (VICTIM, PASSWORD, 401),
        (VICTIM, NEW_PASSWORD, 200),
    ] {
        let answer = world.log_in(name, password).await;
        assert_eq!(answer.status, status, "{name} {password}");
    }
}

#[actix_web::test]
async fn who_made_a_child_account_with_a_password_is_its_maker() {
    let world = World::start().await;
    let parent = world.user("parent").await;
    let body = json!({
        "fullName": "Kid", "username": "kid", "emails": [VICTIM], "password": PASSWORD,
    });
    let path = format!("/user/createChild/{}", parent.id);
    let made = parent.person.post(&path, &body).await;
    assert_eq!(made.status, 201, "{}", made.text());
    let id = made.json::<Value>()["userid"].as_str().unwrap().to_owned();
    assert!(world.gatekeeper.permissions(&id, &parent.id).is_some());
    update(&world, &id, &reset(VICTIM)).await;
    assert_eq!(world.gatekeeper.permissions(&id, &parent.id), None);
    // A name that is no address belongs to nobody else.
    assert_eq!(world.log_in("kid", NEW_PASSWORD).await.status, 200);
}

#[actix_web::test]
async fn an_account_that_keeps_its_owner_keeps_what_that_one_gave() {
    let world = World::start().await;
    let verified = json!({ "updates": { "emailVerified": true } });
    let password = json!({ "updates": { "password": NEW_PASSWORD } });
    let claim = json!({
        "updates": { "password": NEW_PASSWORD, "emailVerified": true },
        "onlyIf": { "email": "kid@example.org", "passwordExists": false },
    });
    let alice = world.user("alice").await;
    let bert = world.user("bert").await;
    let path = format!("/auth/user/{}/user", alice.id);
    let kid = json!({ "username": "kid@example.org" });
    let kid: Value = alice.person.post(&path, &kid).await.json();
    let kid = kid["userid"].as_str().unwrap();
    for (id, changes) in [
        (&*alice.id, [&verified, &reset(&alice.email)]),
        (&*bert.id, [&password, &verified]),
        (kid, [&claim, &verified]),
    ] {
        share(&world, id);
        for change in changes {
            update(&world, id, change).await;
            assert!(bob_has(&world, id), "{change}");
        }
    }
}

#[actix_web::test]
async fn whoever_is_down_hears_of_it_later() {
    let confirm = Confirm::start();
    confirm.fail(confirm::Ask::Cancel, 500);
    let world = world_with(&confirm).await;
    let maker = world.user("victim").await;
    share(&world, &maker.id);
    world.gatekeeper.fail_each(&Ask::REMOVALS, 500);
    update(&world, &maker.id, &reset(VICTIM)).await;
    assert_eq!(world.log_in(VICTIM, NEW_PASSWORD).await.status, 200);
    assert!(bob_has(&world, &maker.id));
    // Neither waits for the other.
    world.gatekeeper.mend_all();
    hurry(&world).await;
    eventually("gatekeeper has heard", async || !bob_has(&world, &maker.id)).await;
    assert_eq!(rows(&world).await, 1);
    confirm.mend(confirm::Ask::Cancel);
    hurry(&world).await;
    eventually("confirm has heard", async || rows(&world).await == 0).await;
    assert_eq!(confirm.cancellations(&maker.id).len(), 1);
}
