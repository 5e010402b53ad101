//! Carries the rows of the outbox to where they have their effect.

use anyhow::bail;
use bson::Document;
use futures_util::future::LocalBoxFuture;
use shared_runtime::outbox::{Relay, read};

use crate::{
    State,
    use_cases::{create_account, delete_account, end_custody, notify_owner},
};

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
            delete_account::NOTICE_TO_GATEKEEPER => {
                delete_account::notify_gatekeeper(&self.state, &read(payload)?).await
            }
            delete_account::NOTICE_TO_CONFIRM => {
                delete_account::notify_confirm(&self.state, &read(payload)?).await
            }
            delete_account::SWEEP => delete_account::sweep(&self.state, &read(payload)?).await,
            create_account::UNDO => create_account::undo(&self.state, &read(payload)?).await,
            notify_owner::CHANGED => notify_owner::relay(&self.state, &read(payload)?).await,
            end_custody::CLAIMED => end_custody::relay(&self.state, &read(payload)?).await,
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
