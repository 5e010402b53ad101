//! Carries the rows of the outbox to where they have their effect.

use anyhow::bail;
use bson::Document;
use futures_util::future::LocalBoxFuture;
use shared_runtime::outbox::{Relay, read};

use crate::{State, claim, creation, deletion, notices};

/// The effects that user-api owes: deletions, undone creations, claims, notices of changes.
pub(crate) struct AccountRelay {
    state: State,
}

impl AccountRelay {
    /// The relay of the service with this state.
    pub(crate) fn new(state: State) -> Self {
        Self { state }
    }

    async fn dispatch(&self, topic: &str, payload: &Document) -> anyhow::Result<()> {
        match topic {
            deletion::NOTICE_TO_GATEKEEPER => {
                deletion::notify_gatekeeper(&self.state, &read(payload)?).await
            }
            deletion::NOTICE_TO_CONFIRM => {
                deletion::notify_confirm(&self.state, &read(payload)?).await
            }
            deletion::SWEEP => deletion::sweep(&self.state, &read(payload)?).await,
            creation::UNDO => creation::undo(&self.state, &read(payload)?).await,
            notices::CHANGED => notices::relay(&self.state, &read(payload)?).await,
            claim::CLAIMED => claim::relay(&self.state, &read(payload)?).await,
            other => bail!("the outbox holds a row of the unknown topic {other}"),
        }
    }
}

impl Relay for AccountRelay {
    fn deliver<'a>(
        &'a self,
        topic: &'a str,
        payload: &'a Document,
    ) -> LocalBoxFuture<'a, anyhow::Result<()>> {
        Box::pin(self.dispatch(topic, payload))
    }
}
