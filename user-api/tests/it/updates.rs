//! Changes to accounts.

use futures_util::future::{join, join_all};
use serde_json::{Value, json};
use shared_runtime::{auth::TOKEN_HEADER, testing::Answer};
use stand_ins::gatekeeper::Ask;

use crate::world::{PASSWORD, User, World, assert_refused};

const NOT_AUTHORIZED: &str = "Not authorized for requested operation";
const INVALID: &str = "Invalid user details were given";
const NEW_PASSWORD: &str = "battery-staple";

async fn update(user: &User, updates: Value) -> Answer {
    user.person
        .put("/auth/user", &json!({ "updates": updates }))
        .await
}

#[actix_web::test]
async fn the_owner_changes_address_password_and_terms() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let answer = update(
        &alice,
        json!({
            "username": "new@example.org", "emails": ["new@example.org"], "password": NEW_PASSWORD,
            "termsAccepted": "2015-12-31T23:59:59-08:00",
        }),
    )
    .await;
    let expected = json!({
        "userid": alice.id, "username": "new@example.org", "emails": ["new@example.org"],
        "roles": ["patient"], "termsAccepted": "2015-12-31T23:59:59-08:00", "emailVerified": false,
    });
    assert_eq!(
        (answer.status, answer.json::<Value>()),
        (200, expected.clone())
    );
    assert_eq!(alice.person.get("/user").await.json::<Value>(), expected);
    world.verify(&alice).await;
    assert_eq!(
        world.log_in("new@example.org", NEW_PASSWORD).await.status,
        200
    );
    assert_eq!(world.log_in("new@example.org", PASSWORD).await.status, 401);
    assert_eq!(world.log_in(&alice.email, NEW_PASSWORD).await.status, 401);
    // The old address is free again.
    world.user("alice").await;
}

#[actix_web::test]
async fn an_update_without_a_known_change_is_no_error() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let before = world.document(&alice.id).await;
    for updates in [json!({}), json!({ "terms": "2016-01-01T00:00:00-08:00" })] {
        assert_eq!(update(&alice, updates).await.status, 200);
    }
    assert_eq!(world.document(&alice.id).await, before);
}

#[actix_web::test]
async fn wrong_updates_are_refused() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    for updates in [
        json!(null),
        json!({ "username": "not-an-address" }),
        json!({ "emails": ["x"] }),
        json!({ "username": "a@z.co", "emails": ["b@z.co"] }),
        json!({ "password": "short" }),
        json!({ "termsAccepted": "2016-01-01T00:00:00Z" }),
        json!({ "emails": [] }),
        json!({ "emails": null }),
        json!({ "username": "" }),
        json!({ "password": { "$ne": "" } }),
        json!({ "roles": ["king"] }),
        json!({ "emailVerified": "true" }),
    ] {
        assert_refused(&update(&alice, updates).await, 400, INVALID);
    }
    let service = world.service().await;
    let free_name = json!({ "updates": { "username": "not-an-address" } });
    assert_refused(
        &service.put("/user/0123456789", &free_name).await,
        400,
        INVALID,
    );
    assert_refused(&alice.person.put("/user", &json!({})).await, 400, INVALID);
}

#[actix_web::test]
async fn an_unknown_or_brokered_account_is_not_changed() {
    let world = World::start().await;
    let service = world.service().await;
    let updates = json!({ "updates": { "emailVerified": true } });
    for path in ["/user/0123456789", "/user"] {
        assert_refused(&service.put(path, &updates).await, 401, NOT_AUTHORIZED);
    }
    let brokered = world.user("brokered").await;
    let path = format!("/user/{}", brokered.id);
    let roles = json!({ "updates": { "roles": ["brokered"] } });
    assert_eq!(service.put(&path, &roles).await.status, 200);
    assert_refused(&update(&brokered, json!({})).await, 401, NOT_AUTHORIZED);
    assert_refused(&service.put(&path, &updates).await, 401, NOT_AUTHORIZED);
    for person in [world.anonymous(), world.app.bearer("x")] {
        assert_refused(&person.put("/user", &json!({})).await, 401, NOT_AUTHORIZED);
    }
}

#[actix_web::test]
async fn each_change_needs_its_right() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let bob = world.user("bob").await;
    let path = format!("/user/{}", alice.id);
    let change = async |person: &shared_runtime::testing::Person, updates: Value| {
        person.put(&path, &json!({ "updates": updates })).await
    };
    let address = || json!({ "emails": ["new@example.org"] });
    assert_refused(&change(&bob.person, address()).await, 401, NOT_AUTHORIZED);
    world
        .gatekeeper
        .grant(&alice.id, &bob.id, json!({ "view": {}, "edit": {} }));
    assert_refused(&change(&bob.person, address()).await, 401, NOT_AUTHORIZED);
    for names in [json!({ "custodian": {} }), json!({ "admin": {} })] {
        world.gatekeeper.grant(&alice.id, &bob.id, names);
        for updates in [
            json!({ "roles": ["clinic"] }),
            json!({ "emailVerified": true }),
            json!({ "password": NEW_PASSWORD }),
            json!({ "termsAccepted": "2016-01-01T00:00:00-08:00" }),
        ] {
            assert_refused(&change(&bob.person, updates).await, 401, NOT_AUTHORIZED);
        }
        // Alice has a password; without one, see the custodial accounts.
        assert_refused(&change(&bob.person, address()).await, 401, NOT_AUTHORIZED);
        assert_refused(
            &change(&bob.person, json!({ "username": "new@example.org" })).await,
            401,
            NOT_AUTHORIZED,
        );
        assert_eq!(change(&bob.person, json!({})).await.status, 200);
    }
    let record: Value = alice.person.get("/user").await.json();
    assert_eq!(record["emails"], json!([alice.email]));
    for updates in [
        json!({ "roles": ["clinic"] }),
        json!({ "emailVerified": true }),
    ] {
        assert_refused(&change(&alice.person, updates).await, 401, NOT_AUTHORIZED);
    }
    world.gatekeeper.fail_each(&Ask::READS, 500);
    assert_refused(
        &change(&bob.person, address()).await,
        500,
        "Error finding user",
    );
    let service = world.service().await;
    let answer = change(
        &service,
        json!({ "roles": ["clinic"], "emailVerified": true }),
    )
    .await;
    let record: Value = answer.json();
    assert_eq!((answer.status, &record["roles"]), (200, &json!(["clinic"])));
    assert_eq!(record["passwordExists"], json!(true));
}

