//! The data service, played: alert configurations. It is no part of Tidegate.

use std::{collections::BTreeMap, sync::Mutex};

use actix_web::{HttpResponse, http::StatusCode};
use serde_json::Value;
use shared_runtime::error::ApiError;

use crate::{Part, Request, StandIn, tokens::Caller};

/// The data service, played.
pub type Data = StandIn<Alerts>;

/// What it can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ask {
    /// `POST /v1/users/{userid}/followers/{followerid}/alerts`.
    Alerts,
}

/// What it keeps: alert configurations by their paths.
#[derive(Default)]
pub struct Alerts(Mutex<BTreeMap<String, Value>>);

impl Data {
    /// The stored alert configurations, each with its path.
    pub fn alerts(&self) -> Vec<(String, Value)> {
        let alerts = self.part().0.lock().unwrap();
        alerts.clone().into_iter().collect()
    }
}

impl Part for Alerts {
    type Ask = Ask;

    fn read(request: &Request) -> Option<(Ask, String)> {
        match request.operation() {
            ("POST", path) if matches!(path[..], ["v1", "users", _, "followers", _, "alerts"]) => {
                Some((Ask::Alerts, path_of(request)))
            }
            _ => None,
        }
    }

    fn admit(_: Ask, request: &Request) -> Result<(), ApiError> {
        match Caller::of(request) {
            Caller::Service(_) => Ok(()),
            _ => Err(ApiError::empty(StatusCode::UNAUTHORIZED)),
        }
    }

    async fn answer(&self, ask: Ask, request: &Request) -> Result<HttpResponse, ApiError> {
        let Ask::Alerts = ask;
        let alerts = request
            .body()
            .ok_or_else(|| ApiError::empty(StatusCode::BAD_REQUEST))?;
        self.0.lock().unwrap().insert(path_of(request), alerts);
        Ok(HttpResponse::NoContent().finish())
    }
}

fn path_of(request: &Request) -> String {
    format!("/{}", request.segments.join("/"))
}
