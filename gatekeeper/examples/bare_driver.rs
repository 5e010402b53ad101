//! The other half of `cargo xtask bench`: fills `perms`, and finds out how many pairs a second the
//! driver alone looks up, which no service on top of it can exceed.
//!
//! `bare_driver seed URI DATABASE`, `bare_driver settle URI DATABASE` or `bare_driver find URI
//! DATABASE SECONDS`. `settle` has the server write down what it still holds; `find` prints its rate
//! in look-ups a second.

#![expect(
    clippy::unwrap_used,
    reason = "a tool of the benchmark that cannot go on panics"
)]

use std::{
    env,
    time::{Duration, Instant},
};

use bson::{Document, RawDocumentBuf, doc};
use futures_util::future::join_all;
use mongodb::{Client, Collection, Database, options::ClientOptions};

const ACCOUNTS: u32 = 100_000;
const GRANTEES: u32 = 10;
const CONNECTIONS: u32 = 16;
const BATCH: u32 = 10_000;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let arguments: Vec<String> = env::args().collect();
    let [_, command, uri, database, rest @ ..] = &arguments[..] else {
        panic!("seed URI DATABASE, settle URI DATABASE, or find URI DATABASE SECONDS");
    };
    let options = ClientOptions::parse(uri).await.unwrap();
    let database = Client::with_options(options).unwrap().database(database);
    match command.as_str() {
        "seed" => seed(&database.collection("perms")).await,
        "find" => find(&database.collection("perms"), rest[0].parse().unwrap()).await,
        "settle" => settle(&database).await,
        _ => panic!("seed, settle or find"),
    }
}

/// Account `s` shares with ten others; each of them reaches ten accounts.
fn pair(number: u32) -> (String, String) {
    let (account, place) = (number / GRANTEES, number % GRANTEES);
    let grantee = (account + 1 + place * 9_973) % ACCOUNTS;
    (format!("{account:010x}"), format!("{grantee:010x}"))
}

async fn seed(perms: &Collection<Document>) {
    for start in (0..ACCOUNTS * GRANTEES).step_by(BATCH as usize) {
        let batch = (start..start + BATCH).map(|number| {
            let (sharer, grantee) = pair(number);
            doc! {
                "sharerId": sharer,
                "userId": grantee,
                "permissions": { "view": {}, "note": {}, "upload": {} },
            }
        });
        perms.insert_many(batch).ordered(false).await.unwrap();
    }
}

async fn settle(database: &Database) {
    let admin = database.client().database("admin");
    admin.run_command(doc! { "fsync": 1 }).await.unwrap();
}

async fn find(perms: &Collection<RawDocumentBuf>, seconds: u64) {
    let end = Instant::now() + Duration::from_secs(seconds);
    let started = Instant::now();
    let loops = (0..CONNECTIONS).map(|task| async move {
        let mut number = task * 60_013;
        let mut found = 0_u32;
        while Instant::now() < end {
            number = (number + 7_919) % (ACCOUNTS * GRANTEES);
            let (sharer, grantee) = pair(number);
            let pair = doc! { "sharerId": sharer, "userId": grantee };
            let document = perms
                .find_one(pair)
                .projection(doc! { "_id": 0, "permissions": 1 })
                .await
                .unwrap();
            assert!(document.is_some(), "the pair is there");
            found += 1;
        }
        found
    });
    let found: u32 = join_all(loops).await.into_iter().sum();
    println!("{:.0}", f64::from(found) / started.elapsed().as_secs_f64());
}
