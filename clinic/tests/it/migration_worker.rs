//! The patients of legacy accounts are brought to their clinics.

use bson::{Bson, Document, doc};
use futures_util::TryStreamExt;
use serde_json::{Value, json};
use shared_runtime::testing::eventually;
use shared_types::ClinicEvent;
use stand_ins::gatekeeper;

use crate::{
    migrations::{enable_complete, migrate},
    world::{CAROL, NINA, World, assert_answer, assert_refused, patch},
};

pub(crate) const ALICE: &str = "a000000001";
pub(crate) const BOB: &str = "a000000002";
const FINN: &str = "a000000003";
const GONE: &str = "a000000004";
pub(crate) const MIA: &str = "a000000005";

/// A world whose workers lose what they have after a second.
pub(crate) async fn world() -> World {
    World::start_with(|config| config.migrations.lease_s = 1).await
}

/// Lets somebody with an account share with a legacy account.
pub(crate) fn shares(world: &World, user: &str, account: &str, permissions: Value) {
    world.user_api.has(user);
    world.gatekeeper.grant(user, account, permissions);
}

pub(crate) async fn migration(world: &World, clinic: &str, account: &str) -> Value {
    let path = format!("/v1/clinics/{clinic}/migrations/{account}");
    let answer = world.service().get(&path).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

/// Waits until a migration is completed; it.
pub(crate) async fn completed(world: &World, clinic: &str, account: &str) -> Value {
    eventually("the end of the migration", async || {
        migration(world, clinic, account).await["status"] == "COMPLETED"
    })
    .await;
    world.settled().await;
    migration(world, clinic, account).await
}

/// Every document, but not how often a clinic was locked.
pub(crate) async fn everything(world: &World) -> Vec<Document> {
    let mut documents = world.everything().await;
    for document in &mut documents {
        document.remove("_clinicianChanges");
    }
    documents
}

pub(crate) async fn set(world: &World, clinic: &str, account: &str, status: &str) {
    let path = format!("/v1/clinics/{clinic}/migrations/{account}");
    let answer = patch(&world.service(), &path, &json!({ "status": status })).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// The stored patients, by account.
pub(crate) async fn patients(world: &World) -> Vec<Document> {
    let patients = world.collection("patients");
    let found = patients.find(doc! {}).sort(doc! { "userId": 1 }).await;
    found.unwrap().try_collect().await.unwrap()
}

pub(crate) fn mails(world: &World, event: ClinicEvent) -> usize {
    let notices = world.confirm.clinic_notices();
    let of_event = notices.iter().filter(|notice| notice.event == event);
    of_event.count()
}

#[actix_web::test]
async fn whoever_shares_with_a_legacy_account_becomes_a_patient_of_the_clinic() {
    let world = world().await;
    shares(&world, ALICE, CAROL, json!({ "view": {}, "note": {} }));
    shares(
        &world,
        BOB,
        CAROL,
        json!({ "custodian": {}, "view": {}, "admin": {} }),
    );
    // Nothing of that is for clinics.
    shares(&world, FINN, CAROL, json!({ "follow": {} }));
    world.gatekeeper.grant(GONE, CAROL, json!({ "view": {} }));
    shares(&world, MIA, NINA, json!({ "view": {} }));
    let clinic = migrate(&world).await;
    let migration = completed(&world, &clinic, CAROL).await;
    assert_eq!(
        migration["progress"],
        json!({ "total": 4, "done": 2, "failed": 2 })
    );
    let failures = json!([
        { "patientId": FINN, "reason": "the account gave nothing that a clinic can be given" },
        { "patientId": GONE, "reason": "there is no such account" },
    ]);
    assert_eq!(migration["failures"], failures);

    let stored = patients(&world).await;
    let users: Vec<&str> = stored
        .iter()
        .map(|one| one.get_str("userId").unwrap())
        .collect();
    assert_eq!(users, [ALICE, BOB]);
    for (patient, names) in stored
        .iter()
        .zip([&["note", "view"][..], &["custodian", "view"]])
    {
        assert!(patient.get_bool("isMigrated").unwrap());
        let legacy = patient.get_array("legacyClinicianIds").unwrap();
        assert_eq!(legacy, &[Bson::from(CAROL)]);
        let permissions = patient.get_document("permissions").unwrap();
        let mut granted: Vec<&str> = permissions.keys().map(AsRef::as_ref).collect();
        granted.sort_unstable();
        assert_eq!(granted, names);
    }
    assert_eq!(world.totals(&clinic).await, (2, 2));
    let events = [
        ClinicEvent::MigrationStarted,
        ClinicEvent::MigrationCompleted,
    ];
    assert_eq!(events.map(|event| mails(&world, event)), [1, 1]);
    let told = world.confirm.clinic_notices();
    assert!(told.iter().all(|notice| notice.user_id.as_str() == CAROL));

    // Colleagues see what the patients shared with the legacy account.
    world.employ(&clinic, NINA, &["CLINIC_MEMBER"]).await;
    world.settled().await;
    let granted = json!({ "view": {}, "note": {} });
    assert_eq!(world.gatekeeper.permissions(ALICE, NINA), None, "directly");
    let of_clinic = format!("/v1/patients/{ALICE}/clinics");
    let relations: Value = world.user(ALICE).get(&of_clinic).await.json();
    assert_eq!(relations[0]["patient"]["permissions"], granted);
}

#[actix_web::test]
async fn a_patient_of_the_clinic_comes_from_one_more_account() {
    let world = world().await;
    shares(&world, ALICE, CAROL, json!({ "view": {} }));
    let clinic = migrate(&world).await;
    completed(&world, &clinic, CAROL).await;
    world.employ(&clinic, NINA, &["CLINIC_MEMBER"]).await;
    shares(&world, ALICE, NINA, json!({ "view": {}, "upload": {} }));
    shares(&world, BOB, NINA, json!({ "upload": {} }));
    let path = format!("/v1/clinics/{clinic}/migrations");
    let answer = world
        .service()
        .post(&path, &json!({ "userId": NINA }))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let migration = completed(&world, &clinic, NINA).await;
    assert_eq!(
        migration["progress"],
        json!({ "total": 2, "done": 2, "failed": 0 })
    );
    let stored = patients(&world).await;
    let legacy = stored[0].get_array("legacyClinicianIds").unwrap();
    assert_eq!(legacy, &[Bson::from(CAROL), Bson::from(NINA)]);
    // What it lets the clinic do is its own to say.
    assert_eq!(
        stored[0].get_document("permissions").unwrap(),
        &doc! { "view": {} }
    );
    let legacy = stored[1].get_array("legacyClinicianIds").unwrap();
    assert_eq!(legacy, &[Bson::from(NINA)]);
    let all: Value = world.service().get(&path).await.json();
    assert_eq!(all[0]["progress"]["done"], 1);
    assert!(all[0].get("failures").is_none());

    // A second run changes nothing, and nobody hears of it.
    let before = everything(&world).await;
    for account in [CAROL, NINA] {
        set(&world, &clinic, account, "PENDING").await;
        completed(&world, &clinic, account).await;
    }
    assert_eq!(everything(&world).await, before);
    let events = [
        ClinicEvent::MigrationStarted,
        ClinicEvent::MigrationCompleted,
    ];
    assert_eq!(events.map(|event| mails(&world, event)), [2, 2]);
}

#[actix_web::test]
async fn those_who_failed_are_tried_again_alone() {
    let world = world().await;
    shares(&world, ALICE, CAROL, json!({ "view": {} }));
    shares(&world, BOB, CAROL, json!({ "custodian": {}, "view": {} }));
    world.gatekeeper.grant(GONE, CAROL, json!({ "view": {} }));
    let clinic = enable_complete(&world, CAROL).await;
    let none = doc! { "patientCountSettings.hardLimit.plan": 0 };
    world.set_clinic(&clinic, none).await;
    let path = format!("/v1/clinics/{clinic}/migrate");
    assert_eq!(world.user(CAROL).post(&path, &json!({})).await.status, 200);
    let migration = completed(&world, &clinic, CAROL).await;
    let failures = json!([
        { "patientId": BOB, "reason": "the clinic has as many patients as it may have" },
        { "patientId": GONE, "reason": "there is no such account" },
    ]);
    assert_eq!(migration["failures"], failures);
    let before = patients(&world).await;
    world.set_clinic(&clinic, doc! { "tier": "tier0300" }).await;
    // Somebody who comes later is none of those.
    shares(&world, MIA, CAROL, json!({ "view": {} }));
    let retry = format!("/v1/clinics/{clinic}/migrations/{CAROL}/retry");
    let answer = world.user(CAROL).post(&retry, &json!({})).await;
    let retried: Value = answer.json();
    assert_eq!(
        (answer.status, &retried["status"]),
        (200, &json!("PENDING"))
    );
    assert_eq!(
        retried["progress"],
        json!({ "total": 3, "done": 1, "failed": 0 })
    );
    let migration = completed(&world, &clinic, CAROL).await;
    assert_eq!(
        migration["progress"],
        json!({ "total": 3, "done": 2, "failed": 1 })
    );
    assert_eq!(migration["failures"], json!([failures[1]]));
    let after = patients(&world).await;
    assert_eq!((after.len(), &after[0]), (2, &before[0]));

    // A run of all brings the one who came later, and leaves those who have left where they are.
    let alice = format!("/v1/clinics/{clinic}/patients/{ALICE}");
    assert_eq!(world.user(ALICE).delete(&alice).await.status, 204);
    world.user_api.has(GONE);
    set(&world, &clinic, CAROL, "PENDING").await;
    let migration = completed(&world, &clinic, CAROL).await;
    assert_eq!(
        migration["progress"],
        json!({ "total": 4, "done": 4, "failed": 0 })
    );
    let users = patients(&world).await;
    let users: Vec<&str> = users
        .iter()
        .map(|one| one.get_str("userId").unwrap())
        .collect();
    assert_eq!(users, [BOB, GONE, MIA]);
    // Where nobody failed nothing is tried.
    let answer = world.service().post(&retry, &json!({})).await;
    assert_eq!(answer.json::<Value>()["status"], "COMPLETED");
}

#[actix_web::test]
async fn a_plan_says_what_would_happen_and_changes_nothing() {
    let world = World::start_with(|config| config.migrations.worker = false).await;
    let clinic = migrate(&world).await;
    shares(&world, ALICE, CAROL, json!({ "view": {}, "follow": {} }));
    shares(&world, BOB, CAROL, json!({ "view": {} }));
    shares(&world, FINN, CAROL, json!({ "follow": {} }));
    world.gatekeeper.grant(GONE, CAROL, json!({ "view": {} }));
    shares(&world, MIA, CAROL, json!({ "view": {} }));
    world.share(&clinic, BOB, json!({ "view": {} })).await;
    let enrol = format!("/v1/clinics/{clinic}/patients/{MIA}");
    let legacy = json!({ "legacyClinicianId": CAROL });
    assert_eq!(world.service().post(&enrol, &legacy).await.status, 200);
    world.settled().await;
    let before = world.dump().await;
    let path = format!("/v1/clinics/{clinic}/migrations/{CAROL}/plan");
    let view = json!({ "view": {} });
    let nothing = "the account gave nothing that a clinic can be given";
    let gone = "there is no such account";
    let data = json!([
        { "patientId": ALICE, "permissions": { "view": {}, "follow": {} }, "effect": "enroll" },
        { "patientId": BOB, "permissions": view, "effect": "link" },
        { "patientId": FINN, "permissions": { "follow": {} }, "effect": "fail", "reason": nothing },
        { "patientId": GONE, "permissions": view, "effect": "fail", "reason": gone },
        { "patientId": MIA, "permissions": view, "effect": "nothing" },
    ]);
    let plan = world.user(CAROL).get(&path).await;
    assert_answer(&plan, 200, &json!({ "data": data, "meta": { "count": 5 } }));
    let part = world
        .service()
        .get(&format!("{path}?offset=1&limit=2"))
        .await;
    let some = json!({ "data": [data[1], data[2]], "meta": { "count": 5 } });
    assert_answer(&part, 200, &some);
    let beyond = world.service().get(&format!("{path}?offset=9")).await;
    assert_answer(&beyond, 200, &json!({ "data": [], "meta": { "count": 5 } }));
    assert_eq!(world.dump().await, before);
    world.gatekeeper.fail(gatekeeper::Ask::Groups, 500);
    let failed = world.service().get(&path).await;
    assert_refused(&failed, 500, "Internal Server Error");
    world.gatekeeper.mend_all();
    let stranger = format!("/v1/clinics/{clinic}/migrations/{NINA}/plan");
    let answer = world.service().get(&stranger).await;
    assert_refused(&answer, 404, "clinician not found");
}
