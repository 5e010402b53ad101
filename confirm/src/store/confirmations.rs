//! Collection `confirmations`.

use std::{cmp::Reverse, sync::LazyLock};

use bson::{Document, doc};
use futures_util::TryStreamExt;
use mongodb::{
    Client, ClientSession, Collection, Database, IndexModel,
    action::Find,
    error::{Error, Result},
    options::{Collation, CollationStrength, IndexOptions},
};
use shared_runtime::mongo::{self, ensure_indexes};
use shared_types::{UserId, address};

use super::confirmation_document::ConfirmationDocument;
use crate::domain::{
    confirmation::{Confirmation, Kind, Status},
    invitation::CANCELABLE,
};

/// Case does not count. Some letters that differ are the same to it, and it knows nothing of
/// internationalized domains: asked for are all spellings, and what is found is compared again.
pub(super) static IGNORING_CASE: LazyLock<Collation> = LazyLock::new(|| {
    Collation::builder()
        .locale("en")
        .strength(CollationStrength::Secondary)
        .build()
});

/// The member of an invitation whose acceptance is under way, or whose outcome no request has returned.
pub(super) const ACCEPTANCE: &str = "acceptance";

#[derive(Clone)]
pub(crate) struct Confirmations {
    pub(super) confirmations: Collection<ConfirmationDocument>,
}

impl Confirmations {
    pub(crate) async fn open(database: &Database) -> anyhow::Result<Self> {
        let confirmations = database.collection("confirmations");
        let plain = |keys: Document| IndexModel::builder().keys(keys).build();
        let ignoring_case = IndexOptions::builder()
            .collation(IGNORING_CASE.clone())
            .build();
        let pending = IndexOptions::builder()
            .collation(IGNORING_CASE.clone())
            .partial_filter_expression(is_pending_invitation())
            .build();
        let indexes = vec![
            // The reference's.
            plain(doc! { "type": 1, "status": 1 }),
            // Serves what is looked up by the account that was asked, newest first.
            plain(doc! { "userId": 1, "type": 1, "status": 1, "created": -1 }),
            // Serves what is looked up by the account that asked, newest first.
            plain(doc! { "creatorId": 1, "type": 1, "status": 1, "created": -1 }),
            // Serves the lists of a clinic, newest first.
            plain(doc! { "clinicId": 1, "type": 1, "status": 1, "created": -1 }),
            // Serves what is looked up by address.
            IndexModel::builder()
                .keys(doc! { "email": 1, "type": 1, "status": 1, "creatorId": 1, "created": -1 })
                .options(ignoring_case)
                .build(),
            // Serves what is looked up by a key that is not the id; see `keys`. Few have any.
            IndexModel::builder()
                .keys(doc! { "otherKeys.digest": 1 })
                .options(IndexOptions::builder().sparse(true).build())
                .build(),
            // Serves `attach`, which every list of received invitations asks and which
            // rarely finds anything.
            IndexModel::builder()
                .keys(doc! { "email": 1, "userId": 1 })
                .options(pending)
                .build(),
        ];
        ensure_indexes(&confirmations, indexes).await?;
        Ok(Self { confirmations })
    }

    /// The same through another client, for transactions of that one.
    pub(crate) fn through(&self, client: &Client) -> Self {
        Self {
            confirmations: mongo::through(client, &self.confirmations),
        }
    }

    /// The invitations of `creators` that they still see, newest first.
    pub(crate) async fn list_sent(&self, creators: &[UserId]) -> Result<Vec<Confirmation>> {
        let filter = doc! {
            "creatorId": any_of(creators),
            "type": Kind::CareTeamInvitation.name(),
            "status": { "$in": names(CANCELABLE) },
        };
        collect_readable(self.confirmations.find(filter)).await
    }

    /// The invitations that `invitees` can answer, newest first.
    pub(crate) async fn list_received(&self, invitees: &[UserId]) -> Result<Vec<Confirmation>> {
        let mut filter = is_pending_invitation();
        filter.insert("userId", any_of(invitees));
        collect_readable(self.confirmations.find(filter)).await
    }

