//! Collection `migration_patients`: whom a migration brings to a clinic, and how far each is.
//!
//! Document: `{_id, legacyId, clinicId, userId, permissions, state: "toDo" | "done" | "failed",
//! attempts, reason?, listing}`. An account is migrated once, so `legacyId` says which migration it is.
//! `listing` is the last look at gatekeeper that found the patient.

use bson::{Document, doc, oid::ObjectId, serialize_to_bson};
use futures_util::TryStreamExt;
use mongodb::{
    ClientSession, Collection, Database, IndexModel,
    error::{Error, Result},
    options::IndexOptions,
};
use serde::Deserialize;
use shared_runtime::mongo::ensure_indexes;
use shared_types::{ClinicId, PermissionSet, UserId};

use super::ids;
use crate::domain::migration::{FailedPatient, Progress};

const TO_DO: &str = "toDo";
const DONE: &str = "done";
const FAILED: &str = "failed";

/// The patients of migrations.
#[derive(Debug, Clone)]
pub(crate) struct MigrationPatients {
    rows: Collection<Document>,
    database: Database,
}

/// A patient who is yet to come.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DuePatient {
    #[serde(rename = "_id")]
    id: ObjectId,
    pub(crate) user_id: UserId,
    /// What the legacy account may do on the account of the patient.
    pub(crate) permissions: PermissionSet,
    /// How often it was tried, and something failed.
    pub(crate) attempts: i32,
}

/// What became of a patient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is a patient of the clinic.
    Done,
    /// It is refused.
    Failed(String),
    /// Something failed; it comes after all others.
    Postponed,
}

/// One look at what gatekeeper knows of the patients of a legacy account.
#[derive(Debug)]
pub(crate) struct Listing<'a> {
    pub(crate) id: ObjectId,
    pub(crate) clinic: ClinicId,
    pub(crate) legacy: &'a UserId,
    /// Whether patients are added who were not there before.
    pub(crate) adds: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct FailedDocument {
    user_id: UserId,
    reason: Option<String>,
}

impl MigrationPatients {
    pub(super) fn on(database: &Database) -> Self {
        Self {
            rows: database.collection("migration_patients"),
            database: database.clone(),
        }
    }

    /// Ensures the indexes of the queries below.
    pub(super) async fn prepare(&self) -> anyhow::Result<()> {
        let unique = IndexOptions::builder().unique(true).build();
        let index = |keys| IndexModel::builder().keys(keys).build();
        let indexes = vec![
            IndexModel::builder()
                .keys(doc! { "legacyId": 1, "userId": 1 })
                .options(unique)
                .build(),
            index(doc! { "legacyId": 1, "state": 1, "attempts": 1, "userId": 1 }),
            index(doc! { "legacyId": 1, "state": 1, "listing": 1 }),
        ];
        ensure_indexes(&self.rows, indexes).await
    }

    /// Notes some patients that gatekeeper knows; returns by how many there are more.
    pub(crate) async fn list(
        &self,
        session: &mut ClientSession,
        listing: &Listing<'_>,
        patients: &[(&UserId, &PermissionSet)],
    ) -> Result<Progress> {
        let updates = patients.iter().map(|(user, permissions)| {
            let permissions = serialize_to_bson(permissions).map_err(Error::custom)?;
            let of_user = doc! { "legacyId": listing.legacy.as_str(), "userId": user.as_str() };
            let update = doc! {
                "$set": { "permissions": permissions, "listing": listing.id },
                "$setOnInsert": {
                    "clinicId": ids::clinic(listing.clinic), "state": TO_DO, "attempts": 0,
                },
            };
            Ok(doc! { "q": of_user, "u": update, "upsert": listing.adds })
        });
        let updates = updates.collect::<Result<Vec<_>>>()?;
        // One command, since a round trip for each would take longer than a transaction should.
        let command = doc! { "update": self.rows.name(), "updates": updates };
        let written = self.database.run_command(command).session(session).await?;
        if written.contains_key("writeErrors") {
            return Err(Error::custom("patients could not be listed"));
        }
        let added = written.get_array("upserted").map_or(0, Vec::len);
        Ok(Progress {
            total: i64::try_from(added).unwrap_or(i64::MAX),
            ..Progress::default()
        })
    }

