//! gatekeeper: permissions. Who may see or change whose data.
//!
//! **Owns** the grants of accounts to accounts (`perms`) and which offers have become such
//! (`applied_grants`), and the relations of clinics to patients and clinicians
//! (`patient_permissions`, `clinician_permissions`), which clinic reports. **Calls**
//! user-api to check tokens, and to report who runs an account before that changes; user-api
//! returns whether the account needs somebody. **Settings** start with `GATEKEEPER__`;
//! `config.default.toml` lists them.
//!
//! # To add an operation
//!
//! What the service does is in `use_cases`: an act loads, decides (`domain`), writes (`store`) and
//! reports; it knows no HTTP type and makes no query of its own.
//!
//! So an operation has its rule with a test in `domain`, its query in `store`, its act in `use_cases`
//! unless it is one query, its handler in `routes`, its line in `routes/mod.rs` and its row in
//! `tests/it/auth.rs`.
//!
//! # Known quirks
//!
//! Kept from the reference, whose clients rely on them:
//! - 401, not 403, for a caller who is known but not allowed; 403 is the last-admin rule's alone.
//! - Error bodies of four kinds: a JSON string, `{code, message}`, `{code, reason}`, none.
//! - The lists do not contain access through clinics, the pair check does.
//! - The whole set of a pair is replaced; there is no operation that adds or removes one name.
//! - Ids are not checked: an unknown account has no permissions, and a list of it is never 404.
//!
//! Departures from it:
//! - A body that is no object, or holds names that a document database gives a meaning of its own
//!   (empty, starting with `$`, with `.` or NUL) or names that nobody can be granted, is refused with
//!   400 instead of stored. What the reference stored of the kind grants nothing.
//! - Reads have an `ETag`, on which a replacement can be made to depend.
//! - `admin` and `custodian` count for each other; a grantee may drop part of its set, and only its
//!   own; the last administrator of an account without password and e-mail stays.

pub mod config;
mod domain;
mod error;
mod rights;
mod routes;
mod store;
mod use_cases;

use std::sync::Arc;

use actix_web::web::{Data, ServiceConfig};
use shared_runtime::{
    auth::{Admission, Authenticator, RemoteTokens, ServerLogin},
    http::PeerClient,
    mongo::Connector,
    peers::user_api::UserApi,
    server::{self, Readiness, Service},
};

pub use config::{Config, DEFAULTS, PREFIX};
pub use routes::{openapi, table};

use crate::store::Store;

/// What handlers share.
#[derive(Clone)]
pub struct State {
    connector: Connector,
    readiness: Readiness,
    store: Store,
    user_api: UserApi,
    authenticator: Authenticator,
    admission: Admission,
}

impl State {
    /// Connects to the database and prepares everything that requests need.
    pub async fn connect(config: &Config) -> anyhow::Result<Self> {
        Self::connect_by(Connector::new(&config.mongo).await?, config).await
    }

    /// The same by a connector of the caller's, such as one that is observed.
    pub async fn connect_by(connector: Connector, config: &Config) -> anyhow::Result<Self> {
        let database = connector.connect().await?;
        let login = ServerLogin::new(&config.user_api)?;
        let user_api = UserApi::new(PeerClient::new(&config.user_api.url, Arc::new(login))?);
        let tokens = RemoteTokens::new(user_api.clone(), config.user_api.token_cache_ms)?;
        Ok(Self {
            connector,
            readiness: Readiness::watching(database.clone()),
            store: Store::open(&database).await?,
            user_api,
            authenticator: Authenticator(Arc::new(tokens)),
            admission: Admission::new(&config.internal),
        })
    }

    /// The same with connections of its own, for one worker thread.
    fn unshared(&self) -> anyhow::Result<Self> {
        Ok(Self {
            store: Store::on(&self.connector.open()?),
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
}

/// Registers the routes.
pub fn configure(config: &mut ServiceConfig, state: &State) {
    config.app_data(Data::new(state.clone()));
    config.app_data(state.authenticator.clone());
    config.app_data(state.admission.clone());
    table().configure(config);
}
