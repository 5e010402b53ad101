//! Who may call what: every route against nobody, a stranger, the owner and a service, and the
//! internal ones against services that they do not admit.

use reqwest::Method;
use serde_json::{Value, json};
use shared_runtime::{
    routes::Operation,
    testing::{Person, send},
};

use crate::world::{World, assert_refused};

/// Method, first path (or an alias that differs), body, and the statuses for nobody, a stranger, the owner and a service.
/// The owner is the user in the path; services ask about it, too. Below `/internal` the service is the
/// one that is admitted, elsewhere one that is not.
type Expectation = (&'static str, &'static str, fn() -> Value, [u16; 4]);

fn nothing() -> Value {
    Value::Null
}

fn no_updates() -> Value {
    json!({ "updates": {} })
}

fn no_holders() -> Value {
    json!({ "version": 0, "holders": [] })
}

fn no_change() -> Value {
    json!({ "change": "", "email": "", "password": "12345678", "idempotencyKey": "k" })
}

fn empty() -> Value {
    json!({})
}

fn child() -> Value {
    json!({ "fullName": "Ann" })
}

fn profile() -> Value {
    json!({ "fullName": "Alice" })
}

const EXPECTATIONS: &[Expectation] = &[
    ("GET", "/status", nothing, [200, 200, 200, 200]),
    (
        "GET",
        "/.well-known/jwks.json",
        nothing,
        [200, 200, 200, 200],
    ),
    // Credentials, not tokens, open these.
    ("POST", "/auth/login", nothing, [400, 400, 400, 400]),
    (
        "POST",
        "/auth/login/{longtermkey}",
        nothing,
        [400, 400, 400, 400],
    ),
    ("POST", "/auth/serverlogin", nothing, [400, 400, 400, 400]),
    ("GET", "/auth/login", nothing, [401, 200, 200, 200]),
    ("POST", "/auth/logout", nothing, [200, 200, 200, 200]),
    ("GET", "/auth/token", nothing, [401, 200, 200, 200]),
    ("GET", "/auth/token/{token}", nothing, [401, 401, 401, 200]),
    ("GET", "/auth/private", nothing, [200, 200, 200, 200]),
    ("GET", "/auth/users", nothing, [401, 401, 401, 400]),
    ("POST", "/auth/user", empty, [400, 400, 400, 400]),
    // Without an id these are about the caller; a service has no account.
    ("GET", "/auth/user", nothing, [401, 200, 200, 404]),
    ("PUT", "/auth/user", no_updates, [401, 200, 200, 401]),
    (
        "POST",
        "/user/createChild/{userid}",
        child,
        [401, 401, 201, 201],
    ),
    ("GET", "/auth/user/{userid}", nothing, [401, 401, 200, 200]),
    (
        "PUT",
        "/auth/user/{userid}",
        no_updates,
        [401, 401, 200, 200],
    ),
    // The owner must confirm with the password.
    (
        "DELETE",
        "/auth/user/{userid}",
        nothing,
        [401, 401, 403, 204],
    ),
    (
        "POST",
        "/auth/user/{userid}/user",
        empty,
        [401, 401, 201, 201],
    ),
    (
        "DELETE",
        "/auth/user/{userid}/sessions",
        nothing,
        [401, 401, 401, 204],
    ),
    (
        "POST",
        "/v1/clinics/{clinicid}/users",
        empty,
        [401, 401, 401, 201],
    ),
    ("GET", "/internal/people", nothing, [401, 401, 401, 400]),
    (
        "PUT",
        "/internal/users/{userid}/holders",
        no_holders,
        [401, 401, 401, 200],
    ),
    (
        "PUT",
        "/internal/users/{userid}/restoration",
        no_change,
        [401, 401, 401, 404],
    ),
    (
        "POST",
        "/internal/outbox/revive",
        nothing,
        [401, 401, 401, 200],
    ),
    (
        "GET",
        "/metadata/collections",
        nothing,
        [200, 200, 200, 200],
    ),
    (
        "GET",
        "/metadata/users/{user_id}/users",
        nothing,
        [401, 401, 200, 200],
    ),
    (
        "GET",
        "/metadata/{user_id}/private/{name}",
        nothing,
        [401, 401, 401, 200],
    ),
    (
        "GET",
        "/metadata/{user_id}/{collection}",
        nothing,
        [401, 401, 404, 404],
    ),
    (
        "PUT",
        "/metadata/{user_id}/{collection}",
        profile,
        [401, 401, 200, 200],
    ),
    (
        "POST",
        "/metadata/{user_id}/{collection}",
        profile,
        [401, 401, 200, 200],
    ),
    // Of the collections only `private` is closed to its owner.
    ("GET", "/{user_id}/private", nothing, [401, 401, 401, 404]),
    ("PUT", "/{user_id}/private", empty, [401, 401, 401, 200]),
    ("POST", "/{user_id}/private", empty, [401, 401, 401, 200]),
];

