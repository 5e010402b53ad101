//! Every route of the API against nobody, a stranger, a member, an admin, a custodian, the owner and
//! a service, and the internal ones against services that they do not admit. The pages are in `page_auth`.

use bson::doc;
use serde_json::json;
use shared_runtime::testing::matrix::{Gets, Row, assert_closed, assert_complete, service_for};

use crate::{
    oak::OAK,
    world::{World, reason},
};

/// What is asked for (`{key}` is an invitation of Alice), and what these get: nobody, a stranger, a
/// member with every name but the administering ones, an admin, a custodian, the owner, a service:
/// below `/internal` the one that is admitted, elsewhere one that is not. Each operation once, at its
/// documented path; the aliases are looked at in `paths`.
fn matrix() -> Vec<Row<7>> {
    let mut rows = sign_ups();
    rows.extend(public());
    rows.extend(invitations());
    rows.extend(clinics());
    rows.extend(internal());
    rows
}

fn unknown() -> Gets {
    Gets::Refusal(401, reason(401, "No x-tidepool-session-token was found"))
}

fn refused() -> Gets {
    Gets::Refusal(401, reason(401, "Not authorized for requested operation"))
}

/// What whoever runs the account may, and a service, each as often as it is asked for.
fn by_whoever_runs_it(status: u16) -> [Gets; 7] {
    first_by_admin(status, status)
}

/// The same, where the admin, who asks first, gets something else than those who ask later.
fn first_by_admin(first: u16, later: u16) -> [Gets; 7] {
    let [custodian, owner, service] = Gets::from(later).by_all();
    let (nobody, stranger, member) = (unknown(), refused(), refused());
    [
        nobody,
        stranger,
        member,
        first.into(),
        custodian,
        owner,
        service,
    ]
}

fn by_the_admitted(status: u16) -> [Gets; 7] {
    let [stranger, member, admin, custodian, owner] = refused().by_all();
    [
        unknown(),
        stranger,
        member,
        admin,
        custodian,
        owner,
        status.into(),
    ]
}

/// What is opened by a key from a mail, or by nothing at all.
fn public() -> Vec<Row<7>> {
    let everybody = |status| Gets::Status(status).by_all();
    let reset = json!({"key": "a-key", "email": "alice@example.org", "password": "battery-staple"});
    vec![
        Row::new("GET /confirm/status", everybody(200)),
        Row::new("GET /confirm/live", everybody(200)),
        Row::new("POST /confirm/resend/signup/{useremail}", everybody(404))
            .at("/confirm/resend/signup/nobody@example.org")
            .with(json!({})),
        Row::new(
            "PUT /confirm/accept/signup/{confirmationid}",
            everybody(404),
        )
        .at("/confirm/accept/signup/a-key")
        .with(json!({})),
        Row::new(
            "PUT /confirm/accept/signup/{userid}/{confirmationid}",
            everybody(404),
        )
        .at("/confirm/accept/signup/alice/a-key")
        .with(json!({})),
        Row::new("PUT /confirm/dismiss/signup/{userid}", everybody(404))
            .at("/confirm/dismiss/signup/alice")
            .with(json!({"key": "a-key"})),
        Row::new("POST /confirm/send/forgot/{useremail}", everybody(200))
            .at("/confirm/send/forgot/alice@example.org")
            .with(json!({})),
        Row::new("PUT /confirm/accept/forgot", everybody(404)).with(reset),
    ]
}

fn sign_ups() -> Vec<Row<7>> {
    let sign_up = "/confirm/signup/{userid}";
    let [_, stranger, member, admin, custodian, owner, service] = first_by_admin(200, 404);
    // Without a token a key is wanted.
    let withdrawn = [
        400.into(),
        stranger,
        member,
        admin,
        custodian,
        owner,
        service,
    ];
    let rows = vec![
        // There is one since the admin asked.
        Row::new(
            "POST /confirm/send/signup/{userid}",
            first_by_admin(200, 403),
        )
        .at("/confirm/send/signup/alice"),
        Row::new(format!("POST {sign_up}"), by_whoever_runs_it(403)).at("/confirm/signup/alice"),
        Row::new(format!("GET {sign_up}"), by_whoever_runs_it(200)).at("/confirm/signup/alice"),
        // The admin withdraws it.
        Row::new(format!("PUT {sign_up}"), withdrawn).at("/confirm/signup/alice"),
        Row::new(format!("DELETE {sign_up}"), by_whoever_runs_it(404)).at("/confirm/signup/alice"),
    ];
    rows.into_iter().map(|row| row.with(json!({}))).collect()
}

