//! Look-ups and replacements of pairs that share round trips.
//!
//! What one comes to does not depend on the others: replacements go together in one transaction or,
//! where one of them meets another write or a rule, each on its own. So none waits for what holds up
//! another, and none is sent again that may have been written.

use mongodb::error::{Error, Result};
use shared_runtime::batches::Batcher;

use super::permissions::{Pair, PairLookup, PairReplacement, Permissions};

/// The batches of one worker thread.
#[derive(Debug, Clone)]
pub(crate) struct Batches {
    permissions: Permissions,
    lookups: Batcher<PairLookup, Result<Vec<Pair>>, Error>,
    /// Whether it is replaced; otherwise nothing is written.
    replacements: Batcher<PairReplacement, bool, Error>,
}

impl Batches {
    /// Starts the tasks that gather; they end with the last clone.
    pub(crate) fn on(permissions: &Permissions) -> Self {
        let looked_up = permissions.clone();
        let replaced = permissions.clone();
        Self {
            permissions: permissions.clone(),
            lookups: Batcher::start("look-ups", move |lookups: Vec<_>| {
                let permissions = looked_up.clone();
                async move { permissions.find_all(&lookups).await }
            }),
            replacements: Batcher::start("replacements", move |replacements: Vec<_>| {
                let permissions = replaced.clone();
                async move {
                    // One alone needs no transaction.
                    let replaced = replacements.len() > 1
                        && permissions
                            .upsert_all_unless_administering(&replacements)
                            .await?;
                    Ok(vec![replaced; replacements.len()])
                }
            }),
        }
    }

    /// What `lookup` asks for, a pair for each grantee.
    pub(crate) async fn find(&self, lookup: PairLookup) -> Result<Vec<Pair>> {
        self.lookups.add(lookup).await?
    }

    /// See [`Permissions::upsert_unless_administering`]. After an error it may be written or not,
    /// and is not sent again: that could undo what others wrote in the meantime.
    pub(crate) async fn upsert_unless_administering(
        &self,
        replacement: PairReplacement,
    ) -> Result<bool> {
        let together = self.replacements.add(replacement.clone()).await;
        Ok(together?
            || self
                .permissions
                .upsert_unless_administering(&replacement)
                .await?)
    }
}
