//! Where the data of patients comes from, and requests to connect it.

mod everywhere;
mod requests;

use bson::{DateTime, doc};
use chrono::{TimeDelta, Utc};
use reqwest::Method;
use serde_json::{Value, json};
use shared_runtime::testing::{matrix::Row, send};
use shared_types::ClinicEvent;

use crate::{
    auth::{KINDS, Whom, row},
    world::{CAROL, World, assert_empty, assert_refused, time_of},
    wrong_body::Body,
};

const ALICE: &str = "a000000001";
const DEMO: &str = "d000000001";

/// Who may call each operation.
pub(crate) fn rows() -> Vec<Row<KINDS>> {
    vec![
        row(
            "PUT /v1/patients/{userId}/data_sources",
            Whom::Services,
            400,
        )
        .with(json!([{}])),
        row(
            "POST /v1/clinics/{clinicId}/patients/{patientId}/connect/{providerId}",
            Whom::MembersAndServices,
            404,
        )
        .at("/v1/clinics/{clinicId}/patients/0000000000/connect/dexcom"),
    ]
}

/// A body with everything that there is.
pub(crate) fn body() -> Body {
    let whole = json!([{
        "state": "connected", "providerName": "dexcom",
        "dataSourceId": "5f8f8f8f8f8f8f8f8f8f8f8f", "modifiedTime": "2020-01-02T03:04:05Z",
        "expirationTime": "2020-01-02T03:04:05Z", "latestDataTime": "2020-01-02T03:04:05Z",
    }]);
    Body::new("PUT /v1/patients/{userId}/data_sources", whole)
        .required(&["/0/state", "/0/providerName"])
        .wrong([
            ("", json!({})),
            ("", json!(null)),
            ("/0/state", json!("x")),
            ("/0/providerName", json!("")),
            ("/0/providerName", json!("x".repeat(101))),
            ("/0/dataSourceId", json!("x")),
            ("/0/modifiedTime", json!("yesterday")),
        ])
        // An empty list is none of the things that are refused.
        .optional()
}

fn source(provider: &str, state: &str) -> Value {
    json!({ "providerName": provider, "state": state })
}

async fn put(world: &World, user: &str, sources: &Value) {
    let path = format!("/v1/patients/{user}/data_sources");
    assert_empty(&world.service().put(&path, sources).await, 200);
}

async fn shown(world: &World, clinic: &str, user: &str) -> Value {
    let path = format!("/v1/clinics/{clinic}/patients/{user}");
    world.user(CAROL).get(&path).await.json()
}

async fn counted(world: &World, clinic: &str) -> Value {
    let path = format!("/v1/clinics/{clinic}/patient_count");
    world.user(CAROL).get(&path).await.json()
}

async fn connect(world: &World, clinic: &str, user: &str, provider: &str) {
    let path = format!("/v1/clinics/{clinic}/patients/{user}/connect/{provider}");
    let request = world.user(CAROL).request(Method::POST, &path);
    assert_empty(&send(request).await, 204);
}

/// How often somebody was asked by mail to connect a device.
fn mails(world: &World) -> usize {
    let mut told = world.confirm.clinic_notices();
    told.retain(|notice| notice.event == ClinicEvent::ConnectionRequest);
    told.len()
}

#[actix_web::test]
async fn every_clinic_of_the_patient_has_them_and_counts_by_them() {
    let world = World::start().await;
    let clinics = [world.clinic().await, world.clinic().await];
    for clinic in &clinics {
        world.share(clinic, ALICE, json!({ "view": {} })).await;
        world
            .share(clinic, "a000000002", json!({ "view": {} }))
            .await;
    }
    let before = shown(&world, &clinics[0], ALICE).await;
    assert_eq!(before["dataSources"], Value::Null);
    let whole = json!([
        {
            "providerName": "dexcom", "state": "connected",
            "dataSourceId": "5f8f8f8f8f8f8f8f8f8f8f8f", "modifiedTime": "2020-01-02T03:04:05Z",
            "expirationTime": "2020-01-02T03:04:05Z", "latestDataTime": "2020-01-02T03:04:05.5Z",
        },
        source("dexcom", "error"),
    ]);
    let count = |state: &str| json!({ "total": 1, "states": { state: 1 } });
    for (sources, plan, providers) in [
        (
            whole,
            2,
            json!({ "dexcom": { "total": 2, "states": { "connected": 1, "error": 1 } } }),
        ),
        (
            json!([source("twiist", "pending")]),
            1,
            json!({ "twiist": count("pending") }),
        ),
        (
            json!([source("abbott", "error")]),
            2,
            json!({ "abbott": count("error") }),
        ),
        (json!([]), 2, Value::Null),
    ] {
        // A repeat changes nothing.
        for _ in 0..2 {
            put(&world, ALICE, &sources).await;
        }
        for clinic in &clinics {
            let after = shown(&world, clinic, ALICE).await;
            assert_eq!(after["dataSources"], sources);
            assert!(time_of(&after["updatedTime"]) > time_of(&before["updatedTime"]));
            let counted = counted(&world, clinic).await;
            assert_eq!(
                (&counted["total"], &counted["plan"]),
                (&json!(2), &json!(plan))
            );
            assert_eq!(counted["providers"], providers, "{counted}");
        }
    }
    put(&world, "a000000009", &json!([source("dexcom", "error")])).await;

    // Without a body nothing is said.
    put(&world, ALICE, &json!([source("dexcom", "error")])).await;
    let path = format!("/v1/patients/{ALICE}/data_sources");
    let request = world.service().request(Method::PUT, &path);
    let message = "request body has an error: expected a list";
    assert_refused(&send(request).await, 400, message);
    assert_eq!(
        shown(&world, &clinics[0], ALICE).await["dataSources"],
        json!([source("dexcom", "error")])
    );
}

