//! What a test starts with: the service, its database, and a user-api that knows whom it is told.

use bson::Document;
use gatekeeper::{Config, DEFAULTS, State};
use mongodb::Database;
use reqwest::Method;
use serde_json::{Value, json};
use shared_runtime::{
    auth::SessionClaims,
    mongo::Connector,
    testing::{self, Answer, Commands, Person, TestApp, TestDatabase, claims, send_raw},
};
use stand_ins::{UserApi, server_secret};

pub(crate) use testing::{assert_answer, assert_empty};

/// The service and what it works with.
pub(crate) struct World {
    pub(crate) app: TestApp,
    pub(crate) user_api: UserApi,
    pub(crate) commands: Commands,
    pub(crate) state: State,
    database: TestDatabase,
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

    /// A service on a database that somebody else filled.
    pub(crate) async fn start_in(database: TestDatabase, change: impl FnOnce(&mut Config)) -> Self {
        let user_api = UserApi::start();
        let settings = [
            ("user_api.url", user_api.url()),
            ("user_api.server_secret", server_secret("gatekeeper")),
        ];
        let settings = settings
            .each_ref()
            .map(|(name, value)| (*name, value.as_str()));
        let mut config: Config = testing::config(DEFAULTS, &database, &settings);
        change(&mut config);
        let commands = Commands::default();
        let connector = Connector::new(&config.mongo).await.unwrap();
        let connector = connector.observed_by(commands.observer());
        let state = State::connect_by(connector, &config).await.unwrap();
        Self {
            app: TestApp::start(state.service()),
            user_api,
            commands,
            state,
            database,
        }
    }

    pub(crate) fn anonymous(&self) -> Person {
        self.app.anonymous()
    }

    /// A user who is logged in.
    pub(crate) fn user(&self, id: &str) -> Person {
        self.bearer(&claims(id, "no"))
    }

    /// Another service.
    pub(crate) fn service(&self) -> Person {
        self.service_called("user-api")
    }

    /// A service that logged in as `name`.
    pub(crate) fn service_called(&self, name: &str) -> Person {
        self.bearer(&claims(name, "yes"))
    }

    /// The bearer of a token with these claims that user-api knows.
    pub(crate) fn bearer(&self, claims: &SessionClaims) -> Person {
        self.app.bearer(&self.user_api.token(claims))
    }

    pub(crate) fn database(&self) -> &Database {
        &self.database.database
    }

    /// Grants as another service does.
    pub(crate) async fn grant(&self, sharer: &str, grantee: &str, set: Value) {
        let answer = self
            .service()
            .post(&format!("/access/{sharer}/{grantee}"), &set)
            .await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }

    pub(crate) async fn work_for(&self, clinic: &str, clinician: &str) {
        let path = format!("/internal/clinics/{clinic}/clinicians/{clinician}");
        let answer = self.service().put(&path, &json!({"revision": 1})).await;
        assert_eq!(answer.status, 204, "{}", answer.text());
    }

    pub(crate) async fn treat(&self, clinic: &str, patient: &str, permissions: Value) {
        let path = format!("/internal/clinics/{clinic}/patients/{patient}");
        let body = json!({"revision": 1, "permissions": permissions});
        let answer = self.service().put(&path, &body).await;
        assert_eq!(answer.status, 204, "{}", answer.text());
    }

    /// Every document, to see that nothing changed.
    pub(crate) async fn everything(&self) -> Vec<Document> {
        let collections = ["perms", "patient_permissions", "clinician_permissions"];
        self.database.everything(&collections).await
    }
}

/// `POST` with a body that is no JSON value.
pub(crate) async fn post_raw(
    person: &Person,
    path: &str,
    body: impl Into<reqwest::Body>,
) -> Answer {
    send_raw(person, Method::POST, path, body).await
}

/// Asserts the response to a caller who is not allowed.
#[track_caller]
pub(crate) fn assert_unauthorized(answer: &Answer) {
    assert_answer(answer, 401, &json!("Unauthorized"));
}
