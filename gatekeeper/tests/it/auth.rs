//! Every route against nobody, a stranger, a member, an admin, the owner and a service, and the
//! internal ones against services that they do not admit.

use serde_json::json;
use shared_runtime::testing::matrix::{
    Gets, Row, assert_closed, assert_complete, service_for, with_aliases,
};

use crate::world::{World, assert_answer};

/// What is asked for, and what these get: nobody, a stranger, a member with every name but the
/// administering ones, an admin, the owner, a service: below `/internal` one that is admitted,
/// elsewhere one that is not.
pub(crate) fn matrix() -> Vec<Row<6>> {
    let mut rows = public();
    rows.extend(internal());
    with_aliases(&rows, &gatekeeper::table())
}

fn unknown() -> Gets {
    let reason = "Session token must be set on header[x-tidepool-session-token]";
    Gets::Refusal(401, json!(reason))
}

fn refused() -> Gets {
    Gets::Refusal(401, json!("Unauthorized"))
}

fn by_whoever_runs_it(status: u16) -> [Gets; 6] {
    let allowed = || status.into();
    let (nobody, stranger, member) = (unknown(), refused(), refused());
    [nobody, stranger, member, allowed(), allowed(), allowed()]
}

fn by_member_and_whoever_runs_it(status: u16) -> [Gets; 6] {
    let [nobody, stranger, _, admin, owner, service] = by_whoever_runs_it(status);
    [nobody, stranger, status.into(), admin, owner, service]
}

fn by_stranger_and_whoever_runs_it(status: u16) -> [Gets; 6] {
    let [nobody, _, member, admin, owner, service] = by_whoever_runs_it(status);
    [nobody, status.into(), member, admin, owner, service]
}

fn by_admitted_services(status: u16) -> [Gets; 6] {
    let [stranger, member, admin, owner] = refused().by_all();
    [unknown(), stranger, member, admin, owner, status.into()]
}

fn public() -> Vec<Row<6>> {
    let pair = "/access/{sharer_id}/{user_id}";
    let (read, replace) = (format!("GET {pair}"), format!("POST {pair}"));
    vec![
        Row::new("GET /access/status", Gets::Status(200).by_all()),
        Row::new("GET /access/groups/{user_id}", by_whoever_runs_it(200))
            .at("/access/groups/alice"),
        Row::new("GET /access/{sharer_id}", by_whoever_runs_it(200)).at("/access/alice"),
        Row::new(&*read, by_whoever_runs_it(200)).at("/access/alice/other"),
        // A grantee sees its own permissions.
        Row::new(&*read, by_member_and_whoever_runs_it(200)).at("/access/alice/member"),
        Row::new(&*read, by_stranger_and_whoever_runs_it(404)).at("/access/alice/stranger"),
        Row::new(&*replace, by_whoever_runs_it(200))
            .at("/access/alice/other")
            .with(json!({"view": {}})),
        Row::new(&*replace, by_whoever_runs_it(200))
            .at("/access/alice/newcomer")
            .with(json!({})),
        Row::new(&*replace, by_whoever_runs_it(200))
            .at("/access/alice/alice")
            .with(json!({})),
    ]
}

fn internal() -> Vec<Row<6>> {
    let patient = "/internal/clinics/{clinic_id}/patients/{user_id}";
    let clinician = "/internal/clinics/{clinic_id}/clinicians/{user_id}";
    let grant = json!({"sharerId": "alice", "granteeId": "invited", "permissions": {"view": {}}});
    let relation = json!({"revision": 1, "permissions": {"view": {}}});
    vec![
        Row::new("PUT /internal/grants/{grant_id}", by_admitted_services(200))
            .at("/internal/grants/a-key")
            .with(grant),
        Row::new("GET /internal/clinics/patients", by_admitted_services(200)),
        Row::new(
            "GET /internal/clinics/clinicians",
            by_admitted_services(200),
        ),
        Row::new(format!("PUT {patient}"), by_admitted_services(204))
            .at("/internal/clinics/5f8f8f8f8f8f8f8f8f8f8f8f/patients/alice")
            .with(relation),
        Row::new(format!("DELETE {patient}"), by_admitted_services(204))
            .at("/internal/clinics/5f8f8f8f8f8f8f8f8f8f8f8f/patients/alice?revision=2"),
        Row::new(format!("PUT {clinician}"), by_admitted_services(204))
            .at("/internal/clinics/5f8f8f8f8f8f8f8f8f8f8f8f/clinicians/stranger")
            .with(json!({"revision": 1})),
        Row::new(format!("DELETE {clinician}"), by_admitted_services(204))
            .at("/internal/clinics/5f8f8f8f8f8f8f8f8f8f8f8f/clinicians/stranger?revision=2"),
        Row::new(
            "GET /internal/users/{user_id}/administered",
            by_admitted_services(200),
        )
        .at("/internal/users/admin/administered"),
        Row::new(
            "GET /internal/users/{user_id}/grantees",
            by_admitted_services(200),
        )
        .at("/internal/users/alice/grantees"),
        Row::new(
            "DELETE /internal/users/{user_id}/grantees",
            by_admitted_services(204),
        )
        .at("/internal/users/stranger/grantees?until=0"),
        Row::new(
            "PUT /internal/users/{user_id}/lock",
            by_admitted_services(200),
        )
        .at("/internal/users/alice/lock"),
        Row::new(
            "DELETE /internal/users/{user_id}/custodians",
            by_admitted_services(204),
        )
        .at("/internal/users/alice/custodians"),
        Row::new(
            "DELETE /internal/users/{user_id}",
            by_admitted_services(204),
        )
        .at("/internal/users/nobody"),
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
    let users = ["stranger", "member", "admin", "alice"].map(|id| world.user(id));
    let [stranger, member, admin, owner] = &users;
    for row in matrix() {
        let callers = [
            ("nobody", &world.anonymous()),
            ("a stranger", stranger),
            ("a member", member),
            ("an admin", admin),
            ("the owner", owner),
            (
                "a service",
                &world.service_called(service_for(row.pattern(), "user-api")),
            ),
        ];
        row.check(callers, &[]).await;
    }
}

#[actix_web::test]
async fn internal_operations_admit_the_services_that_need_them_alone() {
    let world = World::start().await;
    world.grant("alice", "admin", json!({"admin": {}})).await;
    let before = world.everything().await;
    let services = ["scripts", "gatekeeper", "operator", "User-Api", "user-api "]
        .map(|name| (name, world.service_called(name)));
    assert_closed(&internal(), "user-api", &services, &refused(), &[]).await;
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
    assert_complete(&matrix(), &gatekeeper::table());
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
