//! Patients.

use bson::{doc, oid::ObjectId};
use serde_json::{Value, json};
use shared_runtime::testing::matrix::Row;
use stand_ins::user_api::Ask;

use crate::{
    auth::{KINDS, Whom, invalid, row},
    world::{CAROL, NINA, World, assert_empty, assert_refused, details},
};

const ALICE: &str = "a000000001";

/// Who may call each operation.
pub(crate) fn rows() -> Vec<Row<KINDS>> {
    vec![
        invalid(
            "POST /v1/clinics/{clinicId}/patients",
            Whom::MembersAndServices,
        ),
        row(
            "GET /v1/clinics/{clinicId}/patients/{patientId}",
            Whom::MembersAndServices,
            200,
        ),
        invalid(
            "POST /v1/clinics/{clinicId}/patients/{patientId}",
            Whom::Services,
        ),
        invalid(
            "PUT /v1/clinics/{clinicId}/patients/{patientId}",
            Whom::MembersAndServices,
        ),
        row(
            "DELETE /v1/clinics/{clinicId}/patients/{patientId}",
            Whom::Admins,
            404,
        )
        .at("/v1/clinics/{clinicId}/patients/0000000000"),
        row(
            "POST /v1/clinics/{clinicId}/patients/{patientId}/upload_reminder",
            Whom::Members,
            404,
        )
        .at("/v1/clinics/{clinicId}/patients/0000000000/upload_reminder"),
        row(
            "PUT /v1/clinics/{clinicId}/patients/{patientId}/reviews",
            Whom::Members,
            404,
        )
        .at("/v1/clinics/{clinicId}/patients/0000000000/reviews"),
        row(
            "DELETE /v1/clinics/{clinicId}/patients/{patientId}/reviews",
            Whom::Members,
            404,
        )
        .at("/v1/clinics/{clinicId}/patients/0000000000/reviews"),
        row(
            "PUT /v1/clinics/{clinicId}/patients/{patientId}/permissions",
            Whom::Patient,
            400,
        )
        .with(json!({ "view": null })),
        row(
            "DELETE /v1/clinics/{clinicId}/patients/{patientId}/permissions/{permission}",
            Whom::PatientAndServices,
            404,
        )
        .at("/v1/clinics/{clinicId}/patients/{patientId}/permissions/custodian"),
        row(
            "GET /v1/patients/{userId}/clinics",
            Whom::OwnAndServices,
            200,
        ),
    ]
}

#[actix_web::test]
async fn a_change_takes_away_what_it_does_not_say() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    let mut body = details("Mia");
    body["email"] = json!("mia@example.org");
    body["mrn"] = json!("1");
    body["tags"] = json!([ObjectId::new().to_hex()]);
    body["diagnosisType"] = json!("type2");
    let mia = world.enrol(&clinic, &body).await;
    let orders = doc! { "ehrSubscriptions": { "summaryAndReports": { "active": true, "provider": "redox" } } };
    let of_mia = doc! { "userId": &mia };
    world
        .collection("patients")
        .update_one(of_mia.clone(), doc! { "$set": orders })
        .await
        .unwrap();
    let path = format!("/v1/clinics/{clinic}/patients/{mia}");
    let carol = world.user(CAROL);
    let changed: Value = carol.put(&path, &details("Mia Elm")).await.json();
    assert_eq!(changed["fullName"], "Mia Elm");
    assert!(changed.get("email").is_none() && changed.get("mrn").is_none());
    assert_eq!(
        (&changed["tags"], &changed["diagnosisType"]),
        (&body["tags"], &json!("type2"))
    );
    assert_eq!(world.user_api.account(&mia).get("emails"), None);
    let stored = world
        .collection("patients")
        .find_one(of_mia)
        .await
        .unwrap()
        .unwrap();
    let orders = stored.get_document("ehrSubscriptions").unwrap();
    assert!(
        !orders
            .get_document("summaryAndReports")
            .unwrap()
            .get_bool("active")
            .unwrap()
    );
    let shown: Value = carol.get(&path).await.json();
    assert_eq!(shown, changed);

    let mut body = details("Mia");
    body["tags"] = json!([]);
    body["diagnosisType"] = json!("");
    let changed: Value = carol.put(&path, &body).await.json();
    assert_eq!(changed["tags"], Value::Null);
    assert!(changed.get("diagnosisType").is_none());
    world.user_api.has("a000000009");
    body["email"] = json!("a000000009@example.org");
    let message = "unable to update custodial user: duplicate: email address is already taken";
    assert_refused(&carol.put(&path, &body).await, 409, message);
    let unknown = format!("/v1/clinics/{clinic}/patients/{NINA}");
    assert_refused(&carol.put(&unknown, &body).await, 404, "patient not found");
    assert_refused(&carol.get(&unknown).await, 404, "patient not found");
    assert_eq!(world.totals(&clinic).await, (1, 1));
}

