//! What operators do about messages of hospital records that cannot be understood.

use actix_web::web::{Json, Path};
use serde::Serialize;
use shared_runtime::{
    error::{ApiError, OrFail as _},
    query::Query,
};
use shared_types::MessageId;
use utoipa::ToSchema;

use super::{
    State,
    parameters::{MessagePath, Page},
    refusals::{Missing, Refusals},
    views::time,
};
use crate::{
    domain::Refusal, error::Failure, store::QuarantinedMessage, use_cases::receive_message,
};

/// A body that cannot be understood.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = QuarantinedMessage)]
pub(crate) struct QuarantinedView {
    id: MessageId,
    /// Why it cannot be understood.
    reason: String,
    /// Bytes.
    size: i64,
    /// How often it came.
    times: i64,
    received_time: String,
    last_time: String,
    /// What came, where one is asked for; bytes that are no text are replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<String>,
}

impl From<QuarantinedMessage> for QuarantinedView {
    fn from(message: QuarantinedMessage) -> Self {
        let body = message.body.as_ref();
        Self {
            id: message.id.bytes().into(),
            reason: message.reason,
            size: message.size,
            times: message.times,
            received_time: time(message.received_time.to_chrono()),
            last_time: time(message.last_time.to_chrono()),
            body: body.map(|body| String::from_utf8_lossy(&body.bytes).into_owned()),
        }
    }
}

/// `GET /internal/redox/quarantine`: messages of hospital records that cannot be understood, the newest
/// first.
///
/// Response: 200, an array, without the bodies. Errors: 400 a parameter breaks a rule; 403 not an admitted
/// operator; 500 the database failed. Source: Tidegate, internal; for operators.
#[utoipa::path(
    get, path = "/internal/redox/quarantine", tag = "operations", params(Page),
    responses((status = 200, description = "The messages.", body = Vec<QuarantinedView>), Refusals),
)]
pub(crate) async fn list_quarantine(
    query: Query<Page>,
    state: State,
) -> Result<Json<Vec<QuarantinedView>>, ApiError> {
    let page = query.read()?;
    let quarantine = &state.store.redox.quarantine;
    let found = quarantine
        .list(page.offset.get(), page.limit.get())
        .await
        .or_fail(Failure)?;
    Ok(Json(found.into_iter().map(Into::into).collect()))
}

/// `GET /internal/redox/quarantine/{messageId}`: one of them with its body, which says things about a patient.
///
/// Response: 200, the message. Errors: 403 not an admitted operator; 404 there is none; 500 the database
/// failed. Source: Tidegate, internal; for operators.
#[utoipa::path(
    get, path = "/internal/redox/quarantine/{messageId}", tag = "operations", params(MessagePath),
    responses(
        (status = 200, description = "The message.", body = QuarantinedView),
        Missing, Refusals,
    ),
)]
pub(crate) async fn find_quarantined(
    path: Path<MessagePath>,
    state: State,
) -> Result<Json<QuarantinedView>, ApiError> {
    let message = state
        .store
        .redox
        .quarantine
        .find(path.message_id)
        .await
        .or_fail(Failure)?
        .ok_or(Refusal::MessageNotFound)?;
    Ok(Json(message.into()))
}

/// What became of a message that was read again.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Replayed {
    /// Whether it is stored, and left the quarantine.
    is_stored: bool,
    /// Otherwise why it cannot be understood still.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// `POST /internal/redox/quarantine/{messageId}/replay`: reads one of them again, as a release may that
/// understands more. It goes to the end of its feed.
///
/// Body: none. Response: 200, whether it is stored. Errors: 403 not an admitted operator; 404 there is none;
/// 500 the database failed. Source: Tidegate, internal; for operators.
#[utoipa::path(
    post, path = "/internal/redox/quarantine/{messageId}/replay", tag = "operations",
    params(MessagePath),
    responses(
        (status = 200, description = "What became of it.", body = Replayed),
        Missing, Refusals,
    ),
)]
pub(crate) async fn replay_quarantined(
    path: Path<MessagePath>,
    state: State,
) -> Result<Json<Replayed>, ApiError> {
    let reason = receive_message::replay(&state, path.message_id).await?;
    Ok(Json(Replayed {
        is_stored: reason.is_none(),
        reason,
    }))
}
