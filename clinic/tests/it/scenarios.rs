//! What the reference's own integration tests play from end to end, as far as one test of an
//! operation alone does not show it.

use bson::{Document, doc, oid::ObjectId};
use serde_json::{Value, json};

use crate::{
    settings,
    sites::create as create_site,
    world::{CAROL, NINA, World, assert_empty, assert_refused, details},
};

/// The only document of an archive.
async fn archived(world: &World, name: &str, filter: Document) -> Document {
    let archive = world.collection(name);
    let count = archive.count_documents(filter.clone()).await.unwrap();
    assert_eq!(count, 1, "{name}");
    archive.find_one(filter).await.unwrap().unwrap()
}

#[actix_web::test]
async fn a_clinic_is_emptied_and_deleted_and_all_of_it_archived() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    world.employ(&clinic, NINA, &["CLINIC_MEMBER"]).await;
    let (carol, service) = (world.user(CAROL), world.service());
    let of_clinic = format!("/v1/clinics/{clinic}");
    let of_nina = format!("{of_clinic}/clinicians/{NINA}");
    let nina: Value = service.get(&of_nina).await.json();
    assert_eq!(nina["roles"], json!(["CLINIC_MEMBER"]));
    let mut body = details("Finn");
    body["mrn"] = json!("a-number");
    let finn = world.enrol(&clinic, &body).await;
    let by_number = format!("{of_clinic}/patients?search=a-number");
    let list: Value = carol.get(&by_number).await.json();
    assert_eq!(list["meta"]["count"], 1);
    assert_eq!(list["data"][0]["id"], finn.as_str());

    let of_finn = format!("{of_clinic}/patients/{finn}");
    assert_empty(&carol.delete(&of_finn).await, 204);
    assert_refused(&carol.get(&of_finn).await, 404, "patient not found");
    let filter = doc! { "patient.userId": &finn, "deletedByUserId": CAROL };
    let patient = archived(&world, "patient_deletions", filter).await;
    assert!(patient.get_datetime("deletedTime").is_ok());
    assert_empty(&service.delete(&of_nina).await, 200);
    assert_refused(&service.get(&of_nina).await, 404, "clinician not found");
    let filter = doc! { "clinician.userId": NINA, "deletedByUserId": null };
    archived(&world, "clinician_deletions", filter).await;
    assert_empty(&carol.delete(&of_clinic).await, 204);
    assert_refused(&service.get(&of_clinic).await, 404, "clinic not found");
    let id = ObjectId::parse_str(&clinic).unwrap();
    archived(&world, "clinic_deletions", doc! { "clinic._id": id }).await;
    let filter = doc! { "clinician.userId": CAROL, "clinician.clinicId": id };
    archived(&world, "clinician_deletions", filter).await;
}

#[actix_web::test]
async fn a_clinic_that_is_connected_to_hospital_records_is_found_by_its_source() {
    let world = World::start().await;
    let (clinic, other) = (world.clinic().await, world.clinic().await);
    let path = format!("/v1/clinics/{clinic}/settings/ehr");
    let mut body = settings::ehr();
    body["sourceId"] = json!("the-hospital");
    assert_eq!(world.service().put(&path, &body).await.status, 200);
    let mut details = details("Finn");
    details["mrn"] = json!("a-number");
    let finn = world.enrol(&clinic, &details).await;
    world.enrol(&other, &details).await;
    let path = "/v1/patients?mrn=a-number&birthDate=2001-02-03";
    let carol = world.user(CAROL);
    let everywhere: Vec<Value> = carol.get(path).await.json();
    assert_eq!(everywhere.len(), 2);
    let there = format!("{path}&workspaceId=the-hospital&workspaceIdType=ehrSourceId");
    let there: Vec<Value> = carol.get(&there).await.json();
    assert_eq!(there.len(), 1);
    assert_eq!(there[0]["patient"]["id"], finn.as_str());
    assert_eq!(there[0]["clinic"]["id"], clinic.as_str());
}

#[actix_web::test]
async fn a_patient_keeps_its_sites_until_others_are_said() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    let north = create_site(&world, &clinic, "North").await;
    let mut body = details("Finn");
    body["sites"] = json!([{ "id": north, "name": "whatever it was called" }]);
    let finn = world.enrol(&clinic, &body).await;
    let path = format!("/v1/clinics/{clinic}/patients/{finn}");
    let carol = world.user(CAROL);
    let sites = json!([{ "id": north, "name": "North" }]);
    let kept: Value = carol.put(&path, &details("Finn Elm")).await.json();
    assert_eq!(kept["sites"], sites);
    body["sites"] = json!([]);
    let cleared: Value = carol.put(&path, &body).await.json();
    assert_eq!(cleared["sites"], json!([]));
    let of_clinic: Value = carol.get(&format!("/v1/clinics/{clinic}")).await.json();
    assert_eq!(of_clinic["sites"], sites);
}

#[actix_web::test]
async fn a_change_takes_no_number_that_another_patient_has() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    let path = format!("/v1/clinics/{clinic}/settings/mrn");
    let unique = json!({ "required": true, "unique": true });
    assert_eq!(world.service().put(&path, &unique).await.status, 200);
    let with_number = |name: &str, mrn: &str| {
        let mut body = details(name);
        body["mrn"] = json!(mrn);
        body
    };
    let carol = world.user(CAROL);
    world.enrol(&clinic, &with_number("Finn", "Zürich 1")).await;
    let mia = world.enrol(&clinic, &with_number("Mia", "2")).await;
    let path = format!("/v1/clinics/{clinic}/patients/{mia}");
    let before: Value = carol.get(&path).await.json();
    let taken = carol.put(&path, &with_number("Mia", "zurich 1")).await;
    assert_refused(&taken, 400, "bad request: mrn must be unique");
    let none = carol.put(&path, &details("Mia")).await;
    assert_refused(&none, 400, "bad request: mrn is required");
    assert_eq!(carol.get(&path).await.json::<Value>(), before);
    let own = carol.put(&path, &with_number("Mia Elm", "2")).await;
    assert_eq!(own.status, 200, "{}", own.text());
}

#[actix_web::test]
async fn a_limit_holds_only_while_it_is_to_hold() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    let path = format!("/v1/clinics/{clinic}/settings/patient_count");
    let patients = format!("/v1/clinics/{clinic}/patients");
    let carol = world.user(CAROL);
    let (past, future) = ("2001-01-01T00:00:00Z", "9001-01-01T00:00:00Z");
    for (limit, status) in [
        (json!({ "plan": 0, "startDate": future }), 200),
        (json!({ "plan": 0, "endDate": past }), 200),
        (
            json!({ "plan": 2, "startDate": past, "endDate": future }),
            402,
        ),
        (json!({ "plan": 3, "startDate": past }), 200),
        (json!({ "plan": 3 }), 402),
    ] {
        let limits = json!({ "hardLimit": limit });
        assert_eq!(world.service().put(&path, &limits).await.status, 200);
        let answer = carol.post(&patients, &details("Finn")).await;
        assert_eq!(answer.status, status, "{limits}: {}", answer.text());
    }
}
