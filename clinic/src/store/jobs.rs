//! Collection `jobs`: changes of every patient of a clinic that are made, and are being written into
//! the documents of the patients ([`BulkChange`]).
//!
//! Document: `{_id, clinicId, change: {kind, …}, upTo: [version of each lane], at: {lane, version},
//! patients, owner, leasedUntil, createdTime, doneTime?}`. A job is stored in the transaction of the
//! clinic's change, which moves the version of every lane on: whoever is at most at `upTo` in its lane,
//! or is not counted yet, had not been changed since, and the job holds for it. Every write of a
//! patient makes the changes of all jobs that hold for it and moves it beyond them, so a job is done
//! when none is left whom it would change.
//!
//! `at` is where a job that looks through all patients of a clinic goes on. The worker that has the
//! lease renews it with each batch, in the transaction of the batch. Done jobs stay a minute, for
//! whoever read a patient before the last batch and the jobs after it.

use std::{iter, time::Duration};

use bson::{Bson, DateTime, Document, doc, oid::ObjectId, serialize_to_bson};
use futures_util::TryStreamExt;
use mongodb::{
    ClientSession, Collection, Database, IndexModel,
    error::{Error, Result},
    options::{IndexOptions, ReturnDocument},
};
use serde::Deserialize;
use shared_runtime::mongo::{ONE_BATCH, ensure_indexes};
use shared_types::ClinicId;

use super::{Lane, ids};
use crate::domain::bulk_change::BulkChange;

/// How long done jobs stay.
const KEPT: Duration = Duration::from_mins(1);

/// The jobs of all clinics.
#[derive(Debug, Clone)]
pub(crate) struct Jobs {
    jobs: Collection<Document>,
    /// How long a worker that died keeps others from taking over.
    lease: Duration,
}

/// A change that is made to every patient of a clinic.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Job {
    pub(super) id: ObjectId,
    pub(super) clinic: ClinicId,
    pub(super) change: BulkChange,
    up_to: Vec<i64>,
    pub(super) at: Position,
    is_done: bool,
}

/// Where among the patients of a clinic a job is: `lane` is `None` for those that are not counted,
/// who come first.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Position {
    pub(super) lane: Option<Lane>,
    pub(super) version: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JobDocument {
    #[serde(rename = "_id")]
    id: ObjectId,
    clinic_id: ObjectId,
    change: BulkChange,
    up_to: Vec<i64>,
    at: PositionDocument,
    done_time: Option<DateTime>,
}

#[derive(Deserialize)]
struct PositionDocument {
    lane: Option<i32>,
    version: i64,
}

impl From<JobDocument> for Job {
    fn from(document: JobDocument) -> Self {
        Self {
            id: document.id,
            clinic: document.clinic_id.bytes().into(),
            change: document.change,
            up_to: document.up_to,
            at: Position {
                lane: document.at.lane.map(Lane),
                version: document.at.version,
            },
            is_done: document.done_time.is_some(),
        }
    }
}

impl From<Position> for Bson {
    fn from(position: Position) -> Self {
        let lane = position.lane.map(|Lane(lane)| lane);
        doc! { "lane": lane, "version": position.version }.into()
    }
}

impl Job {
    /// Whether it holds for a patient who is counted in `lane` at `version`. One who is not counted
    /// has not been changed by this service, but perhaps since the job was done.
    pub(super) fn holds(&self, lane: Option<Lane>, version: i64) -> bool {
        match lane {
            Some(lane) => version <= self.up_to(lane),
            None => !self.is_done,
        }
    }

    /// The version of `lane` at which it was made.
    pub(super) fn up_to(&self, Lane(lane): Lane) -> i64 {
        let lane = usize::try_from(lane).unwrap_or(usize::MAX);
        self.up_to.get(lane).copied().unwrap_or_default()
    }

    /// The same, which goes on at `position`.
    #[must_use]
    pub(crate) fn at(self, position: Position) -> Self {
        Self {
            at: position,
            ..self
        }
    }

    /// Whose patients it changes.
    pub(crate) fn clinic(&self) -> ClinicId {
        self.clinic
    }

    /// The patients for whom it holds, as a filter.
    pub(super) fn scope(&self) -> Document {
        let in_lane = |lane: Lane| {
            let Lane(number) = lane;
            doc! { "_lane": number, "_version": { "$lte": self.up_to(lane) } }
        };
        // Who is not counted when a job is done came after it.
        let uncounted = iter::once(doc! { "_lane": null }).filter(|_| !self.is_done);
        let scopes: Vec<Document> = uncounted.chain(Lane::all().map(in_lane)).collect();
        doc! { "$or": scopes }
    }
}

impl Jobs {
    pub(super) fn on(database: &Database, lease: Duration) -> Self {
        let jobs = database.collection("jobs");
        Self { jobs, lease }
    }

    /// Ensures the indexes of the queries below.
    pub(super) async fn prepare(&self) -> anyhow::Result<()> {
        let kept = IndexOptions::builder().expire_after(KEPT).build();
        let indexes = vec![
            IndexModel::builder()
                .keys(doc! { "clinicId": 1, "upTo.0": 1 })
                .build(),
            IndexModel::builder()
                .keys(doc! { "doneTime": 1 })
                .options(kept)
                .build(),
        ];
        ensure_indexes(&self.jobs, indexes).await
    }

