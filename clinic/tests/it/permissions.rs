//! What patients let clinics do.

use serde_json::{Value, json};

use crate::world::{CAROL, World, assert_answer, assert_empty, assert_refused, details};

const ALICE: &str = "a000000001";

#[actix_web::test]
async fn a_patient_says_what_the_clinic_may_do() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    world.share(&clinic, ALICE, json!({ "view": {} })).await;
    let path = format!("/v1/clinics/{clinic}/patients/{ALICE}/permissions");
    let alice = world.user(ALICE);
    let wanted = json!({ "note": { "x": 1 }, "upload": {}, "custodian": {} });
    let granted = json!({ "note": {}, "upload": {} });
    assert_answer(&alice.put(&path, &wanted).await, 200, &granted);
    let shown: Value = world
        .user(CAROL)
        .get(&format!("/v1/clinics/{clinic}/patients/{ALICE}"))
        .await
        .json();
    assert_eq!(shown["permissions"], granted);
    // What is misspelt grants nothing, and does not make the patient leave.
    for misspelt in ["veiw", "VIEW", "banana"] {
        let refused = alice.put(&path, &json!({ misspelt: {} })).await;
        assert_eq!(refused.status, 400, "{misspelt}");
        assert!(refused.text().contains(misspelt), "{}", refused.text());
    }
    assert_empty(&alice.delete(&format!("{path}/note")).await, 204);
    assert_refused(
        &alice.delete(&format!("{path}/note")).await,
        404,
        "permission not found",
    );
    assert_eq!(alice.delete(&format!("{path}/admin")).await.status, 400);
    // With the last one the patient leaves.
    assert_empty(&alice.delete(&format!("{path}/upload")).await, 204);
    assert_refused(&alice.put(&path, &wanted).await, 404, "patient not found");
    assert_refused(
        &alice.delete(&format!("{path}/upload")).await,
        404,
        "permission not found",
    );
}

#[actix_web::test]
async fn a_patient_who_grants_nothing_leaves() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    let path = format!("/v1/clinics/{clinic}/patients/{ALICE}/permissions");
    for nothing in [json!({}), json!({ "custodian": {} })] {
        world.share(&clinic, ALICE, json!({ "view": {} })).await;
        assert_empty(&world.user(ALICE).put(&path, &nothing).await, 204);
    }
    let archived = world.collection("patient_deletions");
    let by_alice = bson::doc! { "deletedByUserId": ALICE };
    assert_eq!(archived.count_documents(by_alice).await.unwrap(), 2);
}

#[actix_web::test]
async fn the_clinics_of_a_patient_come_by_its_name_in_whatever_case() {
    let world = World::start().await;
    for name in ["Zoe", "bob", "\u{c9}mile"] {
        let clinic = world.clinic().await;
        let path = format!("/v1/clinics/{clinic}/patients/{ALICE}");
        let body = json!({ "fullName": name, "permissions": { "view": {} } });
        world.user_api.has(ALICE);
        assert_eq!(world.service().post(&path, &body).await.status, 200);
    }
    let path = format!("/v1/patients/{ALICE}/clinics");
    let clinics: Value = world.user(ALICE).get(&path).await.json();
    let names = clinics.as_array().unwrap().iter();
    let names: Vec<&Value> = names.map(|each| &each["patient"]["fullName"]).collect();
    assert_eq!(names, ["bob", "\u{c9}mile", "Zoe"]);
}

#[actix_web::test]
async fn a_claimed_account_ends_custody_and_services_end_nothing_else() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    let finn = world.enrol(&clinic, &details("Finn")).await;
    let path = format!("/v1/clinics/{clinic}/patients/{finn}/permissions");
    let service = world.service();
    assert_eq!(service.delete(&format!("{path}/view")).await.status, 403);
    let nowhere = "/v1/clinics/x/patients/y/permissions/view";
    assert_eq!(service.delete(nowhere).await.status, 403);
    assert_empty(&service.delete(&format!("{path}/custodian")).await, 204);
    assert_refused(
        &service.delete(&format!("{path}/custodian")).await,
        404,
        "permission not found",
    );
    let shown: Value = world
        .user(CAROL)
        .get(&format!("/v1/clinics/{clinic}/patients/{finn}"))
        .await
        .json();
    assert_eq!(
        shown["permissions"],
        json!({ "view": {}, "upload": {}, "note": {} })
    );
}

#[actix_web::test]
async fn the_clinics_of_a_patient_are_listed() {
    let world = World::start().await;
    let clinics = [world.clinic().await, world.clinic().await];
    for clinic in &clinics {
        world.share(clinic, ALICE, json!({ "view": {} })).await;
    }
    let path = format!("/v1/patients/{ALICE}/clinics");
    let listed = async |query: &str| -> Vec<Value> {
        let found: Vec<Value> = world
            .user(ALICE)
            .get(&format!("{path}{query}"))
            .await
            .json();
        for relation in &found {
            assert_eq!(relation["patient"]["id"], ALICE);
        }
        found
            .into_iter()
            .map(|mut found| found["clinic"]["id"].take())
            .collect()
    };
    assert_eq!(listed("").await, clinics.each_ref().map(String::as_str));
    assert_eq!(listed("?limit=1&offset=1").await, [clinics[1].as_str()]);
}
