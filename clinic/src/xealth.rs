//! Xealth, where it is served: whom it comes from, and the systems that serving it takes.

use std::sync::Arc;

use actix_web::http::header::HeaderMap;
use anyhow::{Context as _, ensure};
use chrono::Days;
use shared_runtime::{
    auth::ServiceToken,
    http::{PeerClient, origin_of},
    oauth::{ClientCredentials, TokenEndpoint},
    peers::{restricted_tokens::RestrictedTokens, xealth::Xealth as Orders},
};

use crate::{
    config::XealthSettings,
    domain::Refusal,
    hospital::{Tokens, bearers},
};

/// The longest order that is read, in bytes; the longest notification has as many.
const MAX_ORDER: usize = 10 << 20;

/// Xealth; `None`: it is not served.
#[derive(Clone)]
pub(crate) struct Xealth(Option<Arc<Enabled>>);

/// What serving it takes.
pub(crate) struct Enabled {
    tokens: Tokens,
    /// Where orders are fetched.
    pub(crate) orders: Orders,
    /// Where tokens for reports come from.
    pub(crate) restricted_tokens: RestrictedTokens,
    /// Where the application is, which makes the reports.
    pub(crate) application_url: String,
    /// Its scheme, host and port.
    pub(crate) application_origin: String,
    /// How long what was entered stays without an order.
    pub(crate) preorders_stay: Days,
}

impl Xealth {
    /// Says what is missing where it is enabled. The service that makes restricted tokens is called with
    /// `login`.
    pub(crate) fn new(
        settings: &XealthSettings,
        login: Arc<dyn ServiceToken>,
    ) -> anyhow::Result<Self> {
        if !settings.enabled {
            return Ok(Self(None));
        }
        let current = Tokens::of([&settings.bearer_token]);
        ensure!(!current.is_empty(), missing("bearer_token"));
        let required = |name, setting: &Option<String>| {
            let setting = setting.clone().filter(|setting| !setting.trim().is_empty());
            setting.with_context(|| missing(name))
        };
        let client = required("client_id", &settings.client_id)?;
        let secret = settings.client_secret.clone();
        let secret = secret.with_context(|| missing("client_secret"))?;
        let application_url = required("application_url", &settings.application_url)?;
        let token_service = required("restricted_token_url", &settings.restricted_token_url)?;
        let endpoint = TokenEndpoint::new(&settings.token_url)?;
        let credentials = Arc::new(ClientCredentials::new(endpoint, client, secret));
        let orders = PeerClient::bearing(&settings.server_url, credentials, MAX_ORDER)?;
        Ok(Self(Some(Arc::new(Enabled {
            tokens: Tokens::of([&settings.bearer_token, &settings.previous_bearer_token]),
            orders: Orders::new(orders),
            restricted_tokens: RestrictedTokens::new(PeerClient::new(&token_service, login)?),
            application_origin: origin_of(&application_url).context("xealth.application_url")?,
            application_url,
            preorders_stay: Days::new(settings.preorder_days.into()),
        }))))
    }

    /// What serving it takes.
    pub(crate) fn enabled(&self) -> Result<&Enabled, Refusal> {
        self.0.as_deref().ok_or(Refusal::XealthDisabled)
    }

    /// Refuses whoever shows no token as a bearer, or any that is wrong.
    pub(crate) fn admit(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        match self.enabled()?.tokens.know_all(bearers(headers)) {
            None => Err(Refusal::NoBearerToken),
            Some(false) => Err(Refusal::WrongBearerToken),
            Some(true) => Ok(()),
        }
    }
}

