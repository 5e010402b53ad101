//! What a test starts with: the service with its relay, its database, its peers and its mails.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use bson::{Document, doc};
use chrono::{DateTime, Utc};
use confirm::{Config, DEFAULTS, State};
use mongodb::Collection;
use reqwest::Method;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use shared_runtime::{
    limits::Limit,
    testing::{self, Answer, Person, TestApp, TestDatabase, claims, send},
};
use stand_ins::{Clinic, Data, Gatekeeper, KEYS, UserApi, server_secret};
use tokio_util::sync::DropGuard;

use crate::mailbox::{Mail, Mailbox};

pub(crate) use testing::{assert_empty, assert_ok, assert_refused, eventually, reason, send_raw};

/// Where the links in mails lead.
pub(crate) const ORIGIN: &str = "https://tide.example.org";

/// The service and what it works with.
pub(crate) struct World {
    pub(crate) app: TestApp,
    pub(crate) user_api: UserApi,
    pub(crate) gatekeeper: Gatekeeper,
    pub(crate) data: Data,
    pub(crate) clinic: Clinic,
    pub(crate) mailbox: Mailbox,
    pub(crate) state: State,
    pub(crate) database: TestDatabase,
    relay: Option<DropGuard>,
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// A world with other settings.
    pub(crate) async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        let mut world = Self::without_relay_with(change).await;
        world.start_relay();
        world
    }

    /// A world whose outboxes stay as they are until [`Self::start_relay`].
    pub(crate) async fn without_relay() -> Self {
        Self::without_relay_with(|_| {}).await
    }

    pub(crate) async fn without_relay_with(change: impl FnOnce(&mut Config)) -> Self {
        let database = TestDatabase::create().await;
        let (user_api, gatekeeper) = (UserApi::start(), Gatekeeper::start());
        let (data, clinic) = (Data::start(), Clinic::start());
        gatekeeper.call_back(&user_api.url());
        let mailbox = Mailbox::new();
        let peers = [
            ("user_api.url", &*user_api.url()),
            ("gatekeeper.url", &gatekeeper.url()),
            ("data.url", &data.url()),
            ("clinic.url", &clinic.url()),
        ];
        let mut config = config(&database, peers, &mailbox);
        change(&mut config);
        let state = State::connect(&config).await.unwrap();
        Self {
            app: TestApp::start(state.service()),
            user_api,
            gatekeeper,
            data,
            clinic,
            mailbox,
            state,
            database,
            relay: None,
        }
    }

    pub(crate) fn start_relay(&mut self) {
        let state = self.state.clone();
        self.relay = Some(testing::beside(async move |stop| {
            state.relay(&stop).await;
        }));
    }

    pub(crate) fn anonymous(&self) -> Person {
        self.app.anonymous()
    }

    /// Somebody who is logged in.
    pub(crate) fn user(&self, id: &str) -> Person {
        self.bearer(id, "no")
    }

    /// A token of `id` that nobody has checked yet.
    pub(crate) fn unknown_token(id: &str) -> String {
        KEYS.key.sign(&claims(id, "no")).unwrap()
    }

    /// Another service.
    pub(crate) fn service(&self) -> Person {
        self.service_called("user-api")
    }

    /// A service, or an operator, that logged in as `name`.
    pub(crate) fn service_called(&self, name: &str) -> Person {
        self.bearer(name, "yes")
    }

    fn bearer(&self, name: &str, is_server: &str) -> Person {
        let token = self.user_api.token(&claims(name, is_server));
        self.app.bearer(&token)
    }

    /// Invites `email` into the care team of `sharer`, who asks, and answers the invitation.
    pub(crate) async fn invite(&self, sharer: &str, email: &str, permissions: Value) -> Value {
        let body = json!({ "email": email, "permissions": permissions });
        let path = format!("/confirm/send/invite/{sharer}");
        let answer = self.user(sharer).post(&path, &body).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        answer.json()
    }

    /// Asks for the confirmation of a sign-up and answers its key, which only the mail holds.
    pub(crate) async fn sign_up(&self, user: &str) -> String {
        let path = format!("/confirm/send/signup/{user}");
        let answer = self.user(user).post(&path, &json!({})).await;
        assert_empty(&answer, 200);
        self.pending_key(doc! { "userId": user, "type": "signup_confirmation" })
            .await
    }

    /// Asks for a new password and answers the key, which only the mail holds.
    pub(crate) async fn forget(&self, email: &str) -> String {
        let before = self.mails().await;
        let path = format!("/confirm/send/forgot/{email}");
        assert_empty(&post(&self.anonymous(), &path).await, 200);
        let mut mails = self.mails().await;
        mails.retain(|mail| !before.iter().any(|old| old.message_id == mail.message_id));
        assert_eq!(mails.len(), 1, "{mails:?}");
        mails[0].value("resetKey")
    }

    async fn pending_key(&self, mut filter: Document) -> String {
        filter.insert("status", "pending");
        let newest_first = doc! { "created": -1 };
        let confirmations = self.confirmations();
        let found = confirmations.find_one(filter).sort(newest_first).await;
        let found = found.unwrap().unwrap();
        found.get_str("_id").unwrap().to_owned()
    }

    pub(crate) fn confirmations(&self) -> Collection<Document> {
        self.database.database.collection("confirmations")
    }

    /// The stored confirmation.
    pub(crate) async fn document(&self, key: &str) -> Option<Document> {
        let confirmations = self.confirmations();
        confirmations.find_one(with_key(key)).await.unwrap()
    }

    /// The status of the stored confirmation.
    pub(crate) async fn status(&self, key: &str) -> String {
        let document = self.document(key).await.unwrap();
        document.get_str("status").unwrap().to_owned()
    }

    /// Changes members of a stored confirmation.
    pub(crate) async fn set(&self, key: &str, members: Document) {
        let update = doc! { "$set": members };
        let confirmations = self.confirmations();
        let done = confirmations.update_one(with_key(key), update).await;
        assert_eq!(done.unwrap().matched_count, 1);
    }

    /// Lets a stored confirmation be past its time.
    pub(crate) async fn expire(&self, key: &str) {
        let past = bson::DateTime::from_chrono(Utc::now() - Duration::from_secs(1));
        self.set(key, doc! { "expiresAt": past }).await;
    }

    /// Everything in `collections`, to see that nothing changed.
    pub(crate) async fn everything(&self, collections: &[&str]) -> Vec<Document> {
        self.database.everything(collections).await
    }

    /// How many rows wait in an outbox.
    pub(crate) async fn rows(&self, outbox: &str, state: &str) -> u64 {
        let rows = self.database.database.collection::<Document>(outbox);
        let count = rows.count_documents(doc! { "state": state });
        count.await.unwrap()
    }

    /// Makes every row that waits due at once.
    pub(crate) async fn hurry(&self) {
        for outbox in ["outbox", "mail_outbox"] {
            let rows = self.database.database.collection::<Document>(outbox);
            let due = vec![doc! { "$set": { "nextAttemptAt": "$$NOW" } }];
            let waiting = doc! { "state": "pending" };
            rows.update_many(waiting, due).await.unwrap();
        }
    }

    /// Waits until nothing is on its way any more.
    pub(crate) async fn settled(&self) {
        eventually("the delivery of all rows", async || {
            // In this order: a row of the first can make one of the second.
            self.rows("outbox", "pending").await == 0
                && self.rows("mail_outbox", "pending").await == 0
        })
        .await;
    }

    /// All mails, once everything that is owed was sent, the oldest first.
    pub(crate) async fn mails(&self) -> Vec<Mail> {
        self.settled().await;
        self.mailbox.mails()
    }

    /// The one mail there is.
    pub(crate) async fn mail(&self) -> Mail {
        let mails = self.mails().await;
        assert_eq!(mails.len(), 1, "{mails:?}");
        mails.into_iter().next().unwrap()
    }
}