fn invitations() -> Vec<Row<7>> {
    let invitation = json!({"email": "carol@example.org", "permissions": {"view": {}}});
    let invited = "/confirm/{userid}/invited/{invited_address}";
    let hidden = Gets::from(403);
    let [nobody, _, _, admin, custodian, owner, service] = by_whoever_runs_it(200);
    let resent = [
        nobody,
        hidden.clone(),
        hidden,
        admin,
        custodian,
        owner,
        service,
    ];
    vec![
        // There is one already.
        Row::new(
            "POST /confirm/send/invite/{userid}",
            by_whoever_runs_it(409),
        )
        .at("/confirm/send/invite/alice")
        .with(invitation),
        Row::new("PATCH /confirm/resend/invite/{inviteid}", resent)
            .at("/confirm/resend/invite/{key}"),
        Row::new("GET /confirm/invite/{userid}", by_whoever_runs_it(200))
            .at("/confirm/invite/alice"),
        Row::new(format!("PUT {invited}"), by_whoever_runs_it(404))
            .at("/confirm/alice/invited/nobody@example.org"),
        Row::new(format!("DELETE {invited}"), by_whoever_runs_it(404))
            .at("/confirm/alice/invited/nobody@example.org"),
        Row::new("GET /confirm/invitations/{userid}", by_whoever_runs_it(404))
            .at("/confirm/invitations/alice"),
        Row::new(
            "PUT /confirm/accept/invite/{userid}/{invitedby}",
            by_whoever_runs_it(404),
        )
        .at("/confirm/accept/invite/alice/bob"),
        Row::new(
            "PUT /confirm/dismiss/invite/{userid}/{invitedby}",
            by_whoever_runs_it(404),
        )
        .at("/confirm/dismiss/invite/alice/bob"),
    ]
}

/// What is about a clinic, for which none of these works; `clinic_auth` has those who do.
fn clinics() -> Vec<Row<7>> {
    let patients = "/v1/clinics/{clinicid}/invites/patients";
    let clinicians = "/v1/clinics/{clinicid}/invites/clinicians";
    let own = "/v1/clinicians/{userid}/invites";
    let by_a_service = |status: u16| {
        let [stranger, member, admin, custodian, owner] = refused().by_all();
        let service = status.into();
        [
            unknown(),
            stranger,
            member,
            admin,
            custodian,
            owner,
            service,
        ]
    };
    let by_oneself = |status: u16| {
        let [stranger, member, admin, custodian, service] = refused().by_all();
        let owner = status.into();
        [
            unknown(),
            stranger,
            member,
            admin,
            custodian,
            owner,
            service,
        ]
    };
    let [stranger, member, admin, custodian, owner, service] = Gets::from(403).by_all();
    let by_key = [
        unknown(),
        stranger,
        member,
        admin,
        custodian,
        owner,
        service,
    ];
    let body = json!({"email": "dave@example.org", "roles": ["CLINIC_MEMBER"]});
    vec![
        Row::new(
            "POST /confirm/send/invite/{userid}/clinic",
            by_whoever_runs_it(404),
        )
        .at("/confirm/send/invite/alice/clinic")
        .with(json!({"shareCode": "x", "permissions": {}})),
        Row::new(format!("GET {patients}"), by_a_service(200))
            .at("/v1/clinics/{clinic}/invites/patients"),
        Row::new(format!("PUT {patients}/{{inviteid}}"), by_a_service(404))
            .at("/v1/clinics/{clinic}/invites/patients/a-key"),
        Row::new(format!("DELETE {patients}/{{inviteid}}"), by_key)
            .at("/v1/clinics/{clinic}/invites/patients/a-key"),
        Row::new(format!("POST {clinicians}"), by_a_service(404))
            .at("/v1/clinics/{clinic}/invites/clinicians")
            .with(body),
        Row::new(format!("GET {clinicians}/{{inviteid}}"), by_a_service(404))
            .at("/v1/clinics/{clinic}/invites/clinicians/a-key"),
        Row::new(
            format!("PATCH {clinicians}/{{inviteid}}"),
            by_a_service(404),
        )
        .at("/v1/clinics/{clinic}/invites/clinicians/a-key"),
        Row::new(
            format!("DELETE {clinicians}/{{inviteid}}"),
            by_a_service(200),
        )
        .at("/v1/clinics/{clinic}/invites/clinicians/a-key"),
        Row::new(format!("GET {own}"), by_oneself(404)).at("/v1/clinicians/alice/invites"),
        Row::new(format!("PUT {own}/{{inviteid}}"), by_oneself(404))
            .at("/v1/clinicians/alice/invites/a-key"),
        Row::new(format!("DELETE {own}/{{inviteid}}"), by_oneself(200))
            .at("/v1/clinicians/alice/invites/a-key"),
    ]
}

