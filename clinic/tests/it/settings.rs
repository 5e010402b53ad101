//! Settings of a clinic, and how many patients it has.

use bson::{Bson, doc};
use reqwest::Method;
use serde_json::{Value, json};
use shared_runtime::testing::{matrix::Row, send};

use crate::{
    auth::{KINDS, Whom, row},
    world::{CAROL, NINA, STRANGER, World, assert_answer, assert_empty, assert_refused, details},
};

const NO_CLINIC: &str = "000000000000000000000000";

/// Who may call each operation.
pub(crate) fn rows() -> Vec<Row<KINDS>> {
    let of_clinic = |operation: &str| {
        let (method, path) = operation.split_once(' ').unwrap();
        format!("{method} /v1/clinics/{{clinicId}}/{path}")
    };
    let row = |operation: &str, whom, status| row(&of_clinic(operation), whom, status);
    let invalid = |operation: &str, whom| row(operation, whom, 400).with(json!([]));
    vec![
        row("GET membership_restrictions", Whom::AdminsAndServices, 200),
        invalid("PUT membership_restrictions", Whom::Services),
        row("GET settings/ehr", Whom::MembersAndServices, 404),
        invalid("PUT settings/ehr", Whom::Services),
        row("GET settings/mrn", Whom::MembersAndServices, 404),
        invalid("PUT settings/mrn", Whom::Services),
        row("GET settings/patient_count", Whom::MembersAndServices, 200),
        invalid("PUT settings/patient_count", Whom::Services),
        row("POST patient_count/refresh", Whom::Services, 404)
            .at("/v1/clinics/000000000000000000000000/patient_count/refresh"),
        invalid("POST tier", Whom::Services),
        invalid("POST suppressed_notifications", Whom::Admins),
    ]
}

/// Every operation with a body that must be there, with a valid one.
fn operations(of_clinic: &str) -> Vec<(Method, String, Value)> {
    vec![
        (Method::PUT, format!("{of_clinic}/settings/ehr"), ehr()),
        (
            Method::PUT,
            format!("{of_clinic}/settings/mrn"),
            json!({ "required": true, "unique": false }),
        ),
        (
            Method::POST,
            format!("{of_clinic}/tier"),
            json!({ "tier": "tier0300" }),
        ),
        (
            Method::POST,
            format!("{of_clinic}/suppressed_notifications"),
            json!({ "suppressedNotifications": {} }),
        ),
    ]
}

pub(crate) fn ehr() -> Value {
    json!({
        "enabled": true, "provider": "redox", "sourceId": "s", "mrnIdType": "EPI",
        "procedureCodes": {},
        "scheduledReports": { "cadence": "7d", "onUploadEnabled": false },
        "tags": {}, "flowsheets": { "icode": false },
    })
}

#[actix_web::test]
async fn restrictions_are_replaced_and_removed() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    let path = format!("/v1/clinics/{clinic}/membership_restrictions");
    let (carol, service) = (world.user(CAROL), world.service());
    assert_answer(&carol.get(&path).await, 200, &json!({}));
    let body = json!({ "restrictions": [
        { "emailDomain": "Oak.example", "requiredIdp": "" },
        { "emailDomain": "elm.example", "requiredIdp": "elm" },
    ] });
    let shown = json!({ "restrictions": [
        { "emailDomain": "Oak.example" },
        { "emailDomain": "elm.example", "requiredIdp": "elm" },
    ] });
    assert_answer(&service.put(&path, &body).await, 200, &shown);
    assert_answer(&carol.get(&path).await, 200, &shown);
    let document = world.clinic_document(&clinic).await.unwrap();
    let stored = document.get_array("membershipRestrictions").unwrap();
    assert_eq!(stored[0], doc! { "emailDomain": "Oak.example" }.into());

    for body in ["", "{}", r#"{"restrictions":[]}"#] {
        assert_eq!(service.put(&path, &shown).await.status, 200);
        let request = service.request(Method::PUT, &path);
        let request = request.header("content-type", "application/json");
        assert_answer(&send(request.body(body)).await, 200, &json!({}));
        assert_answer(&carol.get(&path).await, 200, &json!({}));
    }
    let bad = json!({ "restrictions": [{ "requiredIdp": "elm" }] });
    assert_eq!(service.put(&path, &bad).await.status, 400);
}

#[actix_web::test]
async fn a_clinic_that_is_not_there_has_no_settings() {
    let world = World::start().await;
    let service = world.service();
    let of_clinic = format!("/v1/clinics/{NO_CLINIC}");
    for path in [
        "membership_restrictions",
        "settings/ehr",
        "settings/mrn",
        "settings/patient_count",
        "patient_count",
    ] {
        let answer = service.get(&format!("{of_clinic}/{path}")).await;
        assert_refused(&answer, 404, "clinic not found");
    }
    let mut changes = operations(&of_clinic);
    changes.retain(|(_, path, _)| !path.ends_with("/suppressed_notifications"));
    for path in ["membership_restrictions", "settings/patient_count"] {
        changes.push((Method::PUT, format!("{of_clinic}/{path}"), json!({})));
    }
    let refresh = format!("{of_clinic}/patient_count/refresh");
    changes.push((Method::POST, refresh, json!({})));
    for (method, path, body) in changes {
        let answer = send(service.request(method, &path).json(&body)).await;
        assert_refused(&answer, 404, "clinic not found");
    }
    assert_eq!(world.everything().await, []);
}

