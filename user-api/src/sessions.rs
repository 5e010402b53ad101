//! Opens and checks sessions: signs tokens and keeps them in the store.
//!
//! The transaction that opens a session of a user conflicts with whatever ends the user's sessions,
//! so that each session is either seen there or not opened.

use std::{convert::Infallible, sync::Arc};

use anyhow::Context;
use chrono::{DateTime, Utc};
use futures_util::future::BoxFuture;
use jsonwebtoken::jwk::JwkSet;
use mongodb::{Client, ClientSession};
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use shared_runtime::{
    auth::{AuthFailure, Freshness, SessionClaims, SigningKey, TokenCheck, VerifyingKeys},
    mongo::{Aborted, transaction},
};
use shared_types::TokenData;
use subtle::ConstantTimeEq;
use uuid::Uuid;

use crate::{
    config::TokenSettings,
    domain::{
        session::{DAY_S, Family, Subject, claims, cut, duration_s},
        user::Account,
    },
    store::{Tokens, Users},
};

/// How long a user's session lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Length {
    Usual,
    /// For apps and for those who know the long-term key.
    Long,
}

#[derive(Clone)]
pub(crate) struct Sessions {
    client: Client,
    tokens: Tokens,
    users: Users,
    keys: Arc<Keys>,
    settings: Arc<TokenSettings>,
}

struct Keys {
    signing: SigningKey,
    verifying: VerifyingKeys,
    published: JwkSet,
}

impl Sessions {
    pub(crate) fn new(
        settings: &TokenSettings,
        client: Client,
        tokens: Tokens,
        users: Users,
    ) -> anyhow::Result<Self> {
        let signing = SigningKey::from_pem(settings.private_key.expose_secret())?;
        let mut keys = vec![signing.public().clone()];
        if let Some(previous) = &settings.previous_public_keys {
            keys.extend(VerifyingKeys::public_jwks(previous)?);
        }
        let published = JwkSet { keys };
        let hosts: Vec<String> = [
            Some(&settings.api_host),
            settings.previous_api_host.as_ref(),
        ]
        .into_iter()
        .flatten()
        .filter(|host| !host.is_empty())
        .cloned()
        .collect();
        anyhow::ensure!(!hosts.is_empty(), "tokens.api_host is empty");
        let verifying = VerifyingKeys::from_jwks(&published).issued_by(&hosts);
        let keys = Keys {
            signing,
            verifying,
            published,
        };
        Ok(Self {
            client,
            tokens,
            users,
            keys: Arc::new(keys),
            settings: Arc::new(settings.clone()),
        })
    }

    /// The same through another client.
    pub(crate) fn through(&self, client: &Client) -> Self {
        Self {
            client: client.clone(),
            tokens: self.tokens.through(client),
            users: self.users.through(client),
            ..self.clone()
        }
    }

    /// The keys that verify our tokens.
    pub(crate) fn published_keys(&self) -> &JwkSet {
        &self.keys.published
    }

    /// The open sessions.
    pub(crate) fn tokens(&self) -> &Tokens {
        &self.tokens
    }

    /// Opens a session of the account read as `account` and returns its token; `None` when the
    /// account is gone or has another password since.
    pub(crate) async fn open(
        &self,
        account: &Account,
        length: Length,
    ) -> anyhow::Result<Option<String>> {
        let duration_s = match length {
            Length::Usual => i64::from(self.settings.user_ttl_s),
            Length::Long => i64::from(self.settings.long_term_days) * DAY_S,
        };
        let subject = Subject::User(account.userid.clone());
        let (token, claims, family) = self.sign_first(&subject, duration_s, Utc::now())?;
        let is_open = self
            .insert_while(&token, &claims, &family, async |session| {
                self.users.lock_password(session, account).await
            })
            .await?;
        Ok(is_open.then_some(token))
    }

    /// Opens a session of the service `name` and returns its token.
    pub(crate) async fn open_server(&self, name: String) -> anyhow::Result<String> {
        let duration_s = i64::from(self.settings.server_ttl_s);
        self.open_for(&Subject::Service(name), duration_s, Utc::now())
            .await
    }

    /// Opens another session like that of `token`, of the same family and as long as it was made
    /// for, but not beyond the end of the family; `None` when that one is not open, or at its end.
    pub(crate) async fn renew(&self, token: &str) -> anyhow::Result<Option<(String, TokenData)>> {
        let Some(claims) = self.keys.verifying.verify(token) else {
            return Ok(None);
        };
        let Some(family) = self.tokens.find_family(token, &claims).await? else {
            return Ok(None);
        };
        let now = Utc::now();
        let new_claims = self.claims(&Subject::of(&claims), duration_s(&claims), now)?;
        let Some(new_claims) = cut(new_claims, family.since, self.settings.session_max_days) else {
            return Ok(None);
        };
        let renewed = self.keys.signing.sign(&new_claims)?;
        let is_open = self
            .insert_while(&renewed, &new_claims, &family, async |session| {
                self.tokens.lock(session, token, &family).await
            })
            .await?;
        let data = TokenData {
            expires_at: new_claims.exp,
            ..claims.token_data()
        };
        Ok(is_open.then_some((renewed, data)))
    }

