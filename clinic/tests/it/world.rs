//! What a test starts with: the service with its relay, its database, and its peers.

use std::collections::BTreeMap;

use bson::{Document, doc, oid::ObjectId};
use chrono::{DateTime, Utc};
use clinic::{Config, DEFAULTS, State};
use futures_util::TryStreamExt;
use mongodb::Collection;
use reqwest::Method;
use serde_json::{Value, json};
use shared_runtime::testing::{
    self, Answer, Person, TestApp, TestDatabase, claims, eventually, send,
};
use stand_ins::{Confirm, Gatekeeper, UserApi, server_secret};
use tokio_util::sync::DropGuard;

pub(crate) use testing::{assert_answer, assert_empty};

/// The account of the first administrator of [`World::clinic`].
pub(crate) const CAROL: &str = "c000000001";
/// A member of it.
pub(crate) const NINA: &str = "c000000002";
/// Nobody in particular.
pub(crate) const STRANGER: &str = "0000000099";

/// The service and what it works with.
pub(crate) struct World {
    pub(crate) app: TestApp,
    pub(crate) user_api: UserApi,
    pub(crate) gatekeeper: Gatekeeper,
    pub(crate) confirm: Confirm,
    pub(crate) database: TestDatabase,
    pub(crate) config: Config,
    relay: Option<DropGuard>,
}

