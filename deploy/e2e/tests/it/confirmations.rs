//! What people do with invitations and keys, and what became of them.

use std::{
    fs,
    path::PathBuf,
    time::{Duration, Instant},
};

use bson::{Document, doc};
use e2e::{Platform, Program};
use futures_util::TryStreamExt as _;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use shared_runtime::testing::{Answer, Person, send, try_send};

use crate::{
    mails::{mails, value_in},
    people::Member,
};

/// How long an effect may take to arrive after everything runs again. MongoDB may keep what a
/// killed program has locked for a minute.
const ARRIVAL: Duration = Duration::from_secs(90);

/// What the invitations of the journeys offer.
pub(crate) fn offer() -> Value {
    json!({ "view": {}, "note": {} })
}

/// Waits for what happens in the background.
pub(crate) async fn eventually(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + ARRIVAL;
    while !holds().await {
        assert!(Instant::now() < deadline, "not in time: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Repeats `request` until it is answered by somebody who could.
pub(crate) async fn answered(request: &RequestBuilder) -> Answer {
    let deadline = Instant::now() + ARRIVAL;
    loop {
        let answer = try_send(request.try_clone().unwrap()).await;
        match answer {
            Ok(answer) if answer.status < 500 => return answer,
            other => assert!(Instant::now() < deadline, "{other:?}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// `sharer` invites `invitee`; the key.
pub(crate) async fn invite(sharer: &Member, invitee: &Member) -> String {
    let path = format!("/confirm/send/invite/{}", sharer.id);
    let body = json!({ "email": invitee.address, "permissions": offer() });
    let answer = sharer.at_origin.post(&path, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let key = answer.json::<Value>()["key"].as_str().unwrap().to_owned();
    // The invitation of somebody whose account existed is known by its id at once.
    assert_eq!(key.len(), 32);
    key
}

/// `invitee` answers with `verb`, `accept` or `dismiss`.
pub(crate) fn answer_to(
    verb: &str,
    key: &str,
    sharer: &Member,
    invitee: &Member,
) -> RequestBuilder {
    let path = format!("/confirm/{verb}/invite/{}/{}", invitee.id, sharer.id);
    let request = invitee.at_origin.request(Method::PUT, &path);
    request.json(&json!({ "key": key }))
}

/// `sharer` withdraws the invitation of `invitee`.
pub(crate) fn cancellation(sharer: &Member, invitee: &Member) -> RequestBuilder {
    let path = format!("/confirm/{}/invited/{}", sharer.id, invitee.address);
    sharer.at_origin.request(Method::PUT, &path)
}

/// What `grantee` may do on the account of `sharer`; `None`: nothing, or it cannot be asked.
pub(crate) async fn permissions(
    server: &Person,
    sharer: &Member,
    grantee: &Member,
) -> Option<Value> {
    let path = format!("/access/{}/{}", sharer.id, grantee.id);
    let answer = answered(&server.request(Method::GET, &path)).await;
    (answer.status == 200).then(|| answer.json())
}

/// The status of the confirmation `key`.
pub(crate) async fn status(platform: &Platform, key: &str) -> String {
    let document = one(platform, doc! { "_id": key }).await;
    document.unwrap().get_str("status").unwrap().to_owned()
}

/// The key of the pending confirmation of `kind` for `address`, once there is one.
pub(crate) async fn pending_key(platform: &Platform, kind: &str, address: &str) -> String {
    let mut key = String::new();
    eventually("the confirmation is there", async || {
        let wanted = doc! { "type": kind, "email": address, "status": "pending" };
        let Some(document) = one(platform, wanted).await else {
            return false;
        };
        document.get_str("_id").unwrap().clone_into(&mut key);
        true
    })
    .await;
    key
}

/// The mails with keys for new passwords, to `address` or, if it is empty, to everybody.
pub(crate) fn reset_mails(platform: &Platform, address: &str) -> Vec<PathBuf> {
    mails(platform, "password_reset", address)
}

/// The key in the mail that is not among `known`, once it is there.
pub(crate) async fn mailed_key(platform: &Platform, address: &str, known: &[PathBuf]) -> String {
    let mut key = String::new();
    eventually("the mail is there", async || {
        let mails = reset_mails(platform, address);
        let Some(mail) = mails.iter().find(|mail| !known.contains(mail)) else {
            return false;
        };
        key = key_in(mail);
        true
    })
    .await;
    key
}

/// The key that a mail to reset a password holds.
pub(crate) fn key_in(mail: &PathBuf) -> String {
    value_in(&fs::read_to_string(mail).unwrap(), "resetKey")
}

/// The ids of the confirmations that `filter` selects.
pub(crate) async fn keys(platform: &Platform, filter: Document) -> Vec<String> {
    let confirmations = platform
        .database(Program::Confirm)
        .collection::<Document>("confirmations");
    let found: Vec<Document> = confirmations
        .find(filter)
        .await
        .unwrap()
        .try_collect()
        .await
        .unwrap();
    found
        .iter()
        .map(|document| document.get_str("_id").unwrap().to_owned())
        .collect()
}

/// An account that `custodian` makes for somebody at `address`, with a birthday.
pub(crate) async fn custodial_account(custodian: &Member, address: &str, birthday: &str) -> String {
    let account = json!({ "username": address, "emails": [address] });
    let path = format!("/auth/user/{}/user", custodian.id);
    let answer = custodian.at_origin.post(&path, &account).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let id = answer.json::<Value>()["userid"]
        .as_str()
        .unwrap()
        .to_owned();
    let profile = json!({ "fullName": "Greta", "patient": { "birthday": birthday } });
    let path = format!("/metadata/{id}/profile");
    let answer = custodian.at_origin.put(&path, &profile).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let path = format!("/confirm/send/signup/{id}");
    let answer = send(custodian.at_origin.request(Method::POST, &path)).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    id
}

async fn one(platform: &Platform, filter: Document) -> Option<Document> {
    let confirmations = platform
        .database(Program::Confirm)
        .collection::<Document>("confirmations");
    confirmations.find_one(filter).await.unwrap()
}