/// The shipped defaults with what has none.
fn config(database: &TestDatabase, peers: [(&str, &str); 4], mailbox: &Mailbox) -> Config {
    let secret = server_secret("confirm");
    let settings = [
        ("user_api.server_secret", &*secret),
        ("web.public_url", ORIGIN),
        ("mail.transport", "file"),
        ("mail.directory", mailbox.path().to_str().unwrap()),
    ];
    let settings: Vec<(&str, &str)> = peers.into_iter().chain(settings).collect();
    let mut config: Config = testing::config(DEFAULTS, database, &settings);
    // Some worlds try more keys than one place may.
    config.limits.keys_per_source = Limit::OFF;
    config
}

/// The stored confirmation that is meant by `key`: its id or, of a reset, what was mailed.
fn with_key(key: &str) -> Document {
    let digest = BASE64_URL_SAFE_NO_PAD.encode(&Sha256::digest(key)[..24]);
    doc! { "$or": [
        { "_id": key },
        { "type": "password_reset", "otherKeys.digest": digest },
    ] }
}

/// `POST path` without a body.
pub(crate) async fn post(person: &Person, path: &str) -> Answer {
    send(person.request(Method::POST, path)).await
}

/// `PUT path` without a body.
pub(crate) async fn put(person: &Person, path: &str) -> Answer {
    send(person.request(Method::PUT, path)).await
}

/// `PATCH path` without a body.
pub(crate) async fn patch(person: &Person, path: &str) -> Answer {
    send(person.request(Method::PATCH, path)).await
}

/// A confirmation without what is different each time: its key and its times, which are looked at
/// here. `days`: how long it can be answered from its making.
#[track_caller]
pub(crate) fn timeless(mut confirmation: Value, days: i64) -> Value {
    let members = confirmation.as_object_mut().unwrap();
    let key = members.remove("key").unwrap();
    let key = key.as_str().unwrap();
    assert!(matches!(key.len(), 0 | 32), "{key}");
    let mut time = |name: &str| -> DateTime<Utc> {
        let text = members.remove(name).unwrap();
        let text = text.as_str().unwrap();
        assert!(text.len() == 24 && text.ends_with('Z'), "{text}");
        text.parse().unwrap()
    };
    let (created, expires_at) = (time("created"), time("expiresAt"));
    assert!((Utc::now() - created).num_seconds().abs() < 60, "{created}");
    assert_eq!((expires_at - created).num_seconds(), days * 24 * 60 * 60);
    confirmation
}
