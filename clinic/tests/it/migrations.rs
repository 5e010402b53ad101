//! Legacy accounts become clinics, and what is known of their migrations. No worker works here.

use bson::{DateTime, doc, oid::ObjectId};
use futures_util::future::join_all;
use serde_json::{Value, json};
use shared_runtime::testing::matrix::Row;

use crate::{
    auth::{KINDS, Whom, invalid, row},
    world::{
        CAROL, NINA, STRANGER, World, assert_answer, assert_empty, assert_refused, id_of, patch,
    },
};

/// Who may call each operation.
pub(crate) fn rows() -> Vec<Row<KINDS>> {
    let all = "/v1/clinics/{clinicId}/migrations";
    let one = format!("{all}/{{userId}}");
    vec![
        row("POST /v1/clinicians/{userId}/migrate", Whom::Services, 404)
            .at("/v1/clinicians/no-id/migrate"),
        row("POST /v1/clinics/{clinicId}/migrate", Whom::Admins, 400)
            .with(json!({ "attestationSubmitted": 1 })),
        invalid(&format!("POST {all}"), Whom::Services),
        row(&format!("GET {all}"), Whom::MembersAndServices, 200),
        row(&format!("GET {one}"), Whom::MembersAndServices, 404),
        row(&format!("PATCH {one}"), Whom::Services, 400).with(json!({ "status": 1 })),
        row(&format!("POST {one}/retry"), Whom::AdminsAndServices, 404),
        row(&format!("GET {one}/plan"), Whom::OwnAndServices, 200),
    ]
}

/// A world in which nobody brings patients.
async fn world() -> World {
    World::start_with(|config| config.migrations.worker = false).await
}

/// The empty clinic of a legacy account.
pub(crate) async fn enable(world: &World, account: &str) -> String {
    let roles = json!({ "roles": ["clinic"] });
    world.user_api.has_with(account, roles);
    let path = format!("/v1/clinicians/{account}/migrate");
    let answer = world.service().post(&path, &json!({})).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    id_of(&answer.json())
}

/// All that has to be said of a legacy clinic.
fn complete() -> Value {
    json!({
        "name": "Oak Clinic", "preferredBgUnits": "mg/dL", "address": "1 Oak Street",
        "city": "Oakville", "country": "US", "postalCode": "12345", "state": "CA",
        "clinicType": "other",
    })
}

/// The same once all is said that has to be.
pub(crate) async fn enable_complete(world: &World, account: &str) -> String {
    let clinic = enable(world, account).await;
    let path = format!("/v1/clinics/{clinic}");
    let answer = world.user(account).put(&path, &complete()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.json::<Value>()["canMigrate"], true);
    clinic
}

/// Makes a clinic of the legacy account of [`CAROL`]; its id.
pub(crate) async fn migrate(world: &World) -> String {
    let clinic = enable_complete(world, CAROL).await;
    let path = format!("/v1/clinics/{clinic}/migrate");
    let answer = world.user(CAROL).post(&path, &json!({})).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    clinic
}

