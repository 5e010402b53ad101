//! Forms, which systems take that are no peers: what they say back is not trusted to be short.

use anyhow::{Context as _, anyhow};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};

use super::{Answer, HttpClient};
use crate::peers::PeerError;

impl HttpClient {
    /// `POST` of a form to the URL of the client itself. An answer of more than `max_answer` bytes is not
    /// read.
    pub(crate) async fn post_form(
        &self,
        authorization: Option<&str>,
        form: String,
        max_answer: usize,
    ) -> Result<Answer, PeerError> {
        // The URL is left out of errors, as of other calls.
        let unreachable =
            |error: reqwest::Error| PeerError::Unavailable(anyhow!(error.without_url()));
        let mut request = self.client.post(self.base.clone());
        request = request
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(ACCEPT, "application/json")
            .body(form);
        if let Some(authorization) = authorization {
            let value = HeaderValue::from_str(authorization);
            let mut value = value
                .context("credentials that no header can carry")
                .map_err(PeerError::Unavailable)?;
            value.set_sensitive(true);
            request = request.header(AUTHORIZATION, value);
        }
        let mut response = request.send().await.map_err(unreachable)?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            if body.len() + chunk.len() > max_answer {
                return Err(PeerError::Unavailable(anyhow!("the answer is too long")));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer {
            status: response.status(),
            headers: response.headers().clone(),
            body,
        })
    }
}
