//! What an operator can do about effects on other services that were given up.

use actix_web::web::Json;
use shared_runtime::{
    auth::Operator,
    error::{ApiError, OrFail as _},
    outbox::{Revived, revive_all},
};

use super::{State, refusals::Refusals};
use crate::error::Failure;

/// `POST /internal/outbox/revive`: tries every dead outbox row again, from the first attempt.
///
/// Body: none. Response: 200, `{"revived": <rows>}`.
/// Errors: 403 not an admitted operator; 500 the database failed.
/// Source: Tidegate, internal; for operators, once what stopped the deliveries is mended.
#[utoipa::path(
    post, path = "/internal/outbox/revive", tag = "operations",
    responses(
        (status = 200, description = "How many rows are tried again.", body = Revived),
        Refusals,
    ),
)]
pub(crate) async fn revive_outbox(_: Operator, state: State) -> Result<Json<Revived>, ApiError> {
    let revived = revive_all(&[&state.outbox]).await.or_fail(Failure)?;
    Ok(Json(revived))
}