    /// The newest invitation of `sharer` that the person `invitee` can answer.
    pub(crate) async fn find_received(
        &self,
        invitee: &UserId,
        sharer: &UserId,
    ) -> Result<Option<Confirmation>> {
        let mut filter = is_pending_invitation();
        filter.insert("userId", invitee.as_str());
        filter.insert("creatorId", sharer.as_str());
        filter.insert("clinicId", no_clinic());
        let found = collect(self.confirmations.find(filter)).await?;
        Ok(found.into_iter().next())
    }

    /// The newest invitation of `creator` to `email` in one of `statuses`, which are in the order in
    /// which they are reached, that is not being accepted.
    pub(crate) async fn find_sent(
        &self,
        creator: &UserId,
        email: &str,
        statuses: &[Status],
    ) -> Result<Option<Confirmation>> {
        let mut found = Vec::new();
        // One after the other: a scan of the index that pauses would miss what moves meanwhile from
        // one status to a later one.
        for status in statuses {
            let of_status = self.confirmations.find(sent(creator, email, &[*status]));
            found.extend(collect(of_status.collation(IGNORING_CASE.clone())).await?);
        }
        found.sort_by_key(|confirmation| Reverse(confirmation.created));
        Ok(at(email, found).into_iter().next())
    }

    /// As [`Self::find_sent`] for pending ones, accepted or not, as a transaction sees it.
    pub(crate) async fn find_pending_in(
        &self,
        session: &mut ClientSession,
        creator: &UserId,
        email: &str,
    ) -> Result<Option<Confirmation>> {
        let mut filter = sent(creator, email, &[Status::Pending]);
        filter.remove(ACCEPTANCE);
        let mut found = self
            .confirmations
            .find(filter)
            .sort(newest_first())
            .collation(IGNORING_CASE.clone())
            .session(&mut *session)
            .await?;
        let found: Vec<_> = found.stream(session).try_collect().await?;
        let found = found.into_iter().map(read).collect::<Result<_>>()?;
        Ok(at(email, found).into_iter().next())
    }

    /// The newest confirmation of the sign-up of `user`, whatever its status, as a transaction
    /// sees it.
    pub(crate) async fn find_sign_up_in(
        &self,
        session: &mut ClientSession,
        user: &UserId,
    ) -> Result<Option<Confirmation>> {
        let filter = doc! { "userId": user.as_str(), "type": Kind::SignUp.name() };
        self.confirmations
            .find_one(filter)
            .sort(newest_first())
            .session(session)
            .await?
            .map(read)
            .transpose()
    }

    /// The confirmations of the sign-up of `user`, whatever their status.
    pub(super) async fn list_sign_ups(&self, user: &UserId) -> Result<Vec<Confirmation>> {
        let filter = doc! { "userId": user.as_str(), "type": Kind::SignUp.name() };
        collect(self.confirmations.find(filter)).await
    }

    /// The newest pending confirmation of the sign-up of `user`.
    pub(crate) async fn find_pending_sign_up(&self, user: &UserId) -> Result<Option<Confirmation>> {
        let filter = doc! {
            "userId": user.as_str(),
            "type": Kind::SignUp.name(),
            "status": Status::Pending.name(),
        };
        let found = self.confirmations.find_one(filter).sort(newest_first());
        found.await?.map(read).transpose()
    }

    /// The newest pending confirmation of a sign-up with `email`.
    pub(crate) async fn find_pending_sign_up_at(
        &self,
        email: &str,
    ) -> Result<Option<Confirmation>> {
        let filter = doc! {
            "email": { "$in": address::spellings(email) },
            "type": Kind::SignUp.name(),
            "status": Status::Pending.name(),
        };
        let found = self.confirmations.find(filter);
        let found = collect(found.collation(IGNORING_CASE.clone())).await?;
        Ok(at(email, found).into_iter().next())
    }

    /// Stores a confirmation as part of a transaction.
    pub(crate) async fn insert(
        &self,
        session: &mut ClientSession,
        confirmation: &Confirmation,
    ) -> Result<()> {
        let document = ConfirmationDocument::new(confirmation);
        self.confirmations
            .insert_one(document)
            .session(session)
            .await?;
        Ok(())
    }

    /// Removes a confirmation in the status in which it was read, as part of a transaction;
    /// returns whether it was there.
    pub(crate) async fn delete(
        &self,
        session: &mut ClientSession,
        confirmation: &Confirmation,
    ) -> Result<bool> {
        let filter = doc! { "_id": &confirmation.key, "status": confirmation.status.name() };
        let deleted = self
            .confirmations
            .delete_one(filter)
            .session(session)
            .await?;
        Ok(deleted.deleted_count == 1)
    }

