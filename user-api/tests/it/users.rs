//! Who finds which account.

use reqwest::Method;
use serde_json::{Value, json};
use shared_runtime::testing::send;
use stand_ins::gatekeeper::Ask;

use crate::world::{World, assert_refused, eventually};

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
    world.gatekeeper.fail_each(&Ask::READS, 500);
    assert_refused(&bob.person.get(&path).await, 500, "Error finding user");
}

#[actix_web::test]
async fn an_unknown_account_is_not_found_before_rights_are_looked_at() {
    let world = World::start().await;
    let bob = world.user("bob").await;
    world.gatekeeper.fail_each(&Ask::READS, 500);
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
