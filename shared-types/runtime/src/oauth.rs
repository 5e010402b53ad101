//! OAuth 2.0 client credentials (RFC 6749, 4.4): who has them, as the ID token says that they are
//! exchanged for.

use anyhow::{Context as _, anyhow};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::Value;

use crate::{
    http::{Answer, HttpClient},
    peers::PeerError,
};

/// Answers with a token or two are far shorter.
const MAX_ANSWER: usize = 65_536;

/// Where credentials are exchanged for tokens.
#[derive(Clone)]
pub struct TokenEndpoint(HttpClient);

impl TokenEndpoint {
    /// The endpoint at `url`.
    pub fn new(url: &str) -> anyhow::Result<Self> {
        Ok(Self(HttpClient::new(url)?))
    }

    /// The account to which the credentials belong. They are shown in a header, and once more in the form
    /// to an endpoint that does not take them there. The ID token comes straight from the endpoint, so its
    /// signature is not looked at.
    pub async fn subject(&self, client: &str, secret: &SecretString) -> Result<String, PeerError> {
        let encoded =
            |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
        let pair = format!("{}:{}", encoded(client), encoded(secret.expose_secret()));
        let basic = format!("Basic {}", STANDARD.encode(pair));
        let mut answer = self.ask(Some(&basic), &[]).await?;
        if answer.status.is_client_error() {
            let credentials = [
                ("client_id", client),
                ("client_secret", secret.expose_secret()),
            ];
            answer = self.ask(None, &credentials).await?;
        }
        if !answer.status.is_success() {
            return Err(answer.refusal());
        }
        // An error of the parser would show parts of the answer.
        let tokens = answer.any_json();
        let id_token = tokens.get("id_token").and_then(Value::as_str);
        id_token
            .context("the answer has no ID token")
            .and_then(|token| {
                subject_of(token).ok_or_else(|| anyhow!("the ID token has no subject"))
            })
            .map_err(PeerError::Unavailable)
    }

    async fn ask(
        &self,
        authorization: Option<&str>,
        credentials: &[(&str, &str)],
    ) -> Result<Answer, PeerError> {
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("grant_type", "client_credentials");
        form.append_pair("scope", "openid");
        form.extend_pairs(credentials);
        self.0
            .post_form(authorization, form.finish(), MAX_ANSWER)
            .await
    }
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
    use super::subject_of;

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
