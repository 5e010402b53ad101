//! Changes to accounts without a password, and what the first password ends.

use bson::doc;
use futures_util::future::join;
use serde_json::{Value, json};
use stand_ins::gatekeeper::Ask;

use crate::world::{PASSWORD, User, World, assert_refused, eventually};

/// A custodial account of `parent` with an address; its id.
async fn custodial(parent: &User, email: &str) -> String {
    let path = format!("/user/{}/user", parent.id);
    let answer = parent
        .person
        .post(&path, &json!({ "emails": [email] }))
        .await;
    answer.json::<Value>()["userid"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[actix_web::test]
async fn a_claimed_account_loses_its_custodians_but_not_their_other_rights() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let kid = custodial(&alice, "kid@example.org").await;
    world
        .gatekeeper
        .grant(&kid, "aunt", json!({ "custodian": {} }));
    world
        .gatekeeper
        .grant(&kid, "uncle", json!({ "admin": {}, "view": {} }));
    let claim = json!({ "updates": { "password": PASSWORD, "emailVerified": true } });
    let answer = world
        .service()
        .await
        .put(&format!("/user/{kid}"), &claim)
        .await;
    let record: Value = answer.json();
    assert_eq!(
        (answer.status, &record["roles"]),
        (200, &json!(["patient"]))
    );
    assert_eq!(record["passwordExists"], json!(true));
    assert_eq!(
        world.gatekeeper.permissions(&kid, &alice.id),
        Some(json!({ "view": {}, "upload": {} }))
    );
    assert_eq!(world.gatekeeper.permissions(&kid, "aunt"), None);
    assert_eq!(
        world.gatekeeper.permissions(&kid, "uncle"),
        Some(json!({ "admin": {}, "view": {} }))
    );
    assert_eq!(world.outbox().count_documents(doc! {}).await.unwrap(), 0);
    assert_eq!(world.log_in("kid@example.org", PASSWORD).await.status, 200);
}

#[actix_web::test]
async fn a_first_password_leaves_the_roles_that_are_given_meanwhile() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let kid = custodial(&alice, "kid@example.org").await;
    let service = world.service().await;
    let path = format!("/user/{kid}");
    // The password is hashed between the look at the account and the write.
    let claim = json!({ "updates": { "password": PASSWORD } });
    let roles = json!({ "updates": { "roles": ["patient", "care_partner"] } });
    let (claimed, given) = join(service.put(&path, &claim), service.put(&path, &roles)).await;
    assert_eq!((claimed.status, given.status), (200, 200));
    let record: Value = service.get(&path).await.json();
    assert_eq!(record["roles"], json!(["patient", "care_partner"]));
}

#[actix_web::test]
async fn a_claim_writes_no_set_that_was_read_before() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let kid = custodial(&alice, "kid@example.org").await;
    let service = world.service().await;
    // A set that is read here and written there could bring back what is revoked in between.
    world.gatekeeper.fail_each(&Ask::READS, 500);
    world.gatekeeper.fail(Ask::Replace, 500);
    let claim = json!({ "updates": { "password": PASSWORD } });
    let answer = service.put(&format!("/user/{kid}"), &claim).await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        world.gatekeeper.permissions(&kid, &alice.id),
        Some(json!({ "view": {}, "upload": {} }))
    );
}

#[actix_web::test]
async fn a_claim_is_finished_later_when_gatekeeper_fails() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let kid = custodial(&alice, "kid@example.org").await;
    let service = world.service().await;
    world.gatekeeper.fail_each(&Ask::REMOVALS, 500);
    let claim = json!({ "updates": { "password": PASSWORD, "emailVerified": true } });
    let answer = service.put(&format!("/user/{kid}"), &claim).await;
    assert_refused(&answer, 500, "Error updating user");
    // The password is set all the same.
    assert_eq!(world.log_in("kid@example.org", PASSWORD).await.status, 200);
    world.gatekeeper.mend_all();
    eventually("the claim", async || {
        world.gatekeeper.permissions(&kid, &alice.id) == Some(json!({ "view": {}, "upload": {} }))
    })
    .await;
}

/// Puts off the row of the claim, so that only a request can finish it.
async fn put_off(world: &World) {
    let late = bson::DateTime::from_millis(i64::from(u32::MAX) * 1000);
    let update = doc! { "$set": { "nextAttemptAt": late } };
    let filter = doc! { "topic": "users.claimed" };
    let updated = world.outbox().update_one(filter, update).await.unwrap();
    assert_eq!(updated.matched_count, 1);
}

