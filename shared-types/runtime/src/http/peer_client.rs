//! The client that calls with a token.

use std::sync::Arc;

use reqwest::{Method, StatusCode, header::AUTHORIZATION};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Serialize;

use super::{Answer, Call, HttpClient, json_of};
use crate::{
    auth::{ServiceToken, TOKEN_HEADER},
    peers::PeerError,
};

/// A client of one peer that calls with the token of this service.
#[derive(Clone)]
pub struct PeerClient {
    http: HttpClient,
    token: Arc<dyn ServiceToken>,
    place: TokenPlace,
}

/// Where a request carries the token.
#[derive(Clone, Copy)]
enum TokenPlace {
    /// In a header of its own, as all services of the platform take it.
    OwnHeader,
    /// In `Authorization`, as `Bearer`.
    Bearer,
}

impl PeerClient {
    /// A client of the peer at `base` that calls with `token`.
    pub fn new(base: &str, token: Arc<dyn ServiceToken>) -> anyhow::Result<Self> {
        Ok(Self {
            http: HttpClient::new(base)?,
            token,
            place: TokenPlace::OwnHeader,
        })
    }

    /// A client of a system at `base` that is no peer and takes `token` as a bearer, which reads no answer of
    /// more than `max_answer` bytes.
    pub fn bearing(
        base: &str,
        token: Arc<dyn ServiceToken>,
        max_answer: usize,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            http: HttpClient::new(base)?.reading_up_to(max_answer),
            token,
            place: TokenPlace::Bearer,
        })
    }

    /// The same with connections of its own, for one worker thread alone: each answer is then read
    /// on the thread that awaits it.
    pub(crate) fn unshared(&self) -> anyhow::Result<Self> {
        let http = HttpClient::new(self.http.base.as_str())?;
        Ok(Self {
            http: http.reading_up_to(self.http.max_answer),
            ..self.clone()
        })
    }

    /// `GET path`.
    pub(crate) async fn get(&self, path: &str) -> Result<Answer, PeerError> {
        self.call(Method::GET, path, None).await
    }

    /// `GET path` of a public operation, without a token.
    pub(crate) async fn get_public(&self, path: &str) -> Result<Answer, PeerError> {
        self.http.get(path).await
    }

    /// `POST path` of a public operation, with `headers` and without the token of this service.
    pub(crate) async fn post_public(
        &self,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<Answer, PeerError> {
        self.http.post(path, headers).await
    }

    /// `POST path` of a public operation with a JSON body, without a token.
    pub(crate) async fn post_json_public(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: &(impl Serialize + Sync),
    ) -> Result<Answer, PeerError> {
        self.http.post_json(path, headers, body).await
    }

    /// `DELETE path`.
    pub(crate) async fn delete(&self, path: &str) -> Result<Answer, PeerError> {
        self.call(Method::DELETE, path, None).await
    }

    /// `POST path` with a JSON body.
    pub(crate) async fn post(
        &self,
        path: &str,
        body: &(impl Serialize + Sync),
    ) -> Result<Answer, PeerError> {
        self.call(Method::POST, path, Some(json_of(body)?)).await
    }

    /// `PATCH path` with a JSON body.
    pub(crate) async fn patch(
        &self,
        path: &str,
        body: &(impl Serialize + Sync),
    ) -> Result<Answer, PeerError> {
        self.call(Method::PATCH, path, Some(json_of(body)?)).await
    }

    /// `PUT path` with a JSON body.
    pub(crate) async fn put(
        &self,
        path: &str,
        body: &(impl Serialize + Sync),
    ) -> Result<Answer, PeerError> {
        self.call(Method::PUT, path, Some(json_of(body)?)).await
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        json: Option<Vec<u8>>,
    ) -> Result<Answer, PeerError> {
        let token = self.token.token().await?;
        let answer = self
            .call_with(&token, method.clone(), path, json.clone())
            .await?;
        // confirm's contract has 403 for an invalid token.
        if !matches!(
            answer.status,
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
        ) {
            return Ok(answer);
        }
        // The token may have been revoked or its key withdrawn; nothing has happened at the peer.
        self.token.refused(&token).await;
        match self.token.token().await {
            Ok(other) if !Arc::ptr_eq(&token, &other) => {
                self.call_with(&other, method, path, json).await
            }
            _ => Ok(answer),
        }
    }

    async fn call_with(
        &self,
        token: &SecretString,
        method: Method,
        path: &str,
        json: Option<Vec<u8>>,
    ) -> Result<Answer, PeerError> {
        let token = token.expose_secret();
        let bearer;
        let headers = match self.place {
            TokenPlace::OwnHeader => [(TOKEN_HEADER, token)],
            TokenPlace::Bearer => {
                bearer = format!("Bearer {token}");
                [(AUTHORIZATION.as_str(), bearer.as_str())]
            }
        };
        self.http
            .call(&Call {
                method,
                path,
                headers: &headers,
                json,
            })
            .await
    }
}
