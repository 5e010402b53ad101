//! Who may call what is below `/internal`: the services and the operators that the settings name.

use std::{future::Future, pin::Pin, sync::Arc};

use actix_web::{FromRequest, HttpRequest, dev::Payload};
use tracing::warn;

use super::Service;
use crate::{
    config::InternalSettings,
    error::{ApiError, Envelope, Rejection},
};

/// The names that internal operations admit; registered as application data. Without it they admit
/// nobody.
#[derive(Debug, Clone, Default)]
pub struct Admission {
    services: Arc<[String]>,
    operators: Arc<[String]>,
}

impl Admission {
    /// Admits whom the settings name. A name is compared as it stands.
    pub fn new(settings: &InternalSettings) -> Self {
        Self {
            services: settings.services.clone().into(),
            operators: settings.operators.clone().into(),
        }
    }
}

/// A service that internal operations admit. A handler that takes it is closed to everybody else,
/// to services as well that log in under another name.
#[derive(Debug)]
pub struct Peer(());

/// An operator, who logs in as services do: for operations that no service needs. A handler that
/// takes it is closed to everybody else.
#[derive(Debug)]
pub struct Operator(());

type Extracted<T> = Pin<Box<dyn Future<Output = Result<T, ApiError>>>>;

impl FromRequest for Peer {
    type Error = ApiError;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let admitted = admitted(request, payload, |admission| &admission.services);
        Box::pin(async move { admitted.await.map(Self) })
    }
}

impl FromRequest for Operator {
    type Error = ApiError;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let admitted = admitted(request, payload, |admission| &admission.operators);
        Box::pin(async move { admitted.await.map(Self) })
    }
}

fn admitted(
    request: &HttpRequest,
    payload: &mut Payload,
    names: fn(&Admission) -> &[String],
) -> impl Future<Output = Result<(), ApiError>> + use<> {
    let service = Service::from_request(request, payload);
    let request = request.clone();
    async move {
        let service = service.await?;
        let admission = request.app_data::<Admission>();
        if admission.is_some_and(|admission| names(admission).contains(&service.name)) {
            return Ok(());
        }
        // Either a secret is used for what it was not made for, or a setting lacks a name.
        warn!(%service.name, "an internal operation does not admit this service");
        Err(Envelope::render(&request, Rejection::ServiceNotAdmitted))
    }
}
