//! More than a thousand messages, in any order, with repeats, from several senders at once: each is stored once, none
//! is lost, and those of a source are worked off in their order, whoever is stopped when.

use std::collections::BTreeMap;

use bson::{Document, doc};
use futures_util::{TryStreamExt, future::join_all};
use rand::{RngExt as _, SeedableRng, rngs::StdRng, seq::SliceRandom as _};
use serde_json::{Value, json};
use shared_runtime::testing::{Person, eventually};

use crate::{
    hospital::{connect, deliver_raw, order, settings, working, working_in},
    world::{World, details},
};

const SENDERS: usize = 8;
/// Messages of each.
const MESSAGES: i64 = 130;
const DAY: &str = "2001-02-03";

fn source(sender: usize) -> String {
    format!("source-{sender}")
}

/// Messages of a sender: every third one is no order, the others switch the reports of its patient.
fn message(sender: usize, number: i64) -> Value {
    let code = if number % 2 == 0 {
        "ENABLE-1"
    } else {
        "DISABLE-1"
    };
    let mut message = order(number, code, ("Ana", "Elm"), DAY, "MRN-1");
    message["Meta"]["Source"]["ID"] = json!(source(sender));
    message["Meta"]["Logs"][0]["ID"] = json!(format!("{sender}-{number}"));
    if number % 3 == 0 {
        message["Meta"]["DataModel"] = json!("Results");
    }
    message
}

/// Sends all messages of a sender in any order and some of them twice or three times, several at once.
async fn send_all(person: &Person, sender: usize) {
    let mut random = StdRng::seed_from_u64(u64::try_from(sender).unwrap());
    let mut numbers: Vec<i64> = (0..MESSAGES).collect();
    numbers.extend((0..MESSAGES / 2).map(|_| random.random_range(0..MESSAGES)));
    numbers.shuffle(&mut random);
    for some in numbers.chunks(4) {
        let answers = some
            .iter()
            .map(async |number| deliver_raw(person, message(sender, *number).to_string()).await);
        for answer in join_all(answers).await {
            assert_eq!((answer.status, answer.text()), (200, ""));
        }
    }
}

async fn all(world: &World, collection: &str) -> Vec<Document> {
    let collection = world.collection(collection);
    let found = collection.find(doc! {}).sort(doc! { "_id": 1 });
    found.await.unwrap().try_collect().await.unwrap()
}

async fn left(world: &World) -> u64 {
    let behind = doc! { "isBehind": true };
    let feeds = world.collection("redox_feeds");
    feeds.count_documents(behind).await.unwrap()
}

/// Waits until some more orders are worked off, or all are.
async fn some_more(world: &World) {
    let reports = world.collection("redox_orders");
    let before = reports.count_documents(doc! {}).await.unwrap();
    eventually("some more orders", async || {
        let done = reports.count_documents(doc! {}).await.unwrap();
        done > before + 20 || left(world).await == 0
    })
    .await;
}

#[actix_web::test]
async fn messages_are_stored_once_and_worked_off_in_order_whoever_is_stopped() {
    let world = working().await;
    let clinic = world.clinic().await;
    let mut patients = BTreeMap::new();
    for sender in 0..SENDERS {
        let clinic = if sender == 0 {
            clinic.clone()
        } else {
            world.clinic().await
        };
        let mut connection = settings();
        connection["sourceId"] = json!(source(sender));
        connect(&world, &clinic, &connection).await;
        let mut ana = details("Ana Elm");
        ana["mrn"] = json!("MRN-1");
        patients.insert(source(sender), world.enrol(&clinic, &ana).await);
    }
    let person = world.anonymous();
    let senders = join_all((0..SENDERS).map(async |sender| send_all(&person, sender).await));
    senders.await;
    // Whoever works is stopped in the middle, and another one goes on.
    let mut world = world;
    for _ in 0..5 {
        some_more(&world).await;
        world.rest();
        let World { database, .. } = world;
        world = working_in(database).await;
    }
    while left(&world).await > 0 {
        some_more(&world).await;
    }

    let mut places: BTreeMap<String, Vec<(i64, Document)>> = BTreeMap::new();
    for message in all(&world, "redox").await {
        let source = message.get_str("_source").unwrap().to_owned();
        let place = message.get_i64("_sequence").unwrap();
        places.entry(source).or_default().push((place, message));
    }
    assert_eq!(places.len(), SENDERS);
    let mut reports = all(&world, "redox_orders").await;
    for (source, mut messages) in places {
        messages.sort_by_key(|(place, _)| *place);
        let numbers: Vec<i64> = messages.iter().map(|(place, _)| *place).collect();
        assert_eq!(numbers, (1..=MESSAGES).collect::<Vec<_>>(), "{source}");
        let orders = messages.iter().filter(|(_, message)| {
            let meta = message.get_document("meta").unwrap();
            meta.get_str("DataModel").ok() == Some("Order")
        });
        let orders: Vec<_> = orders
            .map(|(_, message)| message.get_object_id("_id").unwrap())
            .collect();
        // What the patient remembers is the order in which they were done.
        let user = &patients[&source];
        let patient = all(&world, "patients").await;
        let mut patient = patient.into_iter();
        let patient = patient.find(|patient| patient.get_str("userId").ok() == Some(user.as_str()));
        let patient = patient.unwrap();
        let ordered = patient.get_document("ehrSubscriptions").unwrap();
        let ordered = ordered.get_document("summaryAndReports").unwrap();
        let done = ordered.get_array("matchedMessages").unwrap().iter();
        let done: Vec<_> = done
            .map(|order| order.as_document().unwrap().get_object_id("id").unwrap())
            .collect();
        assert_eq!(done, orders, "{source}");
        let noted = reports.extract_if(.., |report| {
            let of_source = report.get_str("source").ok() == Some(source.as_str());
            of_source && ["enabled", "disabled"].contains(&report.get_str("outcome").unwrap())
        });
        assert_eq!(noted.count(), orders.len(), "{source}");
    }
    assert_eq!(reports, []);
}
