//! A part of `cargo xtask bench`: a million confirmations, and the accounts and profiles that they
//! name.
//!
//! `seed URI`; the databases are those of the default settings of confirm and user-api, which have
//! to be running, so that their indexes are there.

#![expect(
    clippy::unwrap_used,
    reason = "a tool of the benchmark that cannot go on panics"
)]

use std::env;

use bson::{DateTime, Document, doc};
use mongodb::{Client, Collection, options::ClientOptions};

const ACCOUNTS: u32 = 100_000;
/// Pending invitations that each account has sent, and received.
const INVITATIONS: u32 = 2;
const CONFIRMATIONS: u32 = 1_000_000;
const BATCH: u32 = 10_000;
const DAY_MS: i64 = 24 * 60 * 60 * 1000;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let uri = env::args().nth(1).expect("seed URI");
    let options = ClientOptions::parse(&uri).await.unwrap();
    let client = Client::with_options(options).unwrap();
    store(&client.database("user").collection("users"), ACCOUNTS, user).await;
    let profiles = client.database("seagull").collection("seagull");
    store(&profiles, ACCOUNTS, profile).await;
    let confirmations = client.database("confirm").collection("confirmations");
    store(&confirmations, CONFIRMATIONS, confirmation).await;
}

async fn store(collection: &Collection<Document>, count: u32, document: fn(u32) -> Document) {
    for start in (0..count).step_by(BATCH as usize) {
        let batch = (start..start + BATCH).map(document);
        collection.insert_many(batch).ordered(false).await.unwrap();
    }
}

fn id(account: u32) -> String {
    format!("{account:010x}")
}

fn address(account: u32) -> String {
    format!("{account:010x}@example.org")
}

/// An account with a verified address, whose password nobody knows.
fn user(account: u32) -> Document {
    let address = address(account);
    doc! {
        "userid": id(account), "username": &address, "emails": [&address],
        "logins": [&address, &address], "authenticated": true, "pwhash": "nobody's",
        "createdTime": "2026-01-01T00:00:00Z", "createdUserId": id(account),
    }
}

fn profile(account: u32) -> Document {
    let value = format!(
        r#"{{"profile":{{"fullName":"Person {account}","patient":{{"birthday":"2016-05-04"}}}}}}"#
    );
    doc! { "userId": id(account), "value": value }
}

/// First the pending invitations, then a pending sign-up of each account, then what is over, as
/// most questions are that were ever asked.
fn confirmation(number: u32) -> Document {
    let account = number % ACCOUNTS;
    let place = number / ACCOUNTS;
    let other = (account + 1 + place * 9_973) % ACCOUNTS;
    // The names of the mails are those of the types.
    let (kind, status) = match (place, number % 5) {
        (0..INVITATIONS, _) => ("careteam_invitation", "pending"),
        (INVITATIONS, _) => ("signup_confirmation", "pending"),
        (_, 0) => ("password_reset", "completed"),
        (_, 1) => ("careteam_invitation", "canceled"),
        _ => ("careteam_invitation", "completed"),
    };
    let created = DateTime::from_millis(DateTime::now().timestamp_millis() - i64::from(number));
    let mut document = doc! {
        "_id": format!("{number:032x}"), "type": kind, "status": status, "templateName": kind,
        "creator": {}, "created": created, "modified": created,
        "expiresAt": DateTime::from_millis(created.timestamp_millis() + 7 * DAY_MS),
    };
    if kind == "careteam_invitation" {
        document.extend(doc! {
            "creatorId": id(account), "userId": id(other), "email": address(other),
            "context": { "permissions": { "view": {}, "note": {} } },
        });
    } else {
        document.extend(doc! { "creatorId": "", "userId": id(account), "email": address(account) });
    }
    document
}
