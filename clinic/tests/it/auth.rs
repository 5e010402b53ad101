//! Every operation against every kind of caller, as the index of the clinics API has it.

mod hospital_records;

use serde_json::{Value, json};
use shared_runtime::testing::matrix::{Gets, Row, assert_complete};

use crate::{
    data_sources, merges, migrations, patients, settings, sites, summaries, tags,
    world::{CAROL, NINA, STRANGER, World, assert_refused},
};

const PRESCRIBER: &str = "c000000003";
const ELSEWHERE: &str = "c000000004";
const PATIENT: &str = "a000000001";
const OTHER_PATIENT: &str = "a000000002";
/// What stands where an id should.
const NO_ID: &str = "no-id";

/// Kinds of callers: nobody, the bearer of an invalid token, a user of no clinic, a member, an
/// administrator, a prescriber, somebody who is invited, a member of another clinic, the patient,
/// another patient, a service, an operator.
pub(crate) const KINDS: usize = 12;

/// Who is admitted.
#[derive(Clone, Copy)]
pub(crate) enum Whom {
    Services,
    Users,
    UsersAndServices,
    AdminsAndServices,
    MembersAndServices,
    /// Services and the user of the path, who is [`NINA`].
    OwnAndServices,
    /// The same, who is the patient.
    PatientAndServices,
    Patient,
    Admins,
    /// Members, by a token of their own.
    Members,
    Nobody,
    Operators,
}

fn gets(whom: Whom, status: u16) -> [Gets; KINDS] {
    let admitted = match whom {
        Whom::Services => [
            false, false, false, false, false, false, false, false, true, true,
        ],
        Whom::Users => [true, true, true, true, true, true, true, true, false, false],
        Whom::UsersAndServices => [true; 10],
        Whom::AdminsAndServices => [
            false, false, true, false, false, false, false, false, true, true,
        ],
        Whom::MembersAndServices => [
            false, true, true, false, false, false, false, false, true, true,
        ],
        Whom::OwnAndServices => [
            false, true, false, false, false, false, false, false, true, true,
        ],
        Whom::PatientAndServices => [
            false, false, false, false, false, false, true, false, true, true,
        ],
        Whom::Patient => [
            false, false, false, false, false, false, true, false, false, false,
        ],
        Whom::Admins => [
            false, false, true, false, false, false, false, false, false, false,
        ],
        Whom::Members => [
            false, true, true, false, false, false, false, false, false, false,
        ],
        Whom::Nobody => [false; 10],
        Whom::Operators => [
            false, false, false, false, false, false, false, false, false, true,
        ],
    };
    let refusal = |status, message: &str| Gets::Refusal(status, json!({ "message": message }));
    let mut gets = Vec::from([
        refusal(400, "session token is missing"),
        refusal(401, "session token is invalid"),
    ]);
    let not_authorized =
        "security requirements failed: the subject is not authorized for the requested action";
    gets.extend(admitted.map(|is_admitted| {
        if is_admitted {
            Gets::Status(status)
        } else {
            refusal(403, not_authorized)
        }
    }));
    gets.try_into().unwrap()
}

/// Who is admitted comes before what is asked for, so a request that breaks a rule shows the one
/// without an effect of the other.
pub(crate) fn matrix() -> Vec<Row<KINDS>> {
    [
        clinics(),
        clinicians(),
        patient_lists(),
        patients::rows(),
        summaries::rows(),
        data_sources::rows(),
        settings::rows(),
        sites::rows(),
        merges::rows(),
        tags::rows(),
        users(),
        migrations::rows(),
        hospital_records::rows(),
        internal(),
    ]
    .concat()
}

fn users() -> Vec<Row<KINDS>> {
    vec![
        row("DELETE /v1/users/{userId}/clinics", Whom::Services, 400).at("/v1/users/no-id/clinics"),
        row("POST /v1/users/{userId}/clinics", Whom::Services, 400).with(json!({ "email": 1 })),
    ]
}

fn internal() -> Vec<Row<KINDS>> {
    vec![
        row("POST /internal/outbox/revive", Whom::Operators, 200),
        row("POST /internal/relations/reconcile", Whom::Operators, 200),
        row("GET /internal/relations", Whom::Operators, 200),
    ]
}

pub(crate) fn row(operation: &str, whom: Whom, status: u16) -> Row<KINDS> {
    Row::new(operation, gets(whom, status))
}

