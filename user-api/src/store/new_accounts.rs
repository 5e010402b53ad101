//! New accounts that come with metadata. Those that are made at the same moment are stored in one
//! transaction: a service that enrols patients makes many.

use bson::Document;
use futures_util::FutureExt as _;
use mongodb::{Client, error::Error};
use shared_runtime::{
    batches::{Batcher, all_or_each},
    mongo::{Aborted, in_session, is_duplicate_key, transaction},
};
use shared_types::UserId;

use crate::{
    domain::{metadata::Collections, user::Account},
    store::{Awaited, MetadataStore, Users, awaited},
};

/// The accounts of one worker thread.
#[derive(Debug, Clone)]
pub(crate) struct NewAccounts(Batcher<NewAccount, Result<(), Error>, Error>);

#[derive(Debug, Clone)]
struct NewAccount {
    id: UserId,
    document: Document,
    metadata: Collections,
}

impl NewAccounts {
    /// Starts the task that gathers; it ends with the last clone.
    pub(crate) fn on(client: &Client, users: &Users, metadata: &MetadataStore) -> Self {
        let (client, users, metadata) = (client.clone(), users.clone(), metadata.clone());
        let at_once =
            move |new| insert_all(client.clone(), users.clone(), metadata.clone(), new).boxed();
        Self(Batcher::start_in_turn("new accounts", move |new| {
            all_or_each(new, at_once.clone(), is_duplicate_key).map(Ok)
        }))
    }

    /// Stores a new account, created by the user or service `by`, which waits for `awaited`, with its
    /// first metadata. A name or id that is taken is a duplicate key.
    pub(crate) async fn insert(
        &self,
        account: &Account,
        by: &str,
        awaited: Option<&Awaited>,
        metadata: Collections,
    ) -> Result<(), Error> {
        let new = NewAccount {
            id: account.userid.clone(),
            document: awaited::document(account, by, awaited),
            metadata,
        };
        self.0.add(new).await?
    }
}

async fn insert_all(
    client: Client,
    users: Users,
    metadata: MetadataStore,
    new: Vec<NewAccount>,
) -> Result<Vec<()>, Error> {
    let count = new.len();
    let stored: Result<(), Aborted> = transaction(
        &client,
        in_session(move |session| {
            let (users, metadata, new) = (users.clone(), metadata.clone(), new.clone());
            async move {
                let documents = new.iter().map(|new| new.document.clone());
                users.insert_all(session, documents).await?;
                let of_users = new.into_iter().map(|new| (new.id, new.metadata));
                metadata.insert_all(session, of_users).await?;
                Ok(())
            }
            .boxed()
        }),
    )
    .await;
    stored?;
    Ok(vec![(); count])
}