#[actix_web::test]
async fn a_repeat_under_the_same_key_finishes_the_claim() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let kid = custodial(&alice, "kid@example.org").await;
    let service = world.service().await;
    let path = format!("/user/{kid}");
    let claim = json!({ "updates": { "password": PASSWORD }, "idempotencyKey": "k" });
    world.gatekeeper.fail_each(&Ask::REMOVALS, 500);
    let answer = service.put(&path, &claim).await;
    assert_refused(&answer, 500, "Error updating user");
    put_off(&world).await;
    let answer = service.put(&path, &claim).await;
    assert_refused(&answer, 500, "Error updating user");
    let other = json!({ "updates": { "password": "other-password" }, "idempotencyKey": "k" });
    let answer = service.put(&path, &other).await;
    let reason = "Another change was made under this idempotency key";
    assert_refused(&answer, 409, reason);
    let custodian = json!({ "custodian": {}, "view": {}, "upload": {} });
    assert_eq!(
        world.gatekeeper.permissions(&kid, &alice.id),
        Some(custodian)
    );
    world.gatekeeper.mend_all();
    let answer = service.put(&path, &claim).await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.json::<Value>(),
        json!({
            "userid": kid, "username": "kid@example.org", "emails": ["kid@example.org"],
            "roles": ["patient"], "emailVerified": false, "passwordExists": true,
        })
    );
    assert_eq!(
        world.gatekeeper.permissions(&kid, &alice.id),
        Some(json!({ "view": {}, "upload": {} }))
    );
    assert_eq!(world.outbox().count_documents(doc! {}).await.unwrap(), 0);
}

#[actix_web::test]
async fn a_first_password_is_set_once_whichever_key_asks_for_it() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let kid = custodial(&alice, "kid@example.org").await;
    let (service, path) = (world.service().await, format!("/user/{kid}"));
    let claim = |password: &str, key: &str| {
        json!({
            "updates": { "password": password, "emailVerified": true }, "idempotencyKey": key,
            "onlyIf": { "email": "kid@example.org", "passwordExists": false },
        })
    };
    assert_eq!(service.put(&path, &claim(PASSWORD, "k")).await.status, 200);
    // A repeat meets its own password.
    assert_eq!(service.put(&path, &claim(PASSWORD, "k")).await.status, 200);
    let other = service.put(&path, &claim("other-password", "k")).await;
    let reason = "Another change was made under this idempotency key";
    assert_refused(&other, 409, reason);
    for password in [PASSWORD, "other-password"] {
        let other = service.put(&path, &claim(password, "l")).await;
        assert_refused(&other, 409, "The account has a password already");
    }
    assert_eq!(world.log_in("kid@example.org", PASSWORD).await.status, 200);
}

#[actix_web::test]
async fn a_repeat_of_a_finished_claim_takes_no_right_that_was_given_since() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let given = json!({ "custodian": {}, "view": {} });
    // Finished by the request, and by its row.
    for (round, broken) in [&[][..], &Ask::REMOVALS].into_iter().enumerate() {
        let kid = custodial(&alice, &format!("kid{round}@example.org")).await;
        let service = world.service().await;
        let path = format!("/user/{kid}");
        let claim = json!({ "updates": { "password": PASSWORD }, "idempotencyKey": "k" });
        world.gatekeeper.fail_each(broken, 500);
        let status = if broken.is_empty() { 200 } else { 500 };
        assert_eq!(service.put(&path, &claim).await.status, status);
        world.gatekeeper.mend_all();
        eventually("the end of the row", async || {
            world.outbox().count_documents(doc! {}).await.unwrap() == 0
        })
        .await;
        world.gatekeeper.grant(&kid, &alice.id, given.clone());
        assert_eq!(service.put(&path, &claim).await.status, 200);
        assert_eq!(
            world.gatekeeper.permissions(&kid, &alice.id),
            Some(given.clone())
        );
    }
}

#[actix_web::test]
async fn the_address_of_an_account_without_password_can_be_removed() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let kid = custodial(&alice, "kid@example.org").await;
    let removal = json!({ "updates": { "username": "", "emails": [] } });
    let answer = alice.person.put(&format!("/user/{kid}"), &removal).await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.json::<Value>(),
        json!({ "userid": kid, "roles": ["custodial_account", "patient"] })
    );
    let stored = world.document(&kid).await.unwrap();
    for name in ["username", "emails", "logins"] {
        assert!(!stored.contains_key(name), "{name}");
    }
    custodial(&alice, "kid@example.org").await;
}
