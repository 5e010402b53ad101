//! What confirm asks for when the owner of an account undoes a change of it.

use actix_web::{
    HttpResponse,
    web::{Data, Path},
};
use shared_runtime::{auth::Peer, body::Body, error::ApiError, source::Source};
use shared_types::{Restoration, Restored, UserId};

use super::refusals;
use crate::{
    State, domain::past::is_acceptable, error::Refusal, use_cases::restore_account::restore,
};

/// `PUT /internal/users/{userid}/restoration`: puts an account back to what it was before a change.
/// For services.
///
/// User name and addresses become what they were, the address to which the link was mailed is
/// proven, the password is the new one, all sessions end, and neither the change nor a later one
/// can be undone any more. A repeat under the same key with the same password changes nothing.
/// Body: [`Restoration`]. Response: 200, [`Restored`].
/// Errors: 400 no such body, or the password breaks a rule; 401 not an admitted service; 404 no
/// such change, not with this address, or no such account; 409 another account has a name of it by
/// now; 410 it can be undone no more; 500 the store failed; 503 too many passwords at once.
/// Source: Tidegate, internal.
#[utoipa::path(
    put, path = "/internal/users/{userid}/restoration", tag = "accounts", request_body = Restoration,
    params(("userid" = String, Path, description = "The account")),
    responses(
        (status = 200, description = "It is put back", body = Restored),
        refusals::InvalidDetails,
        refusals::Internal,
        (status = 404, description = "No such change of an account"),
        (status = 409, description = "Another account has a name of this account by now"),
        (status = 410, description = "This change of the account can be undone no more"),
        (status = 500, description = "Error finding user, or Error updating user"),
    ),
)]
pub(crate) async fn restore_user(
    _: Peer,
    source: Source,
    userid: Path<UserId>,
    body: Body,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let asked: Restoration = body.parse_object().map_err(|_| Refusal::InvalidDetails)?;
    if !is_acceptable(&asked) {
        return Err(Refusal::InvalidDetails.into());
    }
    let restored = restore(&state, source, &userid, &asked).await?;
    Ok(HttpResponse::Ok().json(restored))
}
