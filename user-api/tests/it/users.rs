//! Sign-up, and who finds which account.

use futures_util::future::join_all;
use reqwest::Method;
use secrecy::SecretString;
use serde_json::{Value, json};
use shared_runtime::{auth::TOKEN_HEADER, testing::send};

use crate::world::{PASSWORD, World, assert_refused, eventually};

fn sign_up(email: &str) -> Value {
    json!({ "username": email, "emails": [email], "password": PASSWORD })
}

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
    world.gatekeeper.break_methods(&["POST"]);
    let mut body = sign_up("clinic@example.org");
    body["roles"] = json!(["clinic"]);
    let answer = world.anonymous().post("/user", &body).await;
    assert_refused(&answer, 500, "Error creating the user");
    assert_eq!(
        world.users().count_documents(bson::doc! {}).await.unwrap(),
        0
    );
    world.gatekeeper.break_methods(&[]);
    assert_eq!(world.anonymous().post("/user", &body).await.status, 201);
}

#[actix_web::test]
async fn an_account_is_shown_to_itself_to_services_and_to_who_runs_it() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let bob = world.user("bob").await;
    let path = format!("/user/{}", alice.id);
    let record = json!({
        "userid": alice.id, "username": alice.email, "emails": [alice.email],
        "roles": ["patient"], "emailVerified": false,
    });
    for answer in [
        alice.person.get("/user").await,
        alice.person.get(&path).await,
    ] {
        assert_eq!(
            (answer.status, answer.json::<Value>()),
            (200, record.clone())
        );
    }
    let mut for_services = record.clone();
    for_services["passwordExists"] = json!(true);
    let service = world.service().await;
    for target in [
        alice.id.to_uppercase(),
        alice.email.to_uppercase(),
        alice.id.clone(),
    ] {
        let answer = service.get(&format!("/v1/users/{target}")).await;
        assert_eq!(
            (answer.status, answer.json::<Value>()),
            (200, for_services.clone())
        );
    }

    let refused = bob.person.get(&path).await;
    assert_refused(&refused, 401, "Not authorized for requested operation");
    for names in [json!({ "view": {}, "edit": {} }), json!({ "root": {} })] {
        world.gatekeeper.grant(&alice.id, &bob.id, names);
        assert_eq!(bob.person.get(&path).await.status, 401);
    }
    for names in [
        json!({ "admin": {} }),
        json!({ "custodian": {}, "view": {} }),
    ] {
        world.gatekeeper.grant(&alice.id, &bob.id, names);
        let answer = bob.person.get(&path).await;
        assert_eq!(
            (answer.status, answer.json::<Value>()),
            (200, record.clone())
        );
    }
    world.gatekeeper.break_methods(&["GET"]);
    assert_refused(&bob.person.get(&path).await, 500, "Error finding user");
}

#[actix_web::test]
async fn an_unknown_account_is_not_found_before_rights_are_looked_at() {
    let world = World::start().await;
    let bob = world.user("bob").await;
    world.gatekeeper.break_methods(&["GET"]);
    for target in [
        "0123456789",
        "nobody@example.org",
        "nobody",
        "%00",
        "%FF",
        "..%2F..",
        "null",
    ] {
        let answer = bob.person.get(&format!("/user/{target}")).await;
        assert_refused(&answer, 404, "User not found");
    }
    let service = world.service().await;
    assert_refused(&service.get("/user").await, 404, "User not found");
}

#[actix_web::test]
async fn services_list_accounts_by_id_in_the_order_asked() {
    let world = World::start().await;
    let alice = world.user("alice").await;
    let bob = world.user("bob").await;
    let service = world.service().await;
    let path = format!("/users?id={},unknown,{},{}", bob.id, alice.id, bob.id);
    let answer = service.get(&path).await;
    assert_eq!(answer.status, 200);
    let found: Vec<Value> = answer.json();
    let ids: Vec<&str> = found
        .iter()
        .map(|user| user["userid"].as_str().unwrap())
        .collect();
    assert_eq!(ids, [&bob.id, &alice.id]);
    assert_eq!(found[0]["passwordExists"], json!(true));
    let none = service.get("/users?id=nobody").await;
    assert_eq!((none.status, none.text()), (200, "[]"));
}