#[actix_web::test]
async fn the_patient_to_try_things_with_is_not_counted_by_them() {
    let world = World::start_with(|config| config.clinics.demo_patient = Some(DEMO.into())).await;
    world.user_api.has_child(DEMO, "1999-09-09");
    let clinic = world.clinic().await;
    let before = counted(&world, &clinic).await;
    put(&world, DEMO, &json!([source("twiist", "connected")])).await;
    assert_eq!(
        shown(&world, &clinic, DEMO).await["dataSources"],
        json!([source("twiist", "connected")])
    );
    assert_eq!(counted(&world, &clinic).await, before);
    connect(&world, &clinic, DEMO, "twiist").await;
    world.settled().await;
    assert_eq!(mails(&world), 0);
    assert_eq!(counted(&world, &clinic).await, before);
}

#[actix_web::test]
async fn a_patient_is_asked_to_connect_providers() {
    let world = World::start().await;
    let clinics = [world.clinic().await, world.clinic().await];
    for clinic in &clinics {
        world.share(clinic, ALICE, json!({ "view": {} })).await;
    }
    let sources = json!([source("dexcom", "pending"), source("twiist", "pending")]);
    put(&world, ALICE, &sources).await;
    let names = |patient: &Value, provider: &str| -> Vec<String> {
        let requests = patient["connectionRequests"][provider].as_array().unwrap();
        let names = requests
            .iter()
            .map(|it| it["providerName"].as_str().unwrap());
        names.map(str::to_owned).collect()
    };
    let asked = Utc::now();
    for (provider, dexcom, twiist) in [("dexcom", 1, 0), ("twiist", 1, 1), ("dexcom", 2, 1)] {
        let before = shown(&world, &clinics[0], ALICE).await;
        connect(&world, &clinics[0], ALICE, provider).await;
        let patient = shown(&world, &clinics[0], ALICE).await;
        assert_eq!(names(&patient, "dexcom"), vec!["dexcom"; dexcom]);
        assert_eq!(names(&patient, "twiist"), vec!["twiist"; twiist]);
        assert_eq!(names(&patient, "abbott"), Vec::<String>::new());
        assert!(time_of(&patient["updatedTime"]) > time_of(&before["updatedTime"]));
    }
    let patient = shown(&world, &clinics[0], ALICE).await;
    let requests = &patient["connectionRequests"]["dexcom"];
    assert!(time_of(&requests[0]["createdTime"]) > time_of(&requests[1]["createdTime"]));
    for source in patient["dataSources"].as_array().unwrap() {
        assert_eq!(source["state"], "pending");
        assert_eq!(source.get("modifiedTime"), None);
        let days = time_of(&source["expirationTime"]) - asked;
        assert!(
            days >= TimeDelta::days(30) - TimeDelta::seconds(1),
            "{source}"
        );
        assert!(days < TimeDelta::days(30) + TimeDelta::hours(1), "{source}");
    }
    // The other clinic asked for nothing.
    let elsewhere = shown(&world, &clinics[1], ALICE).await;
    assert_eq!(elsewhere["dataSources"], sources);
    assert_eq!(names(&elsewhere, "dexcom"), Vec::<String>::new());
    // As the reference stores it.
    let stored = world.collection("patients");
    let filter = doc! { "providerConnectionRequests.dexcom.1.providerName": "dexcom" };
    assert_eq!(stored.count_documents(filter).await.unwrap(), 1);
}

