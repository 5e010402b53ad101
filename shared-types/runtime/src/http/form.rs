//! Forms, which systems take that are no peers.

use anyhow::Context as _;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue};

use super::{Answer, HttpClient, unreachable};
use crate::peers::PeerError;

impl HttpClient {
    /// `POST` of a form to the URL of the client itself.
    pub(crate) async fn post_form(
        &self,
        authorization: Option<&str>,
        form: String,
    ) -> Result<Answer, PeerError> {
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
        self.read(request.send().await.map_err(unreachable)?).await
    }
}
