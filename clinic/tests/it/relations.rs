//! What gatekeeper hears of clinics.

use serde_json::{Value, json};
use shared_runtime::testing::{Person, eventually};
use stand_ins::{KEYS, gatekeeper::Ask};

use crate::world::{CAROL, NINA, World, details};

const PATIENT: &str = "a000000001";

async fn sees(world: &World, clinician: &str, patient: &str) -> Option<Value> {
    world.settled().await;
    let path = format!("{}/access/{patient}/{clinician}", world.gatekeeper.url());
    let service = Person::at("", Some(&KEYS.server_token("user-api")));
    let answer = service.get(&path).await;
    (answer.status == 200).then(|| answer.json())
}

#[actix_web::test]
async fn clinicians_see_what_patients_share_until_either_leaves() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    world.employ(&clinic, NINA, &["CLINIC_MEMBER"]).await;
    world
        .share(&clinic, PATIENT, json!({ "view": {}, "note": {} }))
        .await;
    let shared = json!({ "view": {}, "note": {} });
    assert_eq!(sees(&world, NINA, PATIENT).await, Some(shared.clone()));
    assert_eq!(sees(&world, CAROL, PATIENT).await, Some(shared));

    let patient = format!("/v1/clinics/{clinic}/patients/{PATIENT}");
    let alice = world.user(PATIENT);
    assert_eq!(
        alice
            .delete(&format!("{patient}/permissions/note"))
            .await
            .status,
        204
    );
    assert_eq!(
        sees(&world, NINA, PATIENT).await,
        Some(json!({ "view": {} }))
    );
    let path = format!("/v1/clinics/{clinic}/clinicians/{NINA}");
    assert_eq!(world.user(CAROL).delete(&path).await.status, 200);
    assert_eq!(sees(&world, NINA, PATIENT).await, None);
    assert_eq!(
        sees(&world, CAROL, PATIENT).await,
        Some(json!({ "view": {} }))
    );
    assert_eq!(alice.delete(&patient).await.status, 204);
    assert_eq!(sees(&world, CAROL, PATIENT).await, None);
    // Whoever comes back is seen again.
    world.share(&clinic, PATIENT, json!({ "view": {} })).await;
    world.employ(&clinic, NINA, &["CLINIC_MEMBER"]).await;
    assert_eq!(
        sees(&world, NINA, PATIENT).await,
        Some(json!({ "view": {} }))
    );
}

#[actix_web::test]
async fn a_deleted_clinic_sees_nobody() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    world.settled().await;
    let relation = format!("{clinic}/{CAROL}");
    let heard = world.gatekeeper.take_asked(Ask::Clinician);
    assert_eq!(heard.len(), 1);
    assert_eq!(heard[0].0, relation);
    assert!(heard[0].1["revision"].is_i64());
    assert_eq!(
        world
            .user(CAROL)
            .delete(&format!("/v1/clinics/{clinic}"))
            .await
            .status,
        204
    );
    world.settled().await;
    // A removal has no body.
    assert_eq!(
        world.gatekeeper.take_asked(Ask::Clinician),
        [(relation, Value::Null)]
    );
}

#[actix_web::test]
async fn what_gatekeeper_could_not_hear_comes_later_and_as_it_is_then() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    world.gatekeeper.fail(Ask::Patient, 500);
    let finn = world.enrol(&clinic, &details("Finn")).await;
    eventually("the first try", async || {
        world.gatekeeper.was_asked(Ask::Patient)
    })
    .await;
    let path = format!("/v1/clinics/{clinic}/patients/{finn}/permissions/custodian");
    assert_eq!(world.service().delete(&path).await.status, 204);
    world.gatekeeper.mend_all();
    let rest = json!({ "view": {}, "upload": {}, "note": {} });
    assert_eq!(sees(&world, CAROL, &finn).await, Some(rest));
}
