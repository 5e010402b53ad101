//! clinic: clinics, who works for them, and their patients.
//!
//! **Owns** the collections `clinics`, `clinicians` and `patients`, their archives (`…_deletions`), the
//! `tallies` of patients, the `jobs` that change all patients of a clinic, the `merges` of clinics with
//! their `merge_plans`, the `migrations` of legacy accounts with their `migration_patients`, what
//! hospital records send (`redox` and what begins so, and with `xealth_`), the reports that are to go
//! there, and the `outbox`.
//! **Calls** user-api (accounts, profiles, tokens) and gatekeeper, which says who shares with a legacy
//! account; where Xealth is served, also Xealth and the service that makes restricted tokens. Through the
//! outbox it reports to gatekeeper who works for a clinic and what its patients share with it, and to confirm
//! what people get mails about.
//! **Settings** start with `CLINIC__`; `config.default.toml` lists them.
//!
//! # To add an operation
//!
//! What the service does is in `use_cases`: an act loads, decides (`domain`), writes (`store`) and
//! reports; it knows no HTTP type and makes no query of its own.
//!
//! So an operation has its rule with a test in `domain`, its query in `store`, its act in `use_cases`
//! unless it is one query, its handler in `routes`, its line with who may call it in `routes/mod.rs`,
//! its row in `tests/it/auth.rs` and its test in `tests/it`.
//!
//! # Known quirks
//!
//! Kept from the reference, whose clients rely on them:
//! - 400 for a missing token, and 404 for a method that a path does not have.
//! - A known caller without the right is 403, before path, query and body are looked at.
//! - Creations are 200.
//! - A clinic that is a legacy account still refuses further migrations in the words for one that is
//!   migrated already.
//!
//! Departures from it:
//! - An absent body is refused where the operation needs one, instead of read as an empty one.
//! - A creator without an address gets a clinic.
//! - The search for clinicians looks at names as well.
//! - A site may be renamed to a case variant of its name, and an unknown tag is 404.
//! - What Xealth sends and cannot be read, or has been used, is 400 or 409 instead of 500; what was entered
//!   before an order may come again.
//! - A message of hospital records that cannot be understood is taken and kept apart, unless a setting
//!   says otherwise; a repeat is stored once; a match of an unknown message is 404.
//! - Data sources that cannot be written are a failure, not 200.
//! - What a clinic's tags and sites change about its patients is made at one moment and shown at once,
//!   though it is written by and by (`domain/bulk_change.rs`).

pub mod config;
mod domain;
mod error;
mod hospital;
mod relay;
mod rights;
mod routes;
mod store;
mod use_cases;
mod xealth;

use std::{sync::Arc, time::Duration};

use actix_web::web::{Data, ServiceConfig};
use shared_runtime::{
    auth::{Admission, Authenticator, RemoteTokens, ServerLogin, ServiceToken},
    http::PeerClient,
    mongo::Connector,
    oauth::TokenEndpoint,
    outbox::Outbox,
    peers::{confirm::Confirm, gatekeeper::Gatekeeper, user_api::UserApi},
    server::{self, Readiness, Service},
};
use shared_types::UserId;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

pub use config::{Config, DEFAULTS, PREFIX};
pub use routes::{openapi, table};

use crate::{
    hospital::RedoxRules,
    store::{ClinicRivals, Directories, Pulses, Store, StoreSettings},
    use_cases::{
        count_in_patients, enrol_together::Enrolments, migrate, work_jobs, work_merges, work_orders,
    },
    xealth::Xealth,
};

