//! user-api: accounts, passwords, sessions, tokens and metadata.
//!
//! Owns the collections `users`, `tokens`, `applied_updates`, `past_accounts` and the metadata
//! collection. Calls gatekeeper for permissions. Reports through the outbox: deleted accounts to
//! gatekeeper, confirm and clinic, changed accounts to confirm, changed addresses to clinic.
//! Settings start with `USER_API__`; `config.default.toml` lists them.
//!
//! # Known quirks
//!
//! What the reference does and its clients rely on; not for new operations:
//!
//! - 401 where the caller is known but lacks the right. The update of an unknown account is 401 too;
//!   to read one is 404, before the right is looked at.
//! - Log-in tells an unverified account (403) from wrong credentials (401), and sign-up tells that an
//!   address is taken (409).
//! - The update that sends `{"updates":{"terms":…}}` changes nothing and is 200.
//!
//! # To add an operation
//!
//! What the service does is in `use_cases`: an act loads, decides (`domain`), writes (`store`) and
//! reports; it knows no HTTP type and makes no query of its own.
//!
//! So an operation has its rule in `domain`, its query in `store`, its act in `use_cases` unless it
//! is one query, its handler in `routes`, its line in `routes/mod.rs`, its line in
//! `tests/it/auth.rs`, its test in `tests/it`.

pub mod config;
mod domain;
mod error;
mod guesses;
mod hashing;
mod own_token;
mod queue;
mod relay;
mod retries;
mod rights;
mod routes;
mod server_secrets;
mod sessions;
mod store;
mod strength;
mod use_cases;

use std::sync::Arc;

use actix_web::web::{Data, ServiceConfig};
use futures_util::future::join;
use secrecy::{ExposeSecret, SecretString};
use shared_runtime::{
    auth::{Admission, Authenticator},
    http::PeerClient,
    mongo::Connector,
    outbox::Outbox,
    peers::{clinic::Clinic, confirm::Confirm, gatekeeper::Gatekeeper},
    server::{self, Readiness, Service},
};
use tokio_util::sync::CancellationToken;

pub use config::{Config, DEFAULTS, PREFIX};
pub use routes::{openapi, table};

use crate::{
    config::AccountSettings,
    guesses::Limits,
    hashing::Hasher,
    own_token::OwnToken,
    server_secrets::ServerSecrets,
    sessions::Sessions,
    store::{AppliedUpdates, Holders, MetadataStore, NewAccounts, PastAccounts, Tokens, Users},
    use_cases::await_enrolment,
};

/// What handlers share.
#[derive(Clone)]
pub struct State {
    connector: Connector,
    client: mongodb::Client,
    readiness: Readiness,
    users: Users,
    applied_updates: AppliedUpdates,
    holders: Holders,
    past_accounts: PastAccounts,
    metadata: MetadataStore,
    new_accounts: NewAccounts,
    sessions: Sessions,
    server_secrets: Arc<ServerSecrets>,
    admission: Admission,
    hasher: Arc<Hasher>,
    refuses_weak_passwords: bool,
    limits: Arc<Limits>,
    gatekeeper: Gatekeeper,
    /// Gets reports of changed and deleted accounts, if there is such a service.
    confirm: Option<Confirm>,
    /// `None`: there is no such service.
    clinic: Option<Clinic>,
    outbox: Outbox,
    accounts: Arc<AccountSettings>,
}

impl State {
    /// Connects to the database and prepares everything that requests need.
    pub async fn connect(config: &Config) -> anyhow::Result<Self> {
        let connector = Connector::new(&config.mongo).await?;
        let database = connector.connect().await?;
        let metadata = database.client().database(&config.metadata.database);
        let client = database.client().clone();
        let tokens = Tokens::open(&database).await?;
        let users = Users::open(&database).await?;
        let sessions = Sessions::new(&config.tokens, client.clone(), tokens, users.clone())?;
        let own_token = Arc::new(OwnToken::new(sessions.clone()));
        let gatekeeper = PeerClient::new(&config.gatekeeper.url, own_token.clone())?;
        let confirm = match &config.confirm {
            Some(confirm) => {
                let client = PeerClient::new(&confirm.url, own_token.clone())?;
                Some(Confirm::new(client))
            }
            None => None,
        };
        let clinic = match &config.clinic {
            Some(clinic) => Some(Clinic::new(PeerClient::new(&clinic.url, own_token)?)),
            None => None,
        };
        let metadata = MetadataStore::open(&metadata).await?;
        Ok(Self {
            connector,
            new_accounts: NewAccounts::on(&client, &users, &metadata),
            client,
            readiness: Readiness::watching(database.clone()),
            users,
            applied_updates: AppliedUpdates::open(&database).await?,
            holders: Holders::open(&database).await?,
            past_accounts: PastAccounts::open(&database).await?,
            metadata,
            sessions,
            server_secrets: Arc::new(ServerSecrets::new(config)?),
            admission: Admission::new(&config.internal),
            hasher: Arc::new(Hasher::new(&config.passwords)),
            refuses_weak_passwords: config.passwords.refuse_weak,
            limits: Arc::new(Limits::new(&config.limits)),
            gatekeeper: Gatekeeper::new(gatekeeper),
            confirm,
            clinic,
            outbox: Outbox::open(&database, &config.outbox).await?,
            accounts: Arc::new(config.accounts.clone()),
        })
    }

    /// The same with connections of its own, for one worker thread.
    fn unshared(&self) -> anyhow::Result<Self> {
        let client = self.connector.open()?.client().clone();
        let users = self.users.through(&client);
        let metadata = self.metadata.through(&client);
        Ok(Self {
            new_accounts: NewAccounts::on(&client, &users, &metadata),
            users,
            metadata,
            applied_updates: self.applied_updates.through(&client),
            holders: self.holders.through(&client),
            past_accounts: self.past_accounts.through(&client),
            sessions: self.sessions.through(&client),
            gatekeeper: self.gatekeeper.unshared()?,
            outbox: self.outbox.through(&client),
            client,
            ..self.clone()
        })
    }

    /// The service, to be served.
    pub fn service(&self) -> Service<impl Fn(&mut ServiceConfig) + Clone + Send + 'static> {
        Service {
            readiness: self.readiness.clone(),
            openapi: Some(openapi),
            configure: server::per_worker(self, Self::unshared, configure),
        }
    }

    /// Does what is owed to other services, and looks after accounts that wait for a patient, until
    /// `stop`.
    pub async fn relay(&self, stop: &CancellationToken) {
        let effects = relay::effects(self.clone());
        join(
            self.outbox.relay(&effects, stop),
            await_enrolment::run(self, stop),
        )
        .await;
    }

    /// The secret that marks addresses as verified, where there is one.
    fn verification_secret(&self) -> Option<&str> {
        self.accounts
            .verification_secret
            .as_ref()
            .map(SecretString::expose_secret)
    }
}

/// Registers the routes.
pub fn configure(config: &mut ServiceConfig, state: &State) {
    config.app_data(Data::new(state.clone()));
    config.app_data(state.admission.clone());
    config.app_data(Authenticator(Arc::new(state.sessions.clone())));
    table().configure(config);
}
