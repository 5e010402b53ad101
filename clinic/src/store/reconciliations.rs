//! Collection `reconciliations`: how far the last comparison of relations with gatekeeper has come.
//! Document: `{_id: "relations", run, startedTime, patients: {after?, isDone, compared, differing},
//! clinicians: {…}, finishedTime?}`.

use bson::{DateTime, Document, doc};
use mongodb::{ClientSession, Collection, Database, error::Result};
use serde::Deserialize;
use shared_types::UserId;

use crate::domain::relations::Kind;

const ID: &str = "relations";

/// The comparison.
#[derive(Debug, Clone)]
pub(crate) struct Reconciliations {
    runs: Collection<Document>,
}

/// A comparison as it stands.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Run {
    /// Which one it is.
    #[serde(rename = "run")]
    pub(crate) id: String,
    pub(crate) started_time: DateTime,
    pub(crate) finished_time: Option<DateTime>,
    pub(crate) patients: Progress,
    pub(crate) clinicians: Progress,
}

/// How far it has come with one kind.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Progress {
    /// The last account that was compared; `None`: none was.
    pub(crate) after: Option<UserId>,
    pub(crate) is_done: bool,
    /// Relations of either side.
    pub(crate) compared: i64,
    /// Those that were not alike.
    pub(crate) differing: i64,
}

/// What was compared in one go.
pub(crate) struct Step<'a> {
    pub(crate) kind: Kind,
    /// After this account; `None`: from the first on.
    pub(crate) after: Option<&'a UserId>,
    /// Up to this one; `None`: to the last.
    pub(crate) until: Option<&'a UserId>,
    pub(crate) compared: i64,
    pub(crate) differing: i64,
}

impl Run {
    pub(crate) fn progress(&self, kind: Kind) -> &Progress {
        match kind {
            Kind::Patients => &self.patients,
            Kind::Clinicians => &self.clinicians,
        }
    }
}

impl Reconciliations {
    pub(super) fn on(database: &Database) -> Self {
        Self {
            runs: database.collection("reconciliations"),
        }
    }

    /// The last run; `None`: there was none.
    pub(crate) async fn find(&self) -> Result<Option<Run>> {
        let runs = self.runs.clone_with_type::<Run>();
        runs.find_one(doc! { "_id": ID }).await
    }

    /// The same in the transaction of `session`.
    pub(crate) async fn find_in(&self, session: &mut ClientSession) -> Result<Option<Run>> {
        let runs = self.runs.clone_with_type::<Run>();
        runs.find_one(doc! { "_id": ID }).session(session).await
    }

    /// Begins the run called `run`.
    pub(crate) async fn begin(&self, session: &mut ClientSession, run: &str) -> Result<()> {
        let nothing = doc! { "isDone": false, "compared": 0_i64, "differing": 0_i64 };
        let begun = doc! {
            "run": run, "startedTime": DateTime::now(),
            "patients": nothing.clone(), "clinicians": nothing,
        };
        self.runs
            .replace_one(doc! { "_id": ID }, begun)
            .upsert(true)
            .session(session)
            .await?;
        Ok(())
    }

    /// Notes what was compared; `false`: it was noted before, or the run is another one.
    pub(crate) async fn advance(
        &self,
        session: &mut ClientSession,
        run: &str,
        step: &Step<'_>,
    ) -> Result<bool> {
        let member = |name: &str| format!("{}.{name}", step.kind.name());
        let here = doc! {
            "_id": ID, "run": run, member("isDone"): false,
            member("after"): step.after.map(UserId::as_str),
        };
        let mut set = doc! { member("isDone"): step.until.is_none() };
        if let Some(until) = step.until {
            set.insert(member("after"), until.as_str());
        }
        let add = doc! { member("compared"): step.compared, member("differing"): step.differing };
        let advanced = self
            .runs
            .update_one(here, doc! { "$set": set, "$inc": add })
            .session(&mut *session)
            .await?;
        let all_done = doc! {
            "_id": ID, "patients.isDone": true, "clinicians.isDone": true, "finishedTime": null,
        };
        let finish = doc! { "$set": { "finishedTime": DateTime::now() } };
        self.runs
            .update_one(all_done, finish)
            .session(session)
            .await?;
        Ok(advanced.matched_count > 0)
    }
}
