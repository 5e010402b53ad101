//! Every route of the API against nobody, a stranger, a member, an admin, a custodian, the owner and
//! a service, and the internal ones against services that they do not admit. The pages are in `page_auth`.

use std::collections::BTreeSet;

use bson::doc;
use reqwest::Method;
use serde_json::{Value, json};
use shared_runtime::testing::send;

use crate::world::{World, assert_refused, reason};

/// Method, pattern, the path to call (`{key}` is an invitation of Alice), body, and the statuses
/// for: nobody, a stranger, a member with every name but the administering ones, an admin, a
/// custodian, the owner, a service: below `/internal` the one that is admitted, elsewhere one that is
/// not.
type Row = (&'static str, &'static str, &'static str, Value, [u16; 7]);

/// Each operation once, at its documented path; the aliases are looked at in `paths`.
fn matrix() -> Vec<Row> {
    let mut rows = health();
    rows.extend(sign_ups());
    rows.extend(invitations());
    rows.extend(internal());
    rows
}

/// What whoever runs the account may, and a service.
const fn by_whoever_runs_it(status: u16) -> [u16; 7] {
    [401, 401, 401, status, status, status, status]
}

fn health() -> Vec<Row> {
    let path = "/confirm/status";
    let live = "/confirm/live";
    vec![
        ("GET", path, path, Value::Null, [200; 7]),
        ("GET", live, live, Value::Null, [200; 7]),
    ]
}

fn sign_ups() -> Vec<Row> {
    let none = json!({});
    vec![
        (
            "POST",
            "/confirm/send/signup/{userid}",
            "/confirm/send/signup/alice",
            none.clone(),
            // There is one since the admin asked.
            [401, 401, 401, 200, 403, 403, 403],
        ),
        (
            "POST",
            "/confirm/signup/{userid}",
            "/confirm/signup/alice",
            none.clone(),
            by_whoever_runs_it(403),
        ),
        (
            "GET",
            "/confirm/signup/{userid}",
            "/confirm/signup/alice",
            none.clone(),
            by_whoever_runs_it(200),
        ),
        (
            "PUT",
            "/confirm/signup/{userid}",
            "/confirm/signup/alice",
            none.clone(),
            // Without a token a key is wanted. The admin withdraws it.
            [400, 401, 401, 200, 404, 404, 404],
        ),
        (
            "DELETE",
            "/confirm/signup/{userid}",
            "/confirm/signup/alice",
            none.clone(),
            by_whoever_runs_it(404),
        ),
        (
            "POST",
            "/confirm/resend/signup/{useremail}",
            "/confirm/resend/signup/nobody@example.org",
            none.clone(),
            [404; 7],
        ),
        (
            "PUT",
            "/confirm/accept/signup/{confirmationid}",
            "/confirm/accept/signup/a-key",
            none.clone(),
            [404; 7],
        ),
        (
            "PUT",
            "/confirm/accept/signup/{userid}/{confirmationid}",
            "/confirm/accept/signup/alice/a-key",
            none.clone(),
            [404; 7],
        ),
        (
            "PUT",
            "/confirm/dismiss/signup/{userid}",
            "/confirm/dismiss/signup/alice",
            json!({"key": "a-key"}),
            [404; 7],
        ),
        (
            "POST",
            "/confirm/send/forgot/{useremail}",
            "/confirm/send/forgot/alice@example.org",
            none,
            [200; 7],
        ),
        (
            "PUT",
            "/confirm/accept/forgot",
            "/confirm/accept/forgot",
            json!({"key": "a-key", "email": "alice@example.org", "password": "battery-staple"}),
            [404; 7],
        ),
    ]
}

fn invitations() -> Vec<Row> {
    let none = Value::Null;
    let invitation = json!({"email": "carol@example.org", "permissions": {"view": {}}});
    vec![
        (
            "POST",
            "/confirm/send/invite/{userid}",
            "/confirm/send/invite/alice",
            invitation,
            // There is one already.
            by_whoever_runs_it(409),
        ),
        (
            "PATCH",
            "/confirm/resend/invite/{inviteid}",
            "/confirm/resend/invite/{key}",
            none.clone(),
            [401, 403, 403, 200, 200, 200, 200],
        ),
        (
            "GET",
            "/confirm/invite/{userid}",
            "/confirm/invite/alice",
            none.clone(),
            by_whoever_runs_it(200),
        ),
        (
            "PUT",
            "/confirm/{userid}/invited/{invited_address}",
            "/confirm/alice/invited/nobody@example.org",
            none.clone(),
            by_whoever_runs_it(404),
        ),
        (
            "DELETE",
            "/confirm/{userid}/invited/{invited_address}",
            "/confirm/alice/invited/nobody@example.org",
            none.clone(),
            by_whoever_runs_it(404),
        ),
        (
            "GET",
            "/confirm/invitations/{userid}",
            "/confirm/invitations/alice",
            none.clone(),
            by_whoever_runs_it(404),
        ),
        (
            "PUT",
            "/confirm/accept/invite/{userid}/{invitedby}",
            "/confirm/accept/invite/alice/bob",
            none.clone(),
            by_whoever_runs_it(404),
        ),
        (
            "PUT",
            "/confirm/dismiss/invite/{userid}/{invitedby}",
            "/confirm/dismiss/invite/alice/bob",
            none,
            by_whoever_runs_it(404),
        ),
    ]
}

fn internal() -> Vec<Row> {
    let only_the_admitted = |status| [401, 401, 401, 401, 401, 401, status];
    let notice = json!({
        "userid": "alice", "changedAt": 0, "changed": ["password"], "recipients": [],
        "needsProof": false,
    });
    vec![
        (
            "PUT",
            "/internal/account-notices/{noticeid}",
            "/internal/account-notices/n",
            notice,
            only_the_admitted(204),
        ),
        (
            "POST",
            "/internal/outbox/revive",
            "/internal/outbox/revive",
            Value::Null,
            only_the_admitted(200),
        ),
        (
            "DELETE",
            "/internal/users/{userid}",
            "/internal/users/alice",
            Value::Null,
            only_the_admitted(204),
        ),
    ]
}

#[actix_web::test]
async fn every_route_answers_each_kind_of_caller_as_documented() {
    let world = World::without_relay().await;
    for id in ["alice", "stranger", "member", "admin", "custodian"] {
        world.peers.has(id);
    }
    let all_but_running = json!({"view": {}, "edit": {}, "upload": {}, "note": {}, "follow": {}});
    world.peers.allow("alice", "member", all_but_running);
    world.peers.allow("alice", "admin", json!({"admin": {}}));
    world
        .peers
        .allow("alice", "custodian", json!({"custodian": {}}));
    let invited = world
        .invite("alice", "carol@example.org", json!({"view": {}}))
        .await;
    let key = invited["key"].as_str().unwrap();
    let callers = [
        ("nobody", world.anonymous()),
        ("a stranger", world.user("stranger")),
        ("a member", world.user("member")),
        ("an admin", world.user("admin")),
        ("a custodian", world.user("custodian")),
        ("the owner", world.user("alice")),
    ];
    for (method, _, path, body, statuses) in matrix() {
        let service = ("a service", world.service_called(admitted(path)));
        for ((name, caller), status) in callers.iter().chain([&service]).zip(statuses) {
            let path = path.replace("{key}", key);
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let answer = send(caller.request(method.clone(), &path).json(&body)).await;
            let shown = format!("{method} {path} by {name}: {}", answer.text());
            assert_eq!(answer.status, status, "{shown}");
            if status == 401 {
                let expected = if *name == "nobody" {
                    "No x-tidepool-session-token was found"
                } else {
                    "Not authorized for requested operation"
                };
                assert_eq!(answer.json::<Value>(), reason(401, expected), "{shown}");
            }
        }
    }
}

/// Who is admitted to an internal operation; for the others a service that is not.
fn admitted(path: &str) -> &'static str {
    match path {
        "/internal/outbox/revive" => "operator",
        _ if path.starts_with("/internal") => "user-api",
        _ => "scripts",
    }
}

