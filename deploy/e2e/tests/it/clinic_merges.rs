//! `kill -9` while two clinics become one: each patient is in exactly one of them at any moment, the
//! merge goes on, and clinic and gatekeeper say the same in the end.

use std::collections::BTreeMap;

use bson::{DateTime, Document, doc, oid::ObjectId};
use e2e::{Platform, Program, merged_patients, rounds};
use mongodb::{
    error::{Error, TRANSIENT_TRANSACTION_ERROR},
    options::ReadConcern,
};
use reqwest::Method;
use serde_json::{Value, json};
use shared_runtime::testing::{Person, try_send};

use crate::{
    clinic_records::{find, related, settle},
    confirmations::{answered, eventually},
    people::{Member, sign_up_as},
};

/// Patients of each clinic, and how often clinic dies, where nothing else is said.
const PATIENTS: usize = 600;
const KILLS: usize = 3;
/// One in so many is a patient of both.
const IN_BOTH: usize = 10;

/// Two clinics with their patients.
struct Stage {
    platform: Platform,
    server: Person,
    source: ObjectId,
    target: ObjectId,
    patients: usize,
}

/// Opens a clinic.
async fn open(admin: &Member) -> ObjectId {
    let profile = json!({ "name": "Oak Clinic", "preferredBgUnits": "mg/dL" });
    let opened = admin.at_origin.post("/v1/clinics", &profile).await;
    assert_eq!(opened.status, 200, "{}", opened.text());
    let opened: Value = opened.json();
    ObjectId::parse_str(opened["id"].as_str().unwrap()).unwrap()
}

impl Stage {
    async fn set() -> Self {
        let platform = Platform::start().await;
        let carol = sign_up_as("clinician", &platform, "carol+verified@example.org").await;
        let tara = sign_up_as("clinician", &platform, "tara+verified@example.org").await;
        let stage = Self {
            server: platform.server().await,
            source: open(&carol).await,
            target: open(&tara).await,
            patients: merged_patients(PATIENTS),
            platform,
        };
        let both = stage.patients / IN_BOTH;
        stage.fill(stage.source, 0).await;
        stage.fill(stage.target, stage.patients - both).await;
        stage
    }

    /// Stores patients of a clinic as the reference does.
    async fn fill(&self, clinic: ObjectId, first: usize) {
        let now = DateTime::now();
        let patient = |number: usize| {
            doc! {
                "clinicId": clinic, "userId": format!("a{number:09}"),
                "fullName": format!("Patient {number}"), "birthDate": "2001-02-03",
                "permissions": { "view": {} }, "requireUniqueMrn": false,
                "createdTime": now, "updatedTime": now,
            }
        };
        let patients = (first..first + self.patients).map(patient);
        let stored = self.documents("patients").insert_many(patients).await;
        stored.unwrap();
    }

    fn documents(&self, name: &str) -> mongodb::Collection<Document> {
        self.platform.database(Program::Clinic).collection(name)
    }

    /// The clinics of each patient, at one moment.
    async fn whose(&self) -> BTreeMap<String, Vec<ObjectId>> {
        loop {
            match self.look().await {
                // There is no snapshot yet that has what was just made.
                Err(error) if error.contains_label(TRANSIENT_TRANSACTION_ERROR) => {}
                seen => return seen.unwrap(),
            }
        }
    }

    async fn look(&self) -> Result<BTreeMap<String, Vec<ObjectId>>, Error> {
        let client = self.platform.database(Program::Clinic).client();
        let mut session = client.start_session().await?;
        let started = session.start_transaction();
        started.read_concern(ReadConcern::snapshot()).await?;
        let patients = self.documents("patients");
        let found = patients.find(doc! {});
        let found = found.projection(doc! { "clinicId": 1, "userId": 1 });
        let mut found = found.session(&mut session).await?;
        let mut seen = BTreeMap::<String, Vec<ObjectId>>::new();
        while let Some(patient) = found.next(&mut session).await {
            let patient = patient?;
            let user = patient.get_str("userId").unwrap().to_owned();
            let clinic = patient.get_object_id("clinicId").unwrap();
            seen.entry(user).or_default().push(clinic);
        }
        session.abort_transaction().await?;
        Ok(seen)
    }