fn missing(name: &str) -> String {
    format!("xealth.{name} is required where xealth.enabled is true")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
    use futures_util::{FutureExt as _, future::BoxFuture};
    use secrecy::SecretString;
    use shared_runtime::{auth::ServiceToken, peers::PeerError};

    use super::Xealth;
    use crate::{config::XealthSettings, domain::Refusal};

    /// A service whose token is always the same.
    struct Own;

    impl ServiceToken for Own {
        fn token(&self) -> BoxFuture<'_, Result<Arc<SecretString>, PeerError>> {
            async { Ok(Arc::new("own-token".into())) }.boxed()
        }

        fn refused<'a>(&'a self, _: &'a Arc<SecretString>) -> BoxFuture<'a, ()> {
            async {}.boxed()
        }
    }

    fn settings() -> XealthSettings {
        let text = |text: &str| Some(text.to_owned());
        XealthSettings {
            enabled: true,
            bearer_token: Some("new-token".into()),
            previous_bearer_token: Some("old-token".into()),
            client_id: text("client"),
            client_secret: Some("secret".into()),
            token_url: "http://xealth.example.org/token".to_owned(),
            server_url: "http://xealth.example.org/v2".to_owned(),
            application_url: text("http://app.example.org/"),
            restricted_token_url: text("http://auth.example.org"),
            preorder_days: 90,
        }
    }

    fn xealth(change: impl FnOnce(&mut XealthSettings)) -> anyhow::Result<Xealth> {
        let mut settings = settings();
        change(&mut settings);
        Xealth::new(&settings, Arc::new(Own))
    }

    #[test]
    fn what_is_missing_is_said() {
        type Change = fn(&mut XealthSettings);
        let changes: [(&str, Change); 9] = [
            ("bearer_token", |settings| settings.bearer_token = None),
            ("bearer_token", |settings| {
                settings.bearer_token = Some(" ".into());
            }),
            ("client_id", |settings| settings.client_id = None),
            ("client_secret", |settings| settings.client_secret = None),
            ("application_url", |settings| {
                settings.application_url = None;
            }),
            ("application_url", |settings| {
                settings.application_url = Some("app".to_owned());
            }),
            ("restricted_token_url", |settings| {
                settings.restricted_token_url = Some(String::new());
            }),
            ("is not a URL", |settings| settings.token_url.clear()),
            ("is not a URL", |settings| settings.server_url.clear()),
        ];
        for (name, change) in changes {
            let missing = xealth(change).err().unwrap();
            let missing = format!("{missing:#}");
            assert!(missing.contains(name), "{missing}");
            let off = xealth(|settings| {
                change(settings);
                settings.enabled = false;
            });
            assert!(off.is_ok(), "{name}");
        }
        let enabled = xealth(|_| {}).unwrap();
        let origin = &enabled.enabled().unwrap().application_origin;
        assert_eq!(origin, "http://app.example.org");
    }

    #[test]
    fn xealth_is_whoever_shows_its_token_as_a_bearer() {
        let bearer = |text: &'static str| {
            let mut map = HeaderMap::new();
            map.append(
                HeaderName::from_static("authorization"),
                HeaderValue::from_static(text),
            );
            map
        };
        let enabled = xealth(|_| {}).unwrap();
        for right in ["Bearer new-token", "bearer old-token"] {
            assert_eq!(enabled.admit(&bearer(right)), Ok(()));
        }
        let none = Err(Refusal::NoBearerToken);
        assert_eq!(enabled.admit(&HeaderMap::new()), none);
        assert_eq!(enabled.admit(&bearer("new-token")), none);
        assert_eq!(enabled.admit(&bearer("Bearer ")), none);
        let wrong = Err(Refusal::WrongBearerToken);
        assert_eq!(enabled.admit(&bearer("Bearer new-tokens")), wrong);
        let mut two = bearer("Bearer new-token");
        let second = HeaderValue::from_static("Bearer x");
        two.append(HeaderName::from_static("authorization"), second);
        assert_eq!(enabled.admit(&two), wrong);
        let mut alone = HeaderMap::new();
        let token = HeaderValue::from_static("new-token");
        alone.append(HeaderName::from_static("verification-token"), token);
        assert_eq!(enabled.admit(&alone), none);
        let off = xealth(|settings| settings.enabled = false).unwrap();
        assert_eq!(
            off.admit(&bearer("Bearer new-token")),
            Err(Refusal::XealthDisabled)
        );
    }
}
