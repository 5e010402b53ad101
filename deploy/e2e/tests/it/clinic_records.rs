//! What the databases of all services say of clinics, compared when nothing is under way any more.

use std::collections::{BTreeMap, BTreeSet};

use bson::{DateTime, Document, doc, oid::ObjectId};
use e2e::{Platform, Program};
use futures_util::TryStreamExt as _;

use crate::confirmations::eventually;

/// What is to be done later, and mails.
const OUTBOXES: [(Program, &str); 4] = [
    (Program::UserApi, "outbox"),
    (Program::Confirm, "outbox"),
    (Program::Confirm, "mail_outbox"),
    (Program::Clinic, "outbox"),
];

/// The permissions that belong to a clinic and an account.
pub(crate) type Relations = BTreeMap<(ObjectId, String), BTreeSet<String>>;

/// The documents of a service that `filter` selects.
pub(crate) async fn find(
    platform: &Platform,
    program: Program,
    collection: &str,
    filter: Document,
) -> Vec<Document> {
    let collection = platform
        .database(program)
        .collection::<Document>(collection);
    let found = collection.find(filter).await.unwrap();
    found.try_collect().await.unwrap()
}

/// Asserts that the services say the same: who is a patient and who works where, that each has an
/// account and no account is an orphan, that what is counted is there, and that what was accepted took
/// place. Nobody may have left a clinic after an acceptance.
pub(crate) async fn assert_all_agree(platform: &Platform) {
    settle(platform).await;
    let [patients, clinicians] = [
        related(platform, Program::Clinic, "patients").await,
        related(platform, Program::Clinic, "clinicians").await,
    ];
    let granting = patients.iter().filter(|(_, granted)| !granted.is_empty());
    let granting: Relations = granting
        .map(|(whose, granted)| (whose.clone(), granted.clone()))
        .collect();
    assert_eq!(
        related(platform, Program::Gatekeeper, "patient_permissions").await,
        granting
    );
    assert_eq!(
        related(platform, Program::Gatekeeper, "clinician_permissions").await,
        clinicians
    );
    assert_accounts_agree(platform, &patients, &clinicians).await;
    assert_counts_agree(platform, &patients).await;
    assert_confirmations_agree(platform, &patients, &clinicians).await;
}

/// Waits until nothing is under way. What was to wait for a request that could be under way still is
/// done at once.
pub(crate) async fn settle(platform: &Platform) {
    for (program, name) in OUTBOXES {
        let rows = platform.database(program).collection::<Document>(name);
        let due = doc! { "$set": { "nextAttemptAt": DateTime::now() } };
        rows.update_many(doc! {}, due).await.unwrap();
    }
    // Those that wait for a patient are looked at when they are a minute old.
    let users = platform.database(Program::UserApi);
    let users = users.collection::<Document>("users");
    let long_ago = doc! { "$set": { "awaitedBy.since": DateTime::from_millis(0) } };
    users.update_many(waiting(), long_ago).await.unwrap();
    // Many rows take their time.
    let mut fewest = u64::MAX;
    while fewest > 0 {
        eventually("less is under way", async || {
            let left = left_under_way(platform).await;
            let is_less = left < fewest;
            fewest = fewest.min(left);
            is_less
        })
        .await;
    }
}

/// Accounts that wait for a patient.
fn waiting() -> Document {
    doc! { "awaitedBy": { "$exists": true } }
}

async fn left_under_way(platform: &Platform) -> u64 {
    let users = platform.database(Program::UserApi);
    let users = users.collection::<Document>("users");
    let mut left = users.count_documents(waiting()).await.unwrap();
    for (program, name) in OUTBOXES {
        let rows = platform.database(program).collection::<Document>(name);
        left += rows.count_documents(doc! {}).await.unwrap();
    }
    left
}

/// Patients or clinicians as a service knows them, those who are invited aside.
pub(crate) async fn related(platform: &Platform, program: Program, collection: &str) -> Relations {
    let there = doc! { "userId": { "$exists": true }, "deleted": { "$ne": true } };
    let found = find(platform, program, collection, there).await;
    let relation = |document: &Document| {
        let clinic = document.get_object_id("clinicId").unwrap();
        let user = document.get_str("userId").unwrap().to_owned();
        let granted = document.get_document("permissions").ok();
        let granted = granted.into_iter().flatten();
        (
            (clinic, user),
            granted.map(|(name, _)| name.clone()).collect(),
        )
    };
    found.iter().map(relation).collect()
}

async fn assert_accounts_agree(platform: &Platform, patients: &Relations, clinicians: &Relations) {
    let accounts = find(platform, Program::UserApi, "users", doc! {}).await;
    let id = |account: &Document| account.get_str("userid").unwrap().to_owned();
    let all: BTreeSet<String> = accounts.iter().map(id).collect();
    for (_, user) in patients.keys().chain(clinicians.keys()) {
        assert!(all.contains(user), "{user} has no account");
    }
    let nobodys = accounts
        .iter()
        .filter(|account| account.get_str("pwhash").unwrap_or_default().is_empty());
    let run = patients
        .iter()
        .filter(|(_, granted)| granted.contains("custodian"));
    let run: BTreeSet<String> = run.map(|((_, user), _)| user.clone()).collect();
    assert_eq!(nobodys.map(id).collect::<BTreeSet<String>>(), run);
}

async fn assert_counts_agree(platform: &Platform, patients: &Relations) {
    let (mut counted, mut recounted) = (BTreeMap::new(), BTreeMap::new());
    for clinic in find(platform, Program::Clinic, "clinics", doc! {}).await {
        let id = clinic.get_object_id("_id").unwrap();
        let theirs = patients.keys().filter(|(clinic, _)| *clinic == id);
        recounted.insert(id, i64::try_from(theirs.count()).unwrap());
        counted.insert(id, 0);
    }
    for tally in find(platform, Program::Clinic, "tallies", doc! {}).await {
        let id = tally.get_document("_id").unwrap();
        let id = id.get_object_id("clinic").unwrap();
        *counted.entry(id).or_default() += tally.get_i64("total").unwrap_or_default();
    }
    assert_eq!(counted, recounted);
}

async fn assert_confirmations_agree(
    platform: &Platform,
    patients: &Relations,
    clinicians: &Relations,
) {
    let of_clinics = doc! { "clinicId": { "$type": "string", "$ne": "" } };
    for confirmation in find(platform, Program::Confirm, "confirmations", of_clinics).await {
        let text = |name: &str| confirmation.get_str(name).unwrap_or_default();
        let id = ObjectId::parse_str(text("clinicId")).unwrap();
        let takes_place = match text("type") {
            "careteam_invitation" => patients.contains_key(&(id, text("creatorId").to_owned())),
            "clinician_invitation" => clinicians.contains_key(&(id, text("userId").to_owned())),
            _ => continue,
        };
        let is_accepted = text("status") == "completed";
        assert_eq!(is_accepted, takes_place, "{confirmation}");
    }
}
