//! The lists of the invitations of an account. Lists that are asked for at the same moment are
//! loaded together ([`shared_runtime::batches`]): a list takes up to four queries in two services,
//! and many lists take hardly more.

use std::{collections::HashMap, sync::Arc};

use shared_runtime::{
    batches::{Batcher, NotDone},
    error::OrFail as _,
    peers::user_api::UserApi,
};
use shared_types::{People, Person, UserId};

use super::{
    attach_invitations::attach,
    load_people::{self, Profiles},
};
use crate::{
    domain::confirmation::{Confirmation, Kind},
    error::{Error, Failure},
    store::Confirmations,
};

/// The invitations that an account sent or received, newest first.
#[derive(Clone)]
pub(crate) struct List {
    pub(crate) invitations: Vec<Confirmation>,
    /// The profiles of the creators, and of others.
    pub(crate) profiles: Arc<Profiles>,
}

/// The invitations that an account received, and the account, if there is one.
pub(crate) type Received = (List, Option<Person>);

/// Loads lists for one worker thread.
#[derive(Clone)]
pub(crate) struct Lists {
    received: Batcher<UserId, Received, Error>,
    sent: Batcher<UserId, List, Error>,
}

impl Lists {
    /// Starts the tasks that gather look-ups; they end with the last clone.
    pub(crate) fn of(confirmations: &Confirmations, user_api: &UserApi) -> Self {
        let source = Source {
            confirmations: confirmations.clone(),
            user_api: user_api.clone(),
        };
        let received = source.clone();
        let sent = source;
        Self {
            received: Batcher::start("received lists", move |invitees: Vec<_>| {
                let source = received.clone();
                async move { source.received(&invitees).await }
            }),
            sent: Batcher::start("sent lists", move |creators: Vec<_>| {
                let source = sent.clone();
                async move { source.sent(&creators).await }
            }),
        }
    }

    /// The invitations that `invitee` can answer. Those that were sent to the verified address of
    /// `invitee` before the account existed are included.
    pub(crate) async fn received(&self, invitee: &UserId) -> Result<Received, Error> {
        let list = self.received.add_repeatable(invitee.clone()).await;
        list.map_err(error)
    }

    /// The invitations of `creator` that the account still sees; without profiles where user-api
    /// cannot be asked.
    pub(crate) async fn sent(&self, creator: &UserId) -> Result<List, Error> {
        let list = self.sent.add_repeatable(creator.clone()).await;
        list.map_err(error)
    }
}

fn error(not_done: NotDone<Error>) -> Error {
    match not_done {
        NotDone::Failed(error) => error,
        NotDone::NoOutcome => Error::failed(Failure::Finding, not_done),
    }
}

#[derive(Clone)]
struct Source {
    confirmations: Confirmations,
    user_api: UserApi,
}

impl Source {
    /// The list of each of `invitees`.
    async fn received(&self, invitees: &[UserId]) -> Result<Vec<Received>, Error> {
        let mut invitations = self
            .confirmations
            .list_received(invitees)
            .await
            .or_fail(Failure::Finding)?;
        let loaded = load_people::load(&self.user_api, invitees, creators(&invitations))
            .await
            .or_fail(Failure::FindingUser)?;
        let People {
            people,
            mut profiles,
        } = loaded;
        let is_attached = attach(&self.confirmations, Kind::CareTeamInvitation, &people)
            .await
            .or_fail(Failure::Updating)?;
        if is_attached {
            invitations = self
                .confirmations
                .list_received(invitees)
                .await
                .or_fail(Failure::Finding)?;
            profiles = load_people::load_profiles(&self.user_api, creators(&invitations))
                .await
                .or_fail(Failure::FindingUser)?;
        }
        let invitee = |invitation: &Confirmation| invitation.user_id.clone();
        let lists = lists(invitees, invitations, profiles, invitee);
        let account =
            |invitee: &UserId| people.iter().find(|person| person.user.userid == *invitee);
        let accounts = invitees.iter().map(|invitee| account(invitee).cloned());
        Ok(lists.into_iter().zip(accounts).collect())
    }

    /// The list of each of `creators`.
    async fn sent(&self, creators: &[UserId]) -> Result<Vec<List>, Error> {
        let invitations = self
            .confirmations
            .list_sent(creators)
            .await
            .or_fail(Failure::Finding)?;
        let shown = self::creators(&invitations);
        let profiles = load_people::load_profiles_if_possible(&self.user_api, shown).await;
        let creator = |invitation: &Confirmation| invitation.creator_id.clone();
        Ok(lists(creators, invitations, profiles, creator))
    }
}

/// The list of each of `accounts`; `account` returns the account whose list has an invitation.
fn lists(
    accounts: &[UserId],
    invitations: Vec<Confirmation>,
    profiles: Profiles,
    account: impl Fn(&Confirmation) -> Option<UserId>,
) -> Vec<List> {
    let profiles = Arc::new(profiles);
    let mut of_accounts: HashMap<UserId, Vec<Confirmation>> = HashMap::new();
    for invitation in invitations {
        if let Some(account) = account(&invitation) {
            of_accounts.entry(account).or_default().push(invitation);
        }
    }
    let list = |account: &UserId| List {
        invitations: of_accounts.get(account).cloned().unwrap_or_default(),
        profiles: profiles.clone(),
    };
    accounts.iter().map(list).collect()
}

pub(super) fn creators(invitations: &[Confirmation]) -> impl Iterator<Item = &UserId> {
    invitations
        .iter()
        .filter_map(|invitation| invitation.creator_id.as_ref())
}
