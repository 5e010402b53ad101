//! What people do at user-api by way of another service: log in, sign up, log out.

use std::time::Duration;

use anyhow::anyhow;
use base64::{Engine as _, prelude::BASE64_STANDARD};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use shared_types::{UserId, UserRecord};

use super::{UserApi, retry_after};
use crate::{auth::TOKEN_HEADER, http::Answer, peers::PeerError, source::Source};

/// Says on whose behalf a service calls, where the other one limits that.
const FORWARDED_FOR: &str = "x-forwarded-for";

/// A session that was just opened.
#[derive(Debug, Clone)]
pub struct Session {
    /// Whose it is.
    pub user_id: UserId,
    /// Shows that, in the header `x-tidepool-session-token`.
    pub token: SecretString,
}

/// What became of a log-in.
#[derive(Debug)]
pub enum Login {
    /// The session is open.
    Opened(Session),
    /// No account has this name and password.
    WrongCredentials,
    /// They are right, but the address is not verified.
    Unverified,
    /// Too many attempts.
    TooMany {
        /// When to come back.
        retry_after: Duration,
    },
}

/// What became of a sign-up.
#[derive(Debug)]
pub enum SignUp {
    /// The account exists and its first session is open.
    Created(Session),
    /// Another account has the address.
    Taken,
    /// The address or the password breaks a rule.
    Invalid,
    /// Too many accounts were made from there.
    TooMany {
        /// When to come back.
        retry_after: Duration,
    },
}

impl UserApi {
    /// Opens a session for the person who calls from `source` (`POST /auth/login`).
    pub async fn log_in(
        &self,
        source: &Source,
        name: &str,
        password: &SecretString,
    ) -> Result<Login, PeerError> {
        let credentials = format!("{name}:{}", password.expose_secret());
        let header = format!("Basic {}", BASE64_STANDARD.encode(credentials));
        let client = source.address().to_string();
        let headers = [("authorization", header.as_str()), (FORWARDED_FOR, &client)];
        let answer = self.client.post_public("/auth/login", &headers).await?;
        Ok(match answer.status.as_u16() {
            // 400: name and password are empty.
            400 | 401 => Login::WrongCredentials,
            403 => Login::Unverified,
            429 => Login::TooMany {
                retry_after: retry_after(&answer),
            },
            _ => Login::Opened(session(answer, Answer::json)?),
        })
    }

    /// Creates an account whose user name is `email` and opens its first session, for the person
    /// who calls from `source` (`POST /auth/user`).
    pub async fn sign_up(
        &self,
        source: &Source,
        email: &str,
        password: &SecretString,
        roles: &[&str],
    ) -> Result<SignUp, PeerError> {
        let body = json!({
            "username": email,
            "emails": [email],
            "password": password.expose_secret(),
            "roles": roles,
        });
        let client = source.address().to_string();
        let headers = [(FORWARDED_FOR, client.as_str())];
        let answer = self
            .client
            .post_json_public("/auth/user", &headers, &body)
            .await?;
        Ok(match answer.status.as_u16() {
            400 => SignUp::Invalid,
            409 => SignUp::Taken,
            429 => SignUp::TooMany {
                retry_after: retry_after(&answer),
            },
            _ => SignUp::Created(session(answer, Answer::created)?),
        })
    }

    /// Ends the session of `token`, if it is one (`POST /auth/logout`).
    pub async fn log_out(&self, token: &SecretString) -> Result<(), PeerError> {
        let headers = [(TOKEN_HEADER, token.expose_secret())];
        let answer = self.client.post_public("/auth/logout", &headers).await?;
        answer.done()
    }
}

/// The session that a response opens, whose body is read by `account`.
fn session(
    answer: Answer,
    account: impl Fn(Answer) -> Result<UserRecord, PeerError>,
) -> Result<Session, PeerError> {
    let token = answer.header(TOKEN_HEADER).map(SecretString::from);
    let account = account(answer)?;
    let token = token.ok_or_else(|| {
        PeerError::Unavailable(anyhow!("user-api opened a session without a token"))
    })?;
    Ok(Session {
        user_id: account.userid,
        token,
    })
}
