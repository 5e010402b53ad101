//! Xealth and the service that makes restricted tokens, played by one. Neither is part of Tidegate.

use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard},
};

use actix_web::{HttpResponse, http::StatusCode};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value, json};
use shared_runtime::error::ApiError;

use crate::{Part, Request, StandIn, tokens::Caller};

/// Both, played. Orders are below `/v2`, and access tokens at `/oauth2/token`.
pub type Xealth = StandIn<Orders>;

/// Who may have an access token.
pub const CLIENT_ID: &str = "tidegate";
/// How they show it.
pub const CLIENT_SECRET: &str = "the-secret-of-tidegate";
const ACCESS_TOKEN: &str = "an-access-token";

/// What they can be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ask {
    /// `POST /oauth2/token`.
    AccessToken,
    /// `GET /v2/partner/read/order/{deployment}/{order}`.
    Order,
    /// `POST /v1/users/{userid}/restricted_tokens`.
    CreateToken,
    /// `GET /v1/restricted_tokens/{token}`.
    Token,
}

/// What they keep.
#[derive(Default)]
pub struct Orders(Mutex<Known>);

#[derive(Default)]
struct Known {
    /// By deployment and id.
    orders: BTreeMap<String, String>,
    /// By id.
    tokens: BTreeMap<String, Value>,
}

impl Xealth {
    /// Something was ordered.
    pub fn has(&self, deployment: &str, order: &str, data: &Value) {
        self.has_text(deployment, order, &data.to_string());
    }

    /// The same, as this very text.
    pub fn has_text(&self, deployment: &str, order: &str, text: &str) {
        let mut known = self.known();
        let about = format!("{deployment} {order}");
        known.orders.insert(about, text.to_owned());
    }

    /// There is a restricted token for the account of `user`, until the time `end`.
    pub fn has_token(&self, token: &str, user: &str, end: DateTime<Utc>) {
        let made = restricted(token, user, end);
        self.known().tokens.insert(token.to_owned(), made);
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.part().0.lock().unwrap()
    }
}

impl Part for Orders {
    type Ask = Ask;

    fn read(request: &Request) -> Option<(Ask, String)> {
        Some(match request.operation() {
            ("POST", path) if path == ["oauth2", "token"] => (Ask::AccessToken, String::new()),
            ("GET", path) => match path[..] {
                ["v2", "partner", "read", "order", deployment, order] => {
                    (Ask::Order, format!("{deployment} {order}"))
                }
                ["v1", "restricted_tokens", token] => (Ask::Token, token.to_owned()),
                _ => return None,
            },
            ("POST", path) => match path[..] {
                ["v1", "users", user, "restricted_tokens"] => (Ask::CreateToken, user.to_owned()),
                _ => return None,
            },
            _ => return None,
        })
    }

    fn admit(ask: Ask, request: &Request) -> Result<(), ApiError> {
        let authorization = request.header("authorization");
        let is_known = match ask {
            Ask::AccessToken => {
                let pair = BASE64_STANDARD.encode(format!("{CLIENT_ID}:{CLIENT_SECRET}"));
                let is_grant = request.field("grant_type").as_deref() == Some("client_credentials");
                is_grant && authorization == Some(&format!("Basic {pair}"))
            }
            Ask::Order => authorization == Some(&format!("Bearer {ACCESS_TOKEN}")),
            Ask::CreateToken | Ask::Token => Caller::of(request).is_one_of(&["clinic"]),
        };
        if is_known {
            Ok(())
        } else {
            Err(ApiError::empty(StatusCode::UNAUTHORIZED))
        }
    }

    async fn answer(&self, ask: Ask, request: &Request) -> Result<HttpResponse, ApiError> {
        let Some((_, about)) = Self::read(request) else {
            return Err(missing());
        };
        let mut known = self.0.lock().unwrap();
        match ask {
            Ask::AccessToken => Ok(HttpResponse::Ok().json(json!({
                "access_token": ACCESS_TOKEN, "token_type": "Bearer", "expires_in": 3600,
            }))),
            Ask::Order => {
                let order = known.orders.get(&about).ok_or_else(missing)?;
                let mut found = HttpResponse::Ok();
                Ok(found.content_type("application/json").body(order.clone()))
            }
            Ask::CreateToken => {
                let token = format!("restricted-{}", known.tokens.len());
                let made = restricted(&token, &about, Utc::now() + TimeDelta::hours(1));
                known.tokens.insert(token, made.clone());
                Ok(HttpResponse::Created().json(made))
            }
            Ask::Token => {
                let token = known.tokens.get(&about).ok_or_else(missing)?;
                Ok(HttpResponse::Ok().json(token))
            }
        }
    }
}

fn restricted(token: &str, user: &str, end: DateTime<Utc>) -> Value {
    let written = |time: DateTime<Utc>| time.to_rfc3339_opts(SecondsFormat::Millis, true);
    json!({
        "id": token, "userId": user, "expirationTime": written(end), "createdTime": written(Utc::now()),
    })
}

fn missing() -> ApiError {
    ApiError::empty(StatusCode::NOT_FOUND)
}