#[actix_web::test]
async fn what_was_connected_before_is_to_be_connected_again() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    world.share(&clinic, ALICE, json!({ "view": {} })).await;
    let mut known = source("abbott", "disconnected");
    known["modifiedTime"] = json!("2020-01-02T03:04:05Z");
    known["dataSourceId"] = json!("5f8f8f8f8f8f8f8f8f8f8f8f");
    put(&world, ALICE, &json!([known])).await;
    connect(&world, &clinic, ALICE, "abbott").await;
    let patient = shown(&world, &clinic, ALICE).await;
    let source = &patient["dataSources"][0];
    assert_eq!(source["state"], "pendingReconnect");
    assert_eq!(source["dataSourceId"], known["dataSourceId"]);
    let request = &patient["connectionRequests"]["abbott"][0];
    assert_eq!(source["modifiedTime"], request["createdTime"]);
    assert_eq!(
        counted(&world, &clinic).await["providers"],
        json!({ "abbott": { "total": 1, "states": { "pendingReconnect": 1 } } })
    );
}

#[actix_web::test]
async fn an_older_request_to_connect_dexcom_stays() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    world.share(&clinic, ALICE, json!({ "view": {} })).await;
    put(&world, ALICE, &json!([source("dexcom", "pending")])).await;
    let older = doc! { "$set": { "lastRequestedDexcomConnectTime": DateTime::from_millis(0) } };
    let patients = world.collection("patients");
    patients
        .update_one(doc! { "userId": ALICE }, older)
        .await
        .unwrap();
    connect(&world, &clinic, ALICE, "dexcom").await;
    let patient = shown(&world, &clinic, ALICE).await;
    let requests = &patient["connectionRequests"]["dexcom"];
    assert_eq!(requests.as_array().unwrap().len(), 2);
    assert_eq!(requests[1]["createdTime"], "1970-01-01T00:00:00Z");
}

#[actix_web::test]
async fn nobody_is_asked_to_connect_what_was_not_to_come() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    world.share(&clinic, ALICE, json!({ "view": {} })).await;
    let ask = async |clinic: &str, user: &str, provider: &str| {
        let path = format!("/v1/clinics/{clinic}/patients/{user}/connect/{provider}");
        send(world.service().request(Method::POST, &path)).await
    };
    let missing = "error finding patient: patient not found";
    assert_refused(&ask(&clinic, "a000000009", "dexcom").await, 404, missing);
    let nowhere = "5f8f8f8f8f8f8f8f8f8f8f8f";
    assert_refused(&ask(nowhere, ALICE, "dexcom").await, 404, missing);
    assert_refused(
        &ask(&clinic, ALICE, "dexcom").await,
        404,
        "patient not found",
    );
    put(&world, ALICE, &json!([source("twiist", "pending")])).await;
    assert_refused(
        &ask(&clinic, ALICE, "dexcom").await,
        404,
        "patient not found",
    );
    assert_eq!(ask(&clinic, ALICE, "libre").await.status, 400);
    assert_eq!(ask(&clinic, ALICE, "twiist").await.status, 204);
}

#[actix_web::test]
async fn a_patient_gets_one_mail_in_ten_minutes() {
    let world = World::start().await;
    let clinic = world.clinic().await;
    world.share(&clinic, ALICE, json!({ "view": {} })).await;
    let sources = json!([source("dexcom", "pending"), source("twiist", "pending")]);
    put(&world, ALICE, &sources).await;
    for provider in ["dexcom", "twiist", "dexcom"] {
        connect(&world, &clinic, ALICE, provider).await;
        world.settled().await;
    }
    let mut told = world.confirm.clinic_notices();
    told.retain(|notice| notice.event == ClinicEvent::ConnectionRequest);
    let [mail] = told.as_slice() else {
        panic!("{told:?}");
    };
    assert_eq!(
        (mail.user_id.as_str(), mail.clinic_id.to_string()),
        (ALICE, clinic.clone())
    );

    // Asking again and again puts the next one off for nobody.
    let patients = world.collection("patients");
    for (minutes, wanted) in [(9, 1), (11, 2)] {
        let last = DateTime::from_chrono(Utc::now() - TimeDelta::minutes(minutes));
        let earlier = doc! { "$set": { "_connectionMailTime": last } };
        let changed = patients.update_one(doc! { "userId": ALICE }, earlier);
        assert_eq!(changed.await.unwrap().modified_count, 1);
        connect(&world, &clinic, ALICE, "twiist").await;
        world.settled().await;
        assert_eq!(mails(&world), wanted);
    }
}
