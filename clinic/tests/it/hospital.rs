//! What hospital records send, and a world that takes it.

use bson::{Document, doc};
use reqwest::Method;
use serde_json::{Value, json};
use shared_runtime::testing::{Answer, Person, TestDatabase, eventually, send};

use crate::world::{CAROL, World};

/// What Redox shows.
pub(crate) const TOKEN: &str = "the-token-of-redox";
/// Where [`order`] comes from.
pub(crate) const SOURCE: &str = "11111111-2222-4333-8444-555555555555";

/// A world that takes messages and works orders off.
pub(crate) async fn working() -> World {
    working_in(TestDatabase::create().await).await
}

/// The same on a database that is not empty.
pub(crate) async fn working_in(database: TestDatabase) -> World {
    World::start_in(database, |config| {
        config.redox.verification_token = Some(TOKEN.into());
        config.redox.worker = true;
        config.jobs.lease_s = 1;
    })
    .await
}

/// A world that takes messages, in which nobody works orders off.
pub(crate) async fn receiving() -> World {
    World::start_with(|config| config.redox.verification_token = Some(TOKEN.into())).await
}

/// How a clinic is connected to [`SOURCE`].
pub(crate) fn settings() -> Value {
    json!({
        "enabled": true, "provider": "redox", "sourceId": SOURCE, "mrnIdType": "MR",
        "procedureCodes": {
            "enableSummaryReports": "ENABLE-1", "disableSummaryReports": "DISABLE-1",
            "createAccount": "CREATE-1", "createAccountAndEnableReports": "CREATE-2",
        },
        "scheduledReports": { "cadence": "14d", "onUploadEnabled": true },
        "tags": { "codes": ["PATIENT_TAGS"], "separator": "," },
        "flowsheets": { "icode": false },
    })
}

/// Says how a clinic is connected.
pub(crate) async fn connect(world: &World, clinic: &str, settings: &Value) {
    let path = format!("/v1/clinics/{clinic}/settings/ehr");
    let answer = world.service().put(&path, settings).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
}

/// A clinic that is connected; its id.
pub(crate) async fn connected_clinic(world: &World) -> String {
    let clinic = world.clinic().await;
    connect(world, &clinic, &settings()).await;
    clinic
}

/// A patient of a clinic with a medical record number; the account's id.
pub(crate) async fn patient(
    world: &World,
    clinic: &str,
    name: &str,
    day: &str,
    mrn: &str,
) -> String {
    let body = json!({ "fullName": name, "birthDate": day, "mrn": mrn });
    world.enrol(clinic, &body).await
}

/// An order, the `number`th of its source, for what `code` stands for.
pub(crate) fn order(number: i64, code: &str, name: (&str, &str), day: &str, mrn: &str) -> Value {
    json!({
        "Meta": {
            "DataModel": "Order", "EventType": "New", "EventDateTime": "2030-02-03T10:20:30.000Z",
            "Source": { "ID": SOURCE, "Name": "Example EHR" },
            "Destinations": [{ "ID": "d", "Name": "Example Destination" }],
            "Logs": [{ "ID": format!("log-{number}"), "AttemptID": "try-1" }],
            "Message": { "ID": number }, "FacilityCode": null,
        },
        "Patient": {
            "Identifiers": [{ "ID": mrn, "IDType": "MR" }, { "ID": "zz-9", "IDType": "EHRID" }],
            "Demographics": { "FirstName": name.0, "LastName": name.1, "DOB": day },
        },
        "Order": { "ID": "900001", "Procedure": { "Code": code } },
    })
}

/// Sends a message as Redox does.
pub(crate) async fn deliver(world: &World, message: &Value) -> Answer {
    deliver_raw(&world.anonymous(), message.to_string()).await
}

/// The same with this very body.
pub(crate) async fn deliver_raw(person: &Person, body: impl Into<reqwest::Body>) -> Answer {
    let request = person.request(Method::POST, "/v1/redox");
    send(request.header("verification-token", TOKEN).body(body)).await
}

/// Sends a message; the id under which it is stored.
pub(crate) async fn store(world: &World, message: &Value) -> String {
    let answer = deliver(world, message).await;
    assert_eq!((answer.status, answer.text()), (200, ""));
    let number = message["Meta"]["Message"]["ID"].as_i64().unwrap();
    let stored = stored(world, number).await;
    stored.get_object_id("_id").unwrap().to_hex()
}

/// A stored message.
pub(crate) async fn stored(world: &World, number: i64) -> Document {
    let messages = world.collection("redox");
    let found = messages.find_one(doc! { "meta.Message.ID": number }).await;
    found.unwrap().unwrap()
}

/// What was done with the orders, the first one first.
pub(crate) async fn reports(world: &World) -> Vec<Value> {
    let answer = world.service().get("/v1/redox/orders?limit=1000").await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let mut reports: Vec<Value> = answer.json();
    reports.sort_by_key(|report| report["sequence"].as_i64());
    reports
}

/// Waits until every message is worked off.
pub(crate) async fn worked_off(world: &World) {
    eventually("the end of all feeds", async || {
        let feeds = world.collection("redox_feeds");
        feeds
            .count_documents(doc! { "isBehind": true })
            .await
            .unwrap()
            == 0
    })
    .await;
}

/// The patients of a clinic as its administrator sees them, by medical record number.
pub(crate) async fn patients(world: &World, clinic: &str) -> Vec<Value> {
    let path = format!("/v1/clinics/{clinic}/patients?limit=1000");
    let list: Value = world.user(CAROL).get(&path).await.json();
    let mut patients = list["data"].as_array().unwrap().clone();
    patients.sort_by_key(|patient| patient["mrn"].as_str().unwrap_or_default().to_owned());
    patients
}

/// What is stored of the reports that are ordered for an account.
pub(crate) async fn ordered(world: &World, user: &str) -> Option<Document> {
    let stored = world
        .collection("patients")
        .find_one(doc! { "userId": user })
        .await;
    let stored = stored.unwrap().unwrap();
    let ordered = stored.get_document("ehrSubscriptions").ok()?;
    ordered.get_document("summaryAndReports").ok().cloned()
}