fn internal() -> Vec<Row<7>> {
    let notice = json!({
        "userid": "alice", "changedAt": 0, "changed": ["password"], "recipients": [],
        "needsProof": false,
    });
    vec![
        Row::new(
            "PUT /internal/account-notices/{noticeid}",
            by_the_admitted(204),
        )
        .at("/internal/account-notices/n")
        .with(notice),
        Row::new(
            "PUT /internal/clinic-notices/{noticeid}",
            by_the_admitted(204),
        )
        .at("/internal/clinic-notices/n")
        .with(json!({ "event": "created", "clinicId": OAK, "userId": "alice" })),
        Row::new("POST /internal/outbox/revive", by_the_admitted(200)),
        Row::new("DELETE /internal/users/{userid}", by_the_admitted(204))
            .at("/internal/users/alice"),
        Row::new(
            "DELETE /internal/users/{userid}/invitations",
            by_the_admitted(204),
        )
        .at("/internal/users/stranger/invitations?until=0"),
    ]
}

#[actix_web::test]
async fn every_route_answers_each_kind_of_caller_as_documented() {
    let world = World::without_relay().await;
    for id in ["alice", "stranger", "member", "admin", "custodian"] {
        world.user_api.has(id);
    }
    let all_but_running = json!({"view": {}, "edit": {}, "upload": {}, "note": {}, "follow": {}});
    world.gatekeeper.grant("alice", "member", all_but_running);
    world
        .gatekeeper
        .grant("alice", "admin", json!({"admin": {}}));
    world
        .gatekeeper
        .grant("alice", "custodian", json!({"custodian": {}}));
    let invited = world
        .invite("alice", "carol@example.org", json!({"view": {}}))
        .await;
    let key = invited["key"].as_str().unwrap();
    let users = ["stranger", "member", "admin", "custodian", "alice"].map(|id| world.user(id));
    let [stranger, member, admin, custodian, owner] = &users;
    for row in matrix() {
        let callers = [
            ("nobody", &world.anonymous()),
            ("a stranger", stranger),
            ("a member", member),
            ("an admin", admin),
            ("a custodian", custodian),
            ("the owner", owner),
            (
                "a service",
                &world.service_called(service_for(row.pattern(), "user-api")),
            ),
        ];
        row.check(callers, &[("key", key), ("clinic", OAK)]).await;
    }
}

#[actix_web::test]
async fn internal_operations_admit_those_who_need_them_alone() {
    let world = World::without_relay().await;
    world.user_api.has("alice");
    let view = json!({"view": {}});
    world.invite("alice", "carol@example.org", view).await;
    let stored = ["confirmations", "outbox", "mail_outbox"];
    let before = world.everything(&stored).await;
    let services = ["scripts", "confirm", "gatekeeper", "operator", "user-api"]
        .map(|name| (name, world.service_called(name)));
    assert_closed(&internal(), "user-api", &services, &refused(), &[]).await;
    assert_eq!(world.everything(&stored).await, before);
}

#[test]
fn the_matrix_has_every_route() {
    assert_complete(&matrix(), &confirm::table());
}

/// Whoever reads the document must see which operations are for everybody.
#[test]
fn the_document_shows_what_is_public() {
    let document = serde_json::to_value(confirm::openapi()).unwrap();
    for row in matrix() {
        let method = row.method().as_str().to_lowercase();
        let security = document["paths"][row.pattern()][method]["security"].as_array();
        let is_open = security.is_some_and(|all| all.contains(&json!({})));
        let [nobody, ..] = &row.gets;
        let is_public = !matches!(nobody, Gets::Refusal(401, _) | Gets::Status(400));
        assert_eq!(is_open, is_public, "{}", row.operation);
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
