//! A user-api that runs, and the people and services that call it.

use std::time::Duration;

use base64::{Engine, prelude::BASE64_STANDARD};
use bson::Document;
use mongodb::Collection;
use reqwest::Method;
use serde_json::{Value, json};
use shared_runtime::{
    auth::TOKEN_HEADER,
    limits::Limit,
    testing::{self, Answer, Person, TestApp, TestDatabase, send},
};
use stand_ins::{Gatekeeper, server_secret};
use tokio_util::sync::DropGuard;
use user_api::{Config, DEFAULTS, State};

pub(crate) use stand_ins::KEYS;
pub(crate) use testing::{assert_empty, assert_refused, eventually};

pub(crate) const PASSWORD: &str = "correct-horse";

/// The secret of the service `gatekeeper`, as [`server_secret`] has it.
pub(crate) const SECRET: &str = "the secret of gatekeeper";

/// The names that log in, each with its own secret.
const SERVERS: [&str; 3] = ["gatekeeper", "operator", "scripts"];

/// A time in which much happens.
pub(crate) const A_SECOND: Duration = Duration::from_secs(1);

pub(crate) const LEGACY_SALT: &str = "a mineral substance composed primarily of sodium chloride";

pub(crate) struct World {
    pub(crate) app: TestApp,
    pub(crate) gatekeeper: Gatekeeper,
    pub(crate) database: TestDatabase,
    _relay: DropGuard,
}

/// Somebody who signed up.
pub(crate) struct User {
    pub(crate) id: String,
    pub(crate) email: String,
    pub(crate) token: String,
    pub(crate) person: Person,
}

impl World {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// A world with other settings.
    pub(crate) async fn start_with(change: impl FnOnce(&mut Config)) -> Self {
        Self::start_in(TestDatabase::create().await, change).await
    }

    /// A world whose database is not empty.
    pub(crate) async fn start_in(database: TestDatabase, change: impl FnOnce(&mut Config)) -> Self {
        let gatekeeper = Gatekeeper::start();
        let mut config = config(&database, &gatekeeper.url());
        change(&mut config);
        let state = State::connect(&config).await.unwrap();
        let app = TestApp::start(state.service());
        gatekeeper.call_back(&app.url);
        Self {
            app,
            gatekeeper,
            database,
            _relay: testing::beside(async move |stop| state.relay(&stop).await),
        }
    }

    pub(crate) fn anonymous(&self) -> Person {
        self.app.anonymous()
    }

    /// The service `gatekeeper`, logged in.
    pub(crate) async fn service(&self) -> Person {
        self.service_called("gatekeeper").await
    }

    /// A service, or an operator, logged in as `name`.
    pub(crate) async fn service_called(&self, name: &str) -> Person {
        let answer = self.server_login(name, &server_secret(name)).await;
        assert_eq!(answer.status, 200);
        self.app.bearer(answer.header(TOKEN_HEADER).unwrap())
    }

    pub(crate) async fn server_login(&self, name: &str, secret: &str) -> Answer {
        let request = self
            .anonymous()
            .request(Method::POST, "/serverlogin")
            .header("x-tidepool-server-name", name)
            .header("x-tidepool-server-secret", secret);
        send(request).await
    }

    /// Signs `name` up, with an address made of it and [`PASSWORD`].
    pub(crate) async fn user(&self, name: &str) -> User {
        self.user_with_roles(name, &["patient"]).await
    }

    pub(crate) async fn user_with_roles(&self, name: &str, roles: &[&str]) -> User {
        let mut body = sign_up(&format!("{name}@example.org"));
        body["roles"] = json!(roles);
        self.signed_up(&body).await
    }

    /// Somebody who signed up with `body`.
    pub(crate) async fn signed_up(&self, body: &Value) -> User {
        let answer = self.anonymous().post("/user", body).await;
        assert_eq!(answer.status, 201, "{body}: {}", answer.text());
        let token = answer.header(TOKEN_HEADER).unwrap().to_owned();
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        User {
            id: text(&answer.json::<Value>()["userid"]),
            email: text(&body["emails"][0]),
            person: self.app.bearer(&token),
            token,
        }
    }

    /// Marks the user's address as verified, as the service that mails does.
    pub(crate) async fn verify(&self, user: &User) {
        let update = json!({ "updates": { "emailVerified": true } });
        let answer = self
            .service()
            .await
            .put(&format!("/user/{}", user.id), &update)
            .await;
        assert_eq!(answer.status, 200);
    }

    pub(crate) async fn log_in(&self, name: &str, password: &str) -> Answer {
        self.log_in_at("/login", name, password).await
    }

    /// The same at a place that a proxy tells.
    pub(crate) async fn log_in_from(&self, place: &str, name: &str, password: &str) -> Answer {
        let request = self
            .anonymous()
            .at_place(place)
            .request(Method::POST, "/login")
            .header("authorization", basic(name, password));
        send(request).await
    }

    pub(crate) async fn log_in_at(&self, path: &str, name: &str, password: &str) -> Answer {
        let request = self
            .anonymous()
            .request(Method::POST, path)
            .header("authorization", basic(name, password));
        send(request).await
    }

    pub(crate) fn users(&self) -> Collection<Document> {
        self.database.database.collection("users")
    }

    pub(crate) fn tokens(&self) -> Collection<Document> {
        self.database.database.collection("tokens")
    }

    pub(crate) fn outbox(&self) -> Collection<Document> {
        self.database.database.collection("outbox")
    }

    /// The stored account.
    pub(crate) async fn document(&self, id: &str) -> Option<Document> {
        self.users()
            .find_one(bson::doc! { "userid": id })
            .await
            .unwrap()
    }
}

/// The shipped defaults with what has none.
pub(crate) fn config(database: &TestDatabase, gatekeeper_url: &str) -> Config {
    let names = SERVERS.map(|name| (format!("server_secrets.{name}"), server_secret(name)));
    let mut settings = vec![
        ("metadata.database", database.settings.database.as_str()),
        ("gatekeeper.url", gatekeeper_url),
        ("tokens.private_key", &KEYS.private_pem),
    ];
    settings.extend(names.iter().map(|(name, secret)| (&**name, &**secret)));
    let mut config: Config = testing::config(DEFAULTS, database, &settings);
    // Some worlds have more people than one place makes.
    config.limits.sign_ups_per_source = Limit::OFF;
    config.limits.dependants_per_source = Limit::OFF;
    config
}

/// The body of a sign-up with the address `email`.
pub(crate) fn sign_up(email: &str) -> Value {
    json!({ "username": email, "emails": [email], "password": PASSWORD })
}

pub(crate) fn basic(name: &str, password: &str) -> String {
    format!(
        "Basic {}",
        BASE64_STANDARD.encode(format!("{name}:{password}"))
    )
}