#[actix_web::test]
async fn the_connection_to_hospital_records_is_kept_as_the_reference_keeps_it() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    let path = format!("/v1/clinics/{clinic}/settings/ehr");
    let (carol, service) = (world.user(CAROL), world.service());
    assert_refused(&carol.get(&path).await, 404, "not found");
    let mut shown = ehr();
    shown["tags"]["codes"] = Value::Null;
    assert_answer(&service.put(&path, &ehr()).await, 200, &shown);
    assert_answer(&carol.get(&path).await, 200, &shown);

    let mut body = ehr();
    body["destinationIds"] = json!({ "flowsheet": "f", "notes": "n", "results": "r" });
    body["procedureCodes"] = json!({ "createAccountAndEnableReports": "" });
    body["scheduledReports"] = json!({ "cadence": "DISABLED", "onUploadEnabled": true });
    body["tags"] = json!({ "codes": ["t"], "separator": "," });
    body["flowsheets"] = json!({ "icode": true });
    body["notes"] = json!({ "includeGMI": true });
    let mut shown = body.clone();
    shown["scheduledReports"]["onUploadNoteEventType"] = json!("New");
    assert_answer(&service.put(&path, &body).await, 200, &shown);
    assert_answer(&carol.get(&path).await, 200, &shown);
    let document = world.clinic_document(&clinic).await.unwrap();
    let stored = document.get_document("ehrSettings").unwrap();
    let notes = doc! { "includeGmi": true };
    assert_eq!(stored.get_document("notes").unwrap(), &notes);

    let of_service = "/v1/clinics?ehrEnabled=true";
    let clinics: Value = service.get(of_service).await.json();
    assert_eq!(clinics[0]["id"], clinic);
}

#[actix_web::test]
async fn what_is_asked_of_numbers_holds_from_then_on() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    let path = format!("/v1/clinics/{clinic}/settings/mrn");
    assert_refused(&world.user(CAROL).get(&path).await, 404, "not found");
    let body = json!({ "required": true, "unique": true });
    let before = world.clinic_document(&clinic).await.unwrap();
    assert_answer(&world.service().put(&path, &body).await, 200, &body);
    assert_answer(&world.user(CAROL).get(&path).await, 200, &body);
    let document = world.clinic_document(&clinic).await.unwrap();
    let updated = |document: &bson::Document| *document.get_datetime("updatedTime").unwrap();
    assert!(updated(&document) > updated(&before));
    let answer = world
        .user(CAROL)
        .post(&format!("/v1/clinics/{clinic}/patients"), &details("Finn"))
        .await;
    assert_refused(&answer, 400, "bad request: mrn is required");
}

#[actix_web::test]
async fn limits_hold_in_the_free_tier_of_one_country() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    let of_clinic = format!("/v1/clinics/{clinic}");
    let path = format!("{of_clinic}/settings/patient_count");
    let (carol, service) = (world.user(CAROL), world.service());
    let first = json!({ "hardLimit": { "plan": 250 } });
    assert_answer(&carol.get(&path).await, 200, &first);
    let limits = json!({
        "hardLimit": { "plan": 1, "startDate": "2030-01-01T00:00:00Z" },
        "softLimit": { "plan": 0, "endDate": "2030-01-01T00:00:00.5Z" },
    });
    assert_answer(&service.put(&path, &limits).await, 200, &limits);
    assert_answer(&carol.get(&path).await, 200, &limits);
    let reversed = json!({ "softLimit": {
        "plan": 1, "startDate": "2030-01-02T00:00:00Z", "endDate": "2030-01-01T00:00:00Z",
    } });
    assert_refused(&service.put(&path, &reversed).await, 400, "bad request");
    assert_answer(&carol.get(&path).await, 200, &limits);

    let tier = format!("{of_clinic}/tier");
    let answer = service.post(&tier, &json!({ "tier": "tier0300" })).await;
    assert_empty(&answer, 200);
    assert_answer(&carol.get(&path).await, 200, &json!({}));
    assert_answer(&service.put(&path, &limits).await, 200, &json!({}));
    let shown: Value = carol.get(&of_clinic).await.json();
    assert_eq!(shown["tierDescription"], "Premium");
    let answer = service.post(&tier, &json!({ "tier": "tier0100" })).await;
    assert_empty(&answer, 200);
    assert_answer(&carol.get(&path).await, 200, &limits);
    let request = service.request(Method::PUT, &path);
    assert_answer(&send(request).await, 200, &json!({}));
}

