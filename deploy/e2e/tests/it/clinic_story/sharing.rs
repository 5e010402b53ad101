//! Alice, who has an account of her own: she shares it with the clinic, and stops.

use serde_json::{Value, json};
use shared_runtime::testing::{assert_answer, assert_empty};

use super::{Oak, assert_refused, join, name, pair, text};
use crate::{confirmations::eventually, mails::mail, people::Member};

/// The number that the clinic gives Alice.
pub(super) const NUMBER: &str = "oak-1";

/// Alice shares with the code, view and note; Nina accepts with a medical record number. Nina may do
/// then what Alice allowed, and no list of accounts tells of it.
pub(super) async fn alice_shares(oak: &Oak<'_>, nina: &Member) -> Member {
    let alice = join(oak.platform, "patient", "alice@example.org").await;
    let birthday = json!({ "fullName": "Alice", "patient": { "birthday": "2016-05-04" } });
    name(&alice, &birthday).await;
    let by_code = format!("/v1/clinics/share_code/{}", oak.share_code);
    let clinic: Value = alice.at_origin.get(&by_code).await.json();
    assert_eq!(clinic["name"], "Oak Clinic");
    let offer = json!({ "shareCode": oak.share_code, "permissions": { "view": {}, "note": {} } });
    let path = format!("/confirm/send/invite/{}/clinic", alice.id);
    let answer = alice.at_origin.post(&path, &offer).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let sent: Value = answer.json();
    assert_eq!(sent["clinicId"], oak.id.as_str());
    let mail = mail(
        oak.platform,
        "patient_clinic_invitation",
        &oak.carol.address,
    );
    let mail = mail.await;
    assert!(mail.contains("Subject: New share invitation for Oak Clinic"));
    assert!(mail.contains("Alice would like to share data"));

    let invitations = oak.path("/invites/patients");
    let list: Vec<Value> = nina.at_origin.get(&invitations).await.json();
    assert_eq!(list.len(), 1);
    assert_eq!(list[0]["key"], sent["key"]);
    assert_eq!(list[0]["creatorId"], alice.id.as_str());
    assert_eq!(pair(nina, &alice.id).await, None);
    let accept = format!("{invitations}/{}", text(&sent["key"]));
    let answer = nina.at_origin.put(&accept, &json!({ "mrn": NUMBER })).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let patient = oak.seen(nina, &alice.id).await;
    assert_eq!(answer.json::<Value>(), patient);
    assert_eq!(patient["mrn"], NUMBER);
    assert_eq!(patient["fullName"], "Alice");
    assert_eq!(patient["birthDate"], "2016-05-04");
    assert_eq!(patient["permissions"], offer["permissions"]);
    assert_answer(&nina.at_origin.get(&invitations).await, 200, &json!([]));

    nina_may(nina, &alice, Some(&offer["permissions"])).await;
    let profile = format!("/metadata/{}/profile", alice.id);
    assert_eq!(nina.at_origin.get(&profile).await.status, 200);
    // The lists show what is given to people.
    let root = |member: &Member| json!({ &member.id: { "root": {} } });
    let members = format!("/access/{}", alice.id);
    assert_answer(&alice.at_origin.get(&members).await, 200, &root(&alice));
    let groups = format!("/access/groups/{}", nina.id);
    assert_answer(&nina.at_origin.get(&groups).await, 200, &root(nina));
    alice
}

/// Alice withdraws `note`, then leaves: both gone for Nina.
pub(super) async fn alice_leaves(oak: &Oak<'_>, nina: &Member, alice: &Member) {
    let note = format!("{}/permissions/note", oak.patient(&alice.id));
    assert_empty(&alice.at_origin.delete(&note).await, 204);
    let rest = json!({ "view": {} });
    let clinics: Vec<Value> = alice
        .at_origin
        .get(&format!("/v1/patients/{}/clinics", alice.id))
        .await
        .json();
    assert_eq!(clinics[0]["patient"]["permissions"], rest);
    nina_may(nina, alice, Some(&rest)).await;

    assert_empty(&alice.at_origin.delete(&oak.patient(&alice.id)).await, 204);
    let gone = nina.at_origin.get(&oak.patient(&alice.id)).await;
    assert_refused(&gone, 404, "patient not found");
    nina_may(nina, alice, None).await;
    let profile = format!("/metadata/{}/profile", alice.id);
    assert_eq!(nina.at_origin.get(&profile).await.status, 401);
    assert_eq!(alice.at_origin.get(&profile).await.status, 200);
}

/// Waits until gatekeeper says that Nina may do `what` on the account of Alice.
async fn nina_may(nina: &Member, alice: &Member, what: Option<&Value>) {
    eventually("gatekeeper knows what Nina may do", async || {
        pair(nina, &alice.id).await.as_ref() == what
    })
    .await;
}
