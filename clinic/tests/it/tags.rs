//! Tags of a clinic and of its patients.

use std::collections::BTreeMap;

use bson::{doc, oid::ObjectId};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use shared_runtime::testing::{matrix::Row, send, send_raw};

use crate::{
    auth::{KINDS, Whom, row},
    world::{CAROL, NINA, World, assert_answer, assert_empty, assert_refused, details, id_of},
};

/// A tag that no clinic has.
const NO_TAG: &str = "5f8f8f8f8f8f8f8f8f8f8f8f";

/// Who may call each operation.
pub(crate) fn rows() -> Vec<Row<KINDS>> {
    let invalid = |operation: &str, whom| row(operation, whom, 400).with(json!({ "name": 1 }));
    let of_tag = "/v1/clinics/{clinicId}/patient_tags/{patientTagId}";
    let of_patients = "/v1/clinics/{clinicId}/patients";
    vec![
        invalid(
            "POST /v1/clinics/{clinicId}/patient_tags",
            Whom::MembersAndServices,
        ),
        invalid(&format!("PUT {of_tag}"), Whom::MembersAndServices),
        row(&format!("DELETE {of_tag}"), Whom::AdminsAndServices, 400)
            .at("/v1/clinics/{clinicId}/patient_tags/x"),
        row(&format!("POST {of_tag}/site"), Whom::Services, 404),
        invalid(
            &format!("POST {of_patients}/assign_tag/{{patientTagId}}"),
            Whom::AdminsAndServices,
        ),
        invalid(
            &format!("POST {of_patients}/delete_tag/{{patientTagId}}"),
            Whom::AdminsAndServices,
        ),
    ]
}

/// A tag of a clinic.
pub(crate) async fn create(world: &World, clinic: &str, name: &str) -> String {
    let path = format!("/v1/clinics/{clinic}/patient_tags");
    let answer = world
        .user(CAROL)
        .post(&path, &json!({ "name": name }))
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    id_of(&answer.json())
}

/// A patient with tags.
async fn tagged(world: &World, clinic: &str, name: &str, tags: &[&str]) -> String {
    let mut patient = details(name);
    patient["tags"] = json!(tags);
    world.enrol(clinic, &patient).await
}

/// The tags of a patient as they are shown.
async fn tags_of(world: &World, clinic: &str, patient: &str) -> Value {
    let path = format!("/v1/clinics/{clinic}/patients/{patient}");
    let patient: Value = world.user(CAROL).get(&path).await.json();
    patient["tags"].clone()
}

async fn shown(world: &World, clinic: &str) -> Value {
    let path = format!("/v1/clinics/{clinic}");
    world.user(CAROL).get(&path).await.json()
}

#[actix_web::test]
async fn a_tag_is_made_renamed_and_removed() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    world.employ(&clinic, NINA, &["CLINIC_MEMBER"]).await;
    let path = format!("/v1/clinics/{clinic}/patient_tags");
    let nina = world.user(NINA);
    let body = json!({ "name": "Type 1 ", "id": NO_TAG });
    let created: Value = nina.post(&path, &body).await.json();
    let tag = id_of(&created);
    assert_eq!(created, json!({ "id": tag, "name": "Type 1" }));
    assert_ne!(tag, NO_TAG);
    let other = create(&world, &clinic, "Other").await;
    let finn = tagged(&world, &clinic, "Finn", &[&tag, NO_TAG, &other]).await;
    tagged(&world, &clinic, "Mia", &[&tag]).await;

    let of_tag = format!("{path}/{tag}");
    let renamed = nina.put(&of_tag, &json!({ "name": "TYPE1" })).await;
    assert_answer(&renamed, 200, &json!({ "id": tag, "name": "TYPE1" }));
    let tags = json!([
        { "id": tag, "name": "TYPE1", "numPatients": 2 },
        { "id": other, "name": "Other", "numPatients": 1 },
    ]);
    assert_eq!(shown(&world, &clinic).await["patientTags"], tags);

    assert_eq!(nina.delete(&of_tag).await.status, 403);
    let carol = world.user(CAROL);
    assert_empty(&carol.delete(&of_tag).await, 204);
    let tags = json!([{ "id": other, "name": "Other", "numPatients": 1 }]);
    assert_eq!(shown(&world, &clinic).await["patientTags"], tags);
    // Nobody checks what a patient is given.
    assert_eq!(
        tags_of(&world, &clinic, &finn).await,
        json!([NO_TAG, other])
    );
    let document = world.clinic_document(&clinic).await.unwrap();
    let last = document.get_object_id("lastDeletedPatientTag").unwrap();
    assert_eq!(last.to_hex(), tag);
    let before = world.everything().await;
    assert_empty(&carol.delete(&of_tag).await, 204);
    let without_lock = |documents: Vec<bson::Document>| -> Vec<_> {
        documents
            .into_iter()
            .map(|mut document| {
                document.remove("_labelChanges");
                document
            })
            .collect()
    };
    let after = without_lock(world.everything().await);
    assert_eq!(after, without_lock(before));

    assert_empty(&carol.delete(&format!("{path}/{other}")).await, 204);
    assert_eq!(shown(&world, &clinic).await["patientTags"], Value::Null);
}

