//! What other services and operators ask; the public origin routes none of it.

use actix_web::{
    HttpResponse,
    web::{Data, Path},
};
use serde::Serialize;
use shared_runtime::{
    auth::{Operator, Peer},
    error::ApiError,
};
use shared_types::UserId;
use tracing::info;
use utoipa::ToSchema;

use crate::{State, error::Failure};

/// How many rows are tried again.
#[derive(Serialize, ToSchema)]
pub(crate) struct Revived {
    /// Rows.
    revived: u64,
}

/// `DELETE /internal/users/:userid`: an account was deleted; what it asked for and was asked goes.
///
/// What the account asked for a clinic stays. Repeatable. For admitted services.
/// Body: none. Answer: 204, empty.
/// Errors: 401 no token or not an admitted service; 403 invalid token; 500 the store failed.
/// Source: event `users:delete` of the reference.
#[utoipa::path(
    delete, path = "/internal/users/{userid}", tag = "internal",
    params(("userid" = String, Path, description = "The account that is gone")),
    responses(
        (status = 204, description = "Removed"),
        (status = 401, description = "Not authorized for requested operation"),
        (status = 403, description = "The x-tidepool-session-token was invalid"),
        (status = 500, description = "Error deleting a confirmation"),
    ),
)]
pub(crate) async fn delete_user(
    _: Peer,
    user: Path<UserId>,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let removed = state.confirmations.delete_user(&user).await;
    let removed = removed.map_err(Failure::Deleting.because())?;
    info!(user.id = %user, confirmations = removed, "a deleted account is forgotten");
    Ok(HttpResponse::NoContent().finish())
}

/// `POST /internal/outbox/revive`: tries every dead outbox row again, mails included, from the
/// first attempt.
///
/// Body: none. Answer: 200, `{"revived": <rows>}`.
/// Errors: 401 no token or not an admitted operator; 403 invalid token; 500 the store failed.
/// Source: Tidegate, internal; for operators, once what stopped the deliveries is mended.
#[utoipa::path(
    post, path = "/internal/outbox/revive", tag = "internal",
    responses(
        (status = 200, description = "How many rows are tried again", body = Revived),
        (status = 401, description = "Not authorized for requested operation"),
        (status = 403, description = "The x-tidepool-session-token was invalid"),
        (status = 500, description = "Internal Server Error"),
    ),
)]
pub(crate) async fn revive_outbox(
    _: Operator,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let mut revived = 0;
    for outbox in [&state.outbox, &state.mails] {
        revived += outbox.revive().await.map_err(Failure::Internal.because())?;
    }
    Ok(HttpResponse::Ok().json(Revived { revived }))
}
