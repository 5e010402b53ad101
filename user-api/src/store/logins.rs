//! Collection `users`: who is found by which name, and who else may get it.
//!
//! `logins` holds the names that stand in an account (see [`crate::domain::standing`]), each as all
//! its spellings have it in common, under a unique index that compares exactly: so two accounts never
//! share one. It is written with everything that decides which names stand.
//!
//! Accounts of the reference, among which there may be duplicates, lack it until something of that
//! changes: they are found by the indexes of the reference, which ignore accents as well, so what is
//! found is compared again. In those that older versions of ours wrote, `logins` may also hold
//! addresses that do not stand, until somebody else wants one ([`Users::is_taken`]).

use bson::{Document, doc};
use futures_util::{
    StreamExt, TryStreamExt,
    future::{ready, try_join},
};
use mongodb::{
    ClientSession, IndexModel,
    action::{Action, Find},
    error::{Error, ErrorKind},
    options::IndexOptions,
};
use serde::Deserialize;
use shared_runtime::mongo::{self, is_duplicate_key};
use shared_types::{UserId, address};

use crate::{
    domain::user::Account,
    store::{
        Users,
        user_document::{UserDocument, logins, members},
        users::{IGNORING_CASE, accounts, existing, names_as_read},
    },
};

/// The unique index of `logins`.
const STANDING: &str = "StandingNames";

/// What names are found by, in accounts whose `logins` were never written.
const NAMES: [&str; 2] = ["username", "emails"];

#[derive(Deserialize)]
struct WrittenDocument {
    #[serde(flatten)]
    user: UserDocument,
    logins: Vec<String>,
}

/// The unique index of `logins`; it skips accounts without.
pub(super) fn index() -> IndexModel {
    let options = IndexOptions::builder()
        .name(STANDING.to_owned())
        .unique(true)
        .partial_filter_expression(doc! { "logins": { "$exists": true } })
        .build();
    IndexModel::builder()
        .keys(doc! { "logins": 1 })
        .options(options)
        .build()
}

impl Users {
    /// Drops the unique index of older versions of ours, which ignored accents, once [`index`] is
    /// there. Under it a name could be stored in any spelling, and nobody needed one that does not
    /// stand to be taken away: both are put right first. Repeatable.
    pub(super) async fn drop_loose_index(&self) -> Result<(), Error> {
        let indexes: Vec<IndexModel> = self.users.list_indexes().await?.try_collect().await?;
        let is_loose = |index: &&IndexModel| {
            let options = index.options.as_ref();
            let has_collation = options.is_some_and(|options| options.collation.is_some());
            index.keys == doc! { "logins": 1 } && has_collation
        };
        let loose = indexes.iter().find(is_loose);
        let Some(name) = loose.and_then(|index| index.options.as_ref()?.name.clone()) else {
            return Ok(());
        };
        self.update_all_logins().await?;
        match self.users.drop_index(name).await {
            // Another replica was faster.
            Err(error) if is_index_gone(&error) => Ok(()),
            outcome => outcome,
        }
    }

    async fn update_all_logins(&self) -> Result<(), Error> {
        let mut members = members();
        members.insert("logins", 1);
        let mut found = self
            .users
            .clone_with_type::<WrittenDocument>()
            .find(doc! { "logins": { "$exists": true } })
            .projection(members)
            .await?;
        while let Some(document) = found.try_next().await? {
            let account = document.user.into();
            if logins(&account) != document.logins {
                self.update_logins(&account).await?;
            }
        }
        Ok(())
    }

    /// The accounts that can be logged into as `name`, which is an id, a user name or an address.
    pub(crate) async fn list_by_login(&self, name: &str) -> Result<Vec<Account>, Error> {
        let mut loosely = unwritten(&[name], &NAMES);
        loosely.push(doc! { "userid": name });
        let mut found = self.list_candidates(loosely, &[name]).await?;
        found.retain(|account| {
            account.userid.as_str().eq_ignore_ascii_case(name) || account.stands_as(name)
        });
        Ok(found)
    }

    /// The accounts in which this user name or address stands.
    pub(crate) async fn list_by_name(&self, name: &str) -> Result<Vec<Account>, Error> {
        let loosely = unwritten(&[name], &NAMES);
        let mut found = self.list_candidates(loosely, &[name]).await?;
        found.retain(|account| account.stands_as(name));
        Ok(found)
    }

    /// The accounts that mail to the address `email` is for.
    pub(crate) async fn list_by_email(&self, email: &str) -> Result<Vec<Account>, Error> {
        let loosely = unwritten(&[email], &["emails"]);
        let mut found = self.list_candidates(loosely, &[email]).await?;
        found.retain(|account| account.receives_at(email));
        Ok(found)
    }

    /// Whether one of `names` stands in an account other than `own`.
    pub(crate) async fn is_taken(
        &self,
        names: impl Iterator<Item = &str>,
        own: Option<&UserId>,
    ) -> Result<bool, Error> {
        let names: Vec<&str> = names.collect();
        if names.is_empty() {
            return Ok(false);
        }
        let is_other = |account: &Account| Some(&account.userid) != own;
        let loosely = self.list_matching(any_of(unwritten(&names, &NAMES)), 0);
        let exactly = self.list_exactly_matching(written(&names));
        let (mut unwritten, mut outdated) = try_join(loosely, exactly).await?;
        unwritten.retain(is_other);
        outdated.retain(is_other);
        let is_wanted = |account: &Account| names.iter().any(|name| account.stands_as(name));
        if unwritten.iter().chain(&outdated).any(is_wanted) {
            return Ok(true);
        }
        for account in &outdated {
            self.update_logins(account).await?;
        }
        if !outdated.is_empty() {
            outdated = self.list_exactly_matching(written(&names)).await?;
            outdated.retain(is_other);
        }
        Ok(!outdated.is_empty())
    }

