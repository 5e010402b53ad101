//! Changes of accounts that services make on a condition.

use bson::doc;
use futures_util::future::join;
use serde_json::{Value, json};
use shared_runtime::testing::Answer;

use crate::world::{PASSWORD, User, World, assert_refused};

const NEW_PASSWORD: &str = "battery-staple";

/// Changes the account of `user` as a service does, if it has the address `email`.
async fn update_if(world: &World, user: &User, email: &str, updates: &Value) -> Answer {
    let body = json!({ "updates": updates, "onlyIf": { "email": email } });
    let service = world.service().await;
    service.put(&format!("/user/{}", user.id), &body).await
}

#[actix_web::test]
async fn a_service_changes_an_account_that_has_the_address() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let updates = json!({ "emailVerified": true, "password": NEW_PASSWORD });
    for email in ["alice@example.org", "ALICE@Example.Org"] {
        let answer = update_if(&world, &alice, email, &updates).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(
            answer.json::<Value>(),
            json!({
                "userid": alice.id, "username": alice.email, "emails": [alice.email],
                "roles": ["patient"], "emailVerified": true, "passwordExists": true,
            })
        );
    }
    assert_eq!(world.log_in(&alice.email, NEW_PASSWORD).await.status, 200);
}

#[actix_web::test]
async fn an_account_without_the_address_stays_as_it_is() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let bob = world.user("bob").await;
    let before = world.document(&alice.id).await;
    for email in [
        &bob.email,
        "alice@example.com",
        "\u{e1}lice@example.org",
        &alice.id,
    ] {
        for updates in [
            json!({ "emailVerified": true, "password": NEW_PASSWORD }),
            json!({ "username": "new@example.org" }),
            json!({}),
        ] {
            let answer = update_if(&world, &alice, email, &updates).await;
            assert_refused(&answer, 409, "The account does not have this address");
        }
    }
    assert_eq!(world.document(&alice.id).await, before);
    // The address that it had counts no more than any other.
    let moved = json!({ "updates": { "username": "new@example.org" } });
    assert_eq!(alice.person.put("/user", &moved).await.status, 200);
    let answer = update_if(&world, &alice, &alice.email, &json!({})).await;
    assert_refused(&answer, 409, "The account does not have this address");
    let answer = update_if(&world, &alice, "new@example.org", &json!({})).await;
    assert_eq!(answer.status, 200);
}

#[actix_web::test]
async fn a_condition_that_is_none_changes_nothing() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let before = world.document(&alice.id).await;
    let path = format!("/user/{}", alice.id);
    for condition in [
        json!(null),
        json!("alice@example.org"),
        json!({}),
        json!({ "email": "" }),
        json!({ "email": { "$ne": "" } }),
        json!({ "email": "alice@example.org", "roles": ["patient"] }),
    ] {
        let body = json!({ "updates": { "emailVerified": true }, "onlyIf": condition });
        let answer = world.service().await.put(&path, &body).await;
        assert_refused(&answer, 400, "Invalid user details were given");
    }
    assert_eq!(world.document(&alice.id).await, before);
}

#[actix_web::test]
async fn only_services_ask_for_a_condition() {
    let world = World::start().await;
    let (alice, bob) = (world.user("alice").await, world.user("bob").await);
    let carol = world.user("carol").await;
    world
        .gatekeeper
        .grant(&alice.id, &bob.id, json!({ "admin": {} }));
    let before = world.document(&alice.id).await;
    let path = format!("/user/{}", alice.id);
    // Whether the address is right cannot be told from the answer.
    for email in ["alice@example.org", "other@example.org"] {
        let body = json!({
            "updates": { "username": "new@example.org" }, "onlyIf": { "email": email },
        });
        // Who runs an account that has a password does not change its names.
        let nothing = json!({ "updates": {}, "onlyIf": { "email": email } });
        for (person, path, body) in [
            (&alice.person, "/user", &body),
            (&alice.person, &path, &body),
            (&bob.person, &path, &nothing),
        ] {
            let answer = person.put(path, body).await;
            assert_refused(&answer, 400, "Invalid user details were given");
        }
        let answer = carol.person.put(&path, &body).await;
        assert_refused(&answer, 401, "Not authorized for requested operation");
    }
    assert_eq!(world.document(&alice.id).await, before);
}

