//! Which address of an account its owner has proven, also after addresses change.

use bson::{Document, doc};
use futures_util::future::join;
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::world::{PASSWORD, User, World};

const OWN: &str = "own@example.org";
const VICTIM: &str = "victim@example.org";

/// The proven address that services are told; absent is not null.
async fn proven(world: &World, id: &str) -> Option<Value> {
    let path = format!("/internal/people?ids={id}");
    let answer = world.service().await.get(&path).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let found = answer.json::<Value>();
    found["people"][0].get("provenEmail").cloned()
}

/// Makes a service's change; `body` has `updates` and what stands beside it.
async fn update(world: &World, id: &str, body: &Value) {
    let path = format!("/user/{id}");
    let answer = world.service().await.put(&path, body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// Verifies the address `email` of an account, as confirm does.
async fn verify(world: &World, id: &str, email: &str) {
    let body = json!({ "updates": { "emailVerified": true }, "onlyIf": { "email": email } });
    update(world, id, &body).await;
}

/// Changes the addresses as the owner does.
async fn change(user: &User, updates: &Value) {
    let body = json!({ "updates": updates });
    let answer = user.person.put("/user", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

async fn import(world: &World, document: Document) -> String {
    let id = document.get_str("userid").unwrap().to_owned();
    world.users().insert_one(document).await.unwrap();
    id
}

#[actix_web::test]
async fn services_see_the_address_that_was_proven() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    assert_eq!(proven(&world, &alice.id).await, None);
    verify(&world, &alice.id, "ALICE@Example.org").await;
    let path = "/internal/people?email=alice@example.org";
    let answer = world.service().await.get(path).await;
    assert_eq!(answer.status, 200);
    assert_eq!(
        answer.json::<Value>(),
        json!({
            "people": [{
                "user": {
                    "userid": alice.id, "username": alice.email, "emails": [alice.email],
                    "roles": ["patient"], "emailVerified": true, "passwordExists": true,
                },
                "profile": null,
                "provenEmail": alice.email,
            }],
            "profiles": {},
        })
    );
    // Nobody else learns of it.
    let own: Value = alice.person.get("/user").await.json();
    assert_eq!(own.get("provenEmail"), None);
}

#[actix_web::test]
async fn an_address_that_replaces_the_proven_one_is_not_proven() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    verify(&world, &alice.id, &alice.email).await;
    for updates in [
        json!({ "username": VICTIM }),
        json!({ "emails": [VICTIM, OWN] }),
        json!({ "emails": [OWN, VICTIM] }),
        json!({ "username": OWN, "emails": [OWN] }),
    ] {
        change(&alice, &updates).await;
        assert_eq!(proven(&world, &alice.id).await, None, "{updates}");
        // Nor is the rest of the world told that it is verified.
        let record: Value = alice.person.get("/user").await.json();
        assert_eq!(record["emailVerified"], json!(false));
    }
    verify(&world, &alice.id, OWN).await;
    assert_eq!(proven(&world, &alice.id).await, Some(json!(OWN)));
}

#[actix_web::test]
async fn an_address_that_was_given_up_is_proven_anew() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    verify(&world, &alice.id, &alice.email).await;
    // By then the mailbox may be somebody else's.
    for emails in [json!([OWN]), json!([alice.email])] {
        change(&alice, &json!({ "emails": emails })).await;
        assert_eq!(proven(&world, &alice.id).await, None, "{emails}");
        let record: Value = alice.person.get("/user").await.json();
        assert_eq!(record["emailVerified"], json!(false), "{emails}");
    }
    verify(&world, &alice.id, &alice.email).await;
    assert_eq!(proven(&world, &alice.id).await, Some(json!(alice.email)));
    // As older versions left it.
    let stale = doc! { "$set": { "provenEmail": OWN } };
    let of_alice = doc! { "userid": &alice.id };
    world.users().update_one(of_alice, stale).await.unwrap();
    change(&alice, &json!({ "emails": [alice.email, OWN] })).await;
    assert_eq!(proven(&world, &alice.id).await, None);
    let stored = world.document(&alice.id).await.unwrap();
    assert_eq!(stored.get_str("provenEmail").unwrap(), "");
    // Another spelling is the same address.
    verify(&world, &alice.id, OWN).await;
    change(&alice, &json!({ "emails": ["Own@example.org"] })).await;
    assert_eq!(
        proven(&world, &alice.id).await,
        Some(json!("Own@example.org"))
    );
}

#[actix_web::test]
async fn of_several_addresses_the_one_that_the_mail_reached_is_proven() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    change(&alice, &json!({ "emails": [VICTIM, OWN] })).await;
    verify(&world, &alice.id, OWN).await;
    assert_eq!(proven(&world, &alice.id).await, Some(json!(OWN)));
    change(&alice, &json!({ "emails": [VICTIM, "other@example.org"] })).await;
    assert_eq!(proven(&world, &alice.id).await, None);
    change(&alice, &json!({ "emails": [VICTIM, OWN] })).await;
    assert_eq!(proven(&world, &alice.id).await, None);
    // Only a service that does not say which address it means, means the first.
    update(
        &world,
        &alice.id,
        &json!({ "updates": { "emailVerified": true } }),
    )
    .await;
    assert_eq!(proven(&world, &alice.id).await, Some(json!(VICTIM)));
}

