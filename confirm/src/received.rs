//! The lists of the invitations that accounts can answer. Those asked for at the same moment are
//! loaded together ([`shared_runtime::batches`]): a list takes four queries in two services, and
//! many lists take hardly more.

use std::{collections::HashMap, sync::Arc};

use anyhow::anyhow;
use shared_runtime::{
    batches::{Batcher, NotDone},
    error::ApiError,
    peers::user_api::UserApi,
};
use shared_types::{People, Person, UserId};

use crate::{
    domain::confirmation::Confirmation,
    error::Failure,
    people::{self, Profiles},
    store::Confirmations,
};

/// What an account was invited to, and who was loaded on the way.
#[derive(Clone)]
pub(crate) struct Received {
    /// Newest first.
    pub(crate) invitations: Vec<Confirmation>,
    /// The account; `None`: there is none.
    pub(crate) invitee: Option<Person>,
    /// Those of the creators, and of others.
    pub(crate) profiles: Arc<Profiles>,
}

/// Loads the lists for one worker thread.
#[derive(Clone)]
pub(crate) struct ReceivedLists(
    /// `None`: they could not be loaded together.
    Batcher<UserId, Option<Received>, ApiError>,
);

#[derive(Clone)]
struct Source {
    confirmations: Confirmations,
    user_api: UserApi,
}

impl ReceivedLists {
    /// Starts the task that gathers; it ends with the last clone.
    pub(crate) fn of(confirmations: &Confirmations, user_api: &UserApi) -> Self {
        let source = Source {
            confirmations: confirmations.clone(),
            user_api: user_api.clone(),
        };
        Self(Batcher::start("received lists", move |invitees: Vec<_>| {
            let source = source.clone();
            async move {
                match source.load(&invitees).await {
                    // What is wrong with one is not the fault of the others.
                    Err(_) if invitees.len() > 1 => Ok(vec![None; invitees.len()]),
                    lists => Ok(lists?.into_iter().map(Some).collect()),
                }
            }
        }))
    }

    /// The invitations that `invitee` can answer, those included that were sent to its verified
    /// address before it had an account.
    pub(crate) async fn load(&self, invitee: &UserId) -> Result<Received, ApiError> {
        let received = match self.0.add(invitee.clone()).await {
            Ok(None) | Err(NotDone::Late) => self.0.alone(invitee.clone()).await,
            received => received,
        };
        match received {
            Ok(Some(received)) => Ok(received),
            Err(NotDone::Failed(error)) => Err(error),
            Ok(None) | Err(NotDone::Late) => {
                let cause = anyhow!("the list was not loaded in time");
                Err(Failure::Finding.because()(cause))
            }
        }
    }
}

impl Source {
    /// The list of each of `invitees`.
    async fn load(&self, invitees: &[UserId]) -> Result<Vec<Received>, ApiError> {
        let mut invitations = self.list(invitees).await?;
        let loaded = people::load(&self.user_api, invitees, creators(&invitations)).await;
        let People {
            people,
            mut profiles,
        } = loaded.map_err(Failure::FindingUser.because())?;
        let attached = attach(&self.confirmations, &people).await;
        if attached.map_err(Failure::Updating.because())? {
            invitations = self.list(invitees).await?;
            let loaded = people::load_profiles(&self.user_api, creators(&invitations)).await;
            profiles = loaded.map_err(Failure::FindingUser.because())?;
        }
        let profiles = Arc::new(profiles);
        let mut of_invitees: HashMap<UserId, Vec<Confirmation>> = HashMap::new();
        for invitation in invitations {
            if let Some(invitee) = invitation.user_id.clone() {
                of_invitees.entry(invitee).or_default().push(invitation);
            }
        }
        let people: HashMap<&UserId, &Person> = people
            .iter()
            .map(|person| (&person.user.userid, person))
            .collect();
        let received = |invitee: &UserId| Received {
            invitations: of_invitees.get(invitee).cloned().unwrap_or_default(),
            invitee: people.get(invitee).copied().cloned(),
            profiles: profiles.clone(),
        };
        Ok(invitees.iter().map(received).collect())
    }

    async fn list(&self, invitees: &[UserId]) -> Result<Vec<Confirmation>, ApiError> {
        let found = self.confirmations.list_received(invitees).await;
        found.map_err(Failure::Finding.because())
    }
}

/// Gives `people` the invitations sent to their verified addresses; answers whether there were any.
pub(crate) async fn attach(
    confirmations: &Confirmations,
    people: &[Person],
) -> mongodb::error::Result<bool> {
    let proven: Vec<(&UserId, &str)> = people
        .iter()
        .filter_map(|person| Some((&person.user.userid, person.proven_email.as_deref()?)))
        .collect();
    confirmations.attach(&proven).await
}

fn creators(invitations: &[Confirmation]) -> impl Iterator<Item = &UserId> {
    invitations
        .iter()
        .filter_map(|invitation| invitation.creator_id.as_ref())
}