#[actix_web::test]
async fn administrators_choose_what_mails_they_want() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    let of_clinic = format!("/v1/clinics/{clinic}");
    let path = format!("{of_clinic}/suppressed_notifications");
    let carol = world.user(CAROL);
    let mails = async || {
        let shown: Value = carol.get(&of_clinic).await.json();
        shown.get("suppressedNotifications").cloned()
    };
    assert_eq!(mails().await, None);
    for suppressed in [json!({ "patientClinicInvitation": true }), json!({})] {
        let body = json!({ "suppressedNotifications": suppressed });
        assert_empty(&carol.post(&path, &body).await, 200);
        assert_eq!(mails().await, Some(suppressed));
    }
    let body = json!({ "suppressedNotifications": { "all": true } });
    assert_eq!(carol.post(&path, &body).await.status, 400);
}

#[actix_web::test]
async fn patients_are_counted_and_the_count_is_written_for_others() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    let of_clinic = format!("/v1/clinics/{clinic}");
    let mut finn = details("Finn");
    finn["dataSources"] = json!([
        { "providerName": "dexcom", "state": "connected" },
        { "providerName": "dexcom", "state": "error" },
        { "providerName": "twiist", "state": "pending" },
    ]);
    world.enrol(&clinic, &finn).await;
    world.enrol(&clinic, &details("Mia")).await;
    let count = json!({ "total": 2, "demo": 0, "plan": 1, "providers": {
        "dexcom": { "total": 2, "states": { "connected": 1, "error": 1 } },
        "twiist": { "total": 1, "states": { "pending": 1 } },
    } });
    let path = format!("{of_clinic}/patient_count");
    assert_answer(&world.user(CAROL).get(&path).await, 200, &count);
    let refresh = format!("{path}/refresh");
    let refreshed = world.service().post(&refresh, &json!({})).await;
    assert_empty(&refreshed, 200);
    let document = world.clinic_document(&clinic).await.unwrap();
    let stored = document.get_document("patientCount").unwrap();
    assert_eq!(stored.get("plan"), Some(&Bson::Int64(1)));
    let dexcom = doc! { "total": 2_i64, "states": { "connected": 1_i64, "error": 1_i64 } };
    let providers = stored.get_document("providers").unwrap();
    assert_eq!(providers.get_document("dexcom").unwrap(), &dexcom);
}

#[actix_web::test]
async fn tags_and_sites_of_every_clinic_shown_are_counted() {
    let world = World::start().await;
    let (first, second) = (world.clinic().await, world.clinic().await);
    let (tag, unused) = (bson::oid::ObjectId::new(), bson::oid::ObjectId::new());
    let site = bson::oid::ObjectId::new();
    let labels = doc! {
        "patientTags": [{ "_id": tag, "name": "A" }, { "_id": unused, "name": "B" }],
        "sites": [{ "id": site, "name": "North", "patients": 7 }],
    };
    let clinics = world.collection("clinics");
    let set = doc! { "$set": labels };
    clinics.update_many(doc! {}, set).await.unwrap();
    let mut patient = details("Finn");
    patient["tags"] = json!([tag.to_hex()]);
    patient["sites"] = json!([{ "id": site.to_hex(), "name": "x" }]);
    let finn = world.enrol(&first, &patient).await;
    world.enrol(&first, &patient).await;
    world.enrol(&second, &patient).await;
    // A patient whom the reference stored is counted in no lane.
    let uncounted = doc! { "$unset": { "_lane": 1, "_version": 1 } };
    let patients = world.collection("patients");
    let patient = doc! { "userId": &finn };
    patients.update_one(patient, uncounted).await.unwrap();
    let tallies = world.collection("tallies");
    let first_id = bson::oid::ObjectId::parse_str(&first).unwrap();
    let of_first = doc! { "_id.clinic": first_id, "total": { "$gt": 0 } };
    let less = doc! { "$inc": {
        "total": -1, format!("tags.{tag}"): -1, format!("sites.{site}"): -1,
    } };
    tallies.update_one(of_first, less).await.unwrap();

    let shown = |clinic: &Value, patients: u32| {
        let tags = json!([
            { "id": tag.to_hex(), "name": "A", "numPatients": patients },
            { "id": unused.to_hex(), "name": "B" },
        ]);
        assert_eq!(clinic["patientTags"], tags);
        let sites = json!([{ "id": site.to_hex(), "name": "North", "numPatients": patients }]);
        assert_eq!(clinic["sites"], sites);
    };
    let clinic: Value = world
        .user(STRANGER)
        .get(&format!("/v1/clinics/{first}"))
        .await
        .json();
    shown(&clinic, 2);
    let clinics: Value = world.service().get("/v1/clinics").await.json();
    shown(&clinics[0], 2);
    shown(&clinics[1], 1);
    let path = format!("/v1/clinicians/{CAROL}/clinics");
    let relations: Value = world.user(CAROL).get(&path).await.json();
    shown(&relations[1]["clinic"], 2);
    shown(&relations[0]["clinic"], 1);
    world.employ(&first, NINA, &["CLINIC_MEMBER"]).await;
    let path = format!("/v1/clinicians/{NINA}/clinics");
    let relations: Value = world.user(NINA).get(&path).await.json();
    shown(&relations[0]["clinic"], 2);
}
