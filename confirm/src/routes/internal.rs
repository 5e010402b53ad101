//! What other services and operators ask; the public origin routes none of it.

use actix_web::{
    HttpResponse,
    web::{Data, Path},
};
use shared_runtime::{
    auth::{Operator, Peer},
    body::Body,
    error::{ApiError, OrFail as _},
    outbox::{Revived, revive_all},
    query::{Query, Until},
};
use shared_types::{AccountNotice, ClinicNotice, UserId};

use super::refusals::Refusals;
use crate::{
    State,
    error::{Failure, Refusal},
    use_cases::{forget_account, report_change, report_clinic_event},
};

/// `DELETE /internal/users/:userid`: an account was deleted; what it asked for and was asked goes.
///
/// What the account asked for a clinic stays. Repeatable. For admitted services.
/// Body: none. Response: 204, empty.
/// Errors: 401 no token or not an admitted service; 403 invalid token; 500 the store failed.
/// Source: event `users:delete` of the reference.
#[utoipa::path(
    delete, path = "/internal/users/{userid}", tag = "internal",
    params(("userid" = String, Path, description = "The account that is gone")),
    responses(
        (status = 204, description = "Removed"),
        Refusals,
        (status = 500, description = "Error deleting a confirmation"),
    ),
)]
pub(crate) async fn delete_user(
    _: Peer,
    user: Path<UserId>,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    forget_account::forget(&state, &user).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// `DELETE /internal/users/:userid/invitations?until=`: an account has another owner from now on;
/// the invitations that were sent for it until then, and that nobody has accepted, are canceled.
///
/// An acceptance that is under way is canceled as well; what it has granted by then, or is about
/// to, user-api has gatekeeper remove. What the account was asked stays, and so do later
/// invitations, which the new owner sent. Repeatable. For admitted services.
/// Body: none. Response: 204, empty.
/// Errors: 400 no such time; 401 no token or not an admitted service; 403 invalid token; 500 the
/// store failed.
/// Source: Tidegate, internal; user-api asks for it when the first address of an account is proven
/// together with a new password.
#[utoipa::path(
    delete, path = "/internal/users/{userid}/invitations", tag = "internal",
    params(("userid" = String, Path, description = "The account that invited"), Until),
    responses(
        (status = 204, description = "Canceled"),
        (status = 400, description = "Error decoding the confirmation"),
        Refusals,
        (status = 500, description = "Error updating confirmation"),
    ),
)]
pub(crate) async fn delete_invitations(
    _: Peer,
    user: Path<UserId>,
    query: Query<Until>,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let Until { until } = query.read().map_err(|_| Refusal::Unreadable)?;
    forget_account::cancel_invitations(&state, &user, until).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// `PUT /internal/account-notices/:noticeid`: reports to the owner of an account what was changed,
/// by a mail to each recipient, with a link that puts the account back. No quota keeps these mails
/// away.
///
/// Where the account has an address that is to be proven, the key for that is mailed as well.
/// Repeatable. For services.
/// Body: [`AccountNotice`]. Response: 204, empty.
/// Errors: 400 no such body; 401 no token or not an admitted service; 403 invalid token; 500 the
/// store or user-api failed.
/// Source: Tidegate, internal.
#[utoipa::path(
    put, path = "/internal/account-notices/{noticeid}", tag = "internal", request_body = AccountNotice,
    params(("noticeid" = String, Path, description = "A repeat under the same id does nothing")),
    responses(
        (status = 204, description = "The mails are queued"),
        (status = 400, description = "Error decoding the confirmation"),
        Refusals,
        (status = 500, description = "Error saving the confirmation"),
    ),
)]
pub(crate) async fn report_change(
    _: Peer,
    id: Path<String>,
    body: Body,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let notice: AccountNotice = body.parse_object().map_err(|_| Refusal::Unreadable)?;
    report_change::report(&state, &id, &notice).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// `PUT /internal/clinic-notices/:noticeid`: reports to the owner of an account what happened in
/// a clinic, by a mail to the first address of the account. No quota keeps it away.
///
/// An account that is gone, or has no address, gets no mail. Repeatable. For admitted services.
/// Body: [`ClinicNotice`]. Response: 204, empty.
/// Errors: 400 no such body; 401 no token or not an admitted service; 403 invalid token; 500 the
/// store or user-api failed.
/// Source: Tidegate, internal; what the reference's consumers of the clinic collections mail.
#[utoipa::path(
    put, path = "/internal/clinic-notices/{noticeid}", tag = "internal", request_body = ClinicNotice,
    params(("noticeid" = String, Path, description = "A repeat under the same id does nothing")),
    responses(
        (status = 204, description = "The mail is queued"),
        (status = 400, description = "Error decoding the confirmation"),
        Refusals,
        (status = 500, description = "Error saving the confirmation"),
    ),
)]
pub(crate) async fn report_clinic_event(
    _: Peer,
    id: Path<String>,
    body: Body,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let notice: ClinicNotice = body.parse_object().map_err(|_| Refusal::Unreadable)?;
    report_clinic_event::report(&state, &id, &notice).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// `POST /internal/outbox/revive`: tries every dead outbox row again, mails included, from the
/// first attempt.
///
/// Body: none. Response: 200, `{"revived": <rows>}`.
/// Errors: 401 no token or not an admitted operator; 403 invalid token; 500 the store failed.
/// Source: Tidegate, internal; for operators, once what stopped the deliveries is mended.
#[utoipa::path(
    post, path = "/internal/outbox/revive", tag = "internal",
    responses(
        (status = 200, description = "How many rows are tried again", body = Revived),
        Refusals,
        (status = 500, description = "Internal Server Error"),
    ),
)]
pub(crate) async fn revive_outbox(
    _: Operator,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let revived = revive_all(&[&state.outbox, &state.mails])
        .await
        .or_fail(Failure::Internal)?;
    Ok(HttpResponse::Ok().json(revived))
}