#[actix_web::test]
async fn internal_operations_admit_those_who_need_them_alone() {
    let world = World::without_relay().await;
    world.peers.has("alice");
    let view = json!({"view": {}});
    world.invite("alice", "carol@example.org", view).await;
    let stored = ["confirmations", "outbox", "mail_outbox"];
    let before = world.everything(&stored).await;
    for (method, _, path, _, _) in internal() {
        for name in ["scripts", "confirm", "gatekeeper", "operator", "user-api"] {
            if name == admitted(path) {
                continue;
            }
            let service = world.service_called(name);
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            let answer = send(service.request(method, path)).await;
            assert_refused(&answer, 401, "Not authorized for requested operation");
        }
    }
    assert_eq!(world.everything(&stored).await, before);
}

#[test]
fn the_matrix_has_every_route() {
    let covered: BTreeSet<(String, String)> = matrix()
        .into_iter()
        .map(|(method, pattern, ..)| (method.to_owned(), pattern.to_owned()))
        .collect();
    let table = confirm::table();
    let documented = table.operations().iter();
    let served: BTreeSet<(String, String)> = documented
        .map(|entry| (entry.method.to_string(), entry.paths[0].clone()))
        .collect();
    assert_eq!(covered, served);
}

#[test]
fn the_document_has_every_route() {
    let document = serde_json::to_value(confirm::openapi()).unwrap();
    for entry in confirm::table().operations() {
        let operation = &document["paths"][&entry.paths[0]][entry.method.as_str().to_lowercase()];
        assert!(
            operation["responses"].is_object(),
            "{} {}",
            entry.method,
            entry.paths[0]
        );
        // Whoever reads it must see which operations are for everybody.
        let is_public = matrix().into_iter().any(|(method, pattern, .., statuses)| {
            method == entry.method.as_str()
                && pattern == entry.paths[0]
                && !matches!(statuses[0], 400 | 401)
        });
        let security = operation["security"].as_array();
        let is_open = security.is_some_and(|all| all.iter().any(|one| one == &json!({})));
        assert_eq!(is_open, is_public, "{} {}", entry.method, entry.paths[0]);
    }
}

#[actix_web::test]
async fn a_user_is_not_a_service_of_the_same_name() {
    let world = World::without_relay().await;
    let answer = world.user("user-api").delete("/internal/users/alice").await;
    assert_eq!(answer.status, 401);
    let made = doc! {
        "_id": "k", "type": "careteam_invitation", "status": "pending", "creatorId": "user-api",
        "created": bson::DateTime::now(), "email": "carol@example.org",
    };
    world.confirmations().insert_one(made).await.unwrap();
    let path = "/confirm/invite/user-api";
    assert_eq!(world.user("user-api").get(path).await.status, 200);
    assert_eq!(world.user("confirm").get(path).await.status, 401);
}
