//! Clinics.

use bson::{Bson, doc, oid::ObjectId};
use serde_json::{Value, json};

use crate::world::{CAROL, NINA, STRANGER, World, assert_empty, assert_refused, id_of, profile};

#[actix_web::test]
async fn whoever_opens_a_clinic_runs_it() {
    let world = World::start().await;
    world.user_api.has(CAROL);
    let mut body = profile();
    body["address"] = json!("1 Oak Street");
    body["phoneNumbers"] = json!([{"type": "Office", "number": "1"}]);
    body["timezone"] = json!("Europe/Berlin");
    body["tier"] = json!("tier0400");
    let answer = world.user(CAROL).post("/v1/clinics", &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let mut clinic: Value = answer.json();
    let id = id_of(&clinic);
    let code = clinic["shareCode"].as_str().unwrap().to_owned();
    let members = clinic.as_object_mut().unwrap();
    for name in ["id", "shareCode", "createdTime", "updatedTime"] {
        assert!(members.remove(name).is_some(), "{name}");
    }
    assert_eq!(
        clinic,
        json!({
            "name": "Oak Clinic", "preferredBgUnits": "mg/dL", "address": "1 Oak Street",
            "phoneNumbers": [{"type": "Office", "number": "1"}], "timezone": "Europe/Berlin",
            "canMigrate": false, "tier": "tier0100", "tierDescription": "Free",
        })
    );

    let document = world.clinic_document(&id).await.unwrap();
    assert_eq!(document.get_str("PreferredBgUnits").unwrap(), "mg/dL");
    assert_eq!(
        document.get_array("shareCodes").unwrap(),
        &[Bson::from(code.as_str())]
    );
    assert_eq!(document.get_str("canonicalShareCode").unwrap(), code);
    assert_eq!(document.get_array("admins").unwrap(), &[Bson::from(CAROL)]);
    assert!(document.get_bool("isMigrated").unwrap());
    let limit = doc! { "hardLimit": { "plan": 250 } };
    assert_eq!(
        document.get_document("patientCountSettings").unwrap(),
        &limit
    );
    assert!(!document.contains_key("tier"));

    let clinicians: Value = world
        .user(CAROL)
        .get(&format!("/v1/clinics/{id}/clinicians"))
        .await
        .json();
    assert_eq!(clinicians[0]["id"], CAROL);
    assert_eq!(clinicians[0]["email"], format!("{CAROL}@example.org"));
    assert_eq!(clinicians[0]["name"], format!("{CAROL} of Tide"));
    assert_eq!(clinicians[0]["roles"], json!(["CLINIC_ADMIN"]));
    for path in [
        format!("/v1/clinics/{id}"),
        format!("/v1/clinics/share_code/{code}"),
    ] {
        let found: Value = world.user(STRANGER).get(&path).await.json();
        assert_eq!(id_of(&found), id, "{path}");
    }
    let lower = format!("/v1/clinics/share_code/{}", code.to_lowercase());
    assert_refused(&world.user(STRANGER).get(&lower).await, 404, "not found");
}

#[actix_web::test]
async fn an_account_without_an_address_opens_a_clinic_and_one_that_is_gone_does_not() {
    let world = World::start().await;
    let answer = world.user(CAROL).post("/v1/clinics", &profile()).await;
    assert_refused(&answer, 404, "not found");
    world.user_api.has_unreachable(CAROL);
    let clinic: Value = world
        .user(CAROL)
        .post("/v1/clinics", &profile())
        .await
        .json();
    let path = format!("/v1/clinics/{}/clinicians/{CAROL}", id_of(&clinic));
    let carol: Value = world.user(CAROL).get(&path).await.json();
    assert_eq!(carol["email"], "");
}

#[actix_web::test]
async fn a_change_replaces_a_part_and_keeps_the_rest() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    let path = format!("/v1/clinics/{clinic}");
    let carol = world.user(CAROL);
    let mut body = profile();
    body["city"] = json!("Oakville");
    body["website"] = json!("");
    body["timezone"] = json!("US/Pacific");
    body["phoneNumbers"] = json!([{"number": "1"}]);
    let first: Value = carol.put(&path, &body).await.json();
    assert_eq!(
        (&first["city"], &first["timezone"]),
        (&json!("Oakville"), &json!("US/Pacific"))
    );
    let body = json!({ "name": "", "preferredBgUnits": "mmol/L" });
    let second: Value = carol.put(&path, &body).await.json();
    assert_eq!(second["name"], "");
    assert_eq!(second["preferredBgUnits"], "mmol/L");
    assert_eq!(second["city"], "Oakville");
    assert_eq!(second["shareCode"], first["shareCode"]);
    assert!(second.get("timezone").is_none() && second.get("phoneNumbers").is_none());
    let document = world.clinic_document(&clinic).await.unwrap();
    assert_eq!(document.get("timezone"), Some(&Bson::Null));

    let unknown = "/v1/clinics/000000000000000000000000";
    let answer = world.service().put(unknown, &profile()).await;
    assert_refused(&answer, 404, "clinic not found");
    assert_refused(&carol.get(unknown).await, 404, "clinic not found");
}

