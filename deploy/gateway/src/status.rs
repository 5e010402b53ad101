//! `GET /status`: whether the platform as a whole takes requests.

use std::time::Duration;

use actix_web::HttpResponse;
use futures_util::future::join_all;
use serde_json::json;

use crate::proxy::{Gateway, Service};

/// A service that takes longer is not ready.
const TIMEOUT: Duration = Duration::from_secs(2);

/// `GET /status`: asks every service whether it is ready.
///
/// Response: 200 `{"status":"ok"}`.
/// Errors: 503 `{"status":"error","notReady":[<service>, …]}`.
/// Source: the platform's habit of a status path per service; this one is about all of them.
pub(crate) async fn answer(gateway: &Gateway) -> HttpResponse {
    let asked = gateway
        .services()
        .iter()
        .map(|service| is_ready(gateway, service));
    let ready = join_all(asked).await;
    let names = gateway
        .services()
        .iter()
        .map(|service| service.name.as_str());
    let not_ready: Vec<&str> = names
        .zip(ready)
        .filter(|(_, ready)| !ready)
        .map(|(name, _)| name)
        .collect();
    if not_ready.is_empty() {
        HttpResponse::Ok().json(json!({ "status": "ok" }))
    } else {
        HttpResponse::ServiceUnavailable().json(json!({ "status": "error", "notReady": not_ready }))
    }
}

async fn is_ready(gateway: &Gateway, service: &Service) -> bool {
    let url = format!("{}/ready", service.base);
    gateway
        .client()
        .get(url)
        .timeout(TIMEOUT)
        .send()
        .await
        .is_ok_and(|answer| answer.status().is_success())
}