#[actix_web::test]
async fn a_legacy_account_becomes_a_clinic_once_all_is_said_of_it() {
    let world = world().await;
    let clinic = enable(&world, CAROL).await;
    let of_clinic = format!("/v1/clinics/{clinic}");
    let carol = world.user(CAROL);
    let mut shown: Value = carol.get(&of_clinic).await.json();
    for name in ["id", "shareCode", "createdTime", "updatedTime"] {
        let members = shown.as_object_mut().unwrap();
        assert!(members.remove(name).is_some(), "{name}");
    }
    let empty = json!({
        "name": "", "preferredBgUnits": "mg/dL", "canMigrate": false, "tier": "tier0100",
        "tierDescription": "Free",
    });
    assert_eq!(shown, empty);
    let document = world.clinic_document(&clinic).await.unwrap();
    assert!(!document.get_bool("isMigrated").unwrap());
    let clinician = json!({ "id": NINA, "email": "n@example.org", "roles": ["CLINIC_MEMBER"] });
    let clinicians = format!("{of_clinic}/clinicians");
    let answer = world.service().post(&clinicians, &clinician).await;
    assert_refused(&answer, 422, "constraint violation: clinic is not migrated");

    let migrate = format!("{of_clinic}/migrate");
    let incomplete = "constraint violation: incomplete clinic profile";
    assert_refused(&carol.post(&migrate, &json!({})).await, 422, incomplete);
    let mut profile = complete();
    let kind = profile.as_object_mut().unwrap().remove("clinicType");
    let changed: Value = carol.put(&of_clinic, &profile).await.json();
    assert_eq!(changed["canMigrate"], false);
    assert_refused(&carol.post(&migrate, &json!({})).await, 422, incomplete);
    profile["clinicType"] = kind.unwrap();
    let changed: Value = carol.put(&of_clinic, &profile).await.json();
    assert_eq!(changed["canMigrate"], true);

    let attested = json!({ "attestationSubmitted": true });
    let answer = carol.post(&migrate, &attested).await;
    let migration: Value = answer.json();
    let time = &migration["createdTime"];
    let wanted = json!({
        "userId": CAROL, "status": "PENDING", "attestationTime": time, "createdTime": time,
        "updatedTime": time,
    });
    assert_answer(&answer, 200, &wanted);
    let one = format!("{of_clinic}/migrations/{CAROL}");
    for person in [&carol, &world.service()] {
        assert_answer(&person.get(&one).await, 200, &wanted);
        let all = person.get(&format!("{of_clinic}/migrations")).await;
        assert_answer(&all, 200, &json!([wanted]));
    }
    let changed: Value = carol.get(&of_clinic).await.json();
    assert_eq!(changed["canMigrate"], false);
    let again = "constraint violation: clinic is already migrated";
    assert_refused(&carol.post(&migrate, &json!({})).await, 422, again);
    let answer = world.service().post(&clinicians, &clinician).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[actix_web::test]
async fn nothing_is_attested_unless_it_is_said() {
    let world = world().await;
    for (account, body) in [
        (CAROL, json!({})),
        (NINA, json!({ "attestationSubmitted": false })),
    ] {
        let clinic = enable_complete(&world, account).await;
        let path = format!("/v1/clinics/{clinic}/migrate");
        let migration: Value = world.user(account).post(&path, &body).await.json();
        assert_eq!(migration["status"], "PENDING");
        assert!(migration.get("attestationTime").is_none(), "{migration}");
    }
}

#[actix_web::test]
async fn a_clinic_is_made_of_legacy_accounts_alone() {
    let world = world().await;
    let service = world.service();
    world.user_api.has(NINA);
    let path = |account: &str| format!("/v1/clinicians/{account}/migrate");
    let message = format!("constraint violation: user {NINA} is not clinician");
    let answer = service.post(&path(NINA), &json!({})).await;
    assert_refused(&answer, 422, &message);
    for unknown in [STRANGER, "nobody", "a,b"] {
        let answer = service.post(&path(unknown), &json!({})).await;
        assert_refused(&answer, 404, "not found");
    }
    assert_eq!(world.everything().await, []);
    // Each call makes one more.
    let clinics = [enable(&world, CAROL).await, enable(&world, CAROL).await];
    assert_ne!(clinics[0], clinics[1]);
    world.settled().await;
    assert_eq!(world.confirm.clinic_notices(), []);
}

#[actix_web::test]
async fn the_first_migration_is_that_of_one_administrator_with_a_legacy_account() {
    let world = world().await;
    let clinic = enable_complete(&world, CAROL).await;
    let path = format!("/v1/clinics/{clinic}/migrate");
    let carol = world.user(CAROL);
    world
        .set_clinic(&clinic, doc! { "admins": [CAROL, NINA] })
        .await;
    let several = "constraint violation: the clinic must have exactly one admin";
    assert_refused(&carol.post(&path, &json!({})).await, 422, several);
    world.set_clinic(&clinic, doc! { "admins": [CAROL] }).await;
    world
        .user_api
        .change(CAROL, json!({ "roles": ["clinician"] }));
    let message = format!("constraint violation: user {CAROL} is not clinician");
    assert_refused(&carol.post(&path, &json!({})).await, 422, &message);
    world.user_api.change(CAROL, json!({ "roles": ["clinic"] }));
    // Of an account that is migrated already nothing is done by half.
    let elsewhere = doc! { "clinicId": ObjectId::new(), "userId": CAROL, "status": "COMPLETED" };
    let migrations = world.collection("migrations");
    migrations.insert_one(elsewhere).await.unwrap();
    let before = world.everything().await;
    assert_refused(
        &carol.post(&path, &json!({})).await,
        409,
        "migration duplicate",
    );
    assert_eq!(world.everything().await, before);
    migrations.delete_many(doc! {}).await.unwrap();
    // Of several at the same moment one makes it.
    let body = json!({});
    let answers = join_all((0..5).map(|_| carol.post(&path, &body))).await;
    let made = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(made, 1);
    for refused in answers.iter().filter(|answer| answer.status != 200) {
        let again = "constraint violation: clinic is already migrated";
        assert_refused(refused, 422, again);
    }
    assert_eq!(migrations.count_documents(doc! {}).await.unwrap(), 1);
}

#[actix_web::test]
async fn further_clinicians_are_migrated_once_and_after_the_first() {
    let world = world().await;
    let clinic = enable_complete(&world, CAROL).await;
    let path = format!("/v1/clinics/{clinic}/migrations");
    let service = world.service();
    let add = async |path: &str, user: &str| service.post(path, &json!({ "userId": user })).await;
    let early = "constraint violation: clinic is already migrated";
    assert_refused(&add(&path, CAROL).await, 422, early);
    let migrate = format!("/v1/clinics/{clinic}/migrate");
    assert_eq!(
        world.user(CAROL).post(&migrate, &json!({})).await.status,
        200
    );
    assert_refused(&add(&path, CAROL).await, 409, "migration duplicate");
    assert_refused(&add(&path, NINA).await, 404, "clinician not found");
    world.employ(&clinic, NINA, &["CLINIC_MEMBER"]).await;
    let body = json!({ "userId": NINA, "status": "COMPLETED" });
    let answer = service.post(&path, &body).await;
    let time = answer.json::<Value>()["createdTime"].clone();
    let wanted = json!({
        "userId": NINA, "status": "PENDING", "createdTime": time, "updatedTime": time,
    });
    assert_answer(&answer, 200, &wanted);
    let all: Value = service.get(&path).await.json();
    let users = all.as_array().unwrap().iter().map(|one| &one["userId"]);
    assert_eq!(users.collect::<Vec<_>>(), [CAROL, NINA]);
    let other = world.clinic_of("c000000005").await;
    world.employ(&other, NINA, &["CLINIC_MEMBER"]).await;
    let elsewhere = format!("/v1/clinics/{other}/migrations");
    assert_refused(&add(&elsewhere, NINA).await, 409, "migration duplicate");
    for nowhere in ["000000000000000000000000", "nowhere"] {
        let path = format!("/v1/clinics/{nowhere}/migrations");
        assert_refused(&add(&path, NINA).await, 404, "clinician not found");
        assert_answer(&service.get(&path).await, 200, &json!([]));
    }
    assert_answer(&service.get(&elsewhere).await, 200, &json!([]));
    let foreign = service.get(&format!("{elsewhere}/{NINA}")).await;
    assert_refused(&foreign, 404, "migration not found");
}

#[actix_web::test]
async fn a_service_sets_how_far_a_migration_is() {
    let world = world().await;
    let clinic = migrate(&world).await;
    let path = format!("/v1/clinics/{clinic}/migrations/{CAROL}");
    let service = world.service();
    let before: Value = service.get(&path).await.json();
    for status in [
        "RUNNING",
        "COMPLETED",
        "PENDING",
        "COMPLETED",
        "RUNNING",
        "RUNNING",
    ] {
        let answer = patch(&service, &path, &json!({ "status": status })).await;
        let migration: Value = answer.json();
        let wanted = json!({
            "userId": CAROL, "status": status, "createdTime": before["createdTime"],
            "updatedTime": migration["updatedTime"],
        });
        assert_answer(&answer, 200, &wanted);
        assert!(migration["updatedTime"].as_str() > before["updatedTime"].as_str());
        assert_answer(&service.get(&path).await, 200, &wanted);
    }
    let retry = service.post(&format!("{path}/retry"), &json!({})).await;
    assert_refused(&retry, 409, "conflict: migration is running");
    let unknown = format!("/v1/clinics/{clinic}/migrations/{NINA}");
    let answer = patch(&service, &unknown, &json!({ "status": "RUNNING" })).await;
    assert_refused(&answer, 404, "migration not found");
    // Nobody but the owner and services looks at what others share with somebody.
    world.employ(&clinic, NINA, &["CLINIC_ADMIN"]).await;
    let plan = format!("{path}/plan");
    assert_eq!(world.user(NINA).get(&plan).await.status, 403);
    assert_eq!(world.user(CAROL).get(&plan).await.status, 200);
    let answer = service.get(&format!("{unknown}/plan")).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

#[actix_web::test]
async fn migrations_of_the_reference_are_read() {
    let world = world().await;
    let clinic = world.clinic().await;
    let id = ObjectId::parse_str(&clinic).unwrap();
    let migration = |user: &str, status: Option<&str>| {
        let time = DateTime::from_millis(1_600_000_000_000);
        let mut migration =
            doc! { "clinicId": id, "userId": user, "createdTime": time, "updatedTime": time };
        migration.extend(status.map(|status| ("status".to_owned(), status.into())));
        migration
    };
    let of_reference = [
        migration("c000000007", Some("COMPLETED")),
        migration("c000000008", Some("running")),
        migration("c000000009", None),
    ];
    let migrations = world.collection("migrations");
    migrations.insert_many(of_reference).await.unwrap();
    let path = format!("/v1/clinics/{clinic}/migrations");
    let time = "2020-09-13T12:26:40Z";
    let shown = |user: &str| json!({ "userId": user, "createdTime": time, "updatedTime": time });
    let mut wanted = [
        shown("c000000007"),
        shown("c000000008"),
        shown("c000000009"),
    ];
    wanted[0]["status"] = json!("COMPLETED");
    wanted[1]["status"] = json!("RUNNING");
    assert_answer(&world.service().get(&path).await, 200, &json!(wanted));
    let retried = world
        .service()
        .post(&format!("{path}/c000000007/retry"), &json!({}))
        .await;
    assert_answer(&retried, 200, &wanted[0]);
    // Nor does a clinic go before its patients because it was migrated.
    let deleted = world
        .user(CAROL)
        .delete(&format!("/v1/clinics/{clinic}"))
        .await;
    assert_empty(&deleted, 204);
}