    /// The accounts in which this address stands, proven or not. There are few, however many note it.
    pub(crate) async fn list_standing(&self, email: &str) -> Result<Vec<Account>, Error> {
        let loosely = unwritten(&[email], &NAMES);
        let mut found = self.list_candidates(loosely, &[email]).await?;
        found.retain(|account| account.names().any(|name| address::is_same(name, email)));
        Ok(found)
    }

    /// The same in the transaction of `session`.
    pub(crate) async fn list_standing_in(
        &self,
        session: &mut ClientSession,
        email: &str,
    ) -> Result<Vec<Account>, Error> {
        let loosely = any_of(unwritten(&[email], &NAMES));
        let queries = [
            (loosely, Some(IGNORING_CASE.clone())),
            (written(&[email]), None),
        ];
        let users = self.users.clone_with_type::<UserDocument>();
        let mut standing = Vec::new();
        for (filter, collation) in queries {
            let find = users.find(filter).projection(members());
            let find = find.optional(collation, Find::collation);
            let mut found = find.session(&mut *session).await?;
            let found = found.stream(&mut *session).map_ok(Account::from);
            standing.extend(found.try_collect::<Vec<_>>().await?);
        }
        standing.retain(|account| account.names().any(|name| address::is_same(name, email)));
        Ok(standing)
    }

    /// The accounts but `own` that have the address `email` though it does not stand there, at most
    /// `limit`. There may be any number of them.
    pub(crate) async fn list_noting(
        &self,
        email: &str,
        own: &UserId,
        limit: usize,
    ) -> Result<Vec<Account>, Error> {
        let found = self
            .users
            .clone_with_type::<UserDocument>()
            .find(with_address(email))
            .projection(members())
            .collation(IGNORING_CASE.clone())
            .await?;
        let is_one = |account: &Account| account.userid != *own && account.notes(email);
        found
            .map_ok(Account::from)
            .try_filter(|account| ready(is_one(account)))
            .take(limit)
            .try_collect()
            .await
    }

    /// The accounts that match one of `loosely`, or in which one of `names` was written to stand.
    async fn list_candidates(
        &self,
        loosely: Vec<Document>,
        names: &[&str],
    ) -> Result<Vec<Account>, Error> {
        let loosely = self.list_matching(any_of(loosely), 0);
        let exactly = self.list_exactly_matching(written(names));
        let (mut found, more) = try_join(loosely, exactly).await?;
        // One of them may have been found by its id.
        let is_new = |account: &Account| found.iter().all(|known| known.userid != account.userid);
        let more: Vec<Account> = more.into_iter().filter(is_new).collect();
        found.extend(more);
        Ok(found)
    }

    async fn list_exactly_matching(&self, filter: Document) -> Result<Vec<Account>, Error> {
        let found = self.users.find(filter).projection(members());
        accounts(found.batch_size(mongo::ONE_BATCH).await?.with_type()).await
    }

    /// Writes which names stand in `account`, unless it changed since it was read, or another
    /// account has one of them.
    async fn update_logins(&self, account: &Account) -> Result<(), Error> {
        let mut filter = existing(doc! { "userid": account.userid.as_str() });
        filter.extend(names_as_read(account));
        let written = self
            .users
            .update_one(filter, doc! { "$set": { "logins": logins(account) } })
            .collation(IGNORING_CASE.clone())
            .await;
        match written {
            Err(error) if !is_duplicate_key(&error) => Err(error),
            _ => Ok(()),
        }
    }
}

fn is_index_gone(error: &Error) -> bool {
    const INDEX_NOT_FOUND: i32 = 27;
    matches!(error.kind.as_ref(), ErrorKind::Command(error) if error.code == INDEX_NOT_FOUND)
}

/// What matches the accounts in which one of `names` may stand, though it was not written that it
/// does, as [`IGNORING_CASE`] compares; they are looked up by `members`.
fn unwritten(names: &[&str], members: &[&str]) -> Vec<Document> {
    let spellings = names.iter().flat_map(|name| address::spellings(name));
    let spellings: Vec<String> = spellings.collect();
    let having = |member: &&str| doc! { *member: { "$in": &spellings }, "logins": null };
    members.iter().map(having).collect()
}

/// What matches the accounts in which one of `names` was written to stand, without a collation.
fn written(names: &[&str]) -> Document {
    let identities: Vec<String> = names.iter().map(|name| address::identity(name)).collect();
    existing(doc! { "logins": { "$in": identities } })
}

fn any_of(alternatives: Vec<Document>) -> Document {
    existing(doc! { "$or": alternatives })
}

fn with_address(email: &str) -> Document {
    let spellings = address::spellings(email);
    existing(doc! { "$or": [
        { "username": { "$in": &spellings } },
        { "emails": { "$in": &spellings } },
    ] })
}
