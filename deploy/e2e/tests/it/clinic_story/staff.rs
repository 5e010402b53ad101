//! Who works for the clinic, and who may.

use reqwest::Method;
use serde_json::{Value, json};
use shared_runtime::testing::{Answer, assert_answer, reason, send};

use super::{Oak, assert_refused, join, name, text};
use crate::{mails::mail, people::Member};

const NOT_ALLOWED: &str =
    "security requirements failed: the subject is not authorized for the requested action";

/// Carol invites Nina, who has no account. The mail leads to a sign-up; Nina accepts and is a member.
pub(super) async fn nina_joins(oak: &Oak<'_>) -> Member {
    let address = "nina@oak.example";
    let key = invite(oak, address).await;
    let mail = mail(oak.platform, "clinician_invitation", address).await;
    assert!(mail.contains("Subject: Invitation to join Oak Clinic"));
    assert!(mail.contains("Dr Carol invites you"));
    assert!(mail.contains("/signup/clinician?inviteEmail=nina%40oak.example"));

    let nina = join(oak.platform, "clinician", address).await;
    name(&nina, &json!({ "fullName": "Nina" })).await;
    let patients = oak.path("/patients");
    assert_refused(&nina.at_origin.get(&patients).await, 403, NOT_ALLOWED);
    let invitation = only_invitation(&nina).await;
    assert_eq!(invitation["key"], key);
    assert_eq!(invitation["creator"]["clinicName"], "Oak Clinic");
    assert_eq!(invitation["restrictions"], json!({ "canAccept": true }));
    let joined = accept(&nina, &key).await;
    assert_eq!(joined.status, 200, "{}", joined.text());

    let of_nina = oak.path(format!("/clinicians/{}", nina.id));
    let member: Value = nina.at_origin.get(&of_nina).await.json();
    assert_eq!(member["roles"], json!(["CLINIC_MEMBER"]));
    assert_eq!(member["email"], address);
    assert_eq!(member["name"], "Nina");
    assert_eq!(member.get("inviteId"), None);
    let clinics = format!("/v1/clinicians/{}/clinics", nina.id);
    let clinics: Vec<Value> = nina.at_origin.get(&clinics).await.json();
    assert_eq!(clinics.len(), 1);
    assert_eq!(clinics[0]["clinic"]["id"], oak.id.as_str());
    assert_eq!(nina.at_origin.get(&patients).await.status, 200);
    nina
}

/// Nina cannot change restrictions, Carol can read them, a service sets one. Somebody outside the
/// domain learns why a new invitation cannot be accepted.
pub(super) async fn only_who_is_of_the_domain_may_join(oak: &Oak<'_>, nina: &Member) {
    let path = oak.path("/membership_restrictions");
    let restrictions = json!({ "restrictions": [{ "emailDomain": "oak.example" }] });
    let changed = nina.at_origin.put(&path, &restrictions).await;
    assert_refused(&changed, 403, NOT_ALLOWED);
    assert_refused(&nina.at_origin.get(&path).await, 403, NOT_ALLOWED);
    let carol = &oak.carol.at_origin;
    assert_answer(&carol.get(&path).await, 200, &json!({}));
    let set = oak.service.put(&path, &restrictions).await;
    assert_answer(&set, 200, &restrictions);
    assert_answer(&carol.get(&path).await, 200, &restrictions);

    let key = invite(oak, "olga@elm.example").await;
    let olga = join(oak.platform, "clinician", "olga@elm.example").await;
    let invitation = only_invitation(&olga).await;
    assert_eq!(invitation["key"], key);
    assert_eq!(invitation["restrictions"], json!({ "canAccept": false }));
    let refusal = reason(403, "Error accepting invitation");
    assert_answer(&accept(&olga, &key).await, 403, &refusal);
    let clinics = format!("/v1/clinicians/{}/clinics", olga.id);
    assert_answer(&olga.at_origin.get(&clinics).await, 200, &json!([]));
    // What was refused is still open.
    assert_eq!(only_invitation(&olga).await["key"], key);
}

/// Carol invites somebody to be a member; the key of the invitation.
async fn invite(oak: &Oak<'_>, address: &str) -> String {
    let body = json!({ "email": address, "roles": ["CLINIC_MEMBER"] });
    let path = oak.path("/invites/clinicians");
    let answer = oak.carol.at_origin.post(&path, &body).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let invited: Value = answer.json();
    assert_eq!(invited["email"], address);
    assert_eq!(invited.get("id"), None);
    text(&invited["inviteId"])
}

async fn only_invitation(member: &Member) -> Value {
    let path = format!("/v1/clinicians/{}/invites", member.id);
    let answer = member.at_origin.get(&path).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let mut list: Vec<Value> = answer.json();
    assert_eq!(list.len(), 1);
    list.remove(0)
}

async fn accept(member: &Member, key: &str) -> Answer {
    let path = format!("/v1/clinicians/{}/invites/{key}", member.id);
    send(member.at_origin.request(Method::PUT, &path)).await
}