/// What handlers share.
#[derive(Clone)]
pub struct State {
    connector: Connector,
    readiness: Readiness,
    store: Store,
    store_settings: StoreSettings,
    /// Wakes the worker of the jobs.
    job_wake: Arc<Notify>,
    /// The same of the merges.
    merge_wake: Arc<Notify>,
    /// Batches of a merge that the request works off which begins it.
    merge_batches: u32,
    /// Wakes the worker of the migrations.
    migration_wake: Arc<Notify>,
    /// Whether that worker works here.
    brings_patients: bool,
    /// Wakes the workers of the orders.
    order_wake: Arc<Notify>,
    /// How messages of hospital records are taken.
    redox: RedoxRules,
    /// Whether Xealth is served, and by what.
    xealth: Xealth,
    outbox: Outbox,
    enrolments: Enrolments,
    user_api: UserApi,
    gatekeeper: Gatekeeper,
    confirm: Confirm,
    /// Whom every new clinic gets as a patient.
    demo_patient: Option<UserId>,
    /// Where credentials of programs are looked at; `None`: nowhere.
    token_endpoint: Option<TokenEndpoint>,
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
        let login: Arc<dyn ServiceToken> = Arc::new(ServerLogin::new(&config.user_api)?);
        let user_api = UserApi::new(PeerClient::new(&config.user_api.url, login.clone())?);
        let tokens = RemoteTokens::new(user_api.clone(), config.user_api.token_cache_ms)?;
        anyhow::ensure!(config.jobs.lease_s > 0, "jobs.lease_s is at least 1");
        let migration_lease_s = config.migrations.lease_s;
        anyhow::ensure!(migration_lease_s > 0, "migrations.lease_s is at least 1");
        let store = StoreSettings {
            demo_patient: config.clinics.demo_patient.clone(),
            job_lease: Duration::from_secs(config.jobs.lease_s),
            migration_lease: Duration::from_secs(migration_lease_s),
            directories: Directories::new(config.search.memory_bytes),
            pulses: Pulses::new(config.reports.memory_bytes),
            rivals: ClinicRivals::default(),
        };
        let token_url = config.service_accounts.token_url.as_deref();
        let token_url = token_url.filter(|url| !url.is_empty());
        let outbox = Outbox::open(&database, &config.outbox).await?;
        let opened = Store::open(&database, &store).await?;
        Ok(Self {
            connector,
            readiness: Readiness::watching(database.clone()),
            enrolments: Enrolments::on(&opened, &outbox),
            store: opened,
            outbox,
            user_api,
            gatekeeper: Gatekeeper::new(PeerClient::new(&config.gatekeeper.url, login.clone())?),
            confirm: Confirm::new(PeerClient::new(&config.confirm.url, login.clone())?),
            demo_patient: store.demo_patient.clone(),
            store_settings: store,
            job_wake: Arc::default(),
            merge_wake: Arc::default(),
            merge_batches: config.merges.prompt_batches,
            migration_wake: Arc::default(),
            brings_patients: config.migrations.worker,
            order_wake: Arc::default(),
            redox: RedoxRules::new(&config.redox),
            xealth: Xealth::new(&config.xealth, login)?,
            token_endpoint: token_url.map(TokenEndpoint::new).transpose()?,
            authenticator: Authenticator(Arc::new(tokens)),
            admission: Admission::new(&config.internal),
        })
    }

    /// The same with connections of its own, for one worker thread.
    fn unshared(&self) -> anyhow::Result<Self> {
        let database = self.connector.open()?;
        let store = Store::on(&database, &self.store_settings);
        let outbox = self.outbox.through(database.client());
        Ok(Self {
            enrolments: Enrolments::on(&store, &outbox),
            store,
            outbox,
            user_api: self.user_api.unshared()?,
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

    /// Does what is owed to other services, counts the patients that nobody has counted, and does what
    /// is left to be done to the patients of large clinics, to clinics that become one, and brings
    /// those of legacy accounts, and does what hospital records order, until `stop`.
    pub async fn relay(&self, stop: &CancellationToken) {
        count_in_patients::begin(self).await;
        let effects = relay::effects(self.clone());
        let relay = self.outbox.relay(&effects, stop);
        let migrations = async {
            if self.brings_patients {
                migrate::work(self, stop).await;
            }
        };
        tokio::join!(
            relay,
            work_jobs::work(self, stop),
            Box::pin(work_merges::work(self, stop)),
            Box::pin(work_orders::work(self, stop)),
            migrations,
        );
    }
}

/// Registers the routes.
pub fn configure(config: &mut ServiceConfig, state: &State) {
    config.app_data(Data::new(state.clone()));
    config.app_data(state.authenticator.clone());
    config.app_data(state.admission.clone());
    table().configure(config);
}
