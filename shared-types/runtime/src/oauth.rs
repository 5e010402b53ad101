//! OAuth 2.0 client credentials (RFC 6749, 4.4): who has them, as the ID token says that they are
//! exchanged for; and the access token with which this service calls a system that is no peer.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, anyhow};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use futures_util::future::BoxFuture;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use crate::{
    auth::{KeptToken, ServiceToken},
    http::{Answer, HttpClient},
    peers::PeerError,
};

/// Answers with a token or two are far shorter.
const MAX_ANSWER: usize = 65_536;
/// How long an access token is used of which nobody says how long it holds.
const USED_FOR: Duration = Duration::from_mins(5);
/// No access token is used for longer.
const MAX_USED_FOR: Duration = Duration::from_hours(1);

/// Where credentials are exchanged for tokens.
#[derive(Clone)]
pub struct TokenEndpoint(HttpClient);

impl TokenEndpoint {
    /// The endpoint at `url`.
    pub fn new(url: &str) -> anyhow::Result<Self> {
        Ok(Self(HttpClient::new(url)?.reading_up_to(MAX_ANSWER)))
    }

    /// The account to which the credentials belong. The ID token comes straight from the endpoint, so its
    /// signature is not looked at.
    pub async fn subject(&self, client: &str, secret: &SecretString) -> Result<String, PeerError> {
        let tokens = self.exchange(client, secret, Some("openid")).await?;
        let id_token = tokens.get("id_token").and_then(Value::as_str);
        id_token
            .context("the answer has no ID token")
            .and_then(|token| {
                subject_of(token).ok_or_else(|| anyhow!("the ID token has no subject"))
            })
            .map_err(PeerError::Unavailable)
    }

    /// What the credentials are exchanged for; `null` where that is no JSON. They are shown in a header, and
    /// once more in the form to an endpoint that does not take them there.
    async fn exchange(
        &self,
        client: &str,
        secret: &SecretString,
        scope: Option<&str>,
    ) -> Result<Value, PeerError> {
        let encoded =
            |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let pair = format!("{}:{}", encoded(client), encoded(secret.expose_secret()));
        let basic = format!("Basic {}", STANDARD.encode(pair));
        let mut answer = self.ask(Some(&basic), scope, &[]).await?;
        if answer.status.is_client_error() {
            let credentials = [
                ("client_id", client),
                ("client_secret", secret.expose_secret()),
            ];
            answer = self.ask(None, scope, &credentials).await?;
        }
        if !answer.status.is_success() {
            return Err(answer.refusal());
        }
        // An error of the parser would show parts of the answer.
        Ok(answer.any_json())
    }

    async fn ask(
        &self,
        authorization: Option<&str>,
        scope: Option<&str>,
        credentials: &[(&str, &str)],
    ) -> Result<Answer, PeerError> {
        let form = {
            let mut form = form_urlencoded::Serializer::new(String::new());
            form.append_pair("grant_type", "client_credentials");
            form.extend_pairs(scope.map(|scope| ("scope", scope)));
            form.extend_pairs(credentials);
            form.finish()
        };
        self.0.post_form(authorization, form).await
    }
}

/// The credentials of this service at a system that is no peer. The access token is kept nearly as long as
/// it holds; concurrent callers share one exchange.
pub struct ClientCredentials {
    endpoint: TokenEndpoint,
    client: String,
    secret: SecretString,
    kept: KeptToken,
}

impl ClientCredentials {
    /// Those that `endpoint` takes.
    pub fn new(endpoint: TokenEndpoint, client: String, secret: SecretString) -> Self {
        Self {
            endpoint,
            client,
            secret,
            kept: KeptToken::default(),
        }
    }

    /// An access token and how long it is used.
    async fn log_in(&self) -> Result<(SecretString, Duration), PeerError> {
        let tokens = self.endpoint.exchange(&self.client, &self.secret, None);
        let tokens = tokens.await.map_err(|error| match error {
            PeerError::Refused { status } => PeerError::Unavailable(anyhow!(
                "the token endpoint refused the credentials of this service with {status}"
            )),
            unavailable @ PeerError::Unavailable(_) => unavailable,
        })?;
        access_of(&tokens)
            .context("the answer has no access token")
            .map_err(PeerError::Unavailable)
    }
}

impl ServiceToken for ClientCredentials {
    fn token(&self) -> BoxFuture<'_, Result<Arc<SecretString>, PeerError>> {
        Box::pin(self.kept.get(|| self.log_in()))
    }

    fn refused<'a>(&'a self, token: &'a Arc<SecretString>) -> BoxFuture<'a, ()> {
        Box::pin(self.kept.refuse(token))
    }
}

/// The access token of an answer and how long it is used: a tenth less than it holds, so that none ends on
/// its way.
fn access_of(tokens: &Value) -> Option<(SecretString, Duration)> {
    let token = tokens.get("access_token")?.as_str()?;
    let holds = tokens.get("expires_in").and_then(Value::as_u64);
    let used = holds.map_or(USED_FOR, |seconds| {
        let holds = Duration::from_secs(seconds);
        (holds / 10 * 9).min(MAX_USED_FOR)
    });
    (!token.is_empty()).then(|| (token.into(), used))
}

/// Whom a JSON Web Token is about.
fn subject_of(token: &str) -> Option<String> {
    let [_, claims, _] = token.split('.').collect::<Vec<_>>().try_into().ok()?;
    let claims = URL_SAFE_NO_PAD.decode(claims).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    let subject = claims.get("sub")?.as_str()?;
    (!subject.is_empty()).then(|| subject.to_owned())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use secrecy::ExposeSecret as _;
    use serde_json::json;

    use super::{access_of, subject_of};

    #[test]
    fn an_access_token_is_used_for_less_than_it_holds() {
        for (holds, seconds) in [
            (json!(600), 540),
            (json!(86_400), 3_600),
            (json!(0), 0),
            (json!(u64::MAX), 3_600),
            (json!("600"), 300),
            (json!(-1), 300),
            (json!(null), 300),
        ] {
            let tokens = json!({ "access_token": "a", "expires_in": holds });
            let (token, used) = access_of(&tokens).unwrap();
            assert_eq!(token.expose_secret(), "a");
            assert_eq!(used, Duration::from_secs(seconds), "{holds}");
        }
        for tokens in [
            json!(null),
            json!({}),
            json!({ "access_token": "" }),
            json!({ "access_token": 1 }),
        ] {
            assert!(access_of(&tokens).is_none(), "{tokens}");
        }
    }

    #[test]
    fn a_token_says_whom_it_is_about() {
        // {"sub":"9999999999"}, {"sub":""}, {"sub":1}, {}, "sub"
        for (claims, subject) in [
            ("eyJzdWIiOiI5OTk5OTk5OTk5In0", Some("9999999999")),
            ("eyJzdWIiOiIifQ", None),
            ("eyJzdWIiOjF9", None),
            ("e30", None),
            ("InN1YiI", None),
            ("e", None),
            ("", None),
        ] {
            let token = format!("e30.{claims}.c2lnbmF0dXJl");
            assert_eq!(subject_of(&token).as_deref(), subject, "{claims}");
            assert_eq!(subject_of(claims), None, "{claims}");
            assert_eq!(subject_of(&format!("{token}.e30")), None, "{claims}");
        }
    }
}
