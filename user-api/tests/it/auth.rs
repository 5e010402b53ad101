//! Who may call what: every route against nobody, a stranger, a member, the owner, an admin and a
//! service, and the internal ones against services that they do not admit.

use serde_json::{Value, json};
use shared_runtime::testing::{
    matrix::{Gets, Row, assert_closed, assert_complete, service_for, with_aliases},
    reason,
};

use crate::world::{World, assert_refused};

/// What is asked for, and what these get: nobody, a stranger, a member, who holds `view` alone, the
/// owner, an admin, a service: below `/internal` the one that is admitted, elsewhere one that is
/// not. The owner is the user in the path.
fn matrix() -> Vec<Row<6>> {
    let mut rows = public();
    rows.extend(sessions());
    rows.extend(accounts());
    rows.extend(metadata());
    rows.extend(internal());
    rows.push(log_out());
    rows
}

/// 401 in the words of the operations on tokens and sessions, and of internal ones.
fn no_token() -> Gets {
    Gets::Refusal(401, reason(401, "No x-tidepool-session-token was found"))
}

/// 401 in the words of the operations on accounts.
fn not_authorized() -> Gets {
    Gets::Refusal(401, reason(401, "Not authorized for requested operation"))
}

/// 401 in the words of the operations on metadata.
fn unauthorized() -> Gets {
    Gets::Refusal(401, json!("Unauthorized"))
}

/// 401 as a deletion has it.
fn silence() -> Gets {
    Gets::Refusal(401, Value::Null)
}

fn by_all(status: u16) -> [Gets; 6] {
    Gets::Status(status).by_all()
}

fn by_services(refused: Gets, status: u16) -> [Gets; 6] {
    let [nobody, stranger, member, owner, admin] = refused.by_all();
    [nobody, stranger, member, owner, admin, status.into()]
}

fn by_the_owner_and_services(refused: Gets, status: u16) -> [Gets; 6] {
    let [nobody, stranger, member, _, admin, service] = by_services(refused, status);
    [nobody, stranger, member, status.into(), admin, service]
}

fn by_whoever_runs_it(refused: Gets, status: u16) -> [Gets; 6] {
    let [nobody, stranger, member, owner, _, service] = by_the_owner_and_services(refused, status);
    [nobody, stranger, member, owner, status.into(), service]
}

fn by_all_but_nobody(refused: Gets, status: u16, of_services: impl Into<Gets>) -> [Gets; 6] {
    let [stranger, member, owner, admin] = Gets::Status(status).by_all();
    [refused, stranger, member, owner, admin, of_services.into()]
}

/// Credentials, not tokens, open these, or nothing does.
fn public() -> Vec<Row<6>> {
    vec![
        Row::new("GET /status", by_all(200)),
        Row::new("GET /.well-known/jwks.json", by_all(200)),
        Row::new("POST /auth/login", by_all(400)),
        Row::new("POST /auth/login/{longtermkey}", by_all(400)),
        Row::new("POST /auth/serverlogin", by_all(400)),
        Row::new("GET /auth/private", by_all(200)),
        Row::new("POST /auth/user", by_all(400)).with(json!({})),
        Row::new("GET /metadata/collections", by_all(200)),
    ]
}

fn sessions() -> Vec<Row<6>> {
    vec![
        Row::new("GET /auth/login", by_all_but_nobody(no_token(), 200, 200)),
        Row::new("GET /auth/token", by_all_but_nobody(no_token(), 200, 200)),
        Row::new("GET /auth/token/{token}", by_services(no_token(), 200)),
        Row::new(
            "DELETE /auth/user/{userid}/sessions",
            by_services(no_token(), 204),
        ),
    ]
}

/// Nobody has a session afterwards.
fn log_out() -> Row<6> {
    Row::new("POST /auth/logout", by_all(200))
}

fn accounts() -> Vec<Row<6>> {
    let refused = not_authorized;
    // A service has no account of its own.
    let own = by_all_but_nobody(refused(), 200, 404);
    let own_changed = by_all_but_nobody(refused(), 200, refused());
    let [nobody, stranger, member, _, admin, service] = by_whoever_runs_it(silence(), 204);
    // The owner must confirm with the password.
    let unconfirmed = Gets::Refusal(403, reason(403, "Missing id and/or password"));
    let deleted = [nobody, stranger, member, unconfirmed, admin, service];
    let no_updates = json!({ "updates": {} });
    vec![
        Row::new("GET /auth/users", by_services(refused(), 400)),
        Row::new("GET /auth/user", own),
        Row::new("PUT /auth/user", own_changed).with(no_updates.clone()),
        Row::new(
            "GET /auth/user/{userid}",
            by_whoever_runs_it(refused(), 200),
        ),
        Row::new(
            "PUT /auth/user/{userid}",
            by_whoever_runs_it(refused(), 200),
        )
        .with(no_updates),
        Row::new("DELETE /auth/user/{userid}", deleted),
        Row::new(
            "POST /user/createChild/{userid}",
            by_the_owner_and_services(refused(), 201),
        )
        .with(json!({ "fullName": "Ann" })),
        Row::new(
            "POST /auth/user/{userid}/user",
            by_the_owner_and_services(refused(), 201),
        )
        .with(json!({})),
        Row::new(
            "POST /v1/clinics/{clinicid}/users",
            by_services(refused(), 201),
        )
        .with(json!({})),
    ]
}

