//! `kill -9` of clinic while eight hospitals send orders and clinic works them off: each message is stored
//! once, none is lost that was answered, and the orders of each hospital are done once, in their order.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use bson::{Document, doc, oid::ObjectId};
use e2e::{Platform, Program, REDOX_TOKEN, redox_messages, rounds};
use futures_util::future::{join, join_all};
use rand::{RngExt as _, seq::SliceRandom as _};
use reqwest::Method;
use serde_json::{Value, json};
use shared_runtime::testing::{Person, eventually, try_send};
use tokio::sync::watch;

use crate::{clinic_records::find, people::sign_up_as};

const SENDERS: usize = 8;
/// Messages of all of them, unless `E2E_REDOX_MESSAGES` says another number.
const MESSAGES: usize = 320;
/// So many of a hospital, one after the other, are about one patient.
const OF_PATIENT: usize = 20;
/// How often clinic dies, unless `E2E_ROUNDS` says another number.
const KILLS: usize = 5;
/// As often a message is sent until it is taken; clinic is back within seconds.
const TRIES: usize = 600;

/// A hospital with the clinic that is connected to it.
struct Hospital {
    source: String,
    clinic: ObjectId,
    /// The ids of its messages, in the order in which they are sent.
    messages: Vec<i64>,
}

/// What becomes of the message in this place of those of its hospital: the first one about a patient makes
/// an account, and the others switch the reports.
fn outcome(place: usize) -> &'static str {
    match place % OF_PATIENT {
        0 => "created",
        nth if nth % 2 == 1 => "enabled",
        _ => "disabled",
    }
}

impl Hospital {
    async fn open(platform: &Platform, admin: &Person, sender: usize, messages: usize) -> Self {
        let source = format!("hospital-{sender}");
        let clinic = connected_clinic(platform, admin, &source).await;
        let mut messages: Vec<i64> = (1..=i64::try_from(messages).unwrap()).collect();
        messages.shuffle(&mut rand::rng());
        Self {
            source,
            clinic,
            messages,
        }
    }

    fn mrn(&self, place: usize) -> String {
        format!("{}-{}", self.source, place / OF_PATIENT)
    }

    fn message(&self, place: usize) -> Value {
        let code = match outcome(place) {
            "created" => "CREATE",
            "enabled" => "ENABLE",
            _ => "DISABLE",
        };
        let patient = place / OF_PATIENT;
        json!({
            "Meta": {
                "DataModel": "Order", "EventType": "New", "Source": { "ID": &self.source },
                "Message": { "ID": self.messages[place] },
            },
            "Patient": {
                "Identifiers": [{ "ID": self.mrn(place), "IDType": "MR" }],
                "Demographics": {
                    "FirstName": "Ana", "LastName": format!("Elm {patient}"), "DOB": "2001-02-03",
                },
            },
            "Order": { "Procedure": { "Code": code } },
        })
    }

    /// Sends all messages one after the other, and some of them again; `taken` counts them.
    async fn send_all(&self, person: &Person, taken: &watch::Sender<usize>) {
        for place in 0..self.messages.len() {
            deliver(person, &self.message(place)).await;
            taken.send_modify(|taken| *taken += 1);
            let again = rand::rng().random_range(0..=place);
            if again % 2 == 0 {
                deliver(person, &self.message(again)).await;
            }
        }
    }

    /// Each message is stored once, in the order in which they were sent, and so is what was done.
    async fn assert_done(&self, platform: &Platform) {
        let mut stored = documents(platform, "redox", doc! { "_source": &self.source }).await;
        let place = |message: &Document| message.get_i64("_sequence").unwrap();
        let number = |message: &Document| {
            let meta = message.get_document("meta").unwrap();
            i64::from(meta.get_document("Message").unwrap().get_i32("ID").unwrap())
        };
        stored.sort_by_key(place);
        let places = 1..=i64::try_from(self.messages.len()).unwrap();
        assert!(stored.iter().map(place).eq(places), "{}", self.source);
        let numbers: Vec<i64> = stored.iter().map(number).collect();
        assert_eq!(numbers, self.messages);

        let id = |document: &Document, name: &str| document.get_object_id(name).unwrap();
        let reports = doc! { "source": &self.source };
        let reports = documents(platform, "redox_orders", reports).await;
        let done = reports.iter().map(|report| {
            let outcome = report.get_str("outcome").unwrap();
            (id(report, "_id"), outcome)
        });
        let done: BTreeMap<ObjectId, &str> = done.collect();
        let wanted = stored.iter().enumerate();
        let wanted = wanted.map(|(place, message)| (id(message, "_id"), outcome(place)));
        assert_eq!(done, wanted.collect::<BTreeMap<_, _>>());

        let of_clinic = doc! { "clinicId": self.clinic };
        let patients = documents(platform, "patients", of_clinic).await;
        let ordered = patients.iter().map(|patient| {
            let mrn = patient.get_str("mrn").unwrap().to_owned();
            (mrn, orders(patient))
        });
        let ordered: BTreeMap<String, Vec<ObjectId>> = ordered.collect();
        assert_eq!(ordered.len(), patients.len());
        let about = stored.chunks(OF_PATIENT).enumerate();
        let wanted = about.map(|(patient, messages)| {
            let ids = messages[1..].iter().map(|message| id(message, "_id"));
            (self.mrn(patient * OF_PATIENT), ids.collect())
        });
        assert_eq!(ordered, wanted.collect::<BTreeMap<_, _>>());
    }
}