#[actix_web::test]
async fn a_tag_that_cannot_be_is_refused() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    let path = format!("/v1/clinics/{clinic}/patient_tags");
    let carol = world.user(CAROL);
    let tag = create(&world, &clinic, "Type 1").await;
    let other = create(&world, &clinic, "Other").await;
    for name in ["Type 1", "t y p e 1", "TYPE1  "] {
        let body = json!({ "name": name });
        assert_refused(
            &carol.post(&path, &body).await,
            409,
            "duplicate patient tag",
        );
        let renamed = carol.put(&format!("{path}/{other}"), &body).await;
        assert_refused(&renamed, 409, "duplicate patient tag");
    }
    let body = json!({ "name": "t y p e 1" });
    let renamed = carol.put(&format!("{path}/{tag}"), &body).await;
    assert_eq!(renamed.status, 200);
    let new = json!({ "name": "New" });
    let unknown = carol.put(&format!("{path}/{NO_TAG}"), &new).await;
    assert_refused(&unknown, 404, "patient tag not found");
    for body in [
        json!({ "name": "" }),
        json!({ "name": " x" }),
        json!({ "name": "a.b" }),
        json!({ "name": "123456789012345678901" }),
        json!({ "name": "x", "id": "y" }),
    ] {
        assert_eq!(carol.post(&path, &body).await.status, 400, "{body}");
    }
    let service = world.service();
    let none = format!("/v1/clinics/{NO_TAG}/patient_tags");
    let of_none = format!("{none}/{tag}");
    let body = json!({ "name": "New" });
    for answer in [
        service.post(&none, &body).await,
        service.put(&of_none, &body).await,
        service.delete(&of_none).await,
        service.post(&format!("{of_none}/site"), &json!({})).await,
    ] {
        assert_refused(&answer, 404, "clinic not found");
    }
}

#[actix_web::test]
async fn of_equal_tags_at_once_one_is_made_and_never_more_than_fifty() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    let path = format!("/v1/clinics/{clinic}/patient_tags");
    let carol = world.user(CAROL);
    let post = async |name: String| carol.post(&path, &json!({ "name": name })).await.status;
    let mut statuses = join_all(["Type 1", "type1"].map(|name| post(name.to_owned()))).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
    let statuses = join_all((0..60).map(|number| post(format!("Tag {number}")))).await;
    let mut counts: BTreeMap<u16, usize> = BTreeMap::new();
    for status in statuses {
        *counts.entry(status).or_default() += 1;
    }
    assert_eq!(counts, BTreeMap::from([(200, 49), (422, 11)]));
    let tags = shown(&world, &clinic).await["patientTags"].clone();
    assert_eq!(tags.as_array().unwrap().len(), 50);
    let message =
        "constraint violation: the clinic already has the maximum number of 50 patient tags";
    let answer = carol.post(&path, &json!({ "name": "Type 1" })).await;
    assert_refused(&answer, 422, message);
}

#[actix_web::test]
async fn a_tag_is_given_to_all_or_to_some() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    let of_clinic = format!("/v1/clinics/{clinic}/patients");
    let tag = create(&world, &clinic, "A").await;
    let finn = tagged(&world, &clinic, "Finn", &[&tag]).await;
    let mia = tagged(&world, &clinic, "Mia", &[NO_TAG]).await;
    let ada = tagged(&world, &clinic, "Ada", &[]).await;
    let carol = world.user(CAROL);
    let path = |id: &str| format!("{of_clinic}/{id}");
    let before: Value = carol.get(&path(&finn)).await.json();
    let assign = format!("{of_clinic}/assign_tag/{tag}");
    let body = json!([finn, mia, "0000000000"]);
    assert_empty(&carol.post(&assign, &body).await, 200);
    assert_eq!(carol.get(&path(&finn)).await.json::<Value>(), before);
    assert_eq!(tags_of(&world, &clinic, &mia).await, json!([NO_TAG, tag]));
    assert_eq!(tags_of(&world, &clinic, &ada).await, Value::Null);

    let none = send(carol.request(Method::POST, &assign)).await;
    assert_empty(&none, 200);
    assert_eq!(carol.get(&path(&finn)).await.json::<Value>(), before);
    for (patient, tags) in [(&mia, json!([NO_TAG, tag])), (&ada, json!([tag]))] {
        assert_eq!(tags_of(&world, &clinic, patient).await, tags);
    }
    assert_eq!(
        shown(&world, &clinic).await["patientTags"][0]["numPatients"],
        3
    );

    let remove = format!("{of_clinic}/delete_tag/{tag}");
    assert_empty(&carol.post(&remove, &json!([mia])).await, 200);
    assert_eq!(tags_of(&world, &clinic, &mia).await, json!([NO_TAG]));
    let request = carol.request(Method::POST, &remove).json(&Value::Null);
    assert_empty(&send(request).await, 200);
    for patient in [&finn, &ada] {
        assert_eq!(tags_of(&world, &clinic, patient).await, Value::Null);
    }
    let tags = &shown(&world, &clinic).await["patientTags"];
    assert_eq!(tags, &json!([{ "id": tag, "name": "A" }]));

    // Nobody checks whether the clinic has the tag.
    let assign = format!("{of_clinic}/assign_tag/{NO_TAG}");
    assert_empty(&carol.post(&assign, &json!([ada])).await, 200);
    assert_eq!(tags_of(&world, &clinic, &ada).await, json!([NO_TAG]));
    let nowhere = format!("/v1/clinics/{NO_TAG}/patients/assign_tag/{NO_TAG}");
    let before = world.everything().await;
    let answer = send(world.service().request(Method::POST, &nowhere)).await;
    assert_empty(&answer, 200);
    assert_eq!(world.everything().await, before);
}

