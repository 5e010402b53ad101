//! What an operator can do about relations that gatekeeper knows otherwise than clinic.

use actix_web::web::Json;
use chrono::{DateTime, Utc};
use serde::Serialize;
use shared_runtime::{
    auth::Operator,
    error::{ApiError, OrFail as _},
};
use utoipa::ToSchema;

use super::{State, refusals::Refusals};
use crate::{
    error::Failure,
    store::{Progress, Run},
    use_cases::reconcile,
};

/// How the last comparison stands.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    state: RunState,
    /// When it began; absent: there was none.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    started_time: Option<DateTime<Utc>>,
    /// When all were compared.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    finished_time: Option<DateTime<Utc>>,
    patients: KindReport,
    clinicians: KindReport,
}

/// Whether there was a comparison.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
enum RunState {
    None,
    Running,
    Finished,
}

/// How it stands with one kind of relations.
#[derive(Default, Serialize, ToSchema)]
struct KindReport {
    /// Relations that were compared.
    compared: i64,
    /// Those that gatekeeper knew otherwise, not at all, or without need; they are mended.
    differing: i64,
}

impl From<Option<Run>> for Report {
    fn from(run: Option<Run>) -> Self {
        let Some(run) = run else {
            return Self {
                state: RunState::None,
                started_time: None,
                finished_time: None,
                patients: KindReport::default(),
                clinicians: KindReport::default(),
            };
        };
        Self {
            state: match run.finished_time {
                Some(_) => RunState::Finished,
                None => RunState::Running,
            },
            started_time: Some(run.started_time.to_chrono()),
            finished_time: run.finished_time.map(bson::DateTime::to_chrono),
            patients: (&run.patients).into(),
            clinicians: (&run.clinicians).into(),
        }
    }
}

impl From<&Progress> for KindReport {
    fn from(progress: &Progress) -> Self {
        Self {
            compared: progress.compared,
            differing: progress.differing,
        }
    }
}

/// `POST /internal/relations/reconcile`: compares all relations with those that gatekeeper knows, and
/// has it told where they differ. While one comparison runs, it goes on with that one.
///
/// Body: none. Response: 200, how it stands.
/// Errors: 403 not an admitted operator; 500 the database failed.
/// Source: Tidegate, internal; for operators, for a database that the reference wrote, and after
/// gatekeeper was restored from a backup.
#[utoipa::path(
    post, path = "/internal/relations/reconcile", tag = "operations",
    responses((status = 200, description = "How it stands.", body = Report), Refusals),
)]
pub(crate) async fn start_reconciliation(
    _: Operator,
    state: State,
) -> Result<Json<Report>, ApiError> {
    let run = reconcile::start(&state).await?;
    Ok(Json(run.into()))
}

/// `GET /internal/relations`: how the last comparison stands, and how many relations differed.
///
/// Response: 200, the report. Errors: as [`start_reconciliation`].
/// Source: Tidegate, internal; for operators.
#[utoipa::path(
    get, path = "/internal/relations", tag = "operations",
    responses((status = 200, description = "How it stands.", body = Report), Refusals),
)]
pub(crate) async fn show_reconciliation(
    _: Operator,
    state: State,
) -> Result<Json<Report>, ApiError> {
    let run = state.store.reconciliations.find().await.or_fail(Failure)?;
    Ok(Json(run.into()))
}
