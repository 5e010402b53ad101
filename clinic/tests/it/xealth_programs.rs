//! Xealth asks what is ordered for a patient.

use bson::{DateTime, Document, doc, oid::ObjectId};
use reqwest::Method;
use serde_json::{Value, json};
use shared_runtime::testing::{Answer, Profile, assert_indexed, send};

use crate::{
    hospital::patient,
    world::{World, assert_answer, assert_refused},
    xealth::{DAY, DEPLOYMENT, TOKEN, connected_clinic, enabled, initial},
};

const PATH: &str = "/v1/xealth/programs";
const VIEWER: &str = "User_1";

fn question() -> Value {
    let mut message = initial(DAY);
    message["eventType"] = json!("getPrograms");
    message["datasets"]["ehrUserV1"] = json!({ "userId": VIEWER, "systemLogin": "u" });
    message
}

async fn ask(world: &World, body: &Value) -> Answer {
    ask_raw(
        world,
        TOKEN,
        "application/json; charset=utf-8",
        body.to_string(),
    )
    .await
}

async fn ask_raw(world: &World, token: &str, kind: &str, body: String) -> Answer {
    let request = world.anonymous().request(Method::PUT, PATH);
    let request = request.header("authorization", format!("Bearer {token}"));
    send(request.header("content-type", kind).body(body)).await
}

async fn set_patient(world: &World, user: &str, members: Document) {
    let patients = world.collection("patients");
    let set = doc! { "$set": members };
    let updated = patients.update_one(doc! { "userId": user }, set).await;
    assert_eq!(updated.unwrap().matched_count, 1);
}

/// What the reference stores of an order.
async fn ordered(world: &World, user: &str, is_active: bool) -> ObjectId {
    let id = ObjectId::new();
    let time = DateTime::parse_rfc3339_str("2030-02-03T23:20:30.000Z").unwrap();
    let event = doc! {
        "eventId": "e", "eventType": "order", "eventContext": "new", "eventTimeStamp": time,
        "programId": "program-1", "orderId": "o-1", "deployment": DEPLOYMENT,
    };
    let order = doc! { "_id": id, "eventNotification": event, "orderData": {} };
    world
        .collection("xealth_order")
        .insert_one(order)
        .await
        .unwrap();
    let matched = doc! { "id": id, "dataModel": "order", "eventType": "new" };
    let subscription = doc! {
        "active": is_active, "provider": "xealth", "matchedMessages": [matched],
        "createdAt": time, "updatedAt": time,
    };
    set_patient(
        world,
        user,
        doc! { "ehrSubscriptions": { "xealthReports": subscription } },
    )
    .await;
    id
}

fn none() -> Value {
    json!({ "present": false })
}