    /// Forgets those who are not through and whom the listing did not find: they take their data from
    /// the legacy account. Returns by how many there are more, which is not above 0.
    pub(crate) async fn withdraw_others(
        &self,
        session: &mut ClientSession,
        listing: &Listing<'_>,
    ) -> Result<Progress> {
        let mut gone = [0; 2];
        for (gone, state) in gone.iter_mut().zip([TO_DO, FAILED]) {
            let others = doc! {
                "legacyId": listing.legacy.as_str(),
                "state": state,
                "listing": { "$ne": listing.id },
            };
            let deleted = self.rows.delete_many(others).session(&mut *session);
            *gone = i64::try_from(deleted.await?.deleted_count).unwrap_or(i64::MAX);
        }
        let [to_do, failed] = gone;
        Ok(Progress {
            total: -to_do - failed,
            failed: -failed,
            done: 0,
        })
    }

    /// Has those who failed tried again; returns how many they are.
    pub(crate) async fn retry_failed(
        &self,
        session: &mut ClientSession,
        legacy: &UserId,
    ) -> Result<i64> {
        let failed = doc! { "legacyId": legacy.as_str(), "state": FAILED };
        let again = doc! { "$set": { "state": TO_DO, "attempts": 0 }, "$unset": { "reason": "" } };
        let retried = self.rows.update_many(failed, again).session(session);
        Ok(i64::try_from(retried.await?.modified_count).unwrap_or(i64::MAX))
    }

    /// The next of those who are yet to come: those with whom something failed are the last.
    pub(crate) async fn list_due(&self, legacy: &UserId, limit: u32) -> Result<Vec<DuePatient>> {
        let rows = self.rows.clone_with_type::<DuePatient>();
        let due = rows.find(doc! { "legacyId": legacy.as_str(), "state": TO_DO });
        let due = due.sort(doc! { "attempts": 1, "userId": 1 });
        let due = due.limit(limit.into()).batch_size(limit).await?;
        due.try_collect().await
    }

    /// Notes what became of a patient; returns whether it was yet to come.
    pub(crate) async fn note(
        &self,
        session: &mut ClientSession,
        patient: &DuePatient,
        outcome: &Outcome,
    ) -> Result<bool> {
        let update = match outcome {
            Outcome::Done => doc! { "$set": { "state": DONE } },
            Outcome::Failed(reason) => doc! { "$set": { "state": FAILED, "reason": reason } },
            Outcome::Postponed => doc! { "$inc": { "attempts": 1 } },
        };
        let due = doc! { "_id": patient.id, "state": TO_DO };
        let updated = self.rows.update_one(due, update).session(session).await?;
        Ok(updated.matched_count > 0)
    }

    /// Some of those who failed.
    pub(crate) async fn list_failed(
        &self,
        legacy: &UserId,
        limit: u32,
    ) -> Result<Vec<FailedPatient>> {
        let rows = self.rows.clone_with_type::<FailedDocument>();
        let failed = rows.find(doc! { "legacyId": legacy.as_str(), "state": FAILED });
        let failed = failed.sort(doc! { "attempts": 1, "userId": 1 });
        let failed = failed.limit(limit.into()).batch_size(limit).await?;
        let failed = failed.map_ok(|failed| FailedPatient {
            user_id: failed.user_id,
            reason: failed.reason.unwrap_or_default(),
        });
        failed.try_collect().await
    }
}

impl Outcome {
    /// What it adds to the numbers of the migration.
    pub(crate) fn progress(&self) -> Progress {
        let (done, failed) = match self {
            Self::Done => (1, 0),
            Self::Failed(_) => (0, 1),
            Self::Postponed => (0, 0),
        };
        Progress {
            total: 0,
            done,
            failed,
        }
    }
}