    /// Each patient is in one clinic; those of both are in the target in any case.
    async fn assert_in_one(&self) {
        let seen = self.whose().await;
        let both = self.patients / IN_BOTH;
        assert_eq!(seen.len(), 2 * self.patients - both);
        for (user, clinics) in seen {
            let number: usize = user[1..].parse().unwrap();
            if (self.patients - both..self.patients).contains(&number) {
                assert!(clinics.contains(&self.target), "{user}");
            } else {
                assert_eq!(clinics.len(), 1, "{user}");
            }
        }
    }

    /// How many patients were worked off, and whether that is all.
    async fn progress(&self) -> (i64, bool) {
        let merges = find(&self.platform, Program::Clinic, "merges", doc! {}).await;
        let Some(merge) = merges.first() else {
            return (-1, false);
        };
        let numbers = ["kept", "moved", "merged"].map(|name| merge.get_i64(name).unwrap());
        (numbers.iter().sum(), merge.contains_key("doneTime"))
    }

    /// Everything is the target's, counted, and known to gatekeeper.
    async fn assert_merged(&self) {
        self.assert_in_one().await;
        let seen = self.whose().await;
        assert!(seen.values().all(|clinics| clinics == &[self.target]));
        let uncounted = doc! { "_lane": null };
        eventually("all are counted", async || {
            let patients = self.documents("patients");
            let left = patients.count_documents(uncounted.clone());
            left.await.unwrap() == 0
        })
        .await;
        let lanes = find(&self.platform, Program::Clinic, "tallies", doc! {}).await;
        let totals = lanes.iter().filter_map(|lane| lane.get_i64("total").ok());
        assert_eq!(totals.sum::<i64>(), i64::try_from(seen.len()).unwrap());
        settle(&self.platform).await;
        for (ours, theirs) in [
            ("patients", "patient_permissions"),
            ("clinicians", "clinician_permissions"),
        ] {
            let ours = related(&self.platform, Program::Clinic, ours).await;
            let theirs = related(&self.platform, Program::Gatekeeper, theirs).await;
            let mut known = theirs.keys();
            assert!(known.all(|(clinic, _)| *clinic != self.source));
            // Those who were the target's before were stored without gatekeeper.
            for (whose, granted) in theirs {
                assert_eq!(ours.get(&whose), Some(&granted), "{whose:?}");
            }
        }
        let known = related(&self.platform, Program::Gatekeeper, "patient_permissions").await;
        assert_eq!(known.len(), self.patients);
    }
}

#[actix_web::test]
async fn a_merge_is_finished_wherever_clinic_dies() {
    let mut stage = Stage::set().await;
    let path = format!("/v1/clinics/{}/merge", stage.target);
    let body = json!({ "sourceId": stage.source.to_hex() });
    let request = stage.server.request(Method::POST, &path).json(&body);
    let rounds = rounds(KILLS);
    for round in 0..rounds {
        let (before, _) = stage.progress().await;
        let sent = actix_web::rt::spawn(try_send(request.try_clone().unwrap()));
        eventually("a batch", async || {
            let (now, is_done) = stage.progress().await;
            now > before || is_done
        })
        .await;
        stage.platform.kill(Program::Clinic);
        println!("round {round} of {rounds}: {:?}", stage.progress().await);
        stage.assert_in_one().await;
        // It was cut off, or had just been answered.
        drop(sent.await);
        stage.platform.restart(Program::Clinic).await;
    }
    let repeated = answered(&request).await;
    assert!(matches!(repeated.status, 200 | 404), "{}", repeated.text());
    eventually("the end of the merge", async || stage.progress().await.1).await;
    stage.assert_merged().await;
}