#[actix_web::test]
async fn services_list_accounts_by_role_and_day() {
    let world = World::start().await;
    let older = world.user_with_roles("older", &["clinic"]).await;
    let newer = world.user_with_roles("newer", &["clinic", "patient"]).await;
    world.user("patient").await;
    let service = world.service().await;
    let today = chrono::Utc::now().format("%Y-%m-%d");
    let ids = async |path: String| -> Vec<String> {
        let answer = service.get(&path).await;
        assert_eq!(answer.status, 200, "{path}");
        let found: Vec<Value> = answer.json();
        found
            .iter()
            .map(|user| user["userid"].as_str().unwrap().to_owned())
            .collect()
    };
    let both = vec![newer.id, older.id];
    assert_eq!(ids("/users?role=clinic".to_owned()).await, both);
    assert_eq!(
        ids(format!(
            "/users?role=clinic&createdFrom={today}&createdTo={today}"
        ))
        .await,
        both
    );
    assert_eq!(
        ids("/auth/users?role=clinic&createdTo=2016-01-01".to_owned()).await,
        [""; 0]
    );
    assert_eq!(
        ids("/users?role=clinic&createdFrom=2100-01-01".to_owned()).await,
        [""; 0]
    );
    assert_eq!(ids("/users?role=migrated_clinic".to_owned()).await, [""; 0]);
}

#[actix_web::test]
async fn a_question_about_accounts_must_make_sense() {
    let world = World::start().await;
    let service = world.service().await;
    for (query, reason) in [
        ("", "A query must be specified"),
        ("?role=king", "The role specified is invalid"),
        ("?role[$ne]=clinic", "Unknown query parameter"),
        ("?role=clinic&id=a", "Only one query parameter is allowed"),
        (
            "?role=clinic&createdFrom=x",
            "Invalid query parameter: createdFrom",
        ),
        (
            "?role=clinic&createdTo=2016-02-30",
            "Invalid query parameter: createdTo",
        ),
        ("?name=x", "Unknown query parameter"),
    ] {
        assert_refused(&service.get(&format!("/users{query}")).await, 400, reason);
    }
    let many = format!("/users?id={}", vec!["a"; 201].join(","));
    assert_refused(
        &service.get(&many).await,
        400,
        "Invalid query parameter: id",
    );
    let alice = world.user("alice").await;
    for person in [&alice.person, &world.anonymous(), &world.app.bearer("x")] {
        let answer = person.get("/users").await;
        assert_refused(&answer, 401, "Not authorized for requested operation");
    }
}

#[actix_web::test]
async fn errors_are_counted() {
    let world = World::start().await;
    world.anonymous().get("/users").await;
    eventually("the counter", async || {
        let metrics = world.anonymous().get("/metrics").await;
        metrics.text().lines().any(|line| {
            line.starts_with("tidepool_shoreline_failed_status_count{")
                && line.contains("status_code=\"401\"")
                && line.contains("status_reason=\"Not authorized for requested operation\"")
        })
    })
    .await;
}

#[actix_web::test]
async fn an_account_is_found_by_an_address_with_a_slash() {
    let world = World::start().await;
    let account = world.user("a/b").await;
    let service = world.service().await;
    for path in ["/auth/user", "/user", "/v1/users"] {
        let answer = service.get(&format!("{path}/a%2Fb@example.org")).await;
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        assert_eq!(answer.json::<Value>()["userid"], account.id.as_str());
    }
}

#[actix_web::test]
async fn unknown_paths_and_methods_are_refused() {
    let world = World::start().await;
    let status = world.anonymous().get("/status").await;
    assert_eq!((status.status, status.text()), (200, "OK"));
    assert_eq!(
        status.header("content-type"),
        Some("text/plain; charset=utf-8")
    );
    for path in [
        "/nothing",
        "/auth",
        "/auth/oauthlogin",
        "/migrate/x",
        "/user/a/b/c",
    ] {
        let answer = world.anonymous().get(path).await;
        assert_eq!(
            (answer.status, answer.text()),
            (404, "404 page not found"),
            "{path}"
        );
    }
    let answer = send(world.anonymous().request(Method::PATCH, "/auth/user")).await;
    assert_eq!((answer.status, answer.text()), (405, ""));
    assert_eq!(answer.header("allow"), Some("POST, GET, PUT"));
}