#[actix_web::test]
async fn every_route_lets_in_whom_it_should() {
    let world = World::start().await;
    let mut number = 0;
    let table = user_api::table();
    for entry in table.operations() {
        for path in entry.paths {
            let expectation = |path: &str| {
                EXPECTATIONS
                    .iter()
                    .find(|line| line.0 == entry.method.as_str() && line.1 == path)
            };
            let Some((_, _, body, expected)) =
                expectation(path).or_else(|| expectation(&entry.paths[0]))
            else {
                panic!("{} {path} is missing from the list", entry.method);
            };
            number += 1;
            let owner = world.user(&format!("owner{number}")).await;
            let stranger = world.user(&format!("stranger{number}")).await;
            let target = path
                .replace("{userid}", &owner.id)
                .replace("{user_id}", &owner.id)
                .replace("{token}", &owner.token)
                .replace("{longtermkey}", "key")
                .replace("{clinicid}", "0123456789")
                .replace("{collection}", "profile")
                .replace("{name}", "name");
            let service = world.service_called(admitted(path)).await;
            let callers = [
                &world.anonymous(),
                &stranger.person,
                &owner.person,
                &service,
            ];
            for (caller, expected) in callers.into_iter().zip(expected) {
                let status = call(caller, entry.method.as_str(), &target, body()).await;
                assert_eq!(status, *expected, "{} {path}", entry.method);
            }
        }
    }
    for (method, path, ..) in EXPECTATIONS {
        let is_served =
            |entry: &Operation| entry.method == *method && entry.paths.iter().any(|at| at == path);
        assert!(
            table.operations().iter().any(is_served),
            "{method} {path} is a line without a route"
        );
    }
}

/// Who is admitted to an internal operation; for the others a service that is not.
fn admitted(path: &str) -> &'static str {
    match path {
        "/internal/outbox/revive" => "operator",
        _ if path.starts_with("/internal") => "gatekeeper",
        _ => "scripts",
    }
}

#[actix_web::test]
async fn internal_operations_admit_those_who_need_them_alone() {
    let world = World::start().await;
    for (method, path, body, _) in EXPECTATIONS {
        if !path.starts_with("/internal") {
            continue;
        }
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let path = path.replace("{userid}", "0123456789");
        let answer_to = async |caller: &Person| {
            let request = caller.request(method.clone(), &path);
            send(request.json(&body())).await
        };
        for name in ["scripts", "operator", "gatekeeper"] {
            if name != admitted(&path) {
                let answer = answer_to(&world.service_called(name).await).await;
                assert_refused(&answer, 401, "Not authorized for requested operation");
            }
        }
        for token in ["", "nonsense"] {
            let answer = answer_to(&world.app.bearer(token)).await;
            assert_refused(&answer, 401, "No x-tidepool-session-token was found");
        }
    }
}

async fn call(caller: &Person, method: &str, path: &str, body: Value) -> u16 {
    let request = caller.request(Method::from_bytes(method.as_bytes()).unwrap(), path);
    let request = if body.is_null() {
        request
    } else {
        request.json(&body)
    };
    send(request).await.status
}