fn metadata() -> Vec<Row<6>> {
    let refused = unauthorized;
    let [nobody, stranger, _, owner, admin, service] = by_whoever_runs_it(refused(), 404);
    // Who may see data sees the profile, of which there is none.
    let read = [nobody, stranger, 404.into(), owner, admin, service];
    let written = || by_whoever_runs_it(refused(), 200);
    let (collection, private) = ("/metadata/{user_id}/{collection}", "/{user_id}/private");
    let profile = json!({ "fullName": "Alice" });
    vec![
        Row::new(
            "GET /metadata/users/{user_id}/users",
            by_whoever_runs_it(refused(), 200),
        ),
        Row::new(
            "GET /metadata/{user_id}/private/{name}",
            by_services(refused(), 200),
        ),
        Row::new(format!("GET {collection}"), read),
        Row::new(format!("PUT {collection}"), written()).with(profile.clone()),
        Row::new(format!("POST {collection}"), written()).with(profile),
        // Of the collections only `private` is closed to its owner.
        Row::new(format!("GET {private}"), by_services(refused(), 404)),
        Row::new(format!("PUT {private}"), by_services(refused(), 200)).with(json!({})),
        Row::new(format!("POST {private}"), by_services(refused(), 200)).with(json!({})),
    ]
}

fn internal() -> Vec<Row<6>> {
    let no_holders = json!({ "version": 0, "holders": [] });
    let no_change = json!({
        "change": "", "email": "", "password": "12345678", "idempotencyKey": "k",
    });
    let user = "/internal/users/{userid}";
    vec![
        Row::new("GET /internal/people", by_services(no_token(), 400)),
        Row::new(format!("PUT {user}/holders"), by_services(no_token(), 200)).with(no_holders),
        Row::new(
            format!("PUT {user}/restoration"),
            by_services(no_token(), 404),
        )
        .with(no_change),
        Row::new("POST /internal/outbox/revive", by_services(no_token(), 200)),
    ]
}

#[actix_web::test]
async fn every_route_lets_in_whom_it_should() {
    let world = World::start().await;
    let stranger = world.user("stranger").await;
    let (member, admin) = (world.user("member").await, world.user("admin").await);
    let rows = with_aliases(&matrix(), &user_api::table());
    for (number, row) in rows.into_iter().enumerate() {
        let owner = world.user(&format!("owner{number}")).await;
        for (holder, permissions) in [
            (&member, json!({ "view": {} })),
            (&admin, json!({ "admin": {} })),
        ] {
            world.gatekeeper.grant(&owner.id, &holder.id, permissions);
        }
        let callers = [
            ("nobody", &world.anonymous()),
            ("a stranger", &stranger.person),
            ("a member", &member.person),
            ("the owner", &owner.person),
            ("an admin", &admin.person),
            (
                "a service",
                &world
                    .service_called(service_for(row.pattern(), "gatekeeper"))
                    .await,
            ),
        ];
        let parameters = [
            ("userid", owner.id.as_str()),
            ("user_id", owner.id.as_str()),
            ("token", owner.token.as_str()),
            ("longtermkey", "key"),
            ("clinicid", "0123456789"),
            ("collection", "profile"),
            ("name", "name"),
        ];
        row.check(callers, &parameters).await;
    }
}

#[actix_web::test]
async fn internal_operations_admit_those_who_need_them_alone() {
    let world = World::start().await;
    let parameters = [("userid", "0123456789")];
    let mut services = Vec::new();
    for name in ["scripts", "operator", "gatekeeper"] {
        services.push((name, world.service_called(name).await));
    }
    let refusal = not_authorized();
    assert_closed(&internal(), "gatekeeper", &services, &refusal, &parameters).await;
    for row in internal() {
        for token in ["", "nonsense"] {
            let answer = row.ask(&world.app.bearer(token), &parameters).await;
            assert_refused(&answer, 401, "No x-tidepool-session-token was found");
        }
    }
}

#[test]
fn the_matrix_has_every_route() {
    assert_complete(&matrix(), &user_api::table());
}