    /// The newest invitation of `sharer` that the outbox finished after `invitee` accepted it, and
    /// whose outcome no request has returned.
    pub(crate) async fn find_unanswered(
        &self,
        invitee: &UserId,
        sharer: &UserId,
    ) -> Result<Option<Confirmation>> {
        let filter = doc! {
            "userId": invitee.as_str(),
            "type": Kind::CareTeamInvitation.name(),
            "status": Status::Completed.name(),
            "creatorId": sharer.as_str(),
            "acceptance.isUnanswered": true,
        };
        let found = self.confirmations.find_one(filter).sort(newest_first());
        found.await?.map(read).transpose()
    }

    /// The offers of `sharer` to clinics whose acceptance is under way.
    pub(crate) async fn list_offers_under_way(&self, sharer: &UserId) -> Result<Vec<Confirmation>> {
        let found = self.confirmations.find(doc! {
            "creatorId": sharer.as_str(),
            "type": Kind::CareTeamInvitation.name(),
            "status": Status::Pending.name(),
            "clinicId": { "$not": no_clinic() },
            ACCEPTANCE: { "$exists": true },
        });
        collect_readable(found).await
    }

    /// Removes what a deleted account asked for or was asked; what it asked for a clinic stays.
    pub(crate) async fn delete_user(&self, user: &UserId) -> Result<u64> {
        let filter = doc! { "$or": [
            { "userId": user.as_str() },
            { "creatorId": user.as_str(), "clinicId": no_clinic() },
        ] };
        Ok(self.confirmations.delete_many(filter).await?.deleted_count)
    }
}

pub(super) fn read(document: ConfirmationDocument) -> Result<Confirmation> {
    document.read().map_err(Error::custom)
}

/// For decisions: one that cannot be read might be the one that counts. Newest first.
pub(super) async fn collect(found: Find<'_, ConfirmationDocument>) -> Result<Vec<Confirmation>> {
    let found: Vec<_> = found.sort(newest_first()).await?.try_collect().await?;
    found.into_iter().map(read).collect()
}

/// For lists: one that cannot be read must not hide the others. Newest first.
pub(super) async fn collect_readable(
    found: Find<'_, ConfirmationDocument>,
) -> Result<Vec<Confirmation>> {
    let read = |document: ConfirmationDocument| document.read().ok();
    let found = found.batch_size(mongo::ONE_BATCH).await?;
    let mut found = mongo::collect_readable(found, "confirmations", read).await?;
    // MongoDB would have to merge a scan for each account.
    found.sort_by_key(|confirmation| Reverse(confirmation.created));
    Ok(found)
}

fn any_of(ids: &[UserId]) -> Document {
    let ids: Vec<&str> = ids.iter().map(UserId::as_str).collect();
    doc! { "$in": ids }
}

/// Those whose address is `email` in our eyes as well.
fn at(email: &str, found: Vec<Confirmation>) -> Vec<Confirmation> {
    found
        .into_iter()
        .filter(|found| address::is_same(&found.email, email))
        .collect()
}

fn is_pending_invitation() -> Document {
    doc! { "type": Kind::CareTeamInvitation.name(), "status": Status::Pending.name() }
}

fn no_clinic() -> Document {
    doc! { "$in": [null, ""] }
}

pub(super) fn newest_first() -> Document {
    doc! { "created": -1 }
}

fn names(statuses: &[Status]) -> Vec<&'static str> {
    statuses.iter().map(|status| status.name()).collect()
}

fn sent(creator: &UserId, email: &str, statuses: &[Status]) -> Document {
    doc! {
        "email": { "$in": address::spellings(email) },
        "type": Kind::CareTeamInvitation.name(),
        "status": { "$in": names(statuses) },
        "creatorId": creator.as_str(),
        ACCEPTANCE: { "$exists": false },
    }
}

pub(super) fn not_under_way(key: &str, from: &[Status]) -> Document {
    doc! {
        "_id": key,
        "status": { "$in": names(from) },
        ACCEPTANCE: { "$exists": false },
    }
}