#[actix_web::test]
async fn services_list_clinics_by_what_holds_of_them() {
    let world = World::start().await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(world.clinic().await);
    }
    let oid = |id: &str| ObjectId::parse_str(id).unwrap();
    for (id, enabled) in [(&ids[0], true), (&ids[1], false)] {
        let set = doc! { "$set": { "ehrSettings.enabled": enabled } };
        let clinics = world.collection("clinics");
        clinics
            .update_one(doc! { "_id": oid(id) }, set)
            .await
            .unwrap();
    }
    let service = world.service();
    let listed = async |query: &str| -> Vec<String> {
        let clinics: Value = service.get(&format!("/v1/clinics{query}")).await.json();
        clinics.as_array().unwrap().iter().map(id_of).collect()
    };
    assert_eq!(listed("").await, ids);
    assert_eq!(listed("?limit=1&offset=1").await, ids[1..2]);
    assert_eq!(listed("?offset=3").await, [""; 0]);
    assert_eq!(listed("?ehrEnabled=true").await, ids[..1]);
    assert_eq!(listed("?ehrEnabled=false").await, ids[1..2]);
    let second: Value = service.get(&format!("/v1/clinics/{}", ids[1])).await.json();
    let code = second["shareCode"].as_str().unwrap();
    assert_eq!(listed(&format!("?shareCode={code}")).await, ids[1..2]);
    let created = second["createdTime"].as_str().unwrap();
    assert_eq!(
        listed(&format!("?createdTimeStart={created}")).await,
        ids[1..]
    );
    assert_eq!(
        listed(&format!("?createdTimeEnd={created}")).await,
        ids[..1]
    );
    assert_eq!(listed("?createdTimeStart=0001-01-01T00:00:00Z").await, ids);
    for query in [
        "limit=0",
        "offset=-1",
        "shareCode=",
        "ehrEnabled=yes",
        "createdTimeEnd=noon",
    ] {
        let answer = service.get(&format!("/v1/clinics?{query}")).await;
        assert_eq!(answer.status, 400, "{query}");
        let name = query.split('=').next().unwrap();
        let message: Value = answer.json();
        let message = message["message"].as_str().unwrap();
        assert!(message.starts_with(&format!("parameter \"{name}\" in query has an error: ")));
    }
}