    /// Stores a job of a clinic in the transaction of `session`, leased to `owner`; `up_to`: the
    /// version of each lane, which the transaction moved on.
    pub(crate) async fn insert(
        &self,
        session: &mut ClientSession,
        clinic: ClinicId,
        change: &BulkChange,
        up_to: Vec<i64>,
        owner: &str,
    ) -> Result<Job> {
        let job = Job {
            id: ObjectId::new(),
            clinic,
            change: change.clone(),
            up_to,
            at: Position::default(),
            is_done: false,
        };
        let stored = doc! {
            "clinicId": ids::clinic(clinic),
            "change": serialize_to_bson(change).map_err(Error::custom)?,
            "upTo": job.up_to.clone(),
            "at": job.at,
            "patients": 0_i64,
            "owner": owner,
            "createdTime": DateTime::now(),
        };
        // A pipeline, since the lease is by the clock of the database.
        let members = vec![
            doc! { "$replaceWith": { "$mergeObjects": [
                { "_id": job.id }, { "$literal": stored },
            ] } },
            doc! { "$set": { "leasedUntil": self.lease_end() } },
        ];
        self.jobs
            .update_one(doc! { "_id": job.id }, members)
            .upsert(true)
            .session(session)
            .await?;
        Ok(job)
    }

    /// The jobs of some clinics, in the order in which they were made, done ones perhaps.
    pub(crate) async fn list_all(&self, clinics: &[ClinicId]) -> Result<Vec<Job>> {
        let jobs = self.jobs.clone_with_type::<JobDocument>();
        let clinics: Vec<ObjectId> = clinics.iter().copied().map(ids::clinic).collect();
        let found = jobs.find(doc! { "clinicId": { "$in": clinics } });
        let found = found.sort(doc! { "clinicId": 1, "upTo.0": 1 });
        let found = found.batch_size(ONE_BATCH).await?;
        found.map_ok(Into::into).try_collect().await
    }

    /// The same of a clinic in the transaction of `session`.
    pub(crate) async fn list_in(
        &self,
        session: &mut ClientSession,
        clinic: ClinicId,
    ) -> Result<Vec<Job>> {
        let jobs = self.jobs.clone_with_type::<JobDocument>();
        let found = jobs.find(doc! { "clinicId": ids::clinic(clinic) });
        let found = found.sort(doc! { "upTo.0": 1 }).batch_size(ONE_BATCH);
        let mut found = found.session(&mut *session).await?;
        let mut all = Vec::new();
        while let Some(job) = found.next(session).await {
            all.push(job?.into());
        }
        Ok(all)
    }

    /// Leases a job to `owner` that is not done and that nobody works on; `None`: there is none.
    pub(crate) async fn lease(&self, owner: &str) -> Result<Option<Job>> {
        let jobs = self.jobs.clone_with_type::<JobDocument>();
        let is_free = doc! { "$lt": ["$leasedUntil", "$$NOW"] };
        let free = doc! { "doneTime": null, "$expr": is_free };
        let lease = vec![doc! { "$set": { "owner": owner, "leasedUntil": self.lease_end() } }];
        let leased = jobs.find_one_and_update(free, lease);
        let leased = leased.return_document(ReturnDocument::After).await?;
        Ok(leased.map(Into::into))
    }

    /// Notes in the transaction of `session` that `owner` has changed `patients` more, and goes on at
    /// `next`; `None`: the job is done. Returns whether the job was `owner`'s still.
    pub(crate) async fn note(
        &self,
        session: &mut ClientSession,
        job: &Job,
        owner: &str,
        patients: i64,
        next: Option<Position>,
    ) -> Result<bool> {
        let held = doc! { "_id": job.id, "owner": owner, "doneTime": null };
        let mut set = doc! {
            "patients": { "$add": ["$patients", patients] },
            "leasedUntil": self.lease_end(),
        };
        match next {
            Some(position) => set.insert("at", position),
            None => set.insert("doneTime", "$$NOW"),
        };
        let noted = self.jobs.update_one(held, vec![doc! { "$set": set }]);
        Ok(noted.session(session).await?.matched_count > 0)
    }

    /// Gives a job back: another worker need not wait for the lease to run out.
    pub(crate) async fn release(&self, job: &Job, owner: &str) -> Result<()> {
        let free = doc! { "$set": { "owner": "", "leasedUntil": DateTime::MIN } };
        let held = doc! { "_id": job.id, "owner": owner };
        self.jobs.update_one(held, free).await?;
        Ok(())
    }

    /// Forgets the jobs of a clinic that is gone.
    pub(crate) async fn delete(&self, session: &mut ClientSession, clinic: ClinicId) -> Result<()> {
        let of_clinic = doc! { "clinicId": ids::clinic(clinic) };
        self.jobs.delete_many(of_clinic).session(session).await?;
        Ok(())
    }

    fn lease_end(&self) -> Document {
        let lease_ms = i64::try_from(self.lease.as_millis()).unwrap_or(i64::MAX);
        doc! { "$add": ["$$NOW", lease_ms] }
    }
}
