//! Migrations go on whatever fails and is cut off.

use actix_web::rt;
use bson::{doc, oid::ObjectId};
use clinic::State;
use serde_json::json;
use shared_runtime::testing::{Profile, assert_indexed, eventually};
use shared_types::ClinicEvent;
use stand_ins::{gatekeeper, user_api};
use tokio_util::sync::CancellationToken;

use crate::{
    migration_worker::{
        ALICE, BOB, MIA, completed, everything, mails, migration, patients, set, shares, world,
    },
    migrations::{enable_complete, migrate},
    world::{CAROL, NINA, World},
};

#[actix_web::test]
async fn what_fails_is_tried_until_it_works() {
    let world = world().await;
    shares(&world, ALICE, CAROL, json!({ "view": {} }));
    shares(&world, BOB, CAROL, json!({ "view": {} }));
    let clinic = enable_complete(&world, CAROL).await;
    world.gatekeeper.fail(gatekeeper::Ask::Groups, 500);
    let path = format!("/v1/clinics/{clinic}/migrate");
    assert_eq!(world.user(CAROL).post(&path, &json!({})).await.status, 200);
    eventually("a try", async || {
        world.gatekeeper.was_asked(gatekeeper::Ask::Groups)
    })
    .await;
    world.user_api.fail(user_api::Ask::People, 500);
    world.gatekeeper.mend_all();
    let postponed = doc! { "attempts": { "$gt": 0 } };
    let rows = world.collection("migration_patients");
    eventually("a patient who is put off", async || {
        rows.count_documents(postponed.clone()).await.unwrap() > 0
    })
    .await;
    assert_eq!(migration(&world, &clinic, CAROL).await["status"], "RUNNING");
    world.user_api.mend(user_api::Ask::People);
    let migration = completed(&world, &clinic, CAROL).await;
    assert_eq!(
        migration["progress"],
        json!({ "total": 2, "done": 2, "failed": 0 })
    );
}

#[actix_web::test]
async fn with_whom_something_keeps_failing_is_given_up() {
    let world = world().await;
    shares(&world, ALICE, CAROL, json!({ "view": {} }));
    let clinic = enable_complete(&world, CAROL).await;
    world.user_api.make_unreadable(ALICE);
    let path = format!("/v1/clinics/{clinic}/migrate");
    assert_eq!(world.user(CAROL).post(&path, &json!({})).await.status, 200);
    let rows = world.collection("migration_patients");
    eventually("a try", async || {
        rows.count_documents(doc! { "attempts": 1 }).await.unwrap() > 0
    })
    .await;
    // As if the others had been tried as well.
    let all_but_one = doc! { "$set": { "attempts": 359 } };
    rows.update_many(doc! { "state": "toDo" }, all_but_one)
        .await
        .unwrap();
    let migration = completed(&world, &clinic, CAROL).await;
    assert_eq!(
        migration["progress"],
        json!({ "total": 1, "done": 0, "failed": 1 })
    );
    let reason = "it was tried again and again, and something failed each time";
    let failures = json!([{ "patientId": ALICE, "reason": reason }]);
    assert_eq!(migration["failures"], failures);
}

#[actix_web::test]
async fn another_program_may_do_the_work() {
    let world = world().await;
    shares(&world, ALICE, CAROL, json!({ "view": {} }));
    let clinic = enable_complete(&world, CAROL).await;
    world.gatekeeper.fail(gatekeeper::Ask::Groups, 500);
    let path = format!("/v1/clinics/{clinic}/migrate");
    assert_eq!(world.user(CAROL).post(&path, &json!({})).await.status, 200);
    eventually("a try", async || {
        world.gatekeeper.was_asked(gatekeeper::Ask::Groups)
    })
    .await;
    // It takes the migration from the worker here, which never comes back to it.
    set(&world, &clinic, CAROL, "RUNNING").await;
    world.gatekeeper.mend_all();
    shares(&world, BOB, NINA, json!({ "view": {} }));
    world.employ(&clinic, NINA, &["CLINIC_MEMBER"]).await;
    let migrations = format!("/v1/clinics/{clinic}/migrations");
    let answer = world
        .service()
        .post(&migrations, &json!({ "userId": NINA }))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    completed(&world, &clinic, NINA).await;
    let running = world.collection("migrations");
    let running = running
        .find_one(doc! { "userId": CAROL })
        .await
        .unwrap()
        .unwrap();
    assert_eq!(running.get_str("status").unwrap(), "RUNNING");
    let work = running.get_document("_work").unwrap();
    assert!(
        !work.contains_key("leasedUntil") && !work.contains_key("owner"),
        "{work}"
    );
    let users = patients(&world).await;
    assert_eq!(users.len(), 1);
    set(&world, &clinic, CAROL, "COMPLETED").await;
    assert_eq!(
        migration(&world, &clinic, CAROL).await["status"],
        "COMPLETED"
    );
}

