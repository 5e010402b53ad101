//! Collection `users`: who is found by which name, and who else may get it.
//!
//! `logins` holds the names that stand in an account (see [`crate::domain::standing`]), each as all
//! its spellings have it in common, under a unique index: so two accounts never share one. It is
//! written with everything that decides which names stand.
//!
//! Accounts of the reference, among which there may be duplicates, lack it until something of that
//! changes. In those that older versions of ours wrote, it also holds addresses that do not stand.
//! Either is put right as soon as somebody else wants such an address ([`Users::is_taken`]).

use bson::{Document, doc};
use futures_util::TryStreamExt;
use mongodb::{ClientSession, error::Error};
use serde::Deserialize;
use shared_runtime::mongo::{self, is_duplicate_key};
use shared_types::{UserId, address};

use crate::{
    domain::user::Account,
    store::{
        Users,
        user_document::{UserDocument, logins, members},
        users::{IGNORING_CASE, existing, names_as_read},
    },
};

/// An account that may have a better claim to a name.
struct Claimant {
    account: Account,
    /// As stored; `None`: it was never written.
    logins: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct ClaimantDocument {
    #[serde(flatten)]
    user: UserDocument,
    logins: Option<Vec<String>>,
}

impl From<ClaimantDocument> for Claimant {
    fn from(document: ClaimantDocument) -> Self {
        Self {
            account: document.user.into(),
            logins: document.logins,
        }
    }
}

impl Claimant {
    /// Whether it may have been found by a name that does not stand.
    fn is_outdated(&self) -> bool {
        let standing = logins(&self.account);
        match &self.logins {
            Some(stored) => stored
                .iter()
                .any(|name| !standing.contains(&address::identity(name))),
            None => self
                .account
                .names()
                .any(|name| !standing.contains(&address::identity(name))),
        }
    }
}

impl Users {
    /// The accounts that can be logged into as `name`, which is an id, a user name or an address.
    pub(crate) async fn list_by_login(&self, name: &str) -> Result<Vec<Account>, Error> {
        let mut alternatives = claims([name].into_iter(), &["username", "emails"]);
        alternatives.push(doc! { "userid": name });
        let mut found = self.list_matching(any_of(alternatives), 0).await?;
        found.retain(|account| {
            account.userid.as_str().eq_ignore_ascii_case(name) || account.stands_as(name)
        });
        Ok(found)
    }

    /// The accounts in which this user name or address stands.
    pub(crate) async fn list_by_name(&self, name: &str) -> Result<Vec<Account>, Error> {
        let alternatives = claims([name].into_iter(), &["username", "emails"]);
        let mut found = self.list_matching(any_of(alternatives), 0).await?;
        found.retain(|account| account.stands_as(name));
        Ok(found)
    }

    /// The accounts that mail to the address `email` is for.
    pub(crate) async fn list_by_email(&self, email: &str) -> Result<Vec<Account>, Error> {
        let alternatives = claims([email].into_iter(), &["emails"]);
        let mut found = self.list_matching(any_of(alternatives), 0).await?;
        found.retain(|account| account.receives_at(email));
        Ok(found)
    }

    /// Whether one of `names` stands in an account other than `own`, as loosely compared as the
    /// unique index does.
    pub(crate) async fn is_taken(
        &self,
        names: impl Iterator<Item = &str>,
        own: Option<&UserId>,
    ) -> Result<bool, Error> {
        let alternatives = claims(names, &["username", "emails"]);
        if alternatives.is_empty() {
            return Ok(false);
        }
        let filter = any_of(alternatives);
        let found = self.list_claimants(filter.clone(), own).await?;
        let (outdated, current): (Vec<_>, Vec<_>) =
            found.into_iter().partition(Claimant::is_outdated);
        if !current.is_empty() || outdated.is_empty() {
            return Ok(!current.is_empty());
        }
        for claimant in &outdated {
            self.update_logins(&claimant.account).await?;
        }
        Ok(!self.list_claimants(filter, own).await?.is_empty())
    }

    /// The accounts that have the address `email`, whether it stands there or not.
    pub(crate) async fn list_with_address(&self, email: &str) -> Result<Vec<Account>, Error> {
        self.list_matching(with_address(email), 0).await
    }

    /// The same in the transaction of `session`.
    pub(crate) async fn list_with_address_in(
        &self,
        session: &mut ClientSession,
        email: &str,
    ) -> Result<Vec<Account>, Error> {
        let mut found = self
            .users
            .clone_with_type::<UserDocument>()
            .find(with_address(email))
            .projection(members())
            .collation(IGNORING_CASE.clone())
            .session(&mut *session)
            .await?;
        found
            .stream(session)
            .map_ok(Account::from)
            .try_collect()
            .await
    }

    async fn list_claimants(
        &self,
        filter: Document,
        own: Option<&UserId>,
    ) -> Result<Vec<Claimant>, Error> {
        let mut members = members();
        members.insert("logins", 1);
        let found = self
            .users
            .clone_with_type::<ClaimantDocument>()
            .find(filter)
            .projection(members)
            .collation(IGNORING_CASE.clone())
            .batch_size(mongo::ONE_BATCH)
            .await?;
        let mut found: Vec<Claimant> = found.map_ok(Claimant::from).try_collect().await?;
        found.retain(|claimant| Some(&claimant.account.userid) != own);
        Ok(found)
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

/// What matches the accounts in which one of `names` may stand. Those without `logins` are looked
/// up by `members`.
fn claims<'a>(names: impl Iterator<Item = &'a str>, members: &[&str]) -> Vec<Document> {
    let mut spellings = Vec::new();
    let mut identities = Vec::new();
    for name in names {
        spellings.extend(address::spellings(name));
        identities.push(address::identity(name));
    }
    if spellings.is_empty() {
        return Vec::new();
    }
    // Older versions of ours stored the spelling.
    identities.extend_from_slice(&spellings);
    let unwritten = members
        .iter()
        .map(|member| doc! { *member: { "$in": &spellings }, "logins": null });
    unwritten
        .chain([doc! { "logins": { "$in": identities } }])
        .collect()
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