#[actix_web::test]
async fn a_verification_that_is_withdrawn_proves_nothing() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    verify(&world, &alice.id, &alice.email).await;
    let withdrawal = json!({ "updates": { "emailVerified": false } });
    update(&world, &alice.id, &withdrawal).await;
    assert_eq!(proven(&world, &alice.id).await, None);
    let stored = world.document(&alice.id).await.unwrap();
    assert!(!stored.contains_key("provenEmail"));
}

#[actix_web::test]
async fn a_service_that_changes_and_verifies_proves_the_new_address() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let moved = json!({ "updates": { "emails": [OWN, VICTIM], "emailVerified": true } });
    update(&world, &alice.id, &moved).await;
    assert_eq!(proven(&world, &alice.id).await, Some(json!(OWN)));
    // What it made sure of is not what the account has afterwards.
    let moved = json!({
        "updates": { "emails": [VICTIM], "emailVerified": true }, "onlyIf": { "email": OWN },
    });
    update(&world, &alice.id, &moved).await;
    assert_eq!(proven(&world, &alice.id).await, None);
}

#[actix_web::test]
async fn an_imported_account_has_proven_its_first_address_until_its_addresses_change() {
    let world = World::start().await;
    let document = doc! {
        "userid": "a1b2c3d4e5", "username": OWN, "emails": [OWN, "second@example.org"],
        "authenticated": true,
    };
    let id = import(&world, document).await;
    assert_eq!(proven(&world, &id).await, Some(json!(OWN)));
    let service_change = |emails: Value| json!({ "updates": { "emails": emails } });
    update(&world, &id, &service_change(json!([VICTIM, OWN]))).await;
    assert_eq!(proven(&world, &id).await, Some(json!(OWN)));
    update(&world, &id, &service_change(json!([VICTIM]))).await;
    assert_eq!(proven(&world, &id).await, None);
    update(&world, &id, &service_change(json!(["x@example.org"]))).await;
    assert_eq!(proven(&world, &id).await, None);
    update(&world, &id, &service_change(json!([OWN]))).await;
    assert_eq!(proven(&world, &id).await, None);
}

#[actix_web::test]
async fn a_verified_account_without_address_has_proven_none_that_it_gets_later() {
    let world = World::start().await;
    let imported = doc! { "userid": "a1b2c3d4e5", "username": "kid", "authenticated": true };
    let imported = import(&world, imported).await;
    let verified = doc! { "userid": "b1b2c3d4e5", "username": "kid2" };
    let verified = import(&world, verified).await;
    let verification = json!({ "updates": { "emailVerified": true } });
    update(&world, &verified, &verification).await;
    for (id, email) in [(&imported, VICTIM), (&verified, OWN)] {
        assert_eq!(proven(&world, id).await, None);
        let change = json!({ "updates": { "emails": [email] } });
        update(&world, id, &change).await;
        assert_eq!(proven(&world, id).await, None, "{email}");
    }
}

#[actix_web::test]
async fn an_invented_address_is_not_proven() {
    let world = World::start().await;
    let invented = "unclaimed-custodial-automation+00000000000000000042@tidepool.org";
    let document = doc! {
        "userid": "a1b2c3d4e5", "username": invented, "emails": [invented], "authenticated": true,
    };
    let id = import(&world, document).await;
    assert_eq!(proven(&world, &id).await, None);
}

#[actix_web::test]
async fn the_verification_secret_proves_the_first_address_that_has_it() {
    let world = World::start_with(|config| {
        config.accounts.verification_secret = Some(SecretString::from("+skip"));
    })
    .await;
    let sign_up = async |emails: &[&str]| {
        let body = json!({ "username": emails[0], "emails": emails, "password": PASSWORD });
        let answer = world.anonymous().post("/user", &body).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        answer.json::<Value>()["userid"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let alice = sign_up(&["alice+skip@example.org", "alice@example.org"]).await;
    assert_eq!(
        proven(&world, &alice).await,
        Some(json!("alice+skip@example.org"))
    );
    let change = |emails: Value| json!({ "updates": { "emails": emails } });
    update(&world, &alice, &change(json!(["new+skip@example.org"]))).await;
    assert_eq!(
        proven(&world, &alice).await,
        Some(json!("new+skip@example.org"))
    );
    update(&world, &alice, &change(json!(["new@example.org"]))).await;
    assert_eq!(proven(&world, &alice).await, None);
    // It opens the account, but says nothing about the address before it.
    let mallory = sign_up(&[VICTIM, "mallory+skip@example.org"]).await;
    assert_eq!(proven(&world, &mallory).await, None);
}

#[actix_web::test]
async fn a_change_during_the_verification_proves_no_other_address() {
    let world = World::start().await;
    let service = world.service().await;
    for round in 0..20 {
        let alice = world.user(&format!("alice{round}")).await;
        let victim = format!("victim{round}@example.org");
        let path = format!("/user/{}", alice.id);
        let verification = json!({
            "updates": { "emailVerified": true }, "onlyIf": { "email": alice.email },
        });
        let moved = json!({ "updates": { "username": victim } });
        let (verified, moved) = join(
            service.put(&path, &verification),
            alice.person.put("/user", &moved),
        )
        .await;
        assert!(matches!(verified.status, 200 | 409), "{}", verified.text());
        assert_eq!(moved.status, 200, "{}", moved.text());
        assert_eq!(proven(&world, &alice.id).await, None, "round {round}");
    }
}
