//! The grant of one pair: what is asked most, and its replacement in one write. The look-up and the
//! most frequent replacement also come in a form that does many at once
//! ([`super::super::batches`]).

use std::collections::HashMap;

use bson::{Document, RawDocumentBuf, doc};
use futures_util::TryStreamExt as _;
use mongodb::error::{ErrorKind, Result, TRANSIENT_TRANSACTION_ERROR};
use shared_runtime::mongo;
use shared_types::{PermissionSet, UserId};

use super::{Consent, MARK, Permissions, administering, pair_of, permissions_in, replaced_by};

/// What the pair query found.
#[derive(Debug, Default)]
pub(crate) struct Pair {
    /// The direct grant; empty when there is none.
    pub(crate) direct: PermissionSet,
    /// Whether the grantee may also have access through a clinic.
    pub(crate) may_be_clinician: bool,
}

/// What is asked about one account.
#[derive(Debug, Clone)]
pub(crate) struct PairLookup {
    pub(crate) sharer: UserId,
    pub(crate) grantees: Vec<UserId>,
}

impl PairLookup {
    fn filter(&self) -> Document {
        let grantees: Vec<&str> = self.grantees.iter().map(UserId::as_str).collect();
        doc! {
            "userId": {"$in": grantees},
            "sharerId": {"$in": [self.sharer.as_str(), MARK]},
        }
    }

    /// One for each grantee, from documents by `sharerId` and `userId`.
    fn pairs(&self, documents: &HashMap<(&str, &str), &RawDocumentBuf>) -> Result<Vec<Pair>> {
        let pair = |grantee: &UserId| {
            let grant = documents.get(&(self.sharer.as_str(), grantee.as_str()));
            Ok(Pair {
                direct: grant.map_or_else(
                    || Ok(PermissionSet::default()),
                    |document| permissions_in(document),
                )?,
                may_be_clinician: documents.contains_key(&(MARK, grantee.as_str())),
            })
        };
        self.grantees.iter().map(pair).collect()
    }
}

/// What one pair is to have from now on, which is not nothing.
#[derive(Debug, Clone)]
pub(crate) struct PairReplacement {
    pub(crate) sharer: UserId,
    pub(crate) grantee: UserId,
    pub(crate) set: PermissionSet,
    pub(crate) consent: Consent,
}

impl Permissions {
    /// For each of `lookups` what it asks for, a pair for each grantee, in one round trip for all.
    pub(crate) async fn find_all(&self, lookups: &[PairLookup]) -> Result<Vec<Result<Vec<Pair>>>> {
        let alternatives: Vec<Document> = lookups.iter().map(PairLookup::filter).collect();
        // No projection: it costs the server more than the few bytes that it saves. And no hint: a
        // query with one is planned anew each time.
        let found: Vec<RawDocumentBuf> = self
            .0
            .find(doc! {"$or": alternatives})
            .batch_size(mongo::ONE_BATCH)
            .await?
            .try_collect()
            .await?;
        let mut documents = HashMap::with_capacity(found.len());
        for document in &found {
            let pair = (document.get_str("sharerId")?, document.get_str("userId")?);
            documents.insert(pair, document);
        }
        Ok(lookups
            .iter()
            .map(|lookup| lookup.pairs(&documents))
            .collect())
    }

    /// Replaces the grant of one pair, if the stored one makes the grantee run the account. Answers
    /// whether it is replaced.
    pub(crate) async fn update_if_administering(
        &self,
        sharer: &UserId,
        grantee: &UserId,
        set: &PermissionSet,
        consent: Consent,
    ) -> Result<bool> {
        let mut filter = pair_of(sharer, grantee);
        filter.insert("$or", administering());
        let updated = self.0.update_one(filter, replaced_by(set, consent)).await?;
        Ok(updated.matched_count > 0)
    }

    /// Replaces the grant of one pair, or makes it, unless the stored one makes the grantee run the
    /// account. Returns whether it is replaced.
    pub(crate) async fn upsert_unless_administering(
        &self,
        replacement: &PairReplacement,
    ) -> Result<bool> {
        match self
            .0
            .update_one(
                // A stored grant that this excludes makes the insertion collide with it.
                unless_administering(&replacement.sharer, &replacement.grantee),
                replaced_by(&replacement.set, replacement.consent),
            )
            .upsert(true)
            .await
        {
            Ok(_) => Ok(true),
            Err(error) if mongo::is_duplicate_key(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Does all of `replacements` as [`Self::upsert_unless_administering`] does each, in one
    /// transaction. Returns whether it did; otherwise nothing is written, because another write was
    /// in the way or one of them would not be done. After an error that is not known.
    pub(crate) async fn upsert_all_unless_administering(
        &self,
        replacements: &[PairReplacement],
    ) -> Result<bool> {
        let update = |replacement: &PairReplacement| {
            doc! {
                "q": unless_administering(&replacement.sharer, &replacement.grantee),
                "u": replaced_by(&replacement.set, replacement.consent),
                "upsert": true,
            }
        };
        let updates: Vec<Document> = replacements.iter().map(update).collect();
        // The driver has no operation of several updates for servers before 8.0.
        let command = doc! {"update": self.0.name(), "updates": updates};
        let client = self.0.client();
        let database = client.database(&self.0.namespace().db);
        let mut session = client.start_session().await?;
        session.start_transaction().await?;
        let answered = database.run_command(command).session(&mut session).await;
        match answered {
            Ok(answer) if !answer.contains_key("writeErrors") => {}
            Err(error) if matches!(*error.kind, ErrorKind::ServerSelection { .. }) => {
                return Err(error);
            }
            // Each on its own finds out what is wrong with it, if anything is.
            Ok(_) | Err(_) => {
                let _ = session.abort_transaction().await;
                return Ok(false);
            }
        }
        match mongo::commit(&mut session).await {
            Ok(()) => Ok(true),
            Err(error) if error.contains_label(TRANSIENT_TRANSACTION_ERROR) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Removes the grant of one pair, unless it makes the grantee run the account. Returns whether
    /// it is removed; one that is not there is not.
    pub(crate) async fn delete_unless_administering(
        &self,
        sharer: &UserId,
        grantee: &UserId,
    ) -> Result<bool> {
        let filter = unless_administering(sharer, grantee);
        Ok(self.0.delete_one(filter).await?.deleted_count > 0)
    }
}

fn unless_administering(sharer: &UserId, grantee: &UserId) -> Document {
    let mut filter = pair_of(sharer, grantee);
    filter.insert("$nor", administering());
    filter
}
