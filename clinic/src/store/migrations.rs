//! Collection `migrations`, which the reference wrote as well.
//!
//! Document: `{_id, clinicId, userId, status, attestationTime?, createdTime, updatedTime, _work?,
//! _progress?}`. The reference does not know the last three. `_work` is what the worker of this service
//! keeps: `{owner?, leasedUntil?, onlyFailed?, startedTime?, completedTime?}`; a migration that runs
//! without a lease is one that another program works on. `_progress` is `{total, done, failed}`.

use std::time::Duration;

use bson::{Bson, DateTime, Document, doc, oid::ObjectId};
use chrono::{DateTime as Time, Utc};
use futures_util::TryStreamExt;
use mongodb::{
    ClientSession, Collection, Database, IndexModel,
    error::Result,
    options::{IndexOptions, ReturnDocument},
};
use serde::Deserialize;
use shared_runtime::mongo::{ONE_BATCH, ensure_indexes};
use shared_types::{ClinicId, UserId};

use super::ids;
use crate::domain::migration::{Migration, Progress, Status};

/// Migrations.
#[derive(Debug, Clone)]
pub(crate) struct Migrations {
    migrations: Collection<Document>,
    /// How long a worker that died keeps others from taking over.
    lease: Duration,
}

/// A migration that a worker has.
#[derive(Debug, Clone)]
pub(crate) struct Work {
    id: ObjectId,
    pub(crate) clinic: ClinicId,
    /// The legacy account.
    pub(crate) legacy: UserId,
    /// Whether it is yet to begin.
    pub(crate) is_pending: bool,
    /// Whether nobody is added: those who failed are tried again.
    pub(crate) is_retry: bool,
    /// How far it ever was.
    pub(crate) past: Past,
    owner: String,
}

