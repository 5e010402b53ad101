//! `kill -9` while the patients of a legacy account are brought to its clinic: all of them arrive, each
//! once, whoever died and when, and a second run changes nothing.

use bson::{Document, doc, oid::ObjectId};
use e2e::{Platform, Program, rounds};
use futures_util::{StreamExt as _, stream};
use reqwest::Method;
use serde_json::{Value, json};
use shared_runtime::testing::{Person, send};

use crate::{
    clinic_records::{assert_all_agree, find},
    confirmations::{answered, eventually, permissions},
    mails::mail,
    people::{Member, sign_up, sign_up_as},
};

/// Patients for each time that a program dies.
const PATIENTS: usize = 200;
/// So many arrive within a short time.
const STEP: u64 = 50;
/// The programs that die, in turn.
const VICTIMS: [Program; 3] = [Program::Clinic, Program::UserApi, Program::Gatekeeper];

struct Stage {
    platform: Platform,
    server: Person,
    carol: Member,
    clinic: String,
}

impl Stage {
    /// A legacy account that runs the accounts of `patients` children, and its empty clinic.
    async fn set(patients: usize) -> Self {
        let platform = Platform::start().await;
        let carol = sign_up_as("clinic", &platform, "carol+verified@example.org").await;
        let server = platform.server().await;
        let children = format!("/auth/user/{}/user", carol.id);
        let made = stream::iter(0..patients).map(async |number| {
            let made = carol.at_origin.post(&children, &json!({})).await;
            assert_eq!(made.status, 201, "{number}: {}", made.text());
        });
        made.buffer_unordered(8).collect::<Vec<()>>().await;
        let enable = format!("/v1/clinicians/{}/migrate", carol.id);
        let made = server.post(&enable, &json!({})).await;
        assert_eq!(made.status, 200, "{}", made.text());
        let clinic = made.json::<Value>()["id"].as_str().unwrap().to_owned();
        let stage = Self {
            platform,
            server,
            carol,
            clinic,
        };
        stage.describe().await;
        stage
    }

    fn path(&self, rest: &str) -> String {
        format!("/v1/clinics/{}{rest}", self.clinic)
    }

    /// Says of the clinic what it needs.
    async fn describe(&self) {
        let profile = json!({
            "name": "Oak Clinic", "preferredBgUnits": "mg/dL", "address": "1 Oak Street",
            "city": "Oakville", "country": "US", "postalCode": "12345", "state": "CA",
            "clinicType": "other",
        });
        let said = self.carol.at_origin.put(&self.path(""), &profile).await;
        assert_eq!(said.status, 200, "{}", said.text());
        // Nobody is too many.
        let tier = json!({ "tier": "tier0300" });
        let paid = self.server.post(&self.path("/tier"), &tier).await;
        assert_eq!(paid.status, 200, "{}", paid.text());
    }

    /// Those who have arrived.
    async fn patients(&self) -> Vec<Document> {
        let of_clinic = doc! { "clinicId": ObjectId::parse_str(&self.clinic).unwrap() };
        find(&self.platform, Program::Clinic, "patients", of_clinic).await
    }

    /// Waits until so many have arrived.
    async fn wait_for(&self, patients: u64) {
        let id = ObjectId::parse_str(&self.clinic).unwrap();
        let database = self.platform.database(Program::Clinic);
        let stored = database.collection::<Document>("patients");
        let of_clinic = doc! { "clinicId": id };
        let before = stored.count_documents(of_clinic.clone()).await.unwrap();
        for wanted in (before..patients).step_by(usize::try_from(STEP).unwrap()) {
            let wanted = (wanted + STEP).min(patients);
            eventually("some more patients", async || {
                stored.count_documents(of_clinic.clone()).await.unwrap() >= wanted
            })
            .await;
        }
    }

    async fn migration(&self) -> Value {
        let path = self.path(&format!("/migrations/{}", self.carol.id));
        let request = self.server.request(Method::GET, &path);
        answered(&request).await.json()
    }

    async fn wait_until_completed(&self) -> Value {
        eventually("the end of the migration", async || {
            self.migration().await["status"] == "COMPLETED"
        })
        .await;
        self.migration().await
    }
}

#[actix_web::test]
async fn every_patient_arrives_once_wherever_a_program_dies() {
    let kills = rounds(1);
    let all = kills * PATIENTS;
    let mut stage = Stage::set(all).await;
    let migrate = stage.path("/migrate");
    let attested = json!({ "attestationSubmitted": true });
    let begun = stage.carol.at_origin.post(&migrate, &attested).await;
    assert_eq!(begun.status, 200, "{}", begun.text());
    for round in 0..kills {
        let brought = round * PATIENTS + PATIENTS / 2;
        stage.wait_for(u64::try_from(brought).unwrap()).await;
        let victim = VICTIMS[round % VICTIMS.len()];
        println!("round {round} of {kills}: {victim:?}");
        stage.platform.kill(victim);
        stage.platform.restart(victim).await;
    }
    stage.wait_for(u64::try_from(all).unwrap()).await;
    let migration = stage.wait_until_completed().await;
    let progress = json!({ "total": all, "done": all, "failed": 0 });
    assert_eq!(migration["progress"], progress, "{migration}");
    assert!(migration["attestationTime"].is_string());
    assert_all_agree(&stage.platform).await;
    let address = &stage.carol.address;
    mail(&stage.platform, "clinic_migration_completed", address).await;

    // Colleagues may do what the legacy account may.
    let nina = sign_up(&stage.platform, "nina").await;
    let body = json!({ "id": nina.id, "email": nina.address, "roles": ["CLINIC_MEMBER"] });
    let employed = stage.server.post(&stage.path("/clinicians"), &body).await;
    assert_eq!(employed.status, 200, "{}", employed.text());
    let before = stage.patients().await;
    let child = Member {
        id: before[0].get_str("userId").unwrap().to_owned(),
        address: String::new(),
        at_origin: stage.platform.person(None),
    };
    eventually("gatekeeper heard of it", async || {
        let seen = permissions(&stage.server, &child, &nina).await;
        seen.is_some_and(|seen| seen.get("view").is_some())
    })
    .await;

    let path = stage.path(&format!("/migrations/{}", stage.carol.id));
    let again = stage.server.request(Method::PATCH, &path);
    let again = send(again.json(&json!({ "status": "PENDING" }))).await;
    assert_eq!(again.status, 200, "{}", again.text());
    let migration = stage.wait_until_completed().await;
    assert_eq!(migration["progress"], progress, "{migration}");
    assert_eq!(stage.patients().await, before);
    assert_all_agree(&stage.platform).await;
}