#[actix_web::test]
async fn the_address_of_a_claimed_account_is_its_owners() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    world.share(&clinic, ALICE, json!({ "view": {} })).await;
    let path = format!("/v1/clinics/{clinic}/patients/{ALICE}");
    let mut body = details("Alice");
    body["email"] = json!("elsewhere@example.org");
    let changed: Value = world.user(CAROL).put(&path, &body).await.json();
    assert_eq!(changed["email"], "elsewhere@example.org");
    assert_eq!(world.user_api.asked(Ask::Update), []);
}

#[actix_web::test]
async fn who_goes_is_archived() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    let finn = world.enrol(&clinic, &details("Finn")).await;
    let path = format!("/v1/clinics/{clinic}/patients/{finn}");
    assert_empty(&world.user(CAROL).delete(&path).await, 204);
    assert_refused(
        &world.user(CAROL).delete(&path).await,
        404,
        "patient not found",
    );
    let archived = world
        .collection("patient_deletions")
        .find_one(doc! {})
        .await
        .unwrap()
        .unwrap();
    let patient = archived.get_document("patient").unwrap();
    assert_eq!(patient.get_str("userId").unwrap(), finn);
    assert_eq!(archived.get_str("deletedByUserId").unwrap(), CAROL);
    assert_eq!(world.totals(&clinic).await, (0, 0));
}

#[actix_web::test]
async fn reviews_are_made_and_taken_back() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    world.employ(&clinic, NINA, &["CLINIC_MEMBER"]).await;
    let finn = world.enrol(&clinic, &details("Finn")).await;
    let path = format!("/v1/clinics/{clinic}/patients/{finn}");
    let before: Value = world.user(CAROL).get(&path).await.json();
    let reviews = format!("{path}/reviews");
    let (carol, nina) = (world.user(CAROL), world.user(NINA));
    assert_refused(
        &nina.delete(&reviews).await,
        404,
        "not found: there is no review",
    );
    for person in [&carol, &nina, &carol] {
        assert_eq!(person.put(&reviews, &json!({})).await.status, 200);
    }
    let message = "conflict: cannot revert review from another clinician";
    assert_refused(&nina.delete(&reviews).await, 409, message);
    let rest: Value = carol.delete(&reviews).await.json();
    assert_eq!(rest.as_array().unwrap().len(), 1);
    assert_eq!(rest[0]["clinicianId"], NINA);
    let after: Value = world.user(CAROL).get(&path).await.json();
    assert_eq!(after["reviews"], rest);
    assert_eq!(after["updatedTime"], before["updatedTime"]);
    let reminded: Value = nina
        .post(&format!("{path}/upload_reminder"), &json!({}))
        .await
        .json();
    assert!(reminded["lastUploadReminderTime"].is_string());
}

#[actix_web::test]
async fn what_the_reference_stored_is_shown_and_counted() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    let id = ObjectId::parse_str(&clinic).unwrap();
    let stored = doc! {
        "clinicId": id, "userId": ALICE, "fullName": "Alice", "birthDate": "", "email": null,
        "mrn": null, "targetDevices": null, "tags": [], "permissions": { "view": {}, "note": {} },
        "glycemicRanges": "ADA standard", "diagnosisType": "type9", "dataSources": [],
        "lastRequestedDexcomConnectTime": bson::DateTime::from_millis(0),
        "createdTime": bson::DateTime::from_millis(10), "unknown": 1,
    };
    world
        .collection("patients")
        .insert_one(stored)
        .await
        .unwrap();
    let path = format!("/v1/clinics/{clinic}/patients/{ALICE}");
    let shown: Value = world.user(CAROL).get(&path).await.json();
    assert_eq!(
        shown,
        json!({
            "id": ALICE, "fullName": "Alice", "birthDate": "0001-01-01", "tags": null,
            "permissions": { "view": {}, "note": {} }, "dataSources": [], "reviews": [], "sites": [],
            "connectionRequests": {
                "dexcom": [{ "providerName": "dexcom", "createdTime": "1970-01-01T00:00:00Z" }],
                "twiist": [], "abbott": [],
            },
            "createdTime": "1970-01-01T00:00:00.01Z", "updatedTime": "1970-01-01T00:00:00Z",
        })
    );
    // It counts for the limit, and is counted from its first change on.
    world
        .set_clinic(&clinic, doc! { "patientCountSettings.hardLimit.plan": 1 })
        .await;
    let patients = format!("/v1/clinics/{clinic}/patients");
    assert_eq!(
        world
            .user(CAROL)
            .post(&patients, &details("Finn"))
            .await
            .status,
        402
    );
    assert_eq!(world.totals(&clinic).await, (1, 0));
    assert_eq!(
        world
            .user(CAROL)
            .put(&format!("{path}/reviews"), &json!({}))
            .await
            .status,
        200
    );
    assert_eq!(world.totals(&clinic).await, (1, 1));
    let stored = world
        .collection("patients")
        .find_one(doc! { "userId": ALICE })
        .await
        .unwrap();
    assert_eq!(stored.unwrap().get_i32("unknown").unwrap(), 1);
}