/// How far a migration ever was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Past {
    New,
    Begun,
    Completed,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MigrationDocument {
    #[serde(rename = "_id")]
    id: ObjectId,
    clinic_id: ObjectId,
    user_id: UserId,
    status: Option<String>,
    attestation_time: Option<DateTime>,
    created_time: Option<DateTime>,
    updated_time: Option<DateTime>,
    #[serde(rename = "_work")]
    work: Option<WorkDocument>,
    #[serde(rename = "_progress")]
    progress: Option<ProgressDocument>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct WorkDocument {
    owner: Option<String>,
    only_failed: Option<bool>,
    started_time: Option<DateTime>,
    completed_time: Option<DateTime>,
}

#[derive(Deserialize)]
struct ProgressDocument {
    total: i64,
    done: i64,
    failed: i64,
}

impl From<MigrationDocument> for Migration {
    fn from(document: MigrationDocument) -> Self {
        let time = |time: Option<DateTime>| time.map(DateTime::to_chrono).unwrap_or_default();
        Self {
            clinic_id: document.clinic_id.bytes().into(),
            user_id: document.user_id,
            status: document.status.unwrap_or_default(),
            attestation_time: document.attestation_time.map(DateTime::to_chrono),
            progress: document.progress.map(|progress| Progress {
                total: progress.total,
                done: progress.done,
                failed: progress.failed,
            }),
            created_time: time(document.created_time),
            updated_time: time(document.updated_time),
        }
    }
}

impl From<MigrationDocument> for Work {
    fn from(document: MigrationDocument) -> Self {
        let work = document.work.unwrap_or_default();
        Self {
            id: document.id,
            clinic: document.clinic_id.bytes().into(),
            legacy: document.user_id,
            is_pending: document.status.as_deref() == Some(Status::Pending.name()),
            is_retry: work.only_failed.unwrap_or_default(),
            past: match (work.started_time, work.completed_time) {
                (_, Some(_)) => Past::Completed,
                (Some(_), None) => Past::Begun,
                (None, None) => Past::New,
            },
            owner: work.owner.unwrap_or_default(),
        }
    }
}

impl Migrations {
    pub(super) fn on(database: &Database, lease: Duration) -> Self {
        Self {
            migrations: database.collection("migrations"),
            lease,
        }
    }

    /// Ensures the indexes of the queries below. The first is the reference's, with its name.
    pub(super) async fn prepare(&self) -> anyhow::Result<()> {
        let unique = IndexOptions::builder()
            .name("UniqueClinicianMigration".to_owned())
            .unique(true)
            .build();
        let indexes = vec![
            IndexModel::builder()
                .keys(doc! { "userId": 1 })
                .options(unique)
                .build(),
            IndexModel::builder()
                .keys(doc! { "clinicId": 1, "createdTime": 1, "_id": 1 })
                .build(),
            IndexModel::builder()
                .keys(doc! { "status": 1, "_work.leasedUntil": 1 })
                .build(),
        ];
        ensure_indexes(&self.migrations, indexes).await
    }

    /// Stores a migration in the transaction of `session`. A second one of the account is a duplicate
    /// key.
    pub(crate) async fn insert(
        &self,
        session: &mut ClientSession,
        migration: &Migration,
    ) -> Result<()> {
        let mut document = doc! {
            "clinicId": ids::clinic(migration.clinic_id),
            "userId": migration.user_id.as_str(),
            "status": &migration.status,
            "createdTime": DateTime::from_chrono(migration.created_time),
            "updatedTime": DateTime::from_chrono(migration.updated_time),
        };
        if let Some(time) = migration.attestation_time {
            document.insert("attestationTime", DateTime::from_chrono(time));
        }
        self.migrations
            .insert_one(document)
            .session(session)
            .await?;
        Ok(())
    }

    /// The migration of an account to a clinic.
    pub(crate) async fn find(&self, clinic: ClinicId, user: &UserId) -> Result<Option<Migration>> {
        let migrations = self.migrations.clone_with_type::<MigrationDocument>();
        let found = migrations.find_one(one(clinic, user)).await?;
        Ok(found.map(Into::into))
    }

    /// The same in the transaction of `session`.
    pub(crate) async fn find_in(
        &self,
        session: &mut ClientSession,
        clinic: ClinicId,
        user: &UserId,
    ) -> Result<Option<Migration>> {
        let migrations = self.migrations.clone_with_type::<MigrationDocument>();
        let found = migrations.find_one(one(clinic, user)).session(session);
        Ok(found.await?.map(Into::into))
    }

    /// The migrations to a clinic, the oldest first.
    pub(crate) async fn list(&self, clinic: ClinicId) -> Result<Vec<Migration>> {
        let migrations = self.migrations.clone_with_type::<MigrationDocument>();
        let found = migrations.find(doc! { "clinicId": ids::clinic(clinic) });
        let found = found.sort(doc! { "createdTime": 1, "_id": 1 });
        let found = found.batch_size(ONE_BATCH).await?;
        found.map_ok(Into::into).try_collect().await
    }

    /// Whether patients are still to come to a clinic, in the transaction of `session`.
    pub(crate) async fn is_under_way(
        &self,
        session: &mut ClientSession,
        clinic: ClinicId,
    ) -> Result<bool> {
        let completed = Status::Completed.name();
        let unfinished = doc! { "clinicId": ids::clinic(clinic), "status": { "$ne": completed } };
        let found = self.migrations.find_one(unfinished).session(session);
        Ok(found.await?.is_some())
    }

    /// Sets how far a migration is, and takes it from whatever worker has it; returns it since, or
    /// `None` where there is none.
    pub(crate) async fn set_status(
        &self,
        session: &mut ClientSession,
        clinic: ClinicId,
        user: &UserId,
        status: Status,
        now: Time<Utc>,
    ) -> Result<Option<Migration>> {
        let update = doc! {
            "$set": { "status": status.name(), "updatedTime": DateTime::from_chrono(now) },
            "$unset": { "_work.owner": "", "_work.leasedUntil": "", "_work.onlyFailed": "" },
        };
        let migrations = self.migrations.clone_with_type::<MigrationDocument>();
        let updated = migrations.find_one_and_update(one(clinic, user), update);
        let updated = updated.return_document(ReturnDocument::After);
        Ok(updated.session(session).await?.map(Into::into))
    }

    /// Has the `failed` patients of a completed migration tried again; returns it since.
    pub(crate) async fn retry(
        &self,
        session: &mut ClientSession,
        clinic: ClinicId,
        user: &UserId,
        failed: i64,
        now: Time<Utc>,
    ) -> Result<Option<Migration>> {
        let update = doc! {
            "$set": {
                "status": Status::Pending.name(),
                "updatedTime": DateTime::from_chrono(now),
                "_work.onlyFailed": true,
            },
            "$unset": { "_work.owner": "", "_work.leasedUntil": "" },
            "$inc": { "_progress.failed": -failed },
        };
        let migrations = self.migrations.clone_with_type::<MigrationDocument>();
        let updated = migrations.find_one_and_update(one(clinic, user), update);
        let updated = updated.return_document(ReturnDocument::After);
        Ok(updated.session(session).await?.map(Into::into))
    }

    /// Leases a migration to `owner` that is pending, or that a worker of this service had and left;
    /// `None`: there is none.
    pub(crate) async fn lease(&self, owner: &str) -> Result<Option<Work>> {
        let running =
            doc! { "status": Status::Running.name(), "_work.leasedUntil": { "$ne": null } };
        let free = doc! {
            "$or": [{ "status": Status::Pending.name() }, running],
            "$expr": { "$lt": ["$_work.leasedUntil", "$$NOW"] },
        };
        let lease = doc! { "_work.owner": owner, "_work.leasedUntil": self.lease_end() };
        let migrations = self.migrations.clone_with_type::<MigrationDocument>();
        let leased = migrations.find_one_and_update(free, vec![doc! { "$set": lease }]);
        let leased = leased.return_document(ReturnDocument::After).await?;
        Ok(leased.map(Into::into))
    }

    /// Notes in the transaction of `session` that pending work begins, with `failed` patients fewer
    /// who failed; returns whether it was the owner's still.
    pub(crate) async fn begin(
        &self,
        session: &mut ClientSession,
        work: &Work,
        failed: i64,
        now: Time<Utc>,
    ) -> Result<bool> {
        let now = DateTime::from_chrono(now);
        let mut set = doc! {
            "status": Status::Running.name(),
            "updatedTime": now,
            "_work.leasedUntil": self.lease_end(),
            "_work.startedTime": { "$ifNull": ["$_work.startedTime", now] },
        };
        set.extend(sums(&Progress {
            failed: -failed,
            ..Progress::default()
        }));
        let pending = work.held(Status::Pending);
        self.update(session, pending, vec![doc! { "$set": set }])
            .await
    }

    /// Adds `more` to the numbers of work that runs and renews its lease; returns whether it was the
    /// owner's still.
    pub(crate) async fn note(
        &self,
        session: &mut ClientSession,
        work: &Work,
        more: &Progress,
    ) -> Result<bool> {
        let mut set = doc! { "_work.leasedUntil": self.lease_end() };
        set.extend(sums(more));
        let running = work.held(Status::Running);
        self.update(session, running, vec![doc! { "$set": set }])
            .await
    }

    /// Notes that work is done; returns whether it was the owner's still.
    pub(crate) async fn complete(
        &self,
        session: &mut ClientSession,
        work: &Work,
        now: Time<Utc>,
    ) -> Result<bool> {
        let now = DateTime::from_chrono(now);
        let set = doc! {
            "status": Status::Completed.name(),
            "updatedTime": now,
            "_work.completedTime": { "$ifNull": ["$_work.completedTime", now] },
        };
        let given_back = vec!["_work.owner", "_work.leasedUntil", "_work.onlyFailed"];
        let update = vec![doc! { "$set": set }, doc! { "$unset": given_back }];
        self.update(session, work.held(Status::Running), update)
            .await
    }

    async fn update(
        &self,
        session: &mut ClientSession,
        held: Document,
        update: Vec<Document>,
    ) -> Result<bool> {
        let updated = self.migrations.update_one(held, update).session(session);
        Ok(updated.await?.matched_count > 0)
    }

    /// Gives work back: another worker need not wait for the lease to run out.
    pub(crate) async fn release(&self, work: &Work) -> Result<()> {
        let held = doc! { "_id": work.id, "_work.owner": &work.owner };
        let free = doc! { "$set": { "_work.owner": "", "_work.leasedUntil": DateTime::MIN } };
        self.migrations.update_one(held, free).await?;
        Ok(())
    }

    fn lease_end(&self) -> Document {
        let lease_ms = i64::try_from(self.lease.as_millis()).unwrap_or(i64::MAX);
        doc! { "$add": ["$$NOW", lease_ms] }
    }
}

impl Work {
    /// The migration while it is in this state and the owner's, as a filter.
    fn held(&self, status: Status) -> Document {
        doc! { "_id": self.id, "_work.owner": &self.owner, "status": status.name() }
    }
}

fn one(clinic: ClinicId, user: &UserId) -> Document {
    doc! { "userId": user.as_str(), "clinicId": ids::clinic(clinic) }
}

/// The numbers after `more` is added, as members of a pipeline; those that are not there are 0.
fn sums(more: &Progress) -> Document {
    let numbers = [
        ("total", more.total),
        ("done", more.done),
        ("failed", more.failed),
    ];
    let sum = |(name, more): (&str, i64)| {
        let member = format!("_progress.{name}");
        let before = doc! { "$ifNull": [format!("${member}"), 0_i64] };
        (member, Bson::from(doc! { "$add": [before, more] }))
    };
    numbers.into_iter().map(sum).collect()
}
