//! Session tokens of the local stack.

use anyhow::{Context, ensure};
use reqwest::Response;
use stack::Program;

use crate::http;
use crate::services::Wiring;

pub(crate) const TOKEN_HEADER: &str = "x-tidepool-session-token";

/// A token of the service `name`.
pub(crate) async fn server_token(wiring: &Wiring, name: &str) -> anyhow::Result<String> {
    let secret = wiring.deployment.server_secret(name);
    let secret = secret.with_context(|| format!("{name} has a secret"))?;
    let response = http::client()?
        .post(format!("{}/serverlogin", wiring.url(Program::UserApi)))
        .header("x-tidepool-server-name", name)
        .header("x-tidepool-server-secret", secret)
        .send()
        .await?;
    ensure!(
        response.status().is_success(),
        "the log-in of {name} answers {}",
        response.status()
    );
    token_in(&response)
}

/// The token in the head of a response.
pub(crate) fn token_in(response: &Response) -> anyhow::Result<String> {
    let token = response
        .headers()
        .get(TOKEN_HEADER)
        .context("the answer holds a token")?;
    Ok(token.to_str()?.to_owned())
}