/// The orders of reports that a patient had, the last one last.
fn orders(patient: &Document) -> Vec<ObjectId> {
    let ordered = patient.get_document("ehrSubscriptions");
    let ordered = ordered.and_then(|it| it.get_document("summaryAndReports"));
    let orders = ordered.and_then(|it| it.get_array("matchedMessages"));
    let orders = orders.into_iter().flatten();
    let id = |order: &bson::Bson| order.as_document().unwrap().get_object_id("id").unwrap();
    orders.map(id).collect()
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

/// A clinic that is connected to a hospital; its id.
async fn connected_clinic(platform: &Platform, admin: &Person, source: &str) -> ObjectId {
    let profile = json!({ "name": "Oak Clinic", "preferredBgUnits": "mg/dL" });
    let opened = admin.post("/v1/clinics", &profile).await;
    assert_eq!(opened.status, 200, "{}", opened.text());
    let opened: Value = opened.json();
    let clinic = opened["id"].as_str().unwrap().to_owned();
    let settings = json!({
        "enabled": true, "provider": "redox", "sourceId": source, "mrnIdType": "MR",
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
    ObjectId::parse_str(&clinic).unwrap()
}

async fn documents(platform: &Platform, collection: &str, filter: Document) -> Vec<Document> {
    find(platform, Program::Clinic, collection, filter).await
}

async fn count(platform: &Platform, collection: &str, filter: Document) -> u64 {
    let database = platform.database(Program::Clinic);
    let documents = database.collection::<Document>(collection);
    documents.count_documents(filter).await.unwrap()
}

/// Waits until everything is worked off. The last orders wait for the lease of the dead.
async fn settle(platform: &Platform) {
    let behind = async || count(platform, "redox_feeds", doc! { "isBehind": true }).await;
    let done = async || count(platform, "redox_orders", doc! {}).await;
    while behind().await > 0 {
        let (feeds, orders) = (behind().await, done().await);
        eventually("more orders are done", async || {
            done().await > orders || behind().await < feeds.max(1)
        })
        .await;
    }
}

#[actix_web::test]
async fn orders_are_stored_and_done_once_however_often_clinic_dies() {
    let mut platform = Platform::start().await;
    let carol = sign_up_as("clinician", &platform, "carol+verified@example.org").await;
    let each = redox_messages(MESSAGES) / SENDERS;
    let mut hospitals = Vec::new();
    for sender in 0..SENDERS {
        hospitals.push(Hospital::open(&platform, &carol.at_origin, sender, each).await);
    }
    let person = platform.person(None);
    let (taken, mut seen) = watch::channel(0);
    let begun = Instant::now();
    let send = hospitals
        .iter()
        .map(|hospital| hospital.send_all(&person, &taken));
    let send = join_all(send);
    let kill = async {
        let (kills, all) = (rounds(KILLS), each * SENDERS);
        for round in 0..kills {
            // Anywhere in a part of its own.
            let part = all * round / kills..=all * (round + 1) / kills;
            let moment = rand::rng().random_range(part);
            seen.wait_for(|taken| *taken >= moment).await.unwrap();
            let moment = rand::rng().random_range(0..100);
            tokio::time::sleep(Duration::from_millis(moment)).await;
            platform.kill(Program::Clinic);
            println!("round {round} of {kills}: {} are taken", *seen.borrow());
            platform.restart(Program::Clinic).await;
        }
    };
    join(send, kill).await;
    println!("{} are taken after {:?}", each * SENDERS, begun.elapsed());
    settle(&platform).await;
    println!("all are done after {:?}", begun.elapsed());
    let stored = count(&platform, "redox", doc! {}).await;
    assert_eq!(usize::try_from(stored).unwrap(), each * SENDERS);
    for hospital in &hospitals {
        hospital.assert_done(&platform).await;
    }
}
