//! Carries the rows of both outboxes to where they have their effect.

use anyhow::bail;
use bson::Document;
use futures_util::future::LocalBoxFuture;
use shared_runtime::outbox::{Relay, read};

use crate::{State, acceptance, mailing, resets};

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
            mailing::MAIL => mailing::send(&self.state, &read(payload)?).await,
            acceptance::ACCEPTED => acceptance::resume(&self.state, &read(payload)?).await,
            resets::FORGOTTEN => resets::send(&self.state, &read(payload)?).await,
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