#[actix_web::test]
async fn a_list_of_patients_that_breaks_a_rule_changes_nothing() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    let tag = create(&world, &clinic, "A").await;
    tagged(&world, &clinic, "Finn", &[&tag]).await;
    world.settled().await;
    let before = world.everything().await;
    let service = world.service();
    let many: Vec<String> = (0..1001).map(|number| format!("a{number:09}")).collect();
    for operation in ["assign_tag", "delete_tag"] {
        let path = format!("/v1/clinics/{clinic}/patients/{operation}/{tag}");
        for body in [
            json!([]),
            json!({}),
            json!("a000000001"),
            json!(["a000000001", "a000000001"]),
            json!(["A000000001"]),
            json!([null]),
            json!(many),
        ] {
            assert_eq!(service.post(&path, &body).await.status, 400, "{body}");
        }
        for body in ["[", " ", "nul"] {
            let request = service.request(Method::POST, &path);
            let request = request.header("content-type", "application/json");
            assert_eq!(send(request.body(body)).await.status, 400, "{body:?}");
        }
        let untyped = send_raw(&service, Method::POST, &path, "null").await;
        assert_eq!(untyped.status, 400);
    }
    assert_eq!(world.everything().await, before);
}

#[actix_web::test]
async fn a_tag_becomes_a_site() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    let of_clinic = format!("/v1/clinics/{clinic}");
    let (carol, service) = (world.user(CAROL), world.service());
    let north: Value = carol
        .post(&format!("{of_clinic}/sites"), &json!({ "name": "NORTH" }))
        .await
        .json();
    let tag = create(&world, &clinic, "North").await;
    let finn = tagged(&world, &clinic, "Finn", &[&tag, NO_TAG]).await;
    tagged(&world, &clinic, "Mia", &[&tag]).await;
    let convert = format!("{of_clinic}/patient_tags/{tag}/site");
    let site: Value = send(service.request(Method::POST, &convert)).await.json();
    let id = id_of(&site);
    let wanted = json!({ "id": id, "name": "North (2)", "patients": 2, "numPatients": 2 });
    assert_eq!(site, wanted);
    let patient: Value = carol
        .get(&format!("{of_clinic}/patients/{finn}"))
        .await
        .json();
    assert_eq!(patient["tags"], json!([NO_TAG]));
    assert_eq!(patient["sites"], json!([{ "id": id, "name": "North (2)" }]));
    let clinic_shown = shown(&world, &clinic).await;
    assert_eq!(clinic_shown["patientTags"], Value::Null);
    let sites = json!([
        { "id": id_of(&north), "name": "NORTH" },
        { "id": id, "name": "North (2)", "numPatients": 2 },
    ]);
    assert_eq!(clinic_shown["sites"], sites);
    let again = send(service.request(Method::POST, &convert)).await;
    assert_refused(&again, 404, "unable to find patient tag: not found");

    let tag = create(&world, &clinic, "Full").await;
    let full: Vec<_> = (0..48)
        .map(|number| doc! { "id": ObjectId::new(), "name": format!("Site {number}") })
        .collect();
    let push = doc! { "$push": { "sites": { "$each": full } } };
    world
        .collection("clinics")
        .update_one(doc! {}, push)
        .await
        .unwrap();
    let convert = format!("{of_clinic}/patient_tags/{tag}/site");
    let refused = send(service.request(Method::POST, &convert)).await;
    assert_refused(&refused, 409, "conflict");
}