    /// Closes the session of `token` and all of its family.
    pub(crate) async fn close(&self, token: &str) -> Result<(), mongodb::error::Error> {
        transaction::<_, Infallible>(&self.client, async |session| {
            self.tokens.delete_family(session, token).await?;
            Ok(())
        })
        .await?;
        self.tokens.forget_services();
        Ok(())
    }

    /// Whether `key` asks for a long session.
    pub(crate) fn is_long_term_key(&self, key: &str) -> bool {
        self.settings
            .long_term_key
            .as_ref()
            .map(SecretString::expose_secret)
            .is_some_and(|expected| !expected.is_empty() && equal(expected, key))
    }

    /// What an open session's token says; `None` when it is not open. That of a service may be as
    /// it was a second ago where `freshness` allows that.
    pub(crate) async fn find(
        &self,
        token: &str,
        freshness: Freshness,
    ) -> Result<Option<TokenData>, mongodb::error::Error> {
        let Some(claims) = self.keys.verifying.verify(token) else {
            return Ok(None);
        };
        let is_open = match (Subject::of(&claims), freshness) {
            (Subject::Service(_), Freshness::Recent) => self.tokens.contains_service(token).await?,
            (Subject::Service(_) | Subject::User(_), _) => self.tokens.contains(token).await?,
        };
        Ok(is_open.then(|| claims.token_data()))
    }

    /// Opens a session that is made from no other one.
    pub(crate) async fn open_for(
        &self,
        subject: &Subject,
        duration_s: i64,
        now: DateTime<Utc>,
    ) -> anyhow::Result<String> {
        let (token, claims, family) = self.sign_first(subject, duration_s, now)?;
        self.tokens.insert(&token, &claims, &family).await?;
        Ok(token)
    }

    /// A token that is made from no other one.
    fn sign_first(
        &self,
        subject: &Subject,
        duration_s: i64,
        now: DateTime<Utc>,
    ) -> anyhow::Result<(String, SessionClaims, Family)> {
        let claims = self.claims(subject, duration_s, now)?;
        let claims = cut(claims, now, self.settings.session_max_days)
            .context("a session needs a duration")?;
        let token = self.keys.signing.sign(&claims)?;
        let family = Family::of_first(&token, &claims);
        Ok((token, claims, family))
    }

    fn claims(
        &self,
        subject: &Subject,
        duration_s: i64,
        now: DateTime<Utc>,
    ) -> anyhow::Result<SessionClaims> {
        anyhow::ensure!(!subject.as_str().is_empty(), "a session needs a name");
        let host = &self.settings.api_host;
        Ok(claims(subject, duration_s, host, now, Uuid::new_v4()))
    }

    /// Opens the session of `token` if `lock` finds and locks what it depends on; returns whether
    /// it did.
    async fn insert_while(
        &self,
        token: &str,
        claims: &SessionClaims,
        family: &Family,
        lock: impl AsyncFn(&mut ClientSession) -> Result<bool, mongodb::error::Error>,
    ) -> Result<bool, mongodb::error::Error> {
        let inserted = transaction::<_, Infallible>(&self.client, async |session| {
            if !lock(session).await? {
                return Err(Aborted::Outrun);
            }
            self.tokens
                .insert_in(session, token, claims, family)
                .await?;
            Ok(())
        })
        .await;
        match inserted {
            Ok(()) => Ok(true),
            Err(Aborted::Outrun) => Ok(false),
            Err(aborted) => Err(aborted.into()),
        }
    }
}

impl TokenCheck for Sessions {
    fn check<'a>(
        &'a self,
        token: &'a str,
        freshness: Freshness,
    ) -> BoxFuture<'a, Result<TokenData, AuthFailure>> {
        Box::pin(async move {
            match self.find(token, freshness).await {
                Ok(Some(data)) => Ok(data),
                Ok(None) => Err(AuthFailure::Invalid),
                Err(error) => Err(AuthFailure::Unavailable(format!("token check: {error}"))),
            }
        })
    }
}

/// Compares in a time that depends on neither text.
fn equal(left: &str, right: &str) -> bool {
    Sha256::digest(left.as_bytes())
        .ct_eq(&Sha256::digest(right.as_bytes()))
        .into()
}
