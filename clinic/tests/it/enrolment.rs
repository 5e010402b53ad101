//! Enrolment of patients: with an account that is made for them, and with their own.

use bson::{Bson, doc, oid::ObjectId};
use futures_util::future::join_all;
use serde_json::{Value, json};
use shared_runtime::testing::Person;
use stand_ins::{KEYS, user_api::Ask};

use crate::world::{CAROL, NINA, World, assert_refused, details, id_of};

const ALICE: &str = "a000000001";

#[actix_web::test]
async fn a_patient_without_an_account_gets_one() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    let (north, tag) = (ObjectId::new(), ObjectId::new().to_hex());
    world
        .set_clinic(
            &clinic,
            doc! { "sites": [{ "id": north, "name": "North" }] },
        )
        .await;
    let mut body = details("Mia");
    body["email"] = json!("Mia@Example.org");
    body["mrn"] = json!("0042");
    body["tags"] = json!([tag]);
    body["sites"] = json!([{ "id": north.to_hex(), "name": "Elsewhere" }]);
    body["targetDevices"] = json!(["a pump"]);
    body["diagnosisType"] = json!("type1");
    body["glycemicRanges"] = json!({ "type": "preset" });
    body["dataSources"] = json!([{ "state": "pending", "providerName": "dexcom" }]);
    body["permissions"] = json!({ "view": {} });
    let path = format!("/v1/clinics/{clinic}/patients");
    let answer = world.user(CAROL).post(&path, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let mut mia: Value = answer.json();
    let id = id_of(&mia);
    let shown: Value = world.user(CAROL).get(&format!("{path}/{id}")).await.json();
    assert_eq!(shown, mia);
    for name in ["id", "createdTime", "updatedTime"] {
        assert!(
            mia.as_object_mut().unwrap().remove(name).is_some(),
            "{name}"
        );
    }
    assert_eq!(
        mia,
        json!({
            "fullName": "Mia", "birthDate": "2001-02-03", "email": "mia@example.org", "mrn": "0042",
            "tags": [tag], "sites": [{ "id": north.to_hex(), "name": "North" }],
            "targetDevices": ["a pump"], "diagnosisType": "type1", "reviews": [],
            "glycemicRanges": { "type": "preset", "preset": "adaStandard" },
            "dataSources": [{ "state": "pending", "providerName": "dexcom" }],
            "permissions": { "custodian": {}, "view": {}, "upload": {}, "note": {} },
            "connectionRequests": { "dexcom": [], "twiist": [], "abbott": [] },
        })
    );
    let account = world.user_api.account(&id);
    assert_eq!(account["emails"], json!(["mia@example.org"]));
    let stored = world
        .collection("patients")
        .find_one(doc! { "userId": &id })
        .await
        .unwrap();
    assert_eq!(stored.unwrap().get_str("invitedBy").unwrap(), CAROL);
    assert_eq!(world.totals(&clinic).await, (1, 1));

    let answer = world.user(CAROL).post(&path, &body).await;
    assert_refused(&answer, 409, "duplicate: email address is already taken");
    let mut finn: Value = world.user(CAROL).post(&path, &details("Finn")).await.json();
    assert_eq!(finn["tags"].take(), Value::Null);
    assert_eq!(finn["dataSources"].take(), Value::Null);
    assert!(finn.get("email").is_none() && finn.get("mrn").is_none());
}

#[actix_web::test]
async fn what_is_refused_leaves_no_account() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    let path = format!("/v1/clinics/{clinic}/patients");
    let mrn = doc! { "mrnSettings": { "required": true, "unique": true } };
    world.set_clinic(&clinic, mrn).await;
    let post = async |body: &Value| world.user(CAROL).post(&path, body).await;
    assert_refused(
        &post(&details("Finn")).await,
        400,
        "bad request: mrn is required",
    );
    let mut body = details("Finn");
    body["mrn"] = json!("Ä7");
    assert_eq!(post(&body).await.status, 200);
    body["mrn"] = json!("a7");
    assert_refused(&post(&body).await, 400, "bad request: mrn must be unique");
    body["mrn"] = json!("8");
    let unknown = ObjectId::new().to_hex();
    body["sites"] = json!([{ "id": unknown, "name": "Nowhere" }]);
    let message = "constraint violation: the clinic has no site with that name";
    assert_refused(&post(&body).await, 422, message);
    let missing = "/v1/clinics/000000000000000000000000/patients";
    let answer = world.service().post(missing, &details("Finn")).await;
    assert_refused(&answer, 404, "clinic not found");
    assert_eq!(world.user_api.asked(Ask::Create).len(), 1);
    world.user_api.fail(Ask::Create, 500);
    body.as_object_mut().unwrap().remove("sites");
    assert_refused(&post(&body).await, 500, "Internal Server Error");
    assert_eq!(world.totals(&clinic).await, (1, 1));
}

#[actix_web::test]
async fn a_repeat_takes_up_the_account_that_was_made_before() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    // As if clinic had died right after it.
    let at_user_api = Person::at(&world.user_api.url(), Some(&KEYS.server_token("clinic")));
    let path = format!("/v1/clinics/{clinic}/users");
    let account = json!({ "username": "mia@example.org", "emails": ["mia@example.org"] });
    let made: Value = at_user_api.post(&path, &account).await.json();
    let mut body = details("Mia");
    body["email"] = json!("mia@example.org");
    let mia = world.enrol(&clinic, &body).await;
    assert_eq!(made["userid"], json!(mia));
    let path = format!("/v1/clinics/{clinic}/patients");
    let message = "duplicate: email address is already taken";
    assert_refused(&world.user(CAROL).post(&path, &body).await, 409, message);
    assert_eq!(world.totals(&clinic).await, (1, 1));
}

