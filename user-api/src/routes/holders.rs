//! What gatekeeper reports about who runs an account.

use actix_web::{
    HttpResponse,
    web::{Data, Path},
};
use shared_runtime::{
    auth::Peer,
    body::Body,
    error::{ApiError, OrFail as _},
};
use shared_types::{HolderNeed, HolderNotice, UserId};

use super::refusals;
use crate::{
    State,
    error::{Failure, Refusal},
    use_cases::keep_custody,
};

/// `PUT /internal/users/{userid}/holders`: who runs an account, or is about to. For admitted
/// services.
///
/// gatekeeper reports it before it grants `admin` or `custodian` and before it takes them away, so
/// that nobody whom the account needs is deleted while gatekeeper cannot be asked.
/// Body: [`HolderNotice`], at most 1000 holders. Response: 200, [`HolderNeed`]; an unknown account
/// needs nobody.
/// Errors: 400 no such body; 401 not an admitted service; 500 the store failed.
/// Source: Tidegate, internal.
#[utoipa::path(
    put, path = "/internal/users/{userid}/holders", tag = "accounts", request_body = HolderNotice,
    params(("userid" = String, Path, description = "The account")),
    responses(
        (status = 200, description = "Whether it needs somebody, and who of them exists", body = HolderNeed),
        refusals::InvalidDetails,
        refusals::Internal,
        (status = 500, description = "Error updating user"),
    ),
)]
pub(crate) async fn note_holders(
    _: Peer,
    userid: Path<UserId>,
    body: Body,
    state: Data<State>,
) -> Result<HttpResponse, ApiError> {
    let notice: HolderNotice = body.parse_object().map_err(|_| Refusal::InvalidDetails)?;
    // gatekeeper leaves out the rest, so a longer notice is a mistake.
    if notice.holders.len() > HolderNotice::MAX_HOLDERS {
        return Err(Refusal::InvalidDetails.into());
    }
    let need = keep_custody::note_holders(&state, &userid, &notice)
        .await
        .or_fail(Failure::UpdatingUser)?;
    Ok(HttpResponse::Ok().json(need))
}
