//! Carries the rows of both outboxes to where they have their effect.

use anyhow::{Context, bail};
use bson::Document;
use futures_util::future::LocalBoxFuture;
use shared_runtime::outbox::Relay;

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

fn read<T: serde::de::DeserializeOwned>(payload: &Document) -> anyhow::Result<T> {
    bson::deserialize_from_document(payload.clone()).context("the payload cannot be read")
}
