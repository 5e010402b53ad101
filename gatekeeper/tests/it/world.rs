//! What a test starts with: the service, its database, and a user-api that knows whom it is told.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock, Mutex},
    time::Duration,
};

use bson::{Document, doc};
use futures_util::TryStreamExt;
use gatekeeper::{Config, DEFAULTS, State};
use mongodb::Database;
use reqwest::Method;
use serde_json::{Value, json};
use shared_runtime::{
    auth::{SessionClaims, TOKEN_HEADER},
    mongo::Connector,
    testing::{
        self, Answer, Commands, Person, SigningKeys, TestApp, TestDatabase, claims, send_raw,
    },
};
use shared_types::HolderNotice;
use wiremock::{
    Mock, MockServer, Request, Respond, ResponseTemplate,
    matchers::{header, method, path, path_regex},
};

pub(crate) use testing::{assert_answer, assert_empty};

/// One pair for all tests: making one takes a while.
pub(crate) static KEYS: LazyLock<SigningKeys> = LazyLock::new(SigningKeys::generate);

const SERVICE_TOKEN: &str = "the token of gatekeeper itself";

/// The service and what it works with.
pub(crate) struct World {
    pub(crate) app: TestApp,
    pub(crate) user_api: UserApiStub,
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
        let user_api = UserApiStub::start().await;
        let settings = [
            ("user_api.url", user_api.server.uri()),
            ("user_api.server_secret", "a secret".to_owned()),
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
        let token = KEYS.key.sign(claims).unwrap();
        self.user_api.know(&token, claims);
        self.app.bearer(&token)
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
        let mut documents = Vec::new();
        for name in ["perms", "patient_permissions", "clinician_permissions"] {
            let collection = self.database().collection::<Document>(name);
            let cursor = collection
                .find(doc! {})
                .sort(doc! {"_id": 1})
                .await
                .unwrap();
            documents.extend(cursor.try_collect::<Vec<_>>().await.unwrap());
        }
        documents
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

/// user-api as far as gatekeeper asks it.
pub(crate) struct UserApiStub {
    pub(crate) server: MockServer,
    known: Arc<Mutex<Known>>,
}

#[derive(Default)]
struct Known {
    tokens: HashMap<String, Value>,
    accounts: HashMap<String, Value>,
    notices: Vec<Notice>,
    notices_fail: bool,
    notices_wait: Duration,
}

/// What user-api was told about those who run an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Notice {
    pub(crate) account: String,
    pub(crate) version: i64,
    pub(crate) holders: Vec<String>,
}

impl UserApiStub {
    async fn start() -> Self {
        let stub = Self {
            server: MockServer::start().await,
            known: Arc::default(),
        };
        stub.answer().await;
        stub
    }

    async fn answer(&self) {
        let jwks = json!({"keys": [KEYS.key.public()]});
        Mock::given(method("POST"))
            .and(path("/serverlogin"))
            .and(header("x-tidepool-server-name", "gatekeeper"))
            .and(header("x-tidepool-server-secret", "a secret"))
            .respond_with(ResponseTemplate::new(200).insert_header(TOKEN_HEADER, SERVICE_TOKEN))
            .mount(&self.server)
            .await;
        Mock::given(method("GET"))
            .and(path("/.well-known/jwks.json"))
            .respond_with(ResponseTemplate::new(200).set_body_json(jwks))
            .mount(&self.server)
            .await;
        Mock::given(method("GET"))
            .and(path_regex("^/token/"))
            .and(header(TOKEN_HEADER, SERVICE_TOKEN))
            .respond_with(Tokens(self.known.clone()))
            .mount(&self.server)
            .await;
        Mock::given(method("PUT"))
            .and(path_regex("^/internal/users/[^/]+/holders$"))
            .and(header(TOKEN_HEADER, SERVICE_TOKEN))
            .respond_with(Notices(self.known.clone()))
            .mount(&self.server)
            .await;
    }

    fn know(&self, token: &str, claims: &SessionClaims) {
        let data =
            json!({"isserver": claims.is_server(), "userid": claims.usr, "expires_at": claims.exp});
        self.known
            .lock()
            .unwrap()
            .tokens
            .insert(token.to_owned(), data);
    }

    /// What a check of `token` answers.
    pub(crate) fn know_as(&self, token: &str, data: Value) {
        self.known
            .lock()
            .unwrap()
            .tokens
            .insert(token.to_owned(), data);
    }

    pub(crate) fn forget_tokens(&self) {
        self.known.lock().unwrap().tokens.clear();
    }

    /// An account with its members apart from the id.
    pub(crate) fn has_account(&self, id: &str, members: Value) {
        let mut account = members;
        account["userid"] = json!(id);
        self.known
            .lock()
            .unwrap()
            .accounts
            .insert(id.to_owned(), account);
    }

    /// An account that nobody can log into or recover.
    pub(crate) fn has_child(&self, id: &str) {
        self.has_account(id, json!({"username": "child", "passwordExists": false}));
    }

    pub(crate) fn has_adult(&self, id: &str) {
        self.has_account(
            id,
            json!({"emails": [format!("{id}@example.org")], "passwordExists": true}),
        );
    }

    /// The notices about those who run accounts, since the last call.
    pub(crate) fn take_notices(&self) -> Vec<Notice> {
        std::mem::take(&mut self.known.lock().unwrap().notices)
    }

    /// Fails to take notices from here on.
    pub(crate) fn fail_for_notices(&self) {
        self.known.lock().unwrap().notices_fail = true;
    }

    /// From here on, the response to a notice says what holds when the notice comes in, and takes
    /// this long.
    pub(crate) fn hold_answers_to_notices(&self, wait: Duration) {
        self.known.lock().unwrap().notices_wait = wait;
    }

    /// Returns everything with a failure from here on.
    pub(crate) async fn fail(&self) {
        self.server.reset().await;
        Mock::given(wiremock::matchers::any())
            .respond_with(ResponseTemplate::new(500))
            .mount(&self.server)
            .await;
    }
}

struct Tokens(Arc<Mutex<Known>>);

impl Respond for Tokens {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let token = request.url.path().trim_start_matches("/token/");
        match self.0.lock().unwrap().tokens.get(token) {
            Some(data) => ResponseTemplate::new(200).set_body_json(data),
            None => ResponseTemplate::new(404),
        }
    }
}

struct Notices(Arc<Mutex<Known>>);

impl Respond for Notices {
    fn respond(&self, request: &Request) -> ResponseTemplate {
        let account = request.url.path().split('/').nth(3).unwrap();
        let body: HolderNotice = serde_json::from_slice(&request.body).unwrap();
        let holders: Vec<String> = body.holders.iter().map(ToString::to_string).collect();
        let mut known = self.0.lock().unwrap();
        if known.notices_fail {
            return ResponseTemplate::new(500);
        }
        let needs_holder = known.accounts.get(account).is_some_and(|account| {
            account["passwordExists"] != json!(true) && account.get("emails").is_none()
        });
        let mut existing = holders.clone();
        existing.retain(|holder| needs_holder && known.accounts.contains_key(holder));
        known.notices.push(Notice {
            account: account.to_owned(),
            version: body.version,
            holders,
        });
        ResponseTemplate::new(200)
            .set_body_json(json!({ "needsHolder": needs_holder, "existing": existing }))
            .set_delay(known.notices_wait)
    }
}
