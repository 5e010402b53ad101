//! Sign-up.

use futures_util::future::join_all;
use reqwest::Method;
use secrecy::SecretString;
use serde_json::{Value, json};
use shared_runtime::{auth::TOKEN_HEADER, testing::send};
use stand_ins::gatekeeper::Ask;

use crate::world::{PASSWORD, World, assert_refused, sign_up};

#[actix_web::test]
async fn a_sign_up_answers_the_account_and_a_token() {
    let world = World::start().await;
    let body = json!({
        "username": "Alice@example.org", "emails": ["Alice@example.org", "al@example.org"],
        "password": PASSWORD, "roles": ["clinician"], "emailVerified": true, "userid": "0123456789",
    });
    let answer = world.anonymous().post("/auth/user", &body).await;
    assert_eq!(answer.status, 201);
    let created: Value = answer.json();
    let id = created["userid"].as_str().unwrap();
    assert_eq!(
        created,
        json!({
            "userid": id, "username": "Alice@example.org",
            "emails": ["Alice@example.org", "al@example.org"],
            "roles": ["clinician"], "emailVerified": false,
        })
    );
    assert_eq!(uuid::Uuid::parse_str(id).unwrap().to_string(), id);
    let token = answer.header(TOKEN_HEADER).unwrap();
    let found = world.app.bearer(token).get("/auth/user").await;
    assert_eq!(
        (found.status, found.json::<Value>()),
        (200, created.clone())
    );
    let stored = world.document(id).await.unwrap();
    assert!(
        stored
            .get_str("pwhash")
            .unwrap()
            .starts_with("$argon2id$v=19$m=19456,t=2,p=1$")
    );
    assert_eq!(stored.get_str("createdUserId").unwrap(), id);
}

#[actix_web::test]
async fn only_services_sign_up_accounts_that_a_partner_logs_in() {
    let world = World::start().await;
    let mut body = sign_up("alice@example.org");
    body["roles"] = json!(["patient", "brokered"]);
    let bob = world.user("bob").await;
    for person in [world.anonymous(), world.app.bearer("x"), bob.person] {
        let answer = person.post("/auth/user", &body).await;
        assert_refused(&answer, 400, "Invalid user details were given");
    }
    let answer = world.service().await.post("/auth/user", &body).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let created: Value = answer.json();
    assert_eq!(
        created,
        json!({
            "userid": created["userid"], "username": "alice@example.org",
            "emails": ["alice@example.org"], "roles": ["patient", "brokered"],
            "emailVerified": false, "passwordExists": true,
        })
    );
    let token = answer.header(TOKEN_HEADER).unwrap();
    let own: Value = world.app.bearer(token).get("/auth/user").await.json();
    assert_eq!(own["userid"], created["userid"]);
}

#[actix_web::test]
async fn a_sign_up_needs_no_content_type() {
    let world = World::start().await;
    let request = world
        .anonymous()
        .request(Method::POST, "/user")
        .body(sign_up("alice@example.org").to_string());
    assert_eq!(send(request).await.status, 201);
}

#[actix_web::test]
async fn a_name_is_taken_in_any_case_as_user_name_or_address() {
    let world = World::start().await;
    let first = sign_up("alice@example.org");
    assert_eq!(world.anonymous().post("/user", &first).await.status, 201);
    for taken in [
        "alice@example.org",
        "ALICE@example.org",
        "Alice@Example.org",
    ] {
        for body in [
            json!({ "username": taken, "emails": [taken], "password": PASSWORD }),
            json!({ "username": "new@example.org", "emails": ["new@example.org", taken], "password": PASSWORD }),
        ] {
            let answer = world.anonymous().post("/user", &body).await;
            assert_refused(&answer, 409, "User already exists");
        }
    }
    assert_eq!(
        world.users().count_documents(bson::doc! {}).await.unwrap(),
        1
    );
}

#[actix_web::test]
async fn of_50_sign_ups_with_one_address_one_succeeds() {
    let world = World::start().await;
    let people: Vec<_> = (0..50).map(|_| world.anonymous()).collect();
    let answers = join_all(people.iter().enumerate().map(|(index, person)| async move {
        let spellings = [
            "alice@example.org",
            "ALICE@example.org",
            "Alice@Example.org",
        ];
        let email = spellings[index % spellings.len()];
        person.post("/user", &sign_up(email)).await.status
    }))
    .await;
    assert_eq!(
        answers.iter().filter(|status| **status == 201).count(),
        1,
        "{answers:?}"
    );
    assert_eq!(
        answers.iter().filter(|status| **status == 409).count(),
        49,
        "{answers:?}"
    );
    assert_eq!(
        world.users().count_documents(bson::doc! {}).await.unwrap(),
        1
    );
}

#[actix_web::test]
async fn a_verification_secret_in_the_address_verifies_it() {
    let world = World::start_with(|config| {
        config.accounts.verification_secret = Some(SecretString::from("+skip"));
    })
    .await;
    let answer = world
        .anonymous()
        .post("/user", &sign_up("alice+skip@example.org"))
        .await;
    let created: Value = answer.json();
    assert_eq!(created["emailVerified"], json!(true));
    let terms = created["termsAccepted"].as_str().unwrap();
    assert!(terms.ends_with("+00:00"), "{terms}");
    let update = json!({ "updates": { "termsAccepted": terms } });
    let person = world.app.bearer(answer.header(TOKEN_HEADER).unwrap());
    assert_eq!(person.put("/user", &update).await.status, 200);
    assert_eq!(
        world
            .log_in("alice+skip@example.org", PASSWORD)
            .await
            .status,
        200
    );
}

#[actix_web::test]
async fn a_clinic_account_may_view_the_demo_account() {
    let world =
        World::start_with(|config| config.accounts.demo_account = Some("demo".into())).await;
    let clinic = world.user_with_roles("clinic", &["clinic"]).await;
    assert_eq!(
        world.gatekeeper.permissions("demo", &clinic.id),
        Some(json!({ "view": {} }))
    );
    let patient = world.user("patient").await;
    assert_eq!(world.gatekeeper.permissions("demo", &patient.id), None);
}

#[actix_web::test]
async fn a_clinic_account_is_not_created_when_the_grant_fails() {
    let world =
        World::start_with(|config| config.accounts.demo_account = Some("demo".into())).await;
    world.gatekeeper.fail(Ask::Replace, 500);
    let mut body = sign_up("clinic@example.org");
    body["roles"] = json!(["clinic"]);
    let answer = world.anonymous().post("/user", &body).await;
    assert_refused(&answer, 500, "Error creating the user");
    assert_eq!(
        world.users().count_documents(bson::doc! {}).await.unwrap(),
        0
    );
    world.gatekeeper.mend_all();
    assert_eq!(world.anonymous().post("/user", &body).await.status, 201);
}