#[actix_web::test]
async fn a_name_of_another_account_is_not_taken() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let bob = world.user("bob").await;
    for updates in [
        json!({ "username": bob.email.to_uppercase() }),
        json!({ "emails": ["new@example.org", bob.email] }),
    ] {
        assert_refused(&update(&alice, updates).await, 409, "User already exists");
    }
    // One's own name in another case is fine.
    assert_eq!(
        update(&alice, json!({ "username": "ALICE@example.org" }))
            .await
            .status,
        200
    );
}

#[actix_web::test]
async fn of_two_accounts_that_take_one_name_at_once_one_gets_it() {
    let world = World::start().await;
    let mut users = Vec::new();
    for index in 0..8 {
        users.push(world.user(&format!("user{index}")).await);
    }
    let statuses: Vec<u16> = join_all(
        users
            .iter()
            .map(|user| update(user, json!({ "emails": ["one@example.org"] }))),
    )
    .await
    .iter()
    .map(|answer| answer.status)
    .collect();
    assert_eq!(
        statuses.iter().filter(|status| **status == 200).count(),
        1,
        "{statuses:?}"
    );
    assert!(
        statuses.iter().all(|status| matches!(status, 200 | 409)),
        "{statuses:?}"
    );
}

#[actix_web::test]
async fn a_new_password_ends_the_other_sessions() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    world.verify(&alice).await;
    let other = world.log_in(&alice.email, PASSWORD).await;
    let other = world.app.bearer(other.header(TOKEN_HEADER).unwrap());
    assert_eq!(
        update(&alice, json!({ "password": NEW_PASSWORD }))
            .await
            .status,
        200
    );
    assert_eq!(other.get("/user").await.status, 401);
    assert_eq!(alice.person.get("/user").await.status, 200);
    let reset = json!({ "updates": { "password": PASSWORD } });
    let service = world.service().await;
    assert_eq!(
        service
            .put(&format!("/user/{}", alice.id), &reset)
            .await
            .status,
        200
    );
    assert_eq!(alice.person.get("/user").await.status, 401);
    assert_eq!(
        service.get(&format!("/user/{}", alice.id)).await.status,
        200
    );
}

#[actix_web::test]
async fn a_log_in_during_a_change_of_password_opens_no_session() {
    let world = World::start().await;
    let service = world.service().await;
    let alice = world.user("alice").await;
    world.verify(&alice).await;
    let path = format!("/user/{}", alice.id);
    let passwords = [PASSWORD, NEW_PASSWORD];
    for round in 0..10 {
        let (old, new) = (passwords[round % 2], passwords[(round + 1) % 2]);
        let reset = json!({ "updates": { "password": new } });
        let (changed, logged_in) =
            join(service.put(&path, &reset), world.log_in(&alice.email, old)).await;
        assert_eq!(changed.status, 200);
        if let Some(token) = logged_in.header(TOKEN_HEADER) {
            assert_eq!(
                world.app.bearer(token).get("/user").await.status,
                401,
                "round {round}"
            );
        }
    }
}

#[actix_web::test]
async fn concurrent_changes_of_one_account_are_all_made() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let path = format!("/user/{}", alice.id);
    let service = world.service().await;
    let changes = [
        json!({ "termsAccepted": "2016-01-01T00:00:00-08:00" }),
        json!({ "emails": ["new@example.org"] }),
        json!({ "roles": ["clinic"] }),
        json!({ "emailVerified": true }),
        json!({ "password": NEW_PASSWORD }),
    ];
    let answers = join_all(changes.iter().map(async |updates| {
        service
            .put(&path, &json!({ "updates": updates }))
            .await
            .status
    }))
    .await;
    assert_eq!(answers, [200; 5]);
    let document = world.document(&alice.id).await.unwrap();
    assert!(document.get_bool("authenticated").unwrap());
    // It was verified with the address that it had at that moment.
    let is_proven = document.get_str("provenEmail").unwrap() == "new@example.org";
    let record: Value = service.get(&path).await.json();
    assert_eq!(
        record,
        json!({
            "userid": alice.id, "username": "new@example.org", "emails": ["new@example.org"],
            "roles": ["clinic"], "termsAccepted": "2016-01-01T00:00:00-08:00",
            "emailVerified": is_proven, "passwordExists": true,
        })
    );
    assert_eq!(
        world.log_in("new@example.org", NEW_PASSWORD).await.status,
        200
    );
}
