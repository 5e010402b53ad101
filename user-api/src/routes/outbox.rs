//! What an operator can do about effects on other services that were given up.

use actix_web::{HttpResponse, web::Data};
use shared_runtime::{
    auth::Operator,
    error::{ApiError, OrFail as _},
    outbox::{Revived, revive_all},
};

use super::refusals;
use crate::{State, error::Failure};

/// `POST /internal/outbox/revive`: tries every dead outbox row again, from the first attempt.
///
/// Body: none. Response: 200, `{"revived": <rows>}`.
/// Errors: 401 not an admitted operator; 500 (empty) the database failed.
/// Source: Tidegate, internal; for operators, once what stopped the deliveries is mended.
#[utoipa::path(
    post, path = "/internal/outbox/revive", tag = "operations",
    responses(
        (status = 200, description = "How many rows are tried again", body = Revived),
        refusals::Internal,
        (status = 500, description = "The database failed; no body"),
    ),
)]
pub(crate) async fn revive_outbox(
    _: Operator,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let revived = revive_all(&[&state.outbox])
        .await
        .or_fail(Failure::Silent)?;
    Ok(HttpResponse::Ok().json(revived))
}