impl World {
    /// A service on an empty database.
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// A service with other settings.
    pub(crate) async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        Self::start_in(TestDatabase::create().await, change).await
    }

    /// A service whose database is not empty.
    pub(crate) async fn start_in(database: TestDatabase, change: impl FnOnce(&mut Config)) -> Self {
        let (user_api, gatekeeper) = (UserApi::start(), Gatekeeper::start());
        let confirm = Confirm::start();
        let settings = [
            ("user_api.url", user_api.url()),
            ("user_api.server_secret", server_secret("clinic")),
            ("gatekeeper.url", gatekeeper.url()),
            ("confirm.url", confirm.url()),
        ];
        let settings = settings
            .each_ref()
            .map(|(name, value)| (*name, value.as_str()));
        let mut config: Config = testing::config(DEFAULTS, &database, &settings);
        change(&mut config);
        let state = State::connect(&config).await.unwrap();
        Self {
            app: TestApp::start(state.service()),
            user_api,
            gatekeeper,
            confirm,
            database,
            relay: Some(testing::beside(async move |stop| state.relay(&stop).await)),
            config,
        }
    }

    /// Stops what works beside the requests.
    pub(crate) fn rest(&mut self) {
        self.relay = None;
    }

    pub(crate) fn anonymous(&self) -> Person {
        self.app.anonymous()
    }

    /// A user who is logged in.
    pub(crate) fn user(&self, id: &str) -> Person {
        self.user_at(&self.app, id)
    }

    /// Another service.
    pub(crate) fn service(&self) -> Person {
        self.service_called("scripts")
    }

    /// A service, or an operator, that logged in as `name`.
    pub(crate) fn service_called(&self, name: &str) -> Person {
        self.bearer(&self.app, name, "yes")
    }

    /// Another replica, on the same database.
    pub(crate) async fn replica(&self) -> TestApp {
        let state = State::connect(&self.config).await.unwrap();
        TestApp::start(state.service())
    }

    /// A user who is logged in, at a replica.
    pub(crate) fn user_at(&self, replica: &TestApp, id: &str) -> Person {
        self.bearer(replica, id, "no")
    }

    /// Another service, at a replica.
    pub(crate) fn service_at(&self, replica: &TestApp) -> Person {
        self.bearer(replica, "scripts", "yes")
    }

    fn bearer(&self, replica: &TestApp, name: &str, is_server: &str) -> Person {
        let token = self.user_api.token(&claims(name, is_server));
        replica.bearer(&token)
    }

    /// A clinic that [`CAROL`] opened; its id.
    pub(crate) async fn clinic(&self) -> String {
        self.clinic_of(CAROL).await
    }

    /// A clinic that `admin` opened; its id.
    pub(crate) async fn clinic_of(&self, admin: &str) -> String {
        self.user_api.has(admin);
        let answer = self.user(admin).post("/v1/clinics", &profile()).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        id_of(&answer.json())
    }

    /// Lets `user` work for a clinic.
    pub(crate) async fn employ(&self, clinic: &str, user: &str, roles: &[&str]) {
        let body = json!({ "id": user, "email": format!("{user}@example.org"), "roles": roles });
        let path = format!("/v1/clinics/{clinic}/clinicians");
        let answer = self.service().post(&path, &body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    /// Lets an account share with a clinic.
    pub(crate) async fn share(&self, clinic: &str, user: &str, permissions: Value) {
        self.user_api.has(user);
        let path = format!("/v1/clinics/{clinic}/patients/{user}");
        let body = json!({ "permissions": permissions });
        let answer = self.service().post(&path, &body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    /// Enrols somebody who has no account; the account's id.
    pub(crate) async fn enrol(&self, clinic: &str, details: &Value) -> String {
        let path = format!("/v1/clinics/{clinic}/patients");
        let answer = self.user(CAROL).post(&path, details).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        id_of(&answer.json())
    }

    pub(crate) fn collection(&self, name: &str) -> Collection<Document> {
        self.database.database.collection(name)
    }

    /// The stored clinic.
    pub(crate) async fn clinic_document(&self, id: &str) -> Option<Document> {
        let id = bson::oid::ObjectId::parse_str(id).unwrap();
        let clinics = self.collection("clinics");
        clinics.find_one(doc! { "_id": id }).await.unwrap()
    }

    /// Waits until nothing is on its way to gatekeeper and confirm any more.
    pub(crate) async fn settled(&self) {
        eventually("the delivery of all rows", async || {
            self.collection("outbox")
                .count_documents(doc! {})
                .await
                .unwrap()
                == 0
        })
        .await;
    }

    /// Every document of every collection while the relay rests, to see that nothing was written.
    pub(crate) async fn dump(&self) -> BTreeMap<String, Vec<Document>> {
        let mut dump = BTreeMap::new();
        let names = self.database.database.list_collection_names().await;
        for name in names.unwrap() {
            // Who rests may give a lease back a moment later.
            if !name.ends_with("_lease") {
                let collection = self.collection(&name);
                let found = collection.find(doc! {}).sort(doc! { "_id": 1 });
                let documents = found.await.unwrap().try_collect().await.unwrap();
                dump.insert(name, documents);
            }
        }
        dump
    }

    /// Every document, to see that nothing changed.
    pub(crate) async fn everything(&self) -> Vec<Document> {
        let collections = [
            "clinics",
            "clinicians",
            "patients",
            "tallies",
            "jobs",
            "clinic_deletions",
            "clinician_deletions",
            "patient_deletions",
        ];
        self.database.everything(&collections).await
    }

    /// Sets members of the document of a clinic.
    pub(crate) async fn set_clinic(&self, clinic: &str, members: Document) {
        let id = ObjectId::parse_str(clinic).unwrap();
        let clinics = self.collection("clinics");
        let updated = clinics
            .update_one(doc! { "_id": id }, doc! { "$set": members })
            .await;
        assert_eq!(updated.unwrap().matched_count, 1);
    }

    /// The number of patients of a clinic, recounted, beside the one that is kept.
    pub(crate) async fn totals(&self, clinic: &str) -> (i64, i64) {
        let id = ObjectId::parse_str(clinic).unwrap();
        let patients = self.collection("patients");
        let recounted = patients
            .count_documents(doc! { "clinicId": id })
            .await
            .unwrap();
        let mut kept = 0;
        let mut tallies = self
            .collection("tallies")
            .find(doc! { "_id.clinic": id })
            .await
            .unwrap();
        while tallies.advance().await.unwrap() {
            kept += tallies
                .deserialize_current()
                .unwrap()
                .get_i64("total")
                .unwrap_or_default();
        }
        (i64::try_from(recounted).unwrap(), kept)
    }
}

/// What is known of a new clinic.
pub(crate) fn profile() -> Value {
    json!({ "name": "Oak Clinic", "preferredBgUnits": "mg/dL" })
}

/// What is known of a new patient.
pub(crate) fn details(name: &str) -> Value {
    json!({ "fullName": name, "birthDate": "2001-02-03" })
}

/// The member `id`.
#[track_caller]
pub(crate) fn id_of(body: &Value) -> String {
    body["id"].as_str().unwrap().to_owned()
}

/// A time as clients see it.
#[track_caller]
pub(crate) fn time_of(shown: &Value) -> DateTime<Utc> {
    shown.as_str().unwrap().parse().unwrap()
}

/// Asserts a refusal with its message.
#[track_caller]
pub(crate) fn assert_refused(answer: &Answer, status: u16, message: &str) {
    assert_answer(answer, status, &json!({ "message": message }));
}

/// `PATCH path` with a JSON body.
pub(crate) async fn patch(person: &Person, path: &str, body: &Value) -> Answer {
    send(person.request(Method::PATCH, path).json(body)).await
}