#[actix_web::test]
async fn a_clinic_without_patients_is_deleted_with_everybody_in_it() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    world.employ(&clinic, NINA, &["CLINIC_MEMBER"]).await;
    let path = format!("/v1/clinics/{clinic}");
    let patient = "a000000001";
    world.share(&clinic, patient, json!({ "view": {} })).await;
    let not_empty = "bad request: deletion of non-empty clinics is not allowed";
    assert_refused(&world.user(CAROL).delete(&path).await, 400, not_empty);
    let answer = world
        .user(patient)
        .delete(&format!("{path}/patients/{patient}"))
        .await;
    assert_empty(&answer, 204);
    assert_empty(&world.user(CAROL).delete(&path).await, 204);
    assert_refused(
        &world.service().delete(&path).await,
        404,
        "clinic not found",
    );
    assert_refused(&world.service().get(&path).await, 404, "clinic not found");
    for (name, count) in [("clinics", 0), ("clinicians", 0), ("tallies", 0)] {
        let found = world
            .collection(name)
            .count_documents(doc! {})
            .await
            .unwrap();
        assert_eq!(found, count, "{name}");
    }
    let archived = world
        .collection("clinic_deletions")
        .find_one(doc! {})
        .await
        .unwrap()
        .unwrap();
    let id = ObjectId::parse_str(&clinic).unwrap();
    assert_eq!(
        archived
            .get_document("clinic")
            .unwrap()
            .get_object_id("_id")
            .unwrap(),
        id
    );
    assert_eq!(archived.get_str("deletedByUserId").unwrap(), CAROL);
    assert!(archived.get_datetime("deletedTime").is_ok());
    let of_clinic = doc! { "clinician.clinicId": id };
    let clinicians = world.collection("clinician_deletions");
    assert_eq!(clinicians.count_documents(of_clinic).await.unwrap(), 2);
}

#[actix_web::test]
async fn every_new_clinic_has_the_demo_patient_who_holds_no_deletion_up() {
    let demo = "d000000001";
    let world = World::start_with(|config| config.clinics.demo_patient = Some(demo.into())).await;
    world.user_api.has_child(demo, "1999-09-09");
    let clinic = world.clinic().await;
    let path = format!("/v1/clinics/{clinic}");
    let patient: Value = world
        .user(CAROL)
        .get(&format!("{path}/patients/{demo}"))
        .await
        .json();
    assert_eq!(patient["permissions"], json!({ "view": {} }));
    assert_eq!(patient["birthDate"], "1999-09-09");
    world.settled().await;
    assert_empty(&world.user(CAROL).delete(&path).await, 204);
    let archived = world
        .collection("patient_deletions")
        .find_one(doc! {})
        .await
        .unwrap();
    let archived = archived.unwrap();
    assert_eq!(
        archived
            .get_document("patient")
            .unwrap()
            .get_str("userId")
            .unwrap(),
        demo
    );
}

#[actix_web::test]
async fn what_the_reference_stored_is_shown() {
    let world = World::start().await;
    let id = ObjectId::new();
    let (north, tag) = (ObjectId::new(), ObjectId::new());
    let clinic = doc! {
        "_id": id, "name": "Elm", "PreferredBgUnits": "mmol/L", "timezone": null,
        "phoneNumbers": null, "canonicalShareCode": "AAAA-BBBB-CCCC",
        "shareCodes": ["AAAA-BBBB-CCCC", "DDDD-EEEE-FFFF"], "admins": [CAROL],
        "patientTags": [{ "_id": tag, "name": "Pump" }], "sites": [{ "id": north, "name": "North" }],
        "patientCount": { "patientCount": 7 }, "suppressedNotifications": {},
        "createdTime": bson::DateTime::from_millis(0), "unknown": { "any": "thing" },
    };
    world
        .collection("clinics")
        .insert_one(clinic)
        .await
        .unwrap();
    let shown: Value = world
        .service()
        .get("/v1/clinics/share_code/DDDD-EEEE-FFFF")
        .await
        .json();
    assert_eq!(
        shown,
        json!({
            "id": id.to_hex(), "name": "Elm", "preferredBgUnits": "mmol/L", "canMigrate": false,
            "shareCode": "AAAA-BBBB-CCCC", "tier": "tier0100", "tierDescription": "Free",
            "patientTags": [{ "id": tag.to_hex(), "name": "Pump" }],
            "sites": [{ "id": north.to_hex(), "name": "North" }], "suppressedNotifications": {},
            "createdTime": "1970-01-01T00:00:00Z", "updatedTime": "1970-01-01T00:00:00Z",
        })
    );
    let set = doc! { "$set": { "patientTags": [] } };
    world
        .collection("clinics")
        .update_one(doc! { "_id": id }, set)
        .await
        .unwrap();
    let shown: Value = world
        .service()
        .get(&format!("/v1/clinics/{id}"))
        .await
        .json();
    assert_eq!(shown.get("patientTags"), Some(&Value::Null));
}
