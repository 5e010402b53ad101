//! Oak Clinic from its first day to its last, as those see it who work there and those who share
//! with it. The chapters are in the order of the story, and each begins where another ended.

mod claim;
mod ending;
mod labels;
mod patients;
mod sharing;
mod staff;

use std::fmt::Display;

use bson::oid::ObjectId;
use e2e::{Platform, Program};
use reqwest::Method;
use serde_json::{Value, json};
use shared_runtime::testing::{Answer, Person, assert_answer, send};

use crate::{
    mails::{mail, value_in},
    people::{Member, log_in, sign_up_as},
};

/// The clinic and who opened it.
struct Oak<'a> {
    platform: &'a Platform,
    /// A service that none of the others needs.
    service: Person,
    carol: Member,
    id: String,
    share_code: String,
}

#[actix_web::test]
async fn a_clinic_is_opened_and_ends_as_the_contract_has_it() {
    let platform = Platform::start().await;
    let oak = Oak::open(&platform).await;
    let nina = staff::nina_joins(&oak).await;
    staff::only_who_is_of_the_domain_may_join(&oak, &nina).await;
    let alice = sharing::alice_shares(&oak, &nina).await;
    patients::a_number_is_given_once(&oak).await;
    let enrolled = patients::carol_enrols(&oak, &nina).await;
    claim::mia_claims(&oak, &nina, &enrolled.mia).await;
    labels::tags_and_a_site_come_and_go(&oak, &nina, &alice, &enrolled).await;
    sharing::alice_leaves(&oak, &nina, &alice).await;
    ending::nina_leaves_and_carol_cannot(&oak, &nina, &enrolled).await;
    ending::carols_account_is_deleted(&oak, &alice, &enrolled).await;
}

impl<'a> Oak<'a> {
    /// Dr Carol signs up as a clinician and opens the clinic; its share code shows.
    async fn open(platform: &'a Platform) -> Self {
        let carol = join(platform, "clinician", "carol@oak.example").await;
        name(&carol, &json!({ "fullName": "Dr Carol" })).await;
        let profile = json!({
            "name": "Oak Clinic", "preferredBgUnits": "mg/dL", "country": "US",
            "clinicType": "provider_practice", "timezone": "America/New_York",
        });
        let answer = carol.at_origin.post("/v1/clinics", &profile).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let opened: Value = answer.json();
        for (member, given) in profile.as_object().unwrap() {
            assert_eq!(&opened[member], given, "{member}");
        }
        let share_code = text(&opened["shareCode"]);
        let groups: Vec<&str> = share_code.split('-').collect();
        assert_eq!(groups.len(), 3, "{share_code}");
        assert!(groups.iter().all(|group| group.len() == 4), "{share_code}");
        let oak = Self {
            platform,
            service: platform.server().await,
            id: text(&opened["id"]),
            share_code,
            carol,
        };
        let shown = oak.carol.at_origin.get(&oak.path("")).await;
        assert_eq!(shown.json::<Value>()["shareCode"], oak.share_code.as_str());
        let of_carol = oak.path(format!("/clinicians/{}", oak.carol.id));
        let first: Value = oak.carol.at_origin.get(&of_carol).await.json();
        assert_eq!(first["roles"], json!(["CLINIC_ADMIN"]));
        assert_eq!(first["name"], "Dr Carol");
        assert_eq!(first["email"], "carol@oak.example");
        oak
    }

    /// A path of the clinic.
    fn path(&self, rest: impl Display) -> String {
        format!("/v1/clinics/{}{rest}", self.id)
    }

    /// The path of a patient.
    fn patient(&self, patient: &str) -> String {
        self.path(format!("/patients/{patient}"))
    }

    /// A patient as `by` sees it.
    async fn seen(&self, by: &Member, patient: &str) -> Value {
        let answer = by.at_origin.get(&self.patient(patient)).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    /// The accounts of the patients that `by` finds with `query`, in their order.
    async fn found(&self, by: &Member, query: &str) -> Vec<String> {
        let path = self.path(format!("/patients?{query}"));
        let answer = by.at_origin.get(&path).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let list: Value = answer.json();
        let ids: Vec<String> = list["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|patient| text(&patient["id"]))
            .collect();
        assert_eq!(list["meta"]["count"], ids.len());
        ids
    }

    /// The id of the clinic as it is stored.
    fn object_id(&self) -> ObjectId {
        ObjectId::parse_str(&self.id).unwrap()
    }

    /// A collection of the service.
    fn stored(&self, collection: &str) -> mongodb::Collection<bson::Document> {
        self.platform
            .database(Program::Clinic)
            .collection(collection)
    }
}

/// Somebody signs up, follows the link in the mail, and can log in then.
async fn join(platform: &Platform, role: &str, address: &str) -> Member {
    let member = sign_up_as(role, platform, address).await;
    assert_eq!(log_in(platform, address).await, 403);
    let path = format!("/confirm/send/signup/{}", member.id);
    let asked = send(member.at_origin.request(Method::POST, &path)).await;
    assert_eq!(asked.status, 200, "{}", asked.text());
    let mail = mail(platform, "signup_confirmation", address).await;
    let path = format!("/confirm/accept/signup/{}", value_in(&mail, "signupKey"));
    let verified = send(platform.person(None).request(Method::PUT, &path)).await;
    assert_eq!(verified.status, 200, "{}", verified.text());
    assert_eq!(log_in(platform, address).await, 200);
    member
}

/// What somebody says of itself.
async fn name(member: &Member, profile: &Value) {
    let path = format!("/metadata/{}/profile", member.id);
    assert_answer(&member.at_origin.put(&path, profile).await, 200, profile);
}

/// What `by` may do on the account `of`, as gatekeeper tells `by` itself.
async fn pair(by: &Member, of: &str) -> Option<Value> {
    let answer = by.at_origin.get(&format!("/access/{of}/{}", by.id)).await;
    match answer.status {
        200 => Some(answer.json()),
        404 => None,
        status => panic!("{status} {}", answer.text()),
    }
}

/// A refusal of clinic.
#[track_caller]
fn assert_refused(answer: &Answer, status: u16, message: &str) {
    assert_answer(answer, status, &json!({ "message": message }));
}

#[track_caller]
fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}