#[actix_web::test]
async fn of_several_with_one_address_one_is_enrolled() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    let path = format!("/v1/clinics/{clinic}/patients");
    let mut body = details("Mia");
    body["email"] = json!("mia@example.org");
    let carol = world.user(CAROL);
    let answers = join_all((0..10).map(|_| carol.post(&path, &body))).await;
    let made: Vec<_> = answers
        .iter()
        .filter(|answer| answer.status == 200)
        .collect();
    assert_eq!(made.len(), 1);
    for refused in answers.iter().filter(|answer| answer.status != 200) {
        assert_refused(refused, 409, "duplicate: email address is already taken");
    }
    assert_eq!(world.totals(&clinic).await, (1, 1));
    // Whoever came too late takes nothing from it.
    let mia: Value = made[0].json();
    let account = world.user_api.account(mia["id"].as_str().unwrap());
    assert_eq!(account["emails"], json!(["mia@example.org"]));
}

#[actix_web::test]
async fn a_clinic_gets_exactly_as_many_patients_as_it_may_have() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    world
        .set_clinic(&clinic, doc! { "patientCountSettings.hardLimit.plan": 20 })
        .await;
    let path = format!("/v1/clinics/{clinic}/patients");
    // Who shares does not need room, and takes some.
    world.share(&clinic, ALICE, json!({ "view": {} })).await;
    let (carol, body) = (world.user(CAROL), details("Finn"));
    let answers = join_all((0..50).map(|_| carol.post(&path, &body))).await;
    let count = |status: u16| {
        answers
            .iter()
            .filter(|answer| answer.status == status)
            .count()
    };
    assert_eq!((count(200), count(402)), (19, 31));
    let message = "payment required: patient count exceeds limit";
    assert_refused(&carol.post(&path, &body).await, 402, message);
    world
        .share(&clinic, "a000000002", json!({ "view": {} }))
        .await;
    assert_eq!(world.totals(&clinic).await, (21, 21));
    world.set_clinic(&clinic, doc! { "tier": "tier0300" }).await;
    assert_eq!(carol.post(&path, &body).await.status, 200);
}

#[actix_web::test]
async fn one_of_several_gets_a_medical_record_number() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    let settings =
        doc! { "tier": "tier0300", "mrnSettings": { "required": false, "unique": true } };
    world.set_clinic(&clinic, settings).await;
    let path = format!("/v1/clinics/{clinic}/patients");
    let carol = world.user(CAROL);
    let bodies: Vec<Value> = ["mrn", "MRN", "Mrn", "mRn", "mrN", "MRn"]
        .iter()
        .map(|mrn| {
            let mut body = details("Finn");
            body["mrn"] = json!(mrn);
            body
        })
        .collect();
    let answers = join_all(bodies.iter().map(|body| carol.post(&path, body))).await;
    let made = answers.iter().filter(|answer| answer.status == 200).count();
    assert_eq!(made, 1);
    for answer in answers.iter().filter(|answer| answer.status != 200) {
        // Whoever comes later sees that it is taken.
        let (status, why) = match answer.status {
            400 => (400, "bad request: mrn must be unique"),
            _ => (409, "duplicate: mrn must be unique"),
        };
        assert_refused(answer, status, why);
    }
    assert_eq!(world.totals(&clinic).await, (1, 1));
    // Without a number there may be many.
    for _ in 0..2 {
        assert_eq!(carol.post(&path, &details("Mia")).await.status, 200);
    }
}

#[actix_web::test]
async fn who_shares_is_known_by_its_profile() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    world.user_api.has_child(ALICE, "2010-01-31");
    let path = format!("/v1/clinics/{clinic}/patients/{ALICE}");
    let service = world.service();
    let alice: Value = service.post(&path, &json!({})).await.json();
    assert_eq!(alice["fullName"], ALICE);
    assert_eq!(alice["birthDate"], "2010-01-31");
    assert_eq!(alice["email"], format!("{ALICE}@example.org"));
    assert!(alice.get("permissions").is_none());
    let message = "duplicate: patient is already a member of the clinic";
    assert_refused(&service.post(&path, &json!({})).await, 409, message);
    let legacy = json!({ "legacyClinicianId": NINA, "fullName": "Other" });
    let again: Value = service.post(&path, &legacy).await.json();
    assert_eq!(again["fullName"], ALICE);
    assert_eq!(service.post(&path, &legacy).await.status, 200);
    let stored = world
        .collection("patients")
        .find_one(doc! { "userId": ALICE })
        .await
        .unwrap();
    let stored = stored.unwrap();
    assert_eq!(
        stored.get_array("legacyClinicianIds").unwrap(),
        &[Bson::from(NINA)]
    );

    let unknown = format!("/v1/clinics/{clinic}/patients/a000000009");
    assert_refused(&service.post(&unknown, &json!({})).await, 404, "not found");
    world.user_api.has("a000000003");
    let path = format!("/v1/clinics/{clinic}/patients/a000000003");
    let body =
        json!({ "fullName": "Said", "birthDate": "2002-02-02", "mrn": "9", "isMigrated": true });
    let said: Value = service.post(&path, &body).await.json();
    assert_eq!(
        (&said["fullName"], &said["birthDate"]),
        (&json!("Said"), &json!("2002-02-02"))
    );
}