#[actix_web::test]
async fn an_address_that_changes_at_that_moment_is_no_longer_the_one() {
    let world = World::start().await;
    let mut outcomes = [0, 0];
    for round in 0..20 {
        let alice = world.user(&format!("alice{round}")).await;
        let moved = json!({ "updates": { "username": format!("new{round}@example.org") } });
        let verified = json!({ "password": NEW_PASSWORD });
        let (moved, changed) = join(
            alice.person.put("/user", &moved),
            update_if(&world, &alice, &alice.email, &verified),
        )
        .await;
        assert!(matches!(moved.status, 200 | 401), "{}", moved.text());
        assert!(matches!(changed.status, 200 | 409), "{}", changed.text());
        let stored = world.document(&alice.id).await.unwrap();
        let has_moved = stored.get_str("username").unwrap() != alice.email;
        assert_eq!(moved.status == 200, has_moved, "round {round}");
        // Whoever came second saw what the first had done.
        let password = if changed.status == 200 {
            NEW_PASSWORD
        } else {
            PASSWORD
        };
        let set = doc! { "$set": { "authenticated": true } };
        world
            .users()
            .update_one(doc! { "userid": &alice.id }, set)
            .await
            .unwrap();
        assert_eq!(world.log_in(&alice.id, password).await.status, 200);
        outcomes[usize::from(changed.status == 409)] += 1;
    }
    assert_eq!(outcomes.iter().sum::<usize>(), 20);
}

/// Sets the password of `user` as a service does, under `key`.
async fn set_password(world: &World, user: &User, key: &str, password: &str) -> Answer {
    let body = json!({ "updates": { "password": password }, "idempotencyKey": key });
    let service = world.service().await;
    service.put(&format!("/user/{}", user.id), &body).await
}

#[actix_web::test]
async fn a_repeat_under_the_same_key_changes_nothing() {
    const REASON: &str = "Another change was made under this idempotency key";
    let world = World::start().await;
    let alice = world.user("alice").await;
    world.verify(&alice).await;
    assert_eq!(
        set_password(&world, &alice, "k1", NEW_PASSWORD)
            .await
            .status,
        200
    );
    let before = world.document(&alice.id).await;
    assert_eq!(
        set_password(&world, &alice, "k1", NEW_PASSWORD)
            .await
            .status,
        200
    );
    let other = set_password(&world, &alice, "k1", "another-password").await;
    assert_refused(&other, 409, REASON);
    let verification = json!({ "updates": { "emailVerified": false }, "idempotencyKey": "k1" });
    let service = world.service().await;
    let answer = service
        .put(&format!("/user/{}", alice.id), &verification)
        .await;
    assert_eq!(answer.status, 200);
    assert_eq!(world.document(&alice.id).await, before);
    // Keys of other accounts and other keys are others.
    let bob = world.user("bob").await;
    assert_eq!(
        set_password(&world, &bob, "k1", NEW_PASSWORD).await.status,
        200
    );
    assert_eq!(
        set_password(&world, &alice, "k2", PASSWORD).await.status,
        200
    );
    assert_eq!(world.log_in(&alice.email, PASSWORD).await.status, 200);
}

#[actix_web::test]
async fn of_two_passwords_under_one_key_one_is_set() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    world.verify(&alice).await;
    let passwords = ["first-password", "second-password"];
    let (one, other) = join(
        set_password(&world, &alice, "k", passwords[0]),
        set_password(&world, &alice, "k", passwords[1]),
    )
    .await;
    let mut statuses = [one.status, other.status];
    let winner = passwords[usize::from(one.status != 200)];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
    assert_eq!(world.log_in(&alice.email, winner).await.status, 200);
}

#[actix_web::test]
async fn a_key_is_short_and_for_services() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let path = format!("/user/{}", alice.id);
    let service = world.service().await;
    for key in [
        json!(""),
        json!("k".repeat(129)),
        json!(1),
        json!({"$ne": 1}),
    ] {
        let body = json!({ "updates": {}, "idempotencyKey": key });
        let answer = service.put(&path, &body).await;
        assert_refused(&answer, 400, "Invalid user details were given");
    }
    let body = json!({ "updates": {}, "idempotencyKey": "k" });
    let answer = alice.person.put(&path, &body).await;
    assert_refused(&answer, 400, "Invalid user details were given");
}
