//! Carries the rows of both outboxes to where they have their effect.

use anyhow::bail;
use bson::Document;
use futures_util::future::LocalBoxFuture;
use shared_runtime::outbox::{Relay, read};

use crate::{
    State,
    use_cases::{accept_invitation, reset_password, send_mail},
};

/// The effects that confirm owes: mails, grants, the look-up behind a forgotten password.
pub(crate) struct ConfirmRelay {
    state: State,
}

impl ConfirmRelay {
    pub(crate) fn new(state: State) -> Self {
        Self { state }
    }

    async fn dispatch(&self, topic: &str, payload: &Document) -> anyhow::Result<()> {
        match topic {
            send_mail::MAIL => send_mail::send(&self.state, &read(payload)?).await,
            accept_invitation::ACCEPTED => {
                accept_invitation::resume(&self.state, &read(payload)?).await
            }
            reset_password::FORGOTTEN => reset_password::send(&self.state, &read(payload)?).await,
            other => bail!("the outbox holds a row of the unknown topic {other}"),
        }
    }
}

impl Relay for ConfirmRelay {
    fn deliver<'a>(
        &'a self,
        topic: &'a str,
        payload: &'a Document,
    ) -> LocalBoxFuture<'a, anyhow::Result<()>> {
        Box::pin(self.dispatch(topic, payload))
    }
}