/// An operation with a body that breaks a rule.
pub(crate) fn invalid(operation: &str, whom: Whom) -> Row<KINDS> {
    let body = json!({ "name": null, "roles": 1, "userId": 1, "fullName": 1 });
    row(operation, whom, 400).with(body)
}

fn clinics() -> Vec<Row<KINDS>> {
    vec![
        row("GET /v1/clinics", Whom::Services, 200),
        invalid("POST /v1/clinics", Whom::Users),
        row(
            "GET /v1/clinics/share_code/{shareCode}",
            Whom::UsersAndServices,
            404,
        ),
        row("GET /v1/clinics/{clinicId}", Whom::UsersAndServices, 200),
        invalid("PUT /v1/clinics/{clinicId}", Whom::AdminsAndServices),
        // It has patients.
        row(
            "DELETE /v1/clinics/{clinicId}",
            Whom::AdminsAndServices,
            400,
        ),
        row(
            "GET /v1/clinics/{clinicId}/patient_count",
            Whom::MembersAndServices,
            200,
        ),
    ]
}

fn clinicians() -> Vec<Row<KINDS>> {
    vec![
        row("GET /v1/clinicians", Whom::Nobody, 0),
        row(
            "GET /v1/clinics/{clinicId}/clinicians",
            Whom::MembersAndServices,
            200,
        ),
        invalid("POST /v1/clinics/{clinicId}/clinicians", Whom::Services),
        invalid(
            "POST /v1/clinics/{clinicId}/service_accounts",
            Whom::Services,
        ),
        row(
            "GET /v1/clinics/{clinicId}/clinicians/{clinicianId}",
            Whom::MembersAndServices,
            200,
        ),
        invalid(
            "PUT /v1/clinics/{clinicId}/clinicians/{clinicianId}",
            Whom::AdminsAndServices,
        ),
        row(
            "DELETE /v1/clinics/{clinicId}/clinicians/{clinicianId}",
            Whom::AdminsAndServices,
            400,
        )
        .at("/v1/clinics/{clinicId}/clinicians/no-id"),
        row(
            "GET /v1/clinicians/{userId}/clinics",
            Whom::OwnAndServices,
            200,
        ),
        row(
            "GET /v1/clinics/{clinicId}/invites/clinicians/{inviteId}/clinician",
            Whom::Services,
            404,
        ),
        invalid(
            "PATCH /v1/clinics/{clinicId}/invites/clinicians/{inviteId}/clinician",
            Whom::Services,
        ),
        row(
            "DELETE /v1/clinics/{clinicId}/invites/clinicians/{inviteId}/clinician",
            Whom::Services,
            404,
        ),
    ]
}

fn patient_lists() -> Vec<Row<KINDS>> {
    vec![
        row(
            "GET /v1/clinics/{clinicId}/patients",
            Whom::MembersAndServices,
            200,
        ),
        row("GET /v1/patients", Whom::Users, 200),
        // Without what it asks for.
        row(
            "GET /v1/clinics/{clinicId}/tide_report",
            Whom::MembersAndServices,
            400,
        ),
    ]
}

#[actix_web::test]
async fn every_operation_answers_each_kind_of_caller_as_documented() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    world.employ(&clinic, NINA, &["CLINIC_MEMBER"]).await;
    world.employ(&clinic, PRESCRIBER, &["PRESCRIBER"]).await;
    let invited =
        json!({ "email": "i@example.org", "inviteId": "an-invite", "roles": ["CLINIC_ADMIN"] });
    let path = format!("/v1/clinics/{clinic}/clinicians");
    assert_eq!(world.service().post(&path, &invited).await.status, 200);
    let other = world.clinic_of(ELSEWHERE).await;
    world.share(&clinic, PATIENT, json!({ "view": {} })).await;
    world
        .share(&other, OTHER_PATIENT, json!({ "view": {} }))
        .await;

    let nobody = world.anonymous();
    let invalid = world.app.bearer("no-token");
    let users = [
        STRANGER,
        NINA,
        CAROL,
        PRESCRIBER,
        "c000000005",
        ELSEWHERE,
        PATIENT,
        OTHER_PATIENT,
    ]
    .map(|id| world.user(id));
    let [
        stranger,
        member,
        admin,
        prescriber,
        invited,
        elsewhere,
        patient,
        other_patient,
    ] = &users;
    let (service, operator) = (world.service(), world.service_called("operator"));
    let parameters = [
        ("clinicId", clinic.as_str()),
        ("clinicianId", NINA),
        ("userId", NINA),
        ("patientId", PATIENT),
        ("inviteId", "unknown"),
        ("shareCode", "AAAA-AAAA-AAAA"),
        ("patientTagId", "5f8f8f8f8f8f8f8f8f8f8f8f"),
        ("siteId", "5f8f8f8f8f8f8f8f8f8f8f8f"),
        ("messageId", "5f8f8f8f8f8f8f8f8f8f8f8f"),
        ("summaryId", "5f8f8f8f8f8f8f8f8f8f8f8f"),
        ("providerId", "dexcom"),
    ];
    for row in matrix() {
        let before = world.everything().await;
        let callers = [
            ("nobody", &nobody),
            ("a forger", &invalid),
            ("a stranger", stranger),
            ("a member", member),
            ("an administrator", admin),
            ("a prescriber", prescriber),
            ("somebody invited", invited),
            ("a member of another clinic", elsewhere),
            ("the patient", patient),
            ("another patient", other_patient),
            ("a service", &service),
            ("an operator", &operator),
        ];
        row.check(callers, &parameters).await;
        assert_eq!(world.everything().await, before, "{}", row.operation);
    }
}

