//! Every route against nobody, a stranger, a member, an admin, the owner and a service, and the
//! internal ones against services that they do not admit.

use std::collections::BTreeSet;

use reqwest::Method;
use serde_json::{Value, json};
use shared_runtime::testing::send;

use crate::world::{World, assert_answer, assert_unauthorized};

/// Method, path pattern, path to call, body, and the statuses for: nobody, a stranger, a member
/// with every name but the administering ones, an admin, the owner, a service: below `/internal` one
/// that is admitted, elsewhere one that is not.
pub(crate) type Row = (&'static str, &'static str, &'static str, Value, [u16; 6]);

pub(crate) fn matrix() -> Vec<Row> {
    let mut rows = public();
    rows.extend(internal());
    rows
}

fn public() -> Vec<Row> {
    let none = Value::Null;
    let by_whoever_runs_it = [401, 401, 401, 200, 200, 200];
    vec![
        (
            "GET",
            "/access/status",
            "/access/status",
            none.clone(),
            [200; 6],
        ),
        ("GET", "/status", "/status", none.clone(), [200; 6]),
        (
            "GET",
            "/access/groups/{user_id}",
            "/access/groups/alice",
            none.clone(),
            by_whoever_runs_it,
        ),
        (
            "GET",
            "/access/{sharer_id}",
            "/access/alice",
            none.clone(),
            by_whoever_runs_it,
        ),
        (
            "GET",
            "/access/{sharer_id}/{user_id}",
            "/access/alice/other",
            none.clone(),
            by_whoever_runs_it,
        ),
        (
            "GET",
            "/access/{sharer_id}/{user_id}",
            "/access/alice/member",
            none.clone(),
            [401, 401, 200, 200, 200, 200],
        ),
        (
            "GET",
            "/access/{sharer_id}/{user_id}",
            "/access/alice/stranger",
            none.clone(),
            [401, 404, 401, 404, 404, 404],
        ),
        (
            "POST",
            "/access/{sharer_id}/{user_id}",
            "/access/alice/other",
            json!({"view": {}}),
            by_whoever_runs_it,
        ),
        (
            "POST",
            "/access/{sharer_id}/{user_id}",
            "/access/alice/newcomer",
            json!({}),
            by_whoever_runs_it,
        ),
        (
            "POST",
            "/access/{sharer_id}/{user_id}",
            "/access/alice/alice",
            json!({}),
            by_whoever_runs_it,
        ),
    ]
}

fn internal() -> Vec<Row> {
    let none = Value::Null;
    let only_admitted_services = |status| [401, 401, 401, 401, 401, status];
    vec![
        (
            "PUT",
            "/internal/grants/{grant_id}",
            "/internal/grants/a-key",
            json!({"sharerId": "alice", "granteeId": "invited", "permissions": {"view": {}}}),
            only_admitted_services(200),
        ),
        (
            "PUT",
            "/internal/clinics/{clinic_id}/patients/{user_id}",
            "/internal/clinics/5f8f8f8f8f8f8f8f8f8f8f8f/patients/alice",
            json!({"revision": 1, "permissions": {"view": {}}}),
            only_admitted_services(204),
        ),
        (
            "DELETE",
            "/internal/clinics/{clinic_id}/patients/{user_id}",
            "/internal/clinics/5f8f8f8f8f8f8f8f8f8f8f8f/patients/alice?revision=2",
            none.clone(),
            only_admitted_services(204),
        ),
        (
            "PUT",
            "/internal/clinics/{clinic_id}/clinicians/{user_id}",
            "/internal/clinics/5f8f8f8f8f8f8f8f8f8f8f8f/clinicians/stranger",
            json!({"revision": 1}),
            only_admitted_services(204),
        ),
        (
            "DELETE",
            "/internal/clinics/{clinic_id}/clinicians/{user_id}",
            "/internal/clinics/5f8f8f8f8f8f8f8f8f8f8f8f/clinicians/stranger?revision=2",
            none.clone(),
            only_admitted_services(204),
        ),
        (
            "GET",
            "/internal/users/{user_id}/administered",
            "/internal/users/admin/administered",
            none.clone(),
            only_admitted_services(200),
        ),
        (
            "GET",
            "/internal/users/{user_id}/grantees",
            "/internal/users/alice/grantees",
            none.clone(),
            only_admitted_services(200),
        ),
        (
            "PUT",
            "/internal/users/{user_id}/lock",
            "/internal/users/alice/lock",
            none.clone(),
            only_admitted_services(200),
        ),
        (
            "DELETE",
            "/internal/users/{user_id}/custodians",
            "/internal/users/alice/custodians",
            none.clone(),
            only_admitted_services(204),
        ),
        (
            "DELETE",
            "/internal/users/{user_id}",
            "/internal/users/nobody",
            none,
            only_admitted_services(204),
        ),
    ]
}

#[actix_web::test]
async fn every_route_answers_each_kind_of_caller_as_documented() {
    let world = World::start().await;
    world
        .grant(
            "alice",
            "member",
            json!({"view": {}, "edit": {}, "upload": {}, "note": {}, "follow": {}}),
        )
        .await;
    world.grant("alice", "other", json!({"view": {}})).await;
    world.grant("alice", "admin", json!({"admin": {}})).await;
    let callers = [
        ("nobody", world.anonymous()),
        ("a stranger", world.user("stranger")),
        ("a member", world.user("member")),
        ("an admin", world.user("admin")),
        ("the owner", world.user("alice")),
    ];
    let (peer, other) = (world.service(), world.service_called("scripts"));
    for (method, _, path, body, statuses) in matrix() {
        let service = if path.starts_with("/internal") {
            ("a service that is admitted", peer.clone())
        } else {
            ("a service", other.clone())
        };
        for ((name, caller), status) in callers.iter().chain([&service]).zip(statuses) {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let answer = send(caller.request(method.clone(), path).json(&body)).await;
            assert_eq!(
                answer.status,
                status,
                "{method} {path} by {name}: {}",
                answer.text()
            );
            if status == 401 {
                let expected = if *name == "nobody" {
                    "Session token must be set on header[x-tidepool-session-token]"
                } else {
                    "Unauthorized"
                };
                assert_eq!(
                    answer.json::<Value>(),
                    json!(expected),
                    "{method} {path} by {name}"
                );
            }
        }
    }
}

#[actix_web::test]
async fn internal_operations_admit_the_services_that_need_them_alone() {
    let world = World::start().await;
    world.grant("alice", "admin", json!({"admin": {}})).await;
    let before = world.everything().await;
    for (method, _, path, body, _) in internal() {
        for name in ["scripts", "gatekeeper", "operator", "User-Api", "user-api "] {
            let service = world.service_called(name);
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let answer = send(service.request(method, path).json(&body)).await;
            assert_unauthorized(&answer);
        }
    }
    assert_eq!(world.everything().await, before);
    let grant = json!({"sharerId": "alice", "granteeId": "bob", "permissions": {"view": {}}});
    for name in ["user-api", "confirm", "clinic"] {
        let service = world.service_called(name);
        let answer = service.put("/internal/grants/a-key", &grant).await;
        assert_answer(&answer, 200, &json!({"view": {}}));
    }
}

#[test]
fn the_matrix_has_every_route() {
    let covered: BTreeSet<(String, String)> = matrix()
        .into_iter()
        .map(|(method, pattern, ..)| (method.to_owned(), pattern.to_owned()))
        .collect();
    let table = gatekeeper::table();
    let served: BTreeSet<(String, String)> = table
        .operations()
        .iter()
        .flat_map(|operation| {
            let paths = operation.paths.iter();
            paths.map(|path| (operation.method.to_string(), path.clone()))
        })
        .collect();
    assert_eq!(covered, served);
}

#[actix_web::test]
async fn a_user_is_not_a_service_of_the_same_name() {
    let world = World::start().await;
    let path = "/internal/users/alice/administered";
    assert_eq!(world.user("user-api").get(path).await.status, 401);
    assert_eq!(
        world.user("gatekeeper").get("/access/alice").await.status,
        401
    );
    // Nor does a service own the account that has its name.
    world.grant("user-api", "alice", json!({"view": {}})).await;
    assert_eq!(
        world.service().get("/access/user-api/alice").await.status,
        200
    );
}
