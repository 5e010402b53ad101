//! Those for whom the clinic makes an account.

use bson::{Document, doc};
use e2e::Program;
use serde_json::{Value, json};
use shared_runtime::testing::assert_answer;

use super::{Oak, assert_refused, pair, sharing::NUMBER, text};
use crate::{confirmations::eventually, people::Member};

/// Accounts that the clinic made.
pub(super) struct Enrolled {
    /// Has no address.
    pub(super) finn: String,
    /// Claims the account.
    pub(super) mia: String,
    /// Has an address and does not claim the account.
    pub(super) pia: String,
}

/// While numbers are to be unique, none is given twice, however it is written; and whoever is
/// refused leaves no account behind.
pub(super) async fn a_number_is_given_once(oak: &Oak<'_>) {
    let settings = oak.path("/settings/mrn");
    let unique = json!({ "required": true, "unique": true });
    assert_answer(&oak.service.put(&settings, &unique).await, 200, &unique);
    let carol = &oak.carol.at_origin;
    assert_answer(&carol.get(&settings).await, 200, &unique);
    let accounts = oak
        .platform
        .database(Program::UserApi)
        .collection::<Document>("users");
    let before = accounts.count_documents(doc! {}).await.unwrap();
    assert!(before > 0, "the accounts are where they are counted");
    let mut second = details("Sam");
    for number in [NUMBER, "OAK-1"] {
        second["mrn"] = json!(number);
        let refused = carol.post(&oak.path("/patients"), &second).await;
        assert_refused(&refused, 400, "bad request: mrn must be unique");
    }
    assert_eq!(accounts.count_documents(doc! {}).await.unwrap(), before);
    let free = json!({ "required": false, "unique": false });
    assert_answer(&oak.service.put(&settings, &free).await, 200, &free);
}

/// Carol enrols Finn, who has no address, and Mia and Pia, who have one. Nina may look after them.
pub(super) async fn carol_enrols(oak: &Oak<'_>, nina: &Member) -> Enrolled {
    let mut finn = details("Finn");
    // Nobody minds any more.
    finn["mrn"] = json!(NUMBER);
    let mut mia = details("Mia");
    mia["email"] = json!("Mia@example.org");
    let mut pia = details("Pia");
    pia["email"] = json!("pia@example.org");
    let enrolled = Enrolled {
        finn: enrol(oak, &finn).await,
        mia: enrol(oak, &mia).await,
        pia: enrol(oak, &pia).await,
    };
    assert_eq!(oak.seen(nina, &enrolled.finn).await.get("email"), None);
    assert_eq!(
        oak.seen(nina, &enrolled.mia).await["email"],
        "mia@example.org"
    );
    for id in [&enrolled.finn, &enrolled.mia, &enrolled.pia] {
        let all = json!({ "custodian": {}, "view": {}, "upload": {}, "note": {} });
        let patient = oak.seen(nina, id).await;
        assert_eq!(patient["permissions"], all);
        eventually("gatekeeper knows the patient", async || {
            pair(nina, id).await.as_ref() == Some(&all)
        })
        .await;
        let account: Value = oak.service.get(&format!("/auth/user/{id}")).await.json();
        assert_eq!(account["passwordExists"], false);
        assert_eq!(
            account.get("emails").is_some(),
            patient.get("email").is_some()
        );
    }
    enrolled
}

async fn enrol(oak: &Oak<'_>, details: &Value) -> String {
    let path = oak.path("/patients");
    let answer = oak.carol.at_origin.post(&path, details).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    text(&answer.json::<Value>()["id"])
}

fn details(name: &str) -> Value {
    json!({ "fullName": name, "birthDate": "2001-02-03" })
}