#[test]
fn the_matrix_has_every_operation() {
    assert_complete(&matrix(), &clinic::table());
}

#[actix_web::test]
async fn members_leave_but_remove_nobody_else() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    world.employ(&clinic, NINA, &["CLINIC_MEMBER"]).await;
    world.employ(&clinic, PRESCRIBER, &["PRESCRIBER"]).await;
    let path = |user: &str| format!("/v1/clinics/{clinic}/clinicians/{user}");
    let nina = world.user(NINA);
    assert_eq!(nina.delete(&path(PRESCRIBER)).await.status, 403);
    // A prescriber is no member.
    assert_eq!(
        world
            .user(PRESCRIBER)
            .delete(&path(PRESCRIBER))
            .await
            .status,
        403
    );
    assert_eq!(nina.delete(&path(NINA)).await.status, 200);
    assert_eq!(nina.delete(&path(NINA)).await.status, 403);
}

#[actix_web::test]
async fn patients_leave_but_remove_nobody_else() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    world.share(&clinic, PATIENT, json!({ "view": {} })).await;
    let path = format!("/v1/clinics/{clinic}/patients/{PATIENT}");
    for other in [world.user(OTHER_PATIENT), world.service()] {
        assert_eq!(other.delete(&path).await.status, 403);
    }
    assert_eq!(world.user(PATIENT).delete(&path).await.status, 204);
    assert_eq!(world.user(PATIENT).delete(&path).await.status, 404);
}

#[actix_web::test]
async fn a_service_with_the_id_of_a_clinician_is_that_clinician() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    world.employ(&clinic, NINA, &["CLINIC_MEMBER"]).await;
    let service = world.service_called(NINA);
    let patient = format!("/v1/clinics/{clinic}/patients/{PATIENT}");
    world.share(&clinic, PATIENT, json!({ "view": {} })).await;
    let reminder = service
        .post(&format!("{patient}/upload_reminder"), &json!({}))
        .await;
    assert_refused(&reminder, 400, "expected user access token");
}

#[actix_web::test]
async fn a_token_comes_before_the_path() {
    let world = World::start().await;
    for path in ["/v1/nowhere", "/v1/clinics/", "/"] {
        let answer = world.anonymous().get(path).await;
        assert_refused(&answer, 400, "session token is missing");
        let answer = world.app.bearer("no-token").get(path).await;
        assert_refused(&answer, 401, "session token is invalid");
        let answer = world.user(STRANGER).get(path).await;
        assert_refused(&answer, 404, "no matching operation was found");
    }
    let answer = world.user(STRANGER).delete("/v1/clinics").await;
    assert_refused(&answer, 404, "method not allowed");
    let answer = world.anonymous().delete("/v1/clinics").await;
    assert_refused(&answer, 400, "session token is missing");
}

#[actix_web::test]
async fn a_right_comes_before_parameters_and_body() {
    let world = World::start().await;
    let stranger = world.user(STRANGER);
    for path in [
        format!("/v1/clinics/{NO_ID}/clinicians?limit=0"),
        format!("/v1/clinics/{NO_ID}/patients/{NO_ID}"),
        format!("/v1/clinics/{NO_ID}/patients?sort=x"),
    ] {
        assert_eq!(stranger.get(&path).await.status, 403, "{path}");
        assert_eq!(world.service().get(&path).await.status, 400, "{path}");
    }
    let answer = world.service().post("/v1/clinics", &Value::Null).await;
    assert_eq!(answer.status, 403);
}
