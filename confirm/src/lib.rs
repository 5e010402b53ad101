//! confirm: someone asks, someone answers. Invitations, the verification of addresses, claims of
//! accounts, and password resets, with the e-mails that go with them.
//!
//! **Owns** the collections `confirmations` and `quotas` and two outboxes: `outbox` for effects on
//! other services, `mail_outbox` for mails, so that a slow mail server holds nothing else up.
//! **Calls** user-api (accounts, profiles, tokens), gatekeeper (permissions) and, where there are
//! any, clinic (clinics, their clinicians and patients) and the data service (alerts). **Settings**
//! start with `CONFIRM__`; `config.default.toml` lists them.
//!
//! # Known quirks
//!
//! What the reference does and its clients rely on; not for new operations:
//!
//! - An invalid token is 403, a missing one 401; 401 also for a caller without the right, but 403
//!   when an invitation is sent once more.
//! - An empty list of invitations is 404, unless it is a clinic's.
//! - What clinic refuses when it is asked for who is invited is answered in its words.
//! - Bodies of other kinds, such as `{"404":[]}`, stand for no body.
//! - The claim of an account answers 409 with a number of its own for each mistake.
//!
//! # To add an operation
//!
//! What the service does is in `use_cases`: an act loads, decides (`domain`), writes (`store`) and
//! reports; it knows no HTTP type and makes no query of its own. So: the rule in `domain`, the query in
//! `store`, the act in `use_cases`, the handler in `routes`, its line in `routes/mod.rs`, its line in
//! `tests/it/auth.rs`, its test in `tests/it`.

pub mod config;
mod domain;
mod error;
mod guesses;
mod mail;
mod pages;
mod relay;
mod rights;
mod routes;
mod store;
mod use_cases;

use std::sync::Arc;

use actix_web::web::{Data, ServiceConfig};
use shared_runtime::{
    auth::{Admission, Authenticator, RemoteTokens, ServerLogin, ServiceToken},
    config::PeerSettings,
    http::PeerClient,
    limits::KeyedLimiter,
    mongo::Connector,
    outbox::Outbox,
    peers::{clinic::Clinic, data, gatekeeper::Gatekeeper, user_api::UserApi},
    server::{self, Readiness, Service},
};
use tokio_util::sync::CancellationToken;

pub use config::{Config, DEFAULTS, PREFIX};
pub use mail::write_previews;
pub use routes::{openapi, table};

use crate::{
    config::LimitSettings,
    error::{Error, Refusal},
    mail::Mailer,
    pages::Pages,
    store::{Confirmations, Quotas},
    use_cases::list_invitations::Lists,
};

/// What handlers share.
#[derive(Clone)]
pub struct State {
    connector: Connector,
    client: mongodb::Client,
    readiness: Readiness,
    confirmations: Confirmations,
    lists: Lists,
    quotas: Quotas,
    /// Effects on other services.
    outbox: Outbox,
    /// Mails.
    mails: Outbox,
    mailer: Arc<Mailer>,
    user_api: UserApi,
    gatekeeper: Gatekeeper,
    /// `None`: no service keeps alert configurations.
    data: Option<data::Data>,
    /// `None`: there are no clinics.
    clinics: Option<Clinic>,
    authenticator: Authenticator,
    admission: Admission,
    limits: Arc<LimitSettings>,
    key_limit: Arc<KeyedLimiter>,
    pages: Arc<Pages>,
}

impl State {
    /// Connects to the database and prepares everything that requests need.
    pub async fn connect(config: &Config) -> anyhow::Result<Self> {
        let connector = Connector::new(&config.mongo).await?;
        let database = connector.connect().await?;
        let login: Arc<dyn ServiceToken> = Arc::new(ServerLogin::new(&config.user_api)?);
        let user_api = UserApi::new(PeerClient::new(&config.user_api.url, login.clone())?);
        let tokens = RemoteTokens::new(user_api.clone(), config.user_api.token_cache_ms)?;
        let gatekeeper = PeerClient::new(&config.gatekeeper.url, login.clone())?;
        let peer = |settings: &Option<PeerSettings>| {
            let url = settings.as_ref().map(|settings| &settings.url);
            url.map(|url| PeerClient::new(url, login.clone()))
                .transpose()
        };
        let data = peer(&config.data)?.map(data::Data::new);
        let clinics = peer(&config.clinic)?.map(Clinic::new);
        let mailer = Mailer::new(&config.mail, &config.web)?;
        let confirmations = Confirmations::open(&database).await?;
        Ok(Self {
            pages: Pages::new(&config.web, &mailer.product()?)?,
            connector,
            client: database.client().clone(),
            readiness: Readiness::watching(database.clone()),
            lists: Lists::of(&confirmations, &user_api),
            confirmations,
            quotas: Quotas::open(&database).await?,
            outbox: Outbox::open(&database, &config.outbox).await?,
            mails: Outbox::open_named(&database, "mail_outbox", &config.outbox).await?,
            mailer: Arc::new(mailer),
            user_api,
            gatekeeper: Gatekeeper::new(gatekeeper),
            data,
            clinics,
            authenticator: Authenticator(Arc::new(tokens)),
            admission: Admission::new(&config.internal),
            limits: Arc::new(config.limits.clone()),
            key_limit: Arc::new(KeyedLimiter::new(config.limits.keys_per_source)),
        })
    }

    /// The same with connections of its own, for one worker thread.
    fn unshared(&self) -> anyhow::Result<Self> {
        let client = self.connector.open()?.client().clone();
        let confirmations = self.confirmations.through(&client);
        let user_api = self.user_api.unshared()?;
        Ok(Self {
            lists: Lists::of(&confirmations, &user_api),
            confirmations,
            quotas: self.quotas.through(&client),
            outbox: self.outbox.through(&client),
            mails: self.mails.through(&client),
            user_api,
            gatekeeper: self.gatekeeper.unshared()?,
            clinics: self.clinics.as_ref().map(Clinic::unshared).transpose()?,
            client,
            ..self.clone()
        })
    }

    /// Where clinics are.
    fn clinics(&self) -> Result<&Clinic, Error> {
        self.clinics.as_ref().ok_or(Refusal::NotServed.into())
    }

    /// The service, to be served.
    pub fn service(&self) -> Service<impl Fn(&mut ServiceConfig) + Clone + Send + 'static> {
        Service {
            readiness: self.readiness.clone(),
            openapi: Some(openapi),
            configure: server::per_worker(self, Self::unshared, configure),
        }
    }

    /// Sends mails and does what is owed to other services, until `stop`.
    pub async fn relay(&self, stop: &CancellationToken) {
        let effects = relay::effects(self.clone());
        tokio::join!(
            self.outbox.relay(&effects, stop),
            self.mails.relay(&effects, stop)
        );
    }
}

/// Registers the routes.
pub fn configure(config: &mut ServiceConfig, state: &State) {
    config.app_data(Data::new(state.clone()));
    config.app_data(state.authenticator.clone());
    config.app_data(state.admission.clone());
    pages::configure(config, &state.pages);
    table().configure(config);
}
