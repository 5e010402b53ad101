//! Passwords: how they may be written, and which are refused.

use argon2::{Argon2, PasswordHasher};
use base64::{Engine, prelude::BASE64_STANDARD};
use bson::doc;
use reqwest::Method;
use serde_json::{Value, json};
use shared_runtime::testing::{Answer, send};

use crate::world::{PASSWORD, World, assert_refused};

const COMPOSED: &str = "caf\u{e9} au lait";
const DECOMPOSED: &str = "cafe\u{301} au lait";

const COMMON: &str = "The password is one of the most common ones; choose another one";
const OWN: &str = "The password is a name or an address of the account; choose another one";

async fn sign_up(world: &World, name: &str, password: &str) -> Answer {
    let email = format!("{name}@example.org");
    let body = json!({ "username": email, "emails": [email], "password": password });
    world.anonymous().post("/auth/user", &body).await
}

#[actix_web::test]
async fn one_password_opens_the_account_in_all_its_spellings() {
    let world = World::start().await;
    for (name, chosen) in [("alice", COMPOSED), ("bob", DECOMPOSED)] {
        let id: Value = sign_up(&world, name, chosen).await.json();
        let path = format!("/user/{}", id["userid"].as_str().unwrap());
        let verified = json!({ "updates": { "emailVerified": true } });
        world.service().await.put(&path, &verified).await;
        for (password, status) in [(COMPOSED, 200), (DECOMPOSED, 200), ("cafe au lait", 401)] {
            let answer = world.log_in(&format!("{name}@example.org"), password).await;
            assert_eq!(answer.status, status, "{chosen:?} {password:?}");
        }
    }
}

#[actix_web::test]
async fn a_hash_of_a_password_as_it_was_written_is_replaced_at_log_in() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    world.verify(&alice).await;
    let hash = Argon2::default().hash_password(DECOMPOSED.as_bytes());
    let stored = hash.unwrap().to_string();
    let set = doc! { "$set": { "pwhash": &stored } };
    let filter = doc! { "userid": &alice.id };
    world.users().update_one(filter, set).await.unwrap();
    assert_eq!(world.log_in(&alice.email, COMPOSED).await.status, 401);
    assert_eq!(world.log_in(&alice.email, DECOMPOSED).await.status, 200);
    let document = world.document(&alice.id).await.unwrap();
    assert_ne!(document.get_str("pwhash").unwrap(), stored);
    assert_eq!(world.log_in(&alice.email, COMPOSED).await.status, 200);
}

#[actix_web::test]
async fn credentials_that_are_no_utf_8_are_latin_1() {
    let world = World::start().await;
    let answer = sign_up(&world, "alice", "p\u{e4}ssw\u{f6}rter").await;
    assert_eq!(answer.status, 201);
    let encoded = BASE64_STANDARD.encode(b"alice@example.org:p\xe4ssw\xf6rter");
    let request = world
        .anonymous()
        .request(Method::POST, "/auth/login")
        .header("authorization", format!("Basic {encoded}"));
    // The password is right; what is missing is the verification.
    assert_refused(
        &send(request).await,
        403,
        "The user hasn't verified this account yet",
    );
}

#[actix_web::test]
async fn spaces_within_a_password_are_taken_and_those_at_its_ends_are_not() {
    let world = World::start().await;
    for password in [" 12345679 ", "1234\t5679", "1234\u{0}5679", "1234567"] {
        let refused = sign_up(&world, "alice", password).await;
        assert_refused(&refused, 400, "Invalid user details were given");
    }
    let answer = sign_up(&world, "alice", "correct horse battery staple").await;
    assert_eq!(answer.status, 201);
}

#[actix_web::test]
async fn common_and_own_passwords_are_refused_wherever_one_is_chosen() {
    let world = World::start().await;
    for (password, why) in [
        ("password", COMMON),
        ("PassWord", COMMON),
        ("12345678", COMMON),
        ("carol.smith", OWN),
        ("Carol.Smith@example.org", OWN),
    ] {
        assert_refused(&sign_up(&world, "carol.smith", password).await, 400, why);
    }
    let alice = world.user("alice.smith").await;
    let profile = json!({ "fullName": "Alice B. Smith" });
    let path = format!("/metadata/{}/profile", alice.id);
    assert_eq!(alice.person.put(&path, &profile).await.status, 200);
    for (password, why) in [
        ("iloveyou", COMMON),
        ("alice.smith", OWN),
        ("alice b. smith", OWN),
        ("other.name", OWN),
    ] {
        let mut updates = json!({ "password": password });
        if password == "other.name" {
            updates["username"] = json!("other.name@example.org");
            updates["emails"] = json!(["other.name@example.org"]);
        }
        let body = json!({ "updates": updates });
        assert_refused(&alice.person.put("/auth/user", &body).await, 400, why);
    }
    let unchanged = world.document(&alice.id).await.unwrap();
    assert_eq!(unchanged.get_str("username").unwrap(), alice.email);
    let path = format!("/user/createChild/{}", alice.id);
    for (password, why) in [
        ("football", COMMON),
        ("Finn Smith", OWN),
        ("finn-smith", OWN),
    ] {
        let body =
            json!({ "fullName": "Finn Smith", "username": "finn-smith", "password": password });
        assert_refused(&alice.person.post(&path, &body).await, 400, why);
    }
    let body = json!({ "fullName": "Finn Smith", "username": "finn-smith", "password": PASSWORD });
    assert_eq!(alice.person.post(&path, &body).await.status, 201);
}

#[actix_web::test]
async fn the_settings_can_let_weak_passwords_through() {
    let world = World::start_with(|config| config.passwords.refuse_weak = false).await;
    assert_eq!(sign_up(&world, "alice", "password").await.status, 201);
}
