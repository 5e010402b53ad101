//! `kill -9` of clinic while eight hospitals send orders and clinic works them off: each message is stored
//! once, none is lost that was answered, and the orders of each hospital are done once, in their order.

use std::time::Duration;

use bson::{Document, doc, oid::ObjectId};
use e2e::{Platform, Program, REDOX_TOKEN, rounds};
use futures_util::future::{join, join_all};
use rand::RngExt as _;
use reqwest::Method;
use serde_json::{Value, json};
use shared_runtime::testing::{Person, eventually, try_send};

use crate::{clinic_records::find, people::sign_up_as};

const SENDERS: usize = 8;
/// Messages of each.
const MESSAGES: i64 = 40;
/// How often clinic dies, unless `E2E_ROUNDS` says another number.
const KILLS: usize = 5;
/// As often a message is sent until it is taken; clinic is back within seconds.
const TRIES: usize = 600;

fn source(sender: usize) -> String {
    format!("hospital-{sender}")
}

/// The first order makes the account of a patient, and the others switch its reports.
fn message(sender: usize, number: i64) -> Value {
    let code = match number {
        1 => "CREATE",
        _ if number % 2 == 0 => "ENABLE",
        _ => "DISABLE",
    };
    json!({
        "Meta": {
            "DataModel": "Order", "EventType": "New", "Source": { "ID": source(sender) },
            "Message": { "ID": number },
        },
        "Patient": {
            "Identifiers": [{ "ID": format!("MRN-{sender}"), "IDType": "MR" }],
            "Demographics": { "FirstName": "Ana", "LastName": "Elm", "DOB": "2001-02-03" },
        },
        "Order": { "Procedure": { "Code": code } },
    })
}

/// Sends a message until it is taken, as Redox does.
async fn deliver(person: &Person, message: &Value) {
    for _ in 0..TRIES {
        let request = person.request(Method::POST, "/v1/redox").json(message);
        let answer = try_send(request.header("verification-token", REDOX_TOKEN)).await;
        match answer.map(|answer| answer.status) {
            Ok(200) => return,
            // Clinic is gone, or the answer is.
            Ok(500 | 502 | 503) | Err(_) => {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            Ok(status) => panic!("{status}"),
        }
    }
    panic!("a message is not taken");
}

/// Sends all messages of a hospital one after the other, and some of them again.
async fn send_all(person: &Person, sender: usize) {
    for number in 1..=MESSAGES {
        deliver(person, &message(sender, number)).await;
        let again = rand::rng().random_range(1..=number);
        if again % 2 == 0 {
            deliver(person, &message(sender, again)).await;
        }
    }
}

/// A clinic that is connected to a hospital; its id.
async fn connected_clinic(platform: &Platform, admin: &Person, sender: usize) -> String {
    let profile = json!({ "name": "Oak Clinic", "preferredBgUnits": "mg/dL" });
    let opened = admin.post("/v1/clinics", &profile).await;
    assert_eq!(opened.status, 200, "{}", opened.text());
    let opened: Value = opened.json();
    let clinic = opened["id"].as_str().unwrap().to_owned();
    let settings = json!({
        "enabled": true, "provider": "redox", "sourceId": source(sender), "mrnIdType": "MR",
        "procedureCodes": {
            "enableSummaryReports": "ENABLE", "disableSummaryReports": "DISABLE",
            "createAccount": "CREATE",
        },
        "scheduledReports": { "cadence": "14d", "onUploadEnabled": true },
        "tags": {}, "flowsheets": { "icode": false },
    });
    let path = format!("/v1/clinics/{clinic}/settings/ehr");
    let answer = platform.server().await.put(&path, &settings).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    clinic
}

async fn documents(platform: &Platform, collection: &str, filter: Document) -> Vec<Document> {
    find(platform, Program::Clinic, collection, filter).await
}

#[actix_web::test]
async fn orders_are_stored_and_done_once_however_often_clinic_dies() {
    let mut platform = Platform::start().await;
    let carol = sign_up_as("clinician", &platform, "carol+verified@example.org").await;
    let mut clinics = Vec::new();
    for sender in 0..SENDERS {
        clinics.push(connected_clinic(&platform, &carol.at_origin, sender).await);
    }
    let person = platform.person(None);
    let send = join_all((0..SENDERS).map(async |sender| send_all(&person, sender).await));
    let kill = async {
        for _ in 0..rounds(KILLS) {
            let moment = rand::rng().random_range(200..1_200);
            tokio::time::sleep(Duration::from_millis(moment)).await;
            platform.kill(Program::Clinic);
            platform.restart(Program::Clinic).await;
        }
    };
    join(send, kill).await;
    let behind = async || {
        let behind = doc! { "isBehind": true };
        documents(&platform, "redox_feeds", behind).await.len()
    };
    // The last ones wait for the lease of the dead.
    let mut left = behind().await;
    while left > 0 {
        eventually("the end of one more feed", async || behind().await < left).await;
        left = behind().await;
    }
    for (sender, clinic) in clinics.iter().enumerate() {
        let mut stored = documents(&platform, "redox", doc! { "_source": source(sender) }).await;
        stored.sort_by_key(|message| message.get_i64("_sequence").unwrap());
        let place = |message: &Document| message.get_i64("_sequence").unwrap();
        let number = |message: &Document| {
            let meta = message.get_document("meta").unwrap();
            i64::from(meta.get_document("Message").unwrap().get_i32("ID").unwrap())
        };
        let all: Vec<i64> = (1..=MESSAGES).collect();
        assert_eq!(stored.iter().map(place).collect::<Vec<_>>(), all);
        assert_eq!(stored.iter().map(number).collect::<Vec<_>>(), all);
        let of_clinic = doc! { "clinicId": ObjectId::parse_str(clinic).unwrap() };
        let patients = documents(&platform, "patients", of_clinic).await;
        assert_eq!(patients.len(), 1);
        let ordered = patients[0].get_document("ehrSubscriptions").unwrap();
        let ordered = ordered.get_document("summaryAndReports").unwrap();
        let done = ordered.get_array("matchedMessages").unwrap().iter();
        let done: Vec<ObjectId> = done
            .map(|order| order.as_document().unwrap().get_object_id("id").unwrap())
            .collect();
        let ids = stored
            .iter()
            .map(|message| message.get_object_id("_id").unwrap());
        let ids: Vec<ObjectId> = ids.collect();
        assert_eq!(done, ids[1..]);
        let reports = doc! { "source": source(sender) };
        let reports = documents(&platform, "redox_orders", reports).await;
        assert_eq!(reports.len(), stored.len());
        let nothing = ["ignored", "refused", "failed", "unchanged"];
        for report in reports {
            let outcome = report.get_str("outcome").unwrap();
            assert!(!nothing.contains(&outcome), "{report}");
        }
    }
}
