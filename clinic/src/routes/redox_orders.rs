//! What was done with orders of hospital records.

use actix_web::web::{Json, Path};
use serde::{Deserialize, Serialize};
use shared_runtime::{
    error::{ApiError, OrFail as _},
    query::{Limit, Offset, Parameters, Query},
};
use shared_types::{ClinicId, MessageId, UserId};
use utoipa::{IntoParams, ToSchema};

use super::{
    State,
    parameters::MessagePath,
    refusals::{Matching, Missing, Refusals},
    views::time,
};
use crate::{
    domain::Refusal,
    error::Failure,
    store::{OrderOutcome, OrderReport, ReportFilter},
    use_cases::process_order,
};

/// What was done with an order.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = OrderReport)]
pub(crate) struct OrderReportView {
    /// The message that it was.
    id: MessageId,
    /// Where it came from; empty: it did not say.
    source_id: String,
    /// Which message of its source it was, from 1.
    sequence: i64,
    /// What it asked for; absent where no clinic knows its code, or it was not looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    action: Option<String>,
    outcome: OrderOutcome,
    /// Why nothing was done.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    clinic_id: Option<ClinicId>,
    /// The patient.
    #[serde(skip_serializing_if = "Option::is_none")]
    user_id: Option<UserId>,
    processed_time: String,
}

impl From<OrderReport> for OrderReportView {
    fn from(report: OrderReport) -> Self {
        Self {
            id: report.id,
            source_id: report.source,
            sequence: report.sequence,
            action: report.action,
            outcome: report.outcome,
            reason: report.reason,
            clinic_id: report.clinic,
            user_id: report.user,
            processed_time: time(report.processed_time.to_chrono()),
        }
    }
}

/// Which orders are shown.
#[derive(Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub(crate) struct OrderSearch {
    /// How many are left out.
    #[serde(default)]
    offset: Offset,
    /// How many are shown.
    #[serde(default)]
    limit: Limit,
    /// Those of this clinic alone.
    clinic_id: Option<ClinicId>,
    /// Those that ended so alone.
    #[param(inline)]
    outcome: Option<OrderOutcome>,
}

impl Parameters for OrderSearch {}

/// `GET /v1/redox/orders`: what was done with the orders of hospital records that are worked off here, the
/// last one first.
///
/// For services. Response: 200, an array; empty where none is. Errors: 400 a parameter breaks a rule; otherwise
/// as every operation. Source: Tidegate's own.
#[utoipa::path(
    get, path = "/v1/redox/orders", tag = "hospital records", params(OrderSearch),
    responses((status = 200, description = "The orders.", body = Vec<OrderReportView>), Refusals),
)]
pub(crate) async fn list_orders(
    query: Query<OrderSearch>,
    state: State,
) -> Result<Json<Vec<OrderReportView>>, ApiError> {
    let search = query.read()?;
    let filter = ReportFilter {
        clinic: search.clinic_id,
        outcome: search.outcome,
    };
    let (offset, limit) = (search.offset.get(), search.limit.get());
    let found = state
        .store
        .redox
        .reports
        .list(&filter, offset, limit)
        .await
        .or_fail(Failure)?;
    Ok(Json(found.into_iter().map(Into::into).collect()))
}

/// `POST /internal/redox/orders/{messageId}/retry`: does an order anew with which nothing was done, out of
/// its turn, once what stood in its way is gone. One with which something was done stays as it is.
///
/// Body: none. Response: 200, what was done. Errors: 403 not an admitted operator; 404 nothing was noted
/// of such an order; 409 somebody did something else at the same moment; 500 it failed. Source: Tidegate, internal; for operators.
#[utoipa::path(
    post, path = "/internal/redox/orders/{messageId}/retry", tag = "operations",
    params(MessagePath),
    responses(
        (status = 200, description = "What was done.", body = OrderReportView),
        Missing, Matching, Refusals,
    ),
)]
pub(crate) async fn retry_order(
    path: Path<MessagePath>,
    state: State,
) -> Result<Json<OrderReportView>, ApiError> {
    let report = process_order::retry(&state, path.message_id).await?;
    Ok(Json(report.ok_or(Refusal::MessageNotFound)?.into()))
}