#[actix_web::test]
async fn a_hospital_sees_what_is_ordered_and_what_is_new() {
    let world = enabled().await;
    assert_answer(&ask(&world, &question()).await, 200, &none());
    let clinic = connected_clinic(&world).await;
    assert_answer(&ask(&world, &question()).await, 200, &none());
    let ana = patient(&world, &clinic, "Ana Elm", DAY, "mrn-1").await;
    assert_answer(&ask(&world, &question()).await, 200, &none());
    ordered(&world, &ana, false).await;
    assert_answer(&ask(&world, &question()).await, 200, &none());
    ordered(&world, &ana, true).await;
    let mut program = json!({
        "title": "Tidepool", "programId": "program-1", "enrolledDate": "2030-02-03",
        "hasStatusView": false, "has_alert": false,
        "description": "Last Upload: N/A | Last Viewed by You: N/A | Claimed Account?: No | \
                        Cloud Connections: None",
    });
    let one = |program: &Value| json!({ "present": true, "programs": [program] });
    assert_answer(&ask(&world, &question()).await, 200, &one(&program));

    let time = |text: &str| DateTime::parse_rfc3339_str(text).unwrap();
    let dates = doc! {
        "lastUploadDate": time("2030-02-10T10:00:00Z"), "hasLastUploadDate": true,
        "lastUpdatedDate": time("2030-02-11T10:00:00Z"),
    };
    let stats = doc! { "id": ObjectId::new(), "dates": dates, "config": {}, "periods": {} };
    let sources = vec![doc! { "providerName": "dexcom", "state": "pendingReconnect" }];
    set_patient(
        &world,
        &ana,
        doc! { "summary": { "cgmStats": stats }, "dataSources": sources },
    )
    .await;
    program["hasStatusView"] = json!(true);
    program["has_alert"] = json!(true);
    program["description"] = json!(
        "Last Upload: 2030-02-11 | Last Viewed by You: N/A | Claimed Account?: No | \
         Cloud Connections: Dexcom (pending reconnect)"
    );
    assert_answer(&ask(&world, &question()).await, 200, &one(&program));

    // Somebody else looks, and then the caller, before the last data and after it.
    let views = world.collection("xealth_report_view");
    let view = |viewer: &str, day: &str| {
        doc! {
            "userId": viewer, "deployment": DEPLOYMENT, "systemLogin": "u", "patientUserId": &ana,
            "programId": "program-1", "clinicId": ObjectId::parse_str(&clinic).unwrap(),
            "createdTime": time(day),
        }
    };
    let looks = [
        view("User_2", "2030-02-20T10:00:00Z"),
        view(VIEWER, "2030-02-09T10:00:00Z"),
    ];
    views.insert_many(looks).await.unwrap();
    let shown: Value = ask(&world, &question()).await.json();
    let shown = &shown["programs"][0];
    assert_eq!(shown["has_alert"], true);
    let description = shown["description"].as_str().unwrap();
    assert!(
        description.contains("Last Viewed by You: 2030-02-09"),
        "{description}"
    );
    views
        .insert_one(view(VIEWER, "2030-02-12T10:00:00Z"))
        .await
        .unwrap();
    let shown: Value = ask(&world, &question()).await.json();
    let shown = &shown["programs"][0];
    assert_eq!(shown["has_alert"], false);
    let description = shown["description"].as_str().unwrap();
    assert!(
        description.contains("Last Viewed by You: 2030-02-12"),
        "{description}"
    );

    // Somebody of another birth date is somebody else.
    let mut other = question();
    other["datasets"]["demographicsV1"]["birthDate"] = json!("2001-02-04");
    assert_answer(&ask(&world, &other).await, 200, &none());
    // Of an order that is gone nothing can be said.
    world
        .collection("xealth_order")
        .delete_many(doc! {})
        .await
        .unwrap();
    assert_answer(&ask(&world, &question()).await, 200, &none());
    patient(&world, &clinic, "Ana Oak", DAY, "MRN-1").await;
    let several = "constraint violation: multiple matching patients found";
    assert_refused(&ask(&world, &question()).await, 422, several);
}

#[actix_web::test]
async fn a_question_that_cannot_be_read_is_refused() {
    let world = enabled().await;
    connected_clinic(&world).await;
    let json = "application/json";
    for body in ["", "{", "[", "[".repeat(100_000).as_str()] {
        let answer = ask_raw(&world, TOKEN, json, body.to_owned()).await;
        assert_eq!(answer.status, 400, "{}", answer.text());
    }
    for body in [json!([]), json!({}), json!({ "deployment": 1 })] {
        assert_answer(&ask(&world, &body).await, 200, &none());
    }
    let body = || question().to_string();
    let answer = ask_raw(&world, TOKEN, "text/plain", body()).await;
    assert_refused(&answer, 415, "Unsupported Media Type");
    let mut nobody = question();
    nobody["patientIdentity"] = json!({});
    let missing = "unable to get programs: bad request: mrn is missing";
    assert_refused(&ask(&world, &nobody).await, 400, missing);
    let answer = ask_raw(&world, "x", json, body()).await;
    assert_refused(&answer, 401, "unauthorized: bearer token is invalid");
    let answer = world.anonymous().put(PATH, &question()).await;
    assert_refused(&answer, 401, "unauthorized: bearer token is required");
}

#[actix_web::test]
async fn the_last_look_is_found_among_many() {
    let world = enabled().await;
    let clinic = connected_clinic(&world).await;
    let ana = patient(&world, &clinic, "Ana Elm", DAY, "MRN-1").await;
    ordered(&world, &ana, true).await;
    let view = |number: i64| {
        doc! {
            "userId": if number % 2 == 0 { VIEWER } else { "User_2" }, "deployment": DEPLOYMENT,
            "patientUserId": &ana, "programId": "program-1",
            "clinicId": ObjectId::parse_str(&clinic).unwrap(),
            "createdTime": DateTime::from_millis(number * 86_400_000),
        }
    };
    let views = world.collection("xealth_report_view");
    views.insert_many((0..500).map(view)).await.unwrap();
    let profile = Profile::start(&world.database.database).await;
    let answer = ask(&world, &question()).await;
    assert!(answer.text().contains("1971-05-14"), "{}", answer.text());
    let shapes = assert_indexed(&profile.end().await, 20);
    assert!(shapes.len() >= 4, "{shapes:#?}");
}