#[actix_web::test]
async fn who_takes_its_data_back_or_left_the_clinic_is_not_brought() {
    let mut world = world().await;
    for user in [ALICE, BOB] {
        shares(&world, user, CAROL, json!({ "custodian": {} }));
    }
    let clinic = enable_complete(&world, CAROL).await;
    let none = doc! { "patientCountSettings.hardLimit.plan": 0 };
    world.set_clinic(&clinic, none).await;
    let path = format!("/v1/clinics/{clinic}/migrate");
    assert_eq!(world.user(CAROL).post(&path, &json!({})).await.status, 200);
    let migration = completed(&world, &clinic, CAROL).await;
    assert_eq!(
        migration["progress"],
        json!({ "total": 2, "done": 0, "failed": 2 })
    );
    world.gatekeeper.revoke(ALICE, CAROL);
    world.set_clinic(&clinic, doc! { "tier": "tier0300" }).await;
    let retry = format!("/v1/clinics/{clinic}/migrations/{CAROL}/retry");
    assert_eq!(world.service().post(&retry, &json!({})).await.status, 200);
    let migration = completed(&world, &clinic, CAROL).await;
    assert_eq!(
        migration["progress"],
        json!({ "total": 1, "done": 1, "failed": 0 })
    );
    // Nina brings nobody once she has left.
    world.employ(&clinic, NINA, &["CLINIC_MEMBER"]).await;
    shares(&world, MIA, NINA, json!({ "view": {} }));
    world.rest();
    let migrations = format!("/v1/clinics/{clinic}/migrations");
    let answer = world
        .service()
        .post(&migrations, &json!({ "userId": NINA }))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let nina = format!("/v1/clinics/{clinic}/clinicians/{NINA}");
    assert_eq!(world.service().delete(&nina).await.status, 200);
    let cut = Cut::start(&world).await;
    let migration = completed(&world, &clinic, NINA).await;
    cut.off();
    assert_eq!(
        migration["progress"],
        json!({ "total": 0, "done": 0, "failed": 0 })
    );
    assert_eq!(patients(&world).await.len(), 1);
}

/// What works beside the requests, to be cut off wherever it is.
struct Cut(rt::task::JoinHandle<()>);

impl Cut {
    async fn start(world: &World) -> Self {
        let state = State::connect(&world.config).await.unwrap();
        Self(rt::spawn(async move {
            state.relay(&CancellationToken::new()).await;
        }))
    }

    fn off(self) {
        self.0.abort();
    }
}

/// Migrations of other clinics, with patients in each state.
async fn fill_with_others(world: &World) {
    let account = |number: usize| format!("d{:09}", number % 100);
    let migrations = (0..100).map(|number| {
        doc! { "clinicId": ObjectId::new(), "userId": account(number), "status": "COMPLETED" }
    });
    let stored = world.collection("migrations");
    stored.insert_many(migrations).await.unwrap();
    let listing = ObjectId::new();
    let patients = (0..1_500).map(|number| {
        let state = ["toDo", "done", "failed"][number % 3];
        doc! {
            "legacyId": account(number), "userId": format!("e{number:09}"), "attempts": 0,
            "state": state, "listing": listing,
        }
    });
    let stored = world.collection("migration_patients");
    stored.insert_many(patients).await.unwrap();
}

#[actix_web::test]
async fn many_are_brought_once_each_however_often_the_worker_is_cut_off() {
    const ALL: usize = 300;
    let mut world = world().await;
    for number in 0..ALL {
        let permissions = json!({ "view": {}, "upload": {} });
        shares(&world, &format!("b{number:09}"), CAROL, permissions);
    }
    world.rest();
    let clinic = migrate(&world).await;
    let stored = world.collection("patients");
    for round in 1..=10_u64 {
        let cut = Cut::start(&world).await;
        eventually("some more patients", async || {
            stored.count_documents(doc! {}).await.unwrap() >= round * 25
        })
        .await;
        cut.off();
    }
    fill_with_others(&world).await;
    let profile = Profile::start(&world.database.database).await;
    let of_clinic = format!("/v1/clinics/{clinic}/migrations");
    assert_eq!(world.service().get(&of_clinic).await.status, 200);
    let (cut, another) = (Cut::start(&world).await, Cut::start(&world).await);
    let migration = completed(&world, &clinic, CAROL).await;
    assert_eq!(
        migration["progress"],
        json!({ "total": ALL, "done": ALL, "failed": 0 })
    );
    let work = profile.end().await;
    let of_migrations = ["migrations", "migration_patients"];
    let work = work.iter();
    let work = work.filter(|work| of_migrations.contains(&work.collection()));
    let shapes = assert_indexed(work, 20);
    assert!(shapes.len() >= 5, "{shapes:#?}");
    assert_eq!(world.totals(&clinic).await, (300, 300));
    let before = everything(&world).await;
    set(&world, &clinic, CAROL, "PENDING").await;
    completed(&world, &clinic, CAROL).await;
    cut.off();
    another.off();
    assert_eq!(everything(&world).await, before);
    let events = [
        ClinicEvent::MigrationStarted,
        ClinicEvent::MigrationCompleted,
    ];
    assert_eq!(events.map(|event| mails(&world, event)), [1, 1]);
}
